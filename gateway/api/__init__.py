"""The JSON face: the data plane (plain ASGI), the control plane (FastAPI), problem details. Thin."""
