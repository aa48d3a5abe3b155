"""Logs for tests: entries, a log that is open while a block runs, and the folder that it lives in."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.administration import open_entries, open_seals
from gateway.app import utc_now
from gateway.audit import AuditLog, Opener, Verification, verify_log
from gateway.audit.encoding import encode_entry
from gateway.audit.probe import probe_entry
from gateway.keys import LocalRoot, LogSigner, RetentionKeys, RetentionOpener
from gateway.model.audit import AuditEntry, EntryKind, FieldTrace
from gateway.model.retention_key import RetentionKey
from gateway.settings import Audit, Keys
from gateway.store import State, open_state, open_state_read_only
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


def seals_in_memory(algorithms: str = "international") -> RetentionKeys:
    """Retention keys that are kept nowhere: real ones, for tests of bytes."""
    kept: dict[str, RetentionKey] = {}
    return RetentionKeys(
        LocalRoot.from_text(base64.b64encode(bytes(range(32))).decode()),
        algorithms,
        utc_now,
        read=lambda purpose, month: kept.get(f"{purpose}/{month}"),
        keep=lambda key: kept.setdefault(key.name, key),
        destroyed=lambda: frozenset(name for name, key in kept.items() if key.wrapped is None),
        is_known=lambda _purpose: True,
    )


def document_of(body: bytes, opener: Opener) -> dict[str, Any]:
    """All that an entry says, what is sealed as well."""
    document: dict[str, Any] = json.loads(body)
    if document["v"] < 3:
        return document
    context = body.replace(f'"sealed":"{document["sealed"]}"'.encode(), b'"sealed":""')
    plaintext = opener(document.pop("sealed_by"), base64.b64decode(document.pop("sealed")), context)
    assert plaintext is not None
    private = json.loads(plaintext)
    people = base64.b64decode(private["subjects"])
    private["subjects"] = [people[at : at + 16].hex() for at in range(0, len(people), 16)]
    whole: dict[str, Any] = document | private | {"detail": document["detail"] or private["detail"]}
    return whole


def canonical(document: object) -> bytes:
    """RFC 8785, as far as entries need it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def of_version_2(written: AuditEntry) -> bytes:
    """The bytes that the entry had before anything was sealed."""
    seals = seals_in_memory()
    return canonical(document_of(encode_entry(written, seals).body, seals.open) | {"v": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where one gateway keeps its log, keys and high-water mark."""

    folder: Path
    url: str
    signer: LogSigner
    keys: Keys

    @property
    def high_water(self) -> Path:
        return self.folder / "high-water.json"

    @property
    def file(self) -> Path:
        return self.folder / "log.db"

    def seals(self, state: State) -> RetentionKeys:
        """The retention keys that lie in a database of this house."""
        return open_seals(self.keys, state, utc_now)

    def verify(self, url: str | None = None) -> Verification:
        state = open_state_read_only(url or self.url)
        try:
            return verify_log(url or self.url, self.signer.vkey, opener=self.seals(state).open)
        finally:
            state.close()

    def replica(self) -> "House":
        """Another replica of the same log: its high-water mark is its own."""
        folder = self.folder / "replica"
        folder.mkdir(exist_ok=True)
        return replace(self, folder=folder)


def house(folder: Path, url: str | None = None) -> House:
    ring = ring_at(folder / "keys")
    return House(
        folder=folder,
        url=url or f"sqlite:///{folder / 'log.db'}",
        signer=ring.log_signer(ORIGIN),
        keys=Keys(root_file=folder / "keys" / "root.key"),
    )


@asynccontextmanager
async def open_log(
    home: House, *, state: State | None = None, deadline: float = 2.0, queue: int = 8192, batch: int = 2048
) -> AsyncIterator[AuditLog]:
    """A started log; closed after."""
    opened = state or open_state(home.url)
    seals = home.seals(opened)
    seals.sealing("home-visit", NOON)  # as in a gateway that has begun: entries queue at once
    log = AuditLog.open(
        opened,
        home.signer,
        Audit(origin=ORIGIN, queue_entries=queue, batch_entries=batch),
        seals=seals,
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


def opener_of(home: House) -> RetentionOpener:
    """What opens the log's entries, in another process too."""
    state = open_state_read_only(home.url)
    try:
        return open_entries(home.keys, state, utc_now)
    finally:
        state.close()


async def until_ready(log: AuditLog, seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not log.is_ready:
            await asyncio.sleep(0.02)


def released_are(acknowledged: set[int], log: AuditLog) -> None:
    """Those that are told as released and not taken back are those that were acknowledged, by `entry`'s number."""
    size = log.prove_receipt(0)["tree_size"]
    assert isinstance(size, int)
    kept = [log.entry(index) for index in range(size)]
    taken_back = {one.refers_to for one in kept if one.kind == "not-released"}
    left = {int(one.trace_id, 16) for index, one in enumerate(kept) if one.kind == "read" and index not in taken_back}
    assert left == acknowledged
