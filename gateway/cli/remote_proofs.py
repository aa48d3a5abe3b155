"""A gateway's public proofs over HTTP. What comes is believed in nothing: the caller verifies it."""

from typing import Any

import httpx2

from gateway.audit.proofs import Consistency
from gateway.errors import ProofFailed

_LARGEST = 1_000_000


class RemoteProofs:
    """As LogProofs, of the gateway at an address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def checkpoint(self) -> str:
        """The newest; raises ProofFailed."""
        return self._get("/audit/checkpoint")

    def inclusion(self, index: int) -> str:
        """A C2SP proof; raises ProofFailed."""
        return self._get(f"/audit/receipts/{index}/proof")

    def consistency(self, older: int, newer: int | None = None) -> Consistency:
        """Between two sizes; raises ProofFailed."""
        told = self._json(f"/audit/consistency?older={older}" + (f"&newer={newer}" if newer is not None else ""))
        try:
            return Consistency(
                str(told["origin"]),
                int(told["older"]),
                int(told["newer"]),
                bytes.fromhex(told["older_root"]),
                bytes.fromhex(told["newer_root"]),
                tuple(bytes.fromhex(one) for one in told["proof"]),
            )
        except (KeyError, TypeError, ValueError):
            raise ProofFailed(fault=("the gateway's answer is no proof", "网关的答复不是证明")) from None

    def _get(self, path: str) -> str:
        return self._answer(path).text

    def _json(self, path: str) -> Any:  # noqa: ANN401 - whatever was sent
        try:
            return self._answer(path).json()
        except ValueError:
            raise ProofFailed(fault=("the gateway's answer is no proof", "网关的答复不是证明")) from None

    def _answer(self, path: str) -> httpx2.Response:
        try:
            with httpx2.Client(base_url=self._url, timeout=30, trust_env=False) as client:
                response = client.get(path)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProofFailed(
                fault=(f"the gateway gave no answer ({type(error).__name__})", f"网关无答复（{type(error).__name__}）")
            ) from None
        if response.status_code != 200 or len(response.content) > _LARGEST:
            raise ProofFailed(
                fault=(f"the gateway answered {response.status_code}", f"网关答复 {response.status_code}")
            )
        return response
