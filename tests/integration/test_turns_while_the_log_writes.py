"""While an answer waits for the log its turn is free for others, unless it is long or another app asks."""

import asyncio
from dataclasses import replace

import pytest

from gateway.app import Gateway, utc_now
from gateway.audit import AuditLog
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.model.caller import InboundRequest
from gateway.model.response import Response
from gateway.settings import load_settings
from gateway.turns import SHORT_BYTES

_LOGGED = AuditLog.append_all
_WIDE = ",".join(f"n{at}:name" for at in range(40))


@pytest.mark.parametrize(("asked", "is_long"), [("name&limit=1", False), (_WIDE, True)])
def test_a_short_answer_of_a_lone_app_holds_no_turn_while_it_waits(
    fresh_demo: Demo, monkeypatch: pytest.MonkeyPatch, asked: str, is_long: bool
) -> None:
    async def act() -> None:
        is_waiting, may_go_on = asyncio.Event(), asyncio.Event()

        async def append_all(log: AuditLog, entries: list[object]) -> object:
            is_waiting.set()
            await may_go_on.wait()
            return await _LOGGED(log, entries)  # type: ignore[arg-type]

        gateway = Gateway(settings=load_settings(fresh_demo.settings))
        async with gateway.open():
            pipeline = replace(gateway.rooms.pipeline)
            monkeypatch.setattr(AuditLog, "append_all", append_all)
            answering = asyncio.create_task(pipeline.answer(_question(fresh_demo, asked)))
            try:
                await asyncio.wait_for(is_waiting.wait(), 10)
                assert pipeline.turns.running == (1 if is_long else 0)
            finally:
                may_go_on.set()
            answer = await answering
            assert isinstance(answer, Response)
            assert answer.receipt is not None
            assert (len(answer.body) > SHORT_BYTES) is is_long
            assert pipeline.turns.running == 0

    asyncio.run(act())


def _question(demo: Demo, query: str) -> InboundRequest:
    asker = Asker.from_demo(demo.folder, "grid-worker", utc_now())
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit"}
    return InboundRequest(
        method="GET", path="/data/public-security.resident", query_string=f"select={query}", headers=headers,
        client_address="127.0.0.1", received_at=utc_now(), trace_id="1" * 32,
    )  # fmt: skip
