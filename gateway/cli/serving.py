"""How the gateway is served over HTTP, whether by one process or by several."""

from collections.abc import Callable
from typing import Any

import uvicorn

from gateway.settings import Settings

SWITCH_SECONDS = 0.0005
"""How long a thread that works beside the requests may keep them from going on: Python's own is ten times that."""
GRACE_SECONDS = 10
"""For requests that are under way when the process is told to end."""


def server_config(settings: Settings, application: Callable[..., Any]) -> uvicorn.Config:
    """uvicorn's, as the settings want it."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        lifespan="off",  # opened by who serves, so that what can't start says so in a sentence and not in a traceback
        access_log=False,  # addresses hold filters; what was asked is in the audit log
        log_level=settings.telemetry.log_level.lower(),
        server_header=False,
        h11_max_incomplete_event_size=settings.limits.header_bytes + settings.limits.url_bytes,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
