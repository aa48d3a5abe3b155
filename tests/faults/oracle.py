"""The one oracle of all faults: what a client received is in a log that verifies. Released is a subset of logged.

Clients keep the hash of every body that they received, and its receipt. The oracle reads the log's rows beside the
gateway, recomputes every leaf, and asks both verifiers. It never asks the gateway.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psycopg

from gateway.audit import export_log, verify_log
from gateway.audit.entry import Opener
from gateway.store import open_state_read_only
from tests.lone_verifier import PROGRAM, run_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one client got: a receipt, the hashes of what came whole, and how many rows it saw at all."""

    index: int
    leaf: str
    hashes: tuple[str, ...]  # one of a buffered answer; of a long one that of every batch that came whole
    rows: int
    is_long: bool
    began: int  # on the machine's one monotonic clock
    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAddress:
    """Where a log is, and what it is verified with."""

    url: str
    vkey: str
    opener: Callable[[], Opener] | None = None
    high_water: Path | None = None


@dataclass(slots=True)
class Verdict:
    """What a run showed."""

    entries: int = 0
    acknowledged: int = 0
    faults: list[str] = field(default_factory=list)  # something received and not logged so, or a log that is unsound
    unaccounted: int = 0  # answers that are logged as released, were not received, and have no entry that says so
    checkpoints: int = 0

    @property
    def is_good(self) -> bool:
        return not self.faults


@dataclass(slots=True)
class _Released:
    sha256: str
    rows: int
    answer: int  # the index that the client's receipt names


