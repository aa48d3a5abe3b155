"""Callers are recalled without waiting; an app key that is half a second old is read again beside them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from gateway.audit import AuditLog
from gateway.authentication import AppKey, Authenticator, TrustedIssuer
from gateway.errors import AppNotAuthenticated, AuditUnavailable
from gateway.identifying import Identifying
from gateway.keys import Issuer, new_api_key
from gateway.model.caller import InboundRequest
from gateway.model.ids import AppId

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
NAME = "https://issuer.example"
KEY, KEY_ID, DIGEST = new_api_key()


class Log:
    """As much of a log as callers meet: whether it is ready, and how the gateway's database is asked."""

    is_ready = True
    asked = 0

    async def ask(self, call: Callable[..., Any], *arguments: object) -> object:
        self.asked += 1
        if not self.is_ready:
            raise AuditUnavailable(operator="the log is not ready")
        await asyncio.sleep(0)
        return call(*arguments)


class Door:
    def __init__(self, issuer: Issuer) -> None:
        self.seconds, self.reads = 100.0, 0
        self.keys = {KEY_ID: AppKey(app=AppId("desk"), digest=DIGEST)}
        self.log = Log()
        authenticator = Authenticator(
            issuers=(TrustedIssuer(issuer=NAME, audience="langqiao", leeway_seconds=5, jwks=issuer.jwks()),),
            find_app_key=self._find,
            networks={},
            monotonic=lambda: self.seconds,
        )
        self.callers = Identifying(authenticator, cast("AuditLog", self.log))
        claims: dict[str, object] = {"sub": "wang", "roles": [], "org": "", "jti": "1", "aud": "langqiao"}
        token = issuer.sign(claims, lifetime_seconds=600, now=NOW)
        self.request = InboundRequest(
            method="GET", path="/data/a.b", query_string="", client_address="10.9.1.2", received_at=NOW,
            headers={"apikey": KEY, "authorization": f"Bearer {token}"}, trace_id="1" * 32,
        )  # fmt: skip

    def _find(self, key_id: str) -> AppKey | None:
        self.reads += 1
        return self.keys.get(key_id)


@pytest.fixture
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    return Door(Issuer.create(tmp_path_factory.mktemp("issuer"), NAME))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nobody_waits_while_a_key_is_read_again(door: Door) -> None:
    caller = await door.callers.authenticate(door.request, NOW)
    for asks in (2, 3, 4):
        door.seconds += 0.6
        assert [door.callers.recall(door.request, NOW) for _ in range(3)] == [caller] * 3
        await settled()
        assert (door.log.asked, door.reads) == (asks, asks), "once for all that asked"


async def test_a_key_that_is_gone_is_refused_as_soon_as_that_is_known(door: Door) -> None:
    await door.callers.authenticate(door.request, NOW)
    door.keys.clear()
    door.seconds += 0.6
    assert door.callers.recall(door.request, NOW) is not None
    await settled()
    assert door.callers.recall(door.request, NOW) is None
    with pytest.raises(AppNotAuthenticated):
        await door.callers.authenticate(door.request, NOW)


async def test_where_it_can_not_be_read_again_it_counts_to_the_end_of_its_second(door: Door) -> None:
    await door.callers.authenticate(door.request, NOW)

    def broken(key_id: str) -> AppKey | None:
        raise OSError(key_id)

    door.callers.authenticator._find_app_key = broken
    door.seconds += 0.6
    assert door.callers.recall(door.request, NOW) is not None
    await settled()
    assert door.callers.recall(door.request, NOW) is not None
    door.seconds += 0.4
    assert door.callers.recall(door.request, NOW) is None
    with pytest.raises(OSError, match=KEY_ID):
        await door.callers.authenticate(door.request, NOW)


async def test_a_log_that_is_down_answers_nobody(door: Door) -> None:
    await door.callers.authenticate(door.request, NOW)
    door.log.is_ready = False
    assert door.callers.recall(door.request, NOW) is None
    with pytest.raises(AuditUnavailable):
        await door.callers.authenticate(door.request, NOW)
