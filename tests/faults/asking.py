"""Clients of one gateway over real HTTP: they ask for ever, and keep what they received, also of what was cut off."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.faults.canary_house import PAGE_ROWS, ROWS, CanaryHouse
from tests.faults.gateway_process import PATIENCE_SECONDS
from tests.faults.oracle import Received

_JSON, _LINES = "application/json", "application/x-ndjson"
_PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Answer:
    """As far as it came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    def canaries(self, home: CanaryHouse) -> int:
        """How many rows' canaries are in it."""
        return sum(text in home.canaries for text in self.body.decode(errors="replace").replace('"', "\n").split("\n"))


async def read_answer(reader: asyncio.StreamReader, answer: Answer) -> None:
    """Read one answer into `answer`; raises EOFError or OSError where it breaks off, and then keeps what came."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answer.status = int(lines[0].split(" ")[1])
    answer.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    if answer.headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline() or b"", 16):
            await _read_into(answer.body, reader, size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        await _read_into(answer.body, reader, int(answer.headers["content-length"]))
    answer.is_whole = True


async def _read_into(body: bytearray, reader: asyncio.StreamReader, size: int) -> None:
    while size:
        part = await reader.read(size)
        if not part:
            raise EOFError
        body += part
        size -= len(part)


class Clients:
    """So many callers at once; every fourth asks for a long answer, the others for a page."""

    def __init__(self, home: CanaryHouse, callers: int, *, long_every: int = 4) -> None:
        self._home = home
        self._callers = callers
        self._long_every = long_every
        self.received: list[Received] = []
        self.notes: list[str] = []
        self.statuses: dict[int, int] = {}
        self.leaks: list[str] = []  # answers with a row and without a receipt
        self.slowest = 0.0
        self._came = asyncio.Event()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator["Clients"]:
        """They ask while the block runs. What is under way at its end is waited for."""
        ends = asyncio.Event()
        tasks = [asyncio.create_task(self._ask_on(number, ends)) for number in range(self._callers)]
        try:
            yield self
        finally:
            ends.set()
            await asyncio.gather(*tasks)

    async def until_received(self, more: int) -> None:
        """Wait until so many more answers came."""
        wanted = len(self.received) + more
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.received) < wanted:
                self._came.clear()
                await self._came.wait()

    async def until_status(self, status: int) -> None:
        """Wait until an answer with the status comes."""
        before = self.statuses.get(status, 0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.statuses.get(status, 0) == before:
                self._came.clear()
                await self._came.wait()

    async def _ask_on(self, number: int, ends: asyncio.Event) -> None:
        turn = number
        while not ends.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._home.port)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            try:
                while not ends.is_set():
                    turn += 1
                    await self._ask(reader, writer, turn, is_long=number % self._long_every == self._long_every - 1)
                    if number == 0 and turn % 4 == 0:
                        await self._see(reader, writer)
            except (OSError, EOFError, ValueError):  # cut off: what came of it is kept already
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: int, *, is_long: bool
    ) -> None:
        question = "select=number,canary&order=number"
        if not is_long:
            question = f"select=number,canary&limit=3&number=gte.{turn * 7 % ROWS}"
        began, answer = time.monotonic_ns(), Answer()
        writer.write(self._request(f"/data/department.record?{question}", _LINES if is_long else _JSON))
        try:
            await read_answer(reader, answer)
        finally:
            self._keep(answer, began, is_long=is_long)
        if answer.status != 200:
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _see(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = Answer()
        writer.write(self._request("/audit/checkpoint", "*/*"))
        await read_answer(reader, answer)
        if answer.status == 200:
            self.notes.append(answer.body.decode())

    def _request(self, path: str, accept: str) -> bytes:
        headers = {"host": "gateway", "accept": accept, **self._home.headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode()

    def _keep(self, answer: Answer, began: int, *, is_long: bool) -> None:
        ended = time.monotonic_ns()
        self.slowest = max(self.slowest, (ended - began) / 1e9)
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        rows = answer.canaries(self._home)
        _, _, receipt = answer.headers.get("langqiao-receipt", "").partition("#")
        index, _, leaf = receipt.partition(":")
        if rows and (answer.status != 200 or not leaf):
            self.leaks.append(f"{rows} rows came with status {answer.status} and without a receipt")
        if answer.status == 200 and leaf:
            opened = "content-length" not in answer.headers
            self.received.append(
                Received(
                    index=int(index),
                    leaf=leaf,
                    hashes=_hashes(bytes(answer.body), answer.is_whole, is_long=opened),
                    rows=rows,
                    is_long=opened,
                    began=began,
                    ended=ended,
                )
            )
        self._came.set()


def _hashes(body: bytes, is_whole: bool, *, is_long: bool) -> tuple[str, ...]:
    """Of the answer; of a long one of each batch of rows that came whole."""
    if not is_long:
        return (hashlib.sha256(body).hexdigest(),) if is_whole else ()
    lines = body.splitlines(keepends=True)
    whole = lines if body.endswith(b"\n") else lines[:-1]
    batches = [whole[at : at + PAGE_ROWS] for at in range(0, len(whole), PAGE_ROWS)]
    return tuple(hashlib.sha256(b"".join(batch)).hexdigest() for batch in batches if len(batch) == PAGE_ROWS)
