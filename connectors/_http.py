"""One web service over HTTP: what every web source shares. REST, SOAP and the token endpoint all ask through here.

Only listed hosts are asked, only at addresses that were judged (`_addresses`); no redirect is followed, no proxy of the
environment is used. An answer is read up to its limit of bytes, uncompressed, within the deadline. Asked again is only
what is safe to ask again, a few times, later each time, as the service says where it says; and never more than a tenth
of all requests: a service that is down meets no storm.
"""

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore2
import httpx2

from connectors._addresses import CheckedNetwork, ForbiddenAddress
from gateway.errors import (
    SourceDeclined,
    SourceDenied,
    SourceFailed,
    SourceRubbish,
    SourceTimeout,
    SourceUnavailable,
)

_BUSY: Final = frozenset({429, 502, 503, 504})
_OF_THE_SERVICE: Final = frozenset({408, 425, 429})
BACKOFF_SECONDS: Final = 0.1
MOST_WAIT_SECONDS: Final = 5.0
_BUDGET: Final = 10.0
_EARNED: Final = 0.1  # of a retry by each request
_random: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whom a source may ask, and within which limits. The repr shows no address."""

    hosts: frozenset[str] = field(repr=False)  # `host:port`
    connect_seconds: float
    read_seconds: float
    response_bytes: int
    connections: int
    retries: int
    uses_tls: bool
    ca_file: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `is_safe`: asking twice changes nothing. The repr shows the method only."""

    method: str
    url: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    is_safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. The repr shows the status only."""

    status: int
    headers: httpx2.Headers = field(repr=False)
    body: bytes = field(repr=False)


class WebService:
    """A client of listed hosts. Connects when first asked."""

    def __init__(self, name: str, reach: Reach) -> None:
        self._name = name
        self._reach = reach
        self._budget = _BUDGET
        self._client: httpx2.AsyncClient | None = None
        self._network: CheckedNetwork | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        """The name only."""
        return f"<WebService {self._name}>"

    async def ask(self, ask: Ask, dataset: str, deadline: float) -> Answer:
        """The answer, whatever its status; raises SourceFailed."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._patiently(ask, deadline)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise SourceTimeout(dataset=dataset, operator=type(error).__name__) from None
        except ForbiddenAddress as error:
            raise SourceDeclined(dataset=dataset, operator=str(error)) from None
        except (_TooLarge, httpx2.DecodingError, httpx2.InvalidURL) as error:
            raise SourceRubbish(dataset=dataset, operator=str(error) or type(error).__name__) from None
        except (httpx2.HTTPError, RuntimeError, OSError) as error:
            raise SourceUnavailable(dataset=dataset, operator=type(error).__name__) from None

    def may_ask(self, url: str) -> bool:
        """Whether the address is one of the listed hosts'."""
        return origin_of(url)[1] in self._reach.hosts

    async def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        if self._network is not None:
            self._network.close()

    # -------------------------------------------------------------- asking
    async def _patiently(self, ask: Ask, deadline: float) -> Answer:
        self._budget = min(_BUDGET, self._budget + _EARNED)
        for attempt in range(self._reach.retries + 1):
            answer: Answer | None = None
            failure: httpx2.HTTPError | None = None
            try:
                answer = await self._once(ask)
            except httpx2.ConnectError as error:  # nothing was delivered: safe whatever it was
                failure = error
            is_busy = answer is not None and answer.status in _BUSY and ask.is_safe
            is_last = attempt == self._reach.retries or self._budget < 1
            if failure is not None and is_last:
                raise failure
            if answer is not None and (not is_busy or is_last):
                return answer
            wait = _wait(attempt, None if answer is None else answer.headers.get("retry-after"))
            if asyncio.get_running_loop().time() + wait >= deadline:
                if answer is not None:
                    return answer
                raise failure or TimeoutError
            self._budget -= 1
            await asyncio.sleep(wait)
        raise TimeoutError

    async def _once(self, ask: Ask) -> Answer:
        if not self.may_ask(ask.url):
            raise ForbiddenAddress("an address outside `host_allow`")
        body = bytearray()
        request = self._http().stream(
            ask.method, ask.url, params=dict(ask.parameters) or None, headers=dict(ask.headers), content=ask.content
        )
        async with request as response:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise _TooLarge("an answer is compressed, which was not asked for")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._reach.response_bytes:
                    raise _TooLarge("an answer is larger than `response_bytes`")
        return Answer(status=response.status_code, headers=response.headers, body=bytes(body))

    def _http(self) -> httpx2.AsyncClient:
        if self._is_closed:
            raise httpx2.LocalProtocolError("the connector is closed")
        if self._client is None:
            reach = self._reach
            self._network = CheckedNetwork(self._name)
            self._client = httpx2.AsyncClient(
                transport=_Transport(self._network, reach),
                follow_redirects=False,
                trust_env=False,
                timeout=httpx2.Timeout(reach.read_seconds, connect=reach.connect_seconds),
                headers={"accept-encoding": "identity", "user-agent": "langqiao"},
            )
        return self._client


class _Transport(httpx2.AsyncHTTPTransport):
    """The library's transport over a network that judges addresses."""

    def __init__(self, network: CheckedNetwork, reach: Reach) -> None:
        # without https among its addresses nothing is trusted: to read the authorities takes its time
        context = trusted(reach.ca_file) if reach.uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=reach.connections,
            max_keepalive_connections=reach.connections,
            keepalive_expiry=30.0,
            network_backend=network,
        )


class _TooLarge(Exception):
    """More than was bargained for."""


def trusted(ca_file: str | None) -> ssl.SSLContext:
    """What a TLS connection must prove: the system's authorities, or those of one file."""
    return ssl.create_default_context(cafile=ca_file)


def origin_of(url: str) -> tuple[str, str]:
    """Scheme and `host:port`; raises InvalidURL."""
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise httpx2.InvalidURL("no plain http or https address")
    port = parsed.port or {"http": 80, "https": 443}[parsed.scheme]
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return parsed.scheme, f"{host}:{port}"


def refusal(status: int, dataset: str) -> SourceFailed:
    """What a status that is no success means."""
    told = f"HTTP status {status}"
    if status in (401, 403):
        return SourceDenied(dataset=dataset, operator=told)
    if status >= 500 or status in _OF_THE_SERVICE:
        return SourceUnavailable(dataset=dataset, operator=told)
    return SourceDeclined(dataset=dataset, operator=told)


def _wait(attempt: int, said: str | None) -> float:
    """Seconds until the next attempt: as the service says, else longer each time; never the same for all."""
    backoff: float = BACKOFF_SECONDS * 2**attempt * (0.5 + _random.random())
    if said is None:
        return backoff
    if said.strip().isdecimal():
        return max(backoff, float(said.strip()[:6]))
    with contextlib.suppress(ValueError, TypeError):
        at = parsedate_to_datetime(said)
        return max(backoff, (at - datetime.fromtimestamp(time.time(), UTC)).total_seconds())
    return backoff
