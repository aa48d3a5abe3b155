"""A client that leaves: what was logged as released and not sent is followed by an entry that says so."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.app import Gateway, create_application, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.settings import load_settings
from tests.audit_logs import document_of
from tests.key_rings import seals_of

Message = MutableMapping[str, Any]
CARD = "select=name&limit=1"
EMBEDDED = "select=name,resident(name)&limit=3"
STREAMED = "select=name"


class Client:
    """An ASGI client that leaves when it is told to: before its answer, or while a message is being sent."""

    def __init__(self, demo: Demo, query: str, accept: str = "application/json") -> None:
        asker = Asker.from_demo(demo.folder, "grid-worker", utc_now())
        self.gone = asyncio.Event()
        self.sent: list[Message] = []
        self.fails_at: int | None = None  # the message at which the server raises
        self.hangs_at: int | None = None  # the message that never gets through
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/data/community.need",
            "raw_path": b"/data/community.need",
            "query_string": query.encode(),
            "headers": [
                (b"apikey", asker.app_key.encode()),
                (b"authorization", f"Bearer {asker.token}".encode()),
                (b"purpose", b"home-visit"),
                (b"accept", accept.encode()),
            ],
            "client": ("127.0.0.1", 1),
        }

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if len(self.sent) == self.fails_at:
            raise OSError
        if len(self.sent) == self.hangs_at:
            self.gone.set()
            await asyncio.Event().wait()
        self.sent.append(message)


@asynccontextmanager
async def asked(demo: Demo, client: Client) -> AsyncIterator[list[dict[str, Any]]]:
    """The entries that the request left behind."""
    settings = load_settings(demo.settings)
    gateway = Gateway(
        settings=settings.model_copy(update={"limits": settings.limits.model_copy(update={"page_rows": 2})})
    )
    application = create_application(gateway)
    async with gateway.open():
        before = len(entries(demo))
        try:
            await application(client.scope, client.receive, client.send)
        except OSError:
            assert client.fails_at is not None
    yield entries(demo)[before:]


def entries(demo: Demo) -> list[dict[str, Any]]:
    opener = seals_of(load_settings(demo.settings)).open
    with sqlite3.connect(demo.folder / "state" / "langqiao.db") as beside:
        rows = beside.execute("SELECT idx, body FROM audit_entry ORDER BY idx").fetchall()
    return [document_of(body, opener) | {"index": index} for index, body in rows]


def released_and_followed(found: list[dict[str, Any]], outcome: str) -> None:
    released = [one for one in found if one["outcome"] == "released"]
    followed = [one for one in found if one["kind"] == "not-released"]
    assert released
    assert {one["refers_to"] for one in followed} == {one["index"] for one in released}
    assert {one["outcome"] for one in followed} == {outcome}
    assert [one["subjects"] for one in followed] == [one["subjects"] for one in released]


@pytest.mark.parametrize("query", [CARD, EMBEDDED])
async def test_one_that_left_before_the_first_byte_gets_none_and_the_log_says_so(
    fresh_demo: Demo, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.data_plane._QUICK_SECONDS", 60)  # unwatched until its answer is ready
    client = Client(fresh_demo, query)
    client.gone.set()
    async with asked(fresh_demo, client) as found:
        assert client.sent == []
        released_and_followed(found, "not-released")


@pytest.mark.parametrize(("message", "outcome"), [(0, "not-released"), (1, "broken-off")])
async def test_a_server_that_fails_to_send_is_written_down(fresh_demo: Demo, message: int, outcome: str) -> None:
    client = Client(fresh_demo, CARD)
    client.fails_at = message
    async with asked(fresh_demo, client) as found:
        released_and_followed(found, outcome)


@pytest.mark.parametrize(("message", "outcome"), [(0, "not-released"), (1, "broken-off")])
async def test_one_that_leaves_while_the_answer_is_being_sent_may_have_got_some_of_it(
    fresh_demo: Demo, message: int, outcome: str
) -> None:
    client = Client(fresh_demo, CARD)
    client.hangs_at = message
    async with asked(fresh_demo, client) as found:
        released_and_followed(found, outcome)


async def test_of_a_long_answer_the_batch_that_was_being_sent_is_told_apart(fresh_demo: Demo) -> None:
    client = Client(fresh_demo, STREAMED, "application/x-ndjson")
    client.hangs_at = 3  # the start, two batches, and then no more
    async with asked(fresh_demo, client) as found:
        opening = next(one for one in found if one["outcome"] == "opened")
        batches = [one for one in found if one["outcome"] == "released"]
        (broken,) = [one for one in found if one["kind"] == "not-released"]
        assert broken["refers_to"] == batches[-1]["index"]
        assert broken["outcome"] == "broken-off"
        assert len(batches) == 3
        assert any(one["kind"] == "refusal" and one["refers_to"] == opening["index"] for one in found)


async def test_one_that_stays_leaves_no_such_entry(fresh_demo: Demo) -> None:
    client = Client(fresh_demo, EMBEDDED)
    async with asked(fresh_demo, client) as found:
        assert len(client.sent) == 2
        assert [one["outcome"] for one in found] == ["released"] * len(found)
