"""Promise 1: no row leaves before its audit entry is durable; if the log can't be written, nothing leaks."""

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from gateway.app import Gateway, create_application, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.model.audit import EntryKind
from gateway.model.query import MediaType
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.settings import load_settings
from tests.town import Town

QUESTION = "community.need?select=name,phone&limit=2"


def test_every_answer_names_an_entry_that_holds_the_hash_of_its_bytes(town: Town) -> None:
    answer = town.ask("grid-worker", QUESTION, "home-visit")
    assert answer.status == 200
    assert answer.rows()
    entry = town.entry_of(answer)
    assert entry["outcome"] == "released"
    assert entry["response_sha256"] == hashlib.sha256(answer.text.encode()).hexdigest()


def test_a_refusal_has_its_entry_too(town: Town) -> None:
    answer = town.ask("grid-worker", "community.need?select=name&phone=like.138*", "home-visit")
    entry = town.entry_of(answer)
    assert (entry["kind"], entry["outcome"], entry["code"]) == (EntryKind.REFUSAL, "refused", "GW401")


async def test_the_entry_is_durable_before_the_first_byte_leaves(fresh_demo: Demo) -> None:
    gateway = Gateway(settings=load_settings(fresh_demo.settings))
    application = create_application(gateway)
    asker = Asker.from_demo(fresh_demo.folder, "grid-worker", utc_now())
    log = fresh_demo.folder / "state" / "langqiao.db"
    seen: list[tuple[str, int]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        # another connection sees only what is committed
        with sqlite3.connect(log) as beside:
            count = beside.execute(
                "SELECT count(*) FROM audit_entry WHERE CAST(body AS TEXT) LIKE '%released%'"
            ).fetchone()[0]
        seen.append((message["type"], count))

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()  # the client stays, however long it takes
        raise AssertionError

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/data/community.need",
        "raw_path": b"/data/community.need",
        "query_string": b"select=name&limit=1",
        "headers": [
            (b"apikey", asker.app_key.encode()),
            (b"authorization", f"Bearer {asker.token}".encode()),
            (b"purpose", b"home-visit"),
        ],
        "client": ("127.0.0.1", 1),
    }
    async with gateway.open():
        await application(scope, receive, send)
    assert seen == [("http.response.start", 1), ("http.response.body", 1)]


def test_a_log_that_cannot_be_written_stops_every_answer_and_recovers(
    fresh_demo: Demo, serve: Callable[[Demo], Town]
) -> None:
    town = serve(fresh_demo)
    shown = town.ask("grid-worker", QUESTION, "home-visit")
    names = [str(row["name"]) for row in shown.rows()]
    lock = sqlite3.connect(town.log, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        began = time.monotonic()
        refused = town.ask("grid-worker", QUESTION, "home-visit")
        waited = time.monotonic() - began
        assert refused.status == 503
        assert json.loads(refused.text)["gateway_code"] == "GW601"
        assert not any(name in refused.text for name in names)
        assert refused.receipt == ""
        assert waited < 6
        assert town.get("/readyz", {}).status_code == 503
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    for _ in range(100):
        if town.get("/readyz", {}).status_code == 200:
            break
        time.sleep(0.1)
    assert town.ask("grid-worker", QUESTION, "home-visit").status == 200


def test_a_response_without_a_receipt_cannot_be_built() -> None:
    disclosure = Disclosure(columns=("a",), rows=((1,),), offset=0, total=None, subjects=(), notices=())
    with pytest.raises(TypeError, match="receipt"):
        Response(
            outcome=disclosure, body=b"[]", media_type=MediaType.JSON, receipt=None, policy_version=None, is_head=False
        )


def test_many_askers_at_once_each_get_their_own_entry(town: Town) -> None:
    async def all_of_them() -> list[str]:
        jobs = (asyncio.to_thread(town.ask, "grid-worker", QUESTION, "home-visit") for _ in range(24))
        return [answer.receipt for answer in await asyncio.gather(*jobs)]

    receipts = asyncio.run(all_of_them())
    assert len(set(receipts)) == 24
    assert all(receipts)
