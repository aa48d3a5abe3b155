"""Logs for tests: entries, a log that is open while a block runs, and the folder that it lives in."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import utc_now
from gateway.audit import AuditLog, Verification, verify_log
from gateway.audit.log import probe_entry
from gateway.keys import LogSigner
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.settings import Audit
from gateway.store import State, open_state
from tests.key_rings import ring_at

ORIGIN = "langqiao.example/test"
NOON = datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC)
PEOPLE = ("ab" * 16, "cd" * 16, "ef" * 16)


def entry(number: int = 0, *, subjects: tuple[str, ...] | None = None, **changes: object) -> AuditEntry:
    """A plausible entry; `number` tells it from others."""
    base = replace(
        probe_entry(NOON),
        kind=EntryKind.READ,
        trace_id=f"{number:032x}",
        principal=f"worker-{number % 7}",
        app="community-desk",
        organisation="community-330102001001",
        roles=("community/grid-worker",),
        purpose="home-visit",
        legal_basis=("中华人民共和国个人信息保护法 第三十四条",),
        dataset="community.need",
        fields=(FieldTrace(field="name", level="partial", uses=("show",)),),
        rows=1,
        subjects=(PEOPLE[number % 3],) if subjects is None else subjects,
        outcome="released",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where one gateway keeps its log, keys and high-water mark."""

    folder: Path
    url: str
    signer: LogSigner

    @property
    def high_water(self) -> Path:
        return self.folder / "high-water.json"

    @property
    def file(self) -> Path:
        return self.folder / "log.db"

    def verify(self, url: str | None = None) -> Verification:
        return verify_log(url or self.url, self.signer.vkey)

    def replica(self) -> "House":
        """Another replica of the same log: its high-water mark is its own."""
        folder = self.folder / "replica"
        folder.mkdir(exist_ok=True)
        return replace(self, folder=folder)


def house(folder: Path, url: str | None = None) -> House:
    ring = ring_at(folder / "keys")
    return House(folder=folder, url=url or f"sqlite:///{folder / 'log.db'}", signer=ring.log_signer(ORIGIN))


@asynccontextmanager
async def open_log(
    home: House, *, state: State | None = None, deadline: float = 2.0, queue: int = 8192, batch: int = 2048
) -> AsyncIterator[AuditLog]:
    """A started log; closed after."""
    opened = state or open_state(home.url)
    log = AuditLog.open(
        opened,
        home.signer,
        Audit(origin=ORIGIN, queue_entries=queue, batch_entries=batch),
        deadline_seconds=deadline,
        high_water=home.high_water,
        clock=utc_now,
    )
    try:
        await log.start()
        yield log
    finally:
        await log.close()
        if state is None:
            opened.close()


def copy_of(source: Path, target: Path) -> sqlite3.Connection:
    """A copy of a live database, open to be tampered with."""
    connection = sqlite3.connect(target, isolation_level=None)
    with sqlite3.connect(source) as live:
        live.backup(connection)
    return connection
