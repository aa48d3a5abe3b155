"""vault: secrets of a HashiCorp Vault, OpenBao or another service that speaks its KV version 2 over HTTP.

A reference is `mount/data/path#key`. The token is read from its file each time, so that it may be renewed.
Only the configured address is asked: no redirect is followed, no proxy of the environment is used.
"""

import json
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import httpx2
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, SecretStr, ValidationError

from gateway.errors import SettingsInvalid
from gateway.spi import Lease

_REFERENCE: Final = re.compile(r"([\w-]+(?:/[\w.-]+)+)#([\w.-]+)", re.ASCII)
_MOST_BYTES: Final = 1_000_000


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$")
    token_file: Path
    namespace: str | None = None
    ca_file: Path | None = None
    seconds: PositiveFloat = 5.0
    refresh_seconds: PositiveFloat = 300.0  # KV version 2 leases nothing: how long a secret is taken as good


class Vault:
    """One service."""

    def __init__(self, name: str, options: _Options) -> None:
        self._name = name
        self._options = options

    def __repr__(self) -> str:
        """Never the address or the token."""
        return f"<Vault {self._name}>"

    @classmethod
    def open(cls, name: str, options: Mapping[str, object]) -> Self:
        """Build without connecting; raises SettingsInvalid naming the option."""
        try:
            return cls(name, _Options.model_validate(dict(options)))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SettingsInvalid(
                fault=f"`secrets.{name}.{where}`: {first['type']}", fix="see docs/sources.md"
            ) from None

    def read(self, reference: str) -> Lease | None:
        """One read; None whatever is wrong: the texts of a failure may hold what must not be told."""
        match = _REFERENCE.fullmatch(reference)
        if match is None or ".." in reference:
            return None
        try:
            return self._lease(self._ask(match[1]), match[2])
        except (OSError, ValueError, KeyError, TypeError, RecursionError, httpx2.HTTPError, httpx2.InvalidURL):
            return None

    def _ask(self, path: str) -> object:
        options = self._options
        headers = {"x-vault-token": options.token_file.read_text(encoding="utf-8").strip(), "x-vault-request": "true"}
        if options.namespace is not None:
            headers["x-vault-namespace"] = options.namespace
        trusted = ssl.create_default_context(cafile=options.ca_file)
        with (
            httpx2.Client(trust_env=False, follow_redirects=False, timeout=options.seconds, verify=trusted) as client,
            client.stream("GET", f"{options.address.rstrip('/')}/v1/{path}", headers=headers) as response,
        ):
            if response.status_code != 200:
                raise ValueError
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ValueError
        parsed: object = json.loads(bytes(body))
        return parsed

    def _lease(self, answer: object, key: str) -> Lease | None:
        if not isinstance(answer, dict):
            return None
        secret = answer["data"]["data"][key]
        seconds = answer.get("lease_duration")
        if not isinstance(secret, str) or not secret:
            return None
        leased = float(seconds) if isinstance(seconds, int) and seconds > 0 else self._options.refresh_seconds
        return Lease(secret=SecretStr(secret), seconds=leased)
