"""Who appends: the log; the same table with a commit a row; pymerkle."""

import asyncio
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg
from pymerkle import InmemoryTree, SqliteTree

from gateway.app import utc_now
from gateway.audit import AuditLog, entry_at
from gateway.audit.encoding import encode_entry
from gateway.model.audit import AuditEntry
from gateway.settings import Audit, load_settings
from gateway.store import COLUMNS, open_state, open_state_read_only
from tests.audit_logs import ORIGIN, House, seals_in_memory
from tests.key_rings import seals_of
from tests.town import build, served

_NAMES = ("idx", "leaf", "body", *COLUMNS)


class Contender(Protocol):
    """Appends one entry durably."""

    @property
    def name(self) -> str: ...

    async def append(self, number: int) -> None: ...


QUESTION = "community.need?select=need_no,name,phone,address,need_kind&need_kind=eq.送餐&limit=1"
SEALS = seals_in_memory()


@cache
def entries() -> tuple[AuditEntry, ...]:
    """What the demo writes down of one question, as of some hundred askers and residents."""
    with tempfile.TemporaryDirectory() as folder, served(build(Path(folder))) as town:
        receipt = town.ask("grid-worker", QUESTION, "home-visit").receipt
        settings = load_settings(town.demo.settings)
        state = open_state_read_only(settings.state_url)
        asked = entry_at(state, int(receipt.partition("#")[2].partition(":")[0]), seals_of(settings).open)
        state.close()
    return tuple(
        replace(
            asked,
            at=asked.at.replace(microsecond=1 + number),
            trace_id=f"{number:032x}",
            principal=f"worker-{number % 97}",
            subjects=(hashlib.sha256(b"%d" % (number % 509)).hexdigest()[:32],),
        )
        for number in range(1024)
    )


@dataclass(frozen=True, slots=True)
class Log:
    """The log as the gateway has it."""

    log: AuditLog
    name: str = "langqiao"

    @staticmethod
    def bodies() -> list[bytes]:
        """The entries' bytes."""
        return [encode_entry(entry, SEALS).body for entry in entries()]

    @classmethod
    @asynccontextmanager
    async def open(cls, home: House) -> AsyncIterator["Log"]:
        state = open_state(home.url)
        seals = home.seals(state)
        seals.sealing(entries()[0].purpose, entries()[0].at)
        log = AuditLog.open(
            state,
            home.signer,
            Audit(origin=ORIGIN),
            seals=seals,
            deadline_seconds=10,
            high_water=home.high_water,
            clock=utc_now,
        )
        await log.start()
        yield cls(log)
        await log.close()
        state.close()

    async def append(self, number: int) -> None:
        await self.log.append(entries()[number % len(entries())])


def row_of(index: int, number: int, *, is_sqlite: bool) -> list[Any]:
    """An entry's row."""
    encoded = encode_entry(entries()[number % len(entries())], SEALS)
    at, *others = encoded.columns
    return [index, encoded.leaf, encoded.body, str(at)[:26] if is_sqlite else at, *others]


class BareRows:
    """The same table, a plain insert and a commit for each entry."""

    name = "rows"

    def __init__(self, insert: "Insert") -> None:
        self._insert = insert
        self._last = -1

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, url: str | None, pool: int) -> AsyncIterator["BareRows"]:
        open_state(url or f"sqlite:///{folder / 'rows.db'}").close()
        opened = OneFile(folder / "rows.db") if url is None else await Connections.open(url, pool)
        yield cls(opened)
        await opened.close()

    async def append(self, number: int) -> None:
        self._last += 1
        await self._insert.insert(self._last, number)


class Insert(Protocol):
    """Inserts a row and commits."""

    async def insert(self, index: int, number: int) -> None: ...

    async def close(self) -> None: ...


class OneFile:
    """SQLite: one connection in a thread of its own."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._statement = f"INSERT INTO audit_entry ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"
        self._thread = ThreadPoolExecutor(1)

    async def insert(self, index: int, number: int) -> None:
        row = row_of(index, number, is_sqlite=True)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, self._statement, row)

    async def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()


class Connections:
    """PostgreSQL: a pool of connections that commit by themselves."""

    def __init__(self, free: "asyncio.Queue[psycopg.AsyncConnection[Any]]", count: int) -> None:
        self._free = free
        self._count = count
        self._statement = f"INSERT INTO audit_entry ({', '.join(_NAMES)}) VALUES ({', '.join(['%b'] * len(_NAMES))})"

    @classmethod
    async def open(cls, url: str, count: int) -> "Connections":
        free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
        for _ in range(count):
            free.put_nowait(await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""), autocommit=True))
        return cls(free, count)

    async def insert(self, index: int, number: int) -> None:
        row = row_of(index, number, is_sqlite=False)
        connection = await self._free.get()
        try:
            await connection.execute(self._statement.encode(), row, prepare=True)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        for _ in range(self._count):
            await (await self._free.get()).close()


def pymerkle_rate(folder: Path, seconds: float, *, is_durable: bool) -> float:
    """Entries a second that pymerkle appends, one after the other."""
    bodies = Log.bodies()
    count, begun = 0, time.perf_counter()
    with closing(SqliteTree(str(folder / "pymerkle.db"))) if is_durable else nullcontext(InmemoryTree()) as tree:
        while time.perf_counter() - begun < seconds:
            tree.append_entry(bodies[count % len(bodies)])
            count += 1
    return count / (time.perf_counter() - begun)