class Oracle:
    """Of one log. `received` and `saw` collect; `look` reads what is new; `judge` says what was found."""

    def __init__(self, log: LogAddress) -> None:
        self._log = log
        self._received: list[Received] = []
        self._notes: set[str] = set()
        self._faults: list[str] = []
        self._leaves: list[bytes] = []
        self._released: dict[int, _Released] = {}
        self._batches: dict[int, list[int]] = {}  # of a long answer, by its opening
        self._followed: dict[int, str] = {}

    def received(self, answers: Iterable[Received]) -> None:
        self._received += answers

    def saw(self, note: str) -> None:
        """A checkpoint that left the gateway: the log must stay consistent with it for ever."""
        self._notes.add(note)

    @property
    def size(self) -> int:
        """How many entries were read."""
        return len(self._leaves)

    @property
    def acknowledged(self) -> int:
        return len(self._received)

    # ------------------------------------------------------------------ looking
    def look(self) -> None:
        """Read what was added: no index twice or left out, every leaf that of its bytes, nothing ahead of the head."""
        for index, leaf, body in rows_of(self._log.url, self.size):
            if index != self.size:
                self._faults.append(f"entry {self.size} is missing: the next is {index}")
                return
            if hashlib.sha256(b"\0" + body).digest() != leaf:
                self._faults.append(f"entry {index}: its leaf is not that of its bytes")
            self._leaves.append(leaf)
            self._take(index, orjson.loads(body))
        ((size, note, _),) = _rows(self._log.url, "SELECT size, note, note FROM audit_head")
        if size < self.size:
            self._faults.append(f"the head says {size}, and there are {self.size} entries")
        self.saw(bytes(note).decode())

    def _take(self, index: int, entry: dict[str, object]) -> None:
        refers_to = entry["refers_to"]
        if entry["kind"] == "not-released" and isinstance(refers_to, int):
            self._followed[refers_to] = str(entry["outcome"])
        elif entry["outcome"] == "opened":
            self._batches[index] = []
        elif entry["kind"] == "read" and entry["outcome"] == "released":
            answer = index
            if isinstance(refers_to, int):
                self._batches.get(refers_to, []).append(index)
                answer = refers_to
            rows = entry["rows"]
            self._released[index] = _Released(
                str(entry["response_sha256"]), rows if isinstance(rows, int) else 0, answer
            )

    # ------------------------------------------------------------------ judging
    def judge(self, folder: Path) -> Verdict:
        """Hold everything against everything; `folder` takes an export for the outsider's verifier."""
        self.look()
        arrived: set[int] = set()
        for one in self._received:
            if one.index >= self.size or self._leaves[one.index].hex() != one.leaf:
                self._faults.append(f"receipt {one.index} is not in the log")
            elif one.is_long:
                arrived |= self._long(one)
            else:
                arrived |= self._short(one)
        self._order()
        open_ends = {one.answer for at, one in self._released.items() if at not in arrived and at not in self._followed}
        self._verify(folder)
        return Verdict(self.size, self.acknowledged, list(self._faults), len(open_ends), len(self._notes))

    def _short(self, one: Received) -> set[int]:
        entry = self._released.get(one.index)
        if entry is None:
            self._faults.append(f"answer {one.index} was received, and is not logged as released")
            return set()
        if one.hashes and one.hashes != (entry.sha256,):
            self._faults.append(f"answer {one.index} was received with other bytes than are logged")
        if one.rows > entry.rows:
            self._faults.append(f"answer {one.index} was received with more rows than are logged")
        self._never_denied(one.index)
        return {one.index}

    def _long(self, one: Received) -> set[int]:
        batches = self._batches.get(one.index)
        if batches is None:
            self._faults.append(f"long answer {one.index} was received, and is not logged as opened")
            return set()
        logged = [self._released[at] for at in batches]
        if list(one.hashes) != [batch.sha256 for batch in logged[: len(one.hashes)]]:
            self._faults.append(f"long answer {one.index}: batches were received that are not logged so")
        if one.rows > sum(batch.rows for batch in logged):
            self._faults.append(f"long answer {one.index} was received with more rows than are logged")
        rows, arrived = 0, set()
        for at, batch in zip(batches, logged, strict=True):
            if rows < one.rows:
                arrived.add(at)
                self._never_denied(at)
            rows += batch.rows
        return arrived

    def _never_denied(self, index: int) -> None:
        if self._followed.get(index) == "not-released":
            self._faults.append(f"answer {index} was received, and the log says that it was not released")

    def _order(self) -> None:
        """One history: an answer that was there before another was asked for stands before it in the log."""
        latest = 0
        seen: set[int] = set()
        for one in sorted(self._received, key=lambda one: one.index):
            if one.index in seen:
                self._faults.append(f"index {one.index} was given twice")
            seen.add(one.index)
            if one.ended < latest:
                self._faults.append(f"answer {one.index} was there before an earlier entry was asked for")
            latest = max(latest, one.began)

    def _verify(self, folder: Path) -> None:
        opener = self._log.opener() if self._log.opener is not None else None
        found = verify_log(
            self._log.url, self._log.vkey, opener=opener, high_water=self._log.high_water, kept=sorted(self._notes)
        )
        if not found.is_sound:
            self._faults.append(found.text())
        folder.mkdir(exist_ok=True)
        state = open_state_read_only(self._log.url)
        try:
            export_log(state, folder / "export")
        finally:
            state.close()
        kept = []
        for number, note in enumerate(sorted(self._notes)):
            (folder / f"note-{number}").write_text(note, encoding="utf-8")
            kept += ["--older", folder / f"note-{number}"]
        alone = run_alone(folder, "export", folder / "export", "--key", self._log.vkey, *kept)
        if alone.status:
            self._faults.append(f"{PROGRAM.name} says {alone.status}: {alone.said}{alone.fault}")


def rows_of(url: str, since: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    """Index, leaf hash and bytes of each entry, read beside whoever writes."""
    yield from _rows(url, f"SELECT idx, leaf, body FROM audit_entry WHERE idx >= {since} ORDER BY idx")


def _rows(url: str, statement: str) -> Iterator[tuple[int, bytes, bytes]]:
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60) as beside:
            yield from beside.execute(statement)
        beside.close()
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor(name="beside") as cursor:
            cursor.itersize = 5_000
            yield from cursor.execute(statement)
