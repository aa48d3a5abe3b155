"""A client that leaves at every await of its request in turn: what came is logged, what did not come is taken back."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Generator, MutableMapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.api import data_plane
from gateway.app import Gateway, create_application
from gateway.audit import verify_log
from tests.faults.canary_house import CanaryHouse, build_canary_house
from tests.faults.oracle import rows_of

Message = MutableMapping[str, Any]
_QUESTIONS = {
    "application/json": b"select=number,canary&limit=3",
    "application/x-ndjson": b"select=number,canary&number=lt.100",
}


class Leaving:
    """Runs a coroutine, counts where it waits, and cancels it at one of these places."""

    def __init__(self, work: Coroutine[Any, Any, None], at: int) -> None:
        self._work = work
        self._at = at
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        waiting = self._work.__await__()
        step: Callable[[], Any] = lambda: next(waiting)  # noqa: E731
        while True:
            try:
                future = step()
            except StopIteration:
                return
            self.awaits += 1
            if self.awaits == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()  # delivered at the very await that is yielded now
            try:
                yield future
            except BaseException as error:  # noqa: BLE001 - handed on, whatever it is
                step = lambda error=error: waiting.throw(error)  # type: ignore[misc] # noqa: E731
            else:
                step = lambda: next(waiting)  # noqa: E731


class Client:
    """Stays as far as the server knows; takes each message before or after it lets the server wait."""

    def __init__(self, *, takes_first: bool) -> None:
        self._takes_first = takes_first
        self.messages: list[Message] = []

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        if self._takes_first:
            self.messages.append(message)
        await asyncio.sleep(0)
        if not self._takes_first:
            self.messages.append(message)

    def bodies(self) -> list[str]:
        """The hash of each message that holds rows."""
        found = [bytes(one["body"]) for one in self.messages if one["type"] == "http.response.body" and one["body"]]
        return [hashlib.sha256(body).hexdigest() for body in found]


def check(home: CanaryHouse, since: int, client: Client) -> int:
    """Of one request: what was received is released, the rest is taken back; how many entries there are."""
    received = client.bodies()
    entries = [(index, orjson.loads(body)) for index, _, body in rows_of(home.url, since)]
    released = [(index, one) for index, one in entries if one["outcome"] == "released"]
    taken_back = {one["refers_to"]: one["outcome"] for _, one in entries if one["kind"] == "not-released"}
    assert received == [one["response_sha256"] for _, one in released][: len(received)], "received, and not logged"
    for place, (index, _) in enumerate(released):
        if place < len(received):
            assert taken_back.get(index) in {None, "broken-off"}, "the log denies what was received"
        else:
            assert index in taken_back, "logged as released, not received, and nothing says so"
    return since + len(entries)


@pytest.mark.parametrize("accept", _QUESTIONS)
@pytest.mark.parametrize("takes_first", [True, False])
async def test_wherever_it_leaves_the_log_tells_what_it_got(
    tmp_path: Path, accept: str, takes_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = build_canary_house(tmp_path / "house")
    gateway = Gateway(settings=home.read_settings())
    application = create_application(gateway)
    answer = data_plane._answer
    leaving: list[Leaving] = []
    at = 0

    async def leave(*arguments: Any) -> None:
        leaving.append(Leaving(answer(*arguments), at))
        await leaving[-1]

    monkeypatch.setattr(data_plane, "_answer", leave)
    scope = {
        "type": "http", "method": "GET", "path": "/data/department.record", "raw_path": b"/data/department.record",
        "query_string": _QUESTIONS[accept], "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in {**home.headers, "accept": accept}.items()],
    }  # fmt: skip
    whole: list[str] = []
    broken = 0
    async with gateway.open():
        size = sum(1 for _ in rows_of(home.url))
        while True:
            client = Client(takes_first=takes_first)
            try:
                await application(scope, client.receive, client.send)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
            await gateway.rooms.audit._idle.wait()
            size = check(home, size, client)
            if at == 0:
                whole = client.bodies()
            elif leaving[-1].awaits < at:
                assert client.bodies() == whole, "it was not cancelled any more"
                break
            else:
                broken += client.bodies() != whole
            at += 1
    assert at > 4, "a request waits at more places than these"
    assert broken > 2
    found = verify_log(home.url, home.vkey(), opener=home.opener())
    assert found.is_sound, found.text()
