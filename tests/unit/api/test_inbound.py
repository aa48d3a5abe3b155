"""Bytes within limits, nothing else."""

from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api.inbound import read_scope
from gateway.api.limits import WithinLimits
from gateway.errors import BodyNotAllowed, GatewayError, HeadersTooLarge, MethodNotAllowed, UriTooLong
from gateway.settings import Limits

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LIMITS = Limits(url_bytes=100, header_bytes=100, body_bytes=10)


def _scope(**changed: object) -> MutableMapping[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/data/a.b",
        "raw_path": b"/data/a.b",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
    } | changed


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"query_string": b"a" * 100}, UriTooLong),
        ({"headers": [(b"a", b"b" * 100)]}, HeadersTooLarge),
        ({"method": "POST"}, MethodNotAllowed),
        ({"headers": [(b"content-length", b"1")]}, BodyNotAllowed),
        ({"headers": [(b"transfer-encoding", b"chunked")]}, BodyNotAllowed),
    ],
)
def test_each_limit_is_named_and_nothing_of_the_request_is_kept(
    changed: dict[str, object], error: type[GatewayError]
) -> None:
    request, fault = read_scope(_scope(**changed), NOW, "1" * 32, LIMITS)
    assert isinstance(fault, error)
    assert (request.path, request.query_string, dict(request.headers)) == ("", "", {})


def test_at_its_limit_a_request_passes() -> None:
    _, fault = read_scope(_scope(query_string=b"a" * 91, headers=[(b"a", b"b" * 99)]), NOW, "1" * 32, LIMITS)
    assert fault is None


@pytest.mark.parametrize("name", [b"apikey", b"authorization", b"purpose", b"case", b"Purpose"])
def test_a_credential_told_twice_counts_for_neither(name: bytes) -> None:
    request, _ = read_scope(_scope(headers=[(name, b"one"), (name, b"two")]), NOW, "1" * 32, LIMITS)
    assert "one" not in request.headers[name.decode().lower()]
    assert "two" not in request.headers[name.decode().lower()]


def test_a_request_never_shows_its_credentials() -> None:
    headers = [(b"authorization", b"Bearer s3cret"), (b"apikey", b"s3cret"), (b"purpose", b"home-visit")]
    request, _ = read_scope(_scope(headers=headers, query_string=b"id=eq.s3cret"), NOW, "1" * 32, LIMITS)
    assert request.headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in f"{request!r} {request}"
    assert "1" * 32 in repr(request)


async def _run(scope: MutableMapping[str, Any], messages: list[MutableMapping[str, Any]]) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []
    seen = b""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        seen = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await WithinLimits(app, LIMITS)(scope, receive, send)
    return sent[0]["status"], seen


async def test_a_body_within_its_limit_is_passed_on_whole() -> None:
    chunks: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"12345", "more_body": True},
        {"type": "http.request", "body": b"67890", "more_body": False},
    ]
    assert await _run(_scope(method="POST"), chunks) == (200, b"1234567890")


async def test_a_body_that_grows_over_its_limit_while_it_is_read_is_refused() -> None:
    chunks: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"123456", "more_body": True},
        {"type": "http.request", "body": b"78901", "more_body": True},
    ]
    status, seen = await _run(_scope(method="POST"), chunks)
    assert (status, seen) == (413, b"")


@pytest.mark.parametrize("length", [b"11", b"-1", b"x", b"99999999999999999999"])
async def test_a_declared_body_over_its_limit_is_refused_unread(length: bytes) -> None:
    status, _ = await _run(_scope(method="POST", headers=[(b"content-length", length)]), [])
    assert status == 413
