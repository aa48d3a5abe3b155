"""Batches of entries -> durable, in one order with every other replica. Blocking; for the writer's thread only.

Everything in memory can be thrown away: `recover` makes it anew from the database and refuses one that went back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.audit.checkpoint import sign_checkpoint
from gateway.audit.entry import EncodedEntry
from gateway.audit.high_water import Mark, read_mark, write_mark
from gateway.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash, range_root
from gateway.audit.tiles import TileNodes, read_frontier
from gateway.errors import SettingsInvalid
from gateway.keys import LogSigner
from gateway.model.audit import AuditReceipt
from gateway.store import (
    EntryRow,
    LogBatch,
    LogHead,
    LogStore,
    LogTransaction,
    State,
    StoreFailed,
    TileRow,
    reading_log,
)

_MARK_EVERY_SECONDS = 1.0
_MOST_FOLDED = 4_096


class HeadLost(Exception):
    """Another replica wrote first."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """The tree as it was last seen durable."""

    frontier: Frontier
    epoch: int


@dataclass(frozen=True, slots=True)
class _Grown:
    batch: LogBatch
    frontier: Frontier


class Sequencer:
    """One replica's writer. Not safe for two threads."""

    def __init__(
        self, state: State, signer: LogSigner, high_water: Path, clock: Callable[[], datetime], deadline_seconds: float
    ) -> None:
        self._state = state
        self._store = LogStore(state)
        self._signer = signer
        self._high_water = high_water
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._edge: _Edge | None = None
        self._seen: Mark | None = None  # the most that this process knows to be durable
        self._marked_at = -_MARK_EVERY_SECONDS
        self._kept_second = -1

    def recover(self) -> None:
        """Begin the log where there is none; else read its right edge and hold it against what it must still hold.

        Raises SettingsInvalid where the log is behind or different, and StoreFailed where it can't be read.
        """
        self.forget()
        if self._store.head() is None:
            mark = self._known_mark()
            if mark is not None and mark.size:
                raise _went_back(f"it is empty, and was known to hold {mark.size} entries")
            self._store.create(self._signer.name, EMPTY_ROOT, sign_checkpoint(self._signer, 0, EMPTY_ROOT).encode())
        with reading_log(self._state) as reader:
            head = reader.head()
            if head is None:
                raise StoreFailed("the log has no head that can be read")
            if head.origin != self._signer.name:
                raise SettingsInvalid(
                    fault=f"`audit.origin`: this database keeps the log `{head.origin}`",
                    fix="give the log its own name, or another database",
                )
            self._check_mark(head, TileNodes(reader, head.size))
            frontier = read_frontier(reader, head.size)
        if frontier.root() != head.root:
            raise _went_back("its entries do not have the root that it is signed for")
        self._edge = _Edge(frontier, head.epoch)
        self._seen = Mark(head.origin, head.size, head.root)

    def forget(self) -> None:
        """Throw the tree and the connection away."""
        self._edge = None
        self._store.discard()

    def append(self, entries: Sequence[EncodedEntry]) -> list[AuditReceipt]:
        """Make the entries durable, all or none; returns their receipts in order.

        Raises StoreFailed (or whatever else went wrong): then nothing is known, and only `recover` goes on.
        """
        edge = self._edge
        if edge is None:
            raise StoreFailed("the log's edge is not known")
        rows = [(one.body, leaf_hash(one.body), one.projection) for one in entries]
        give_up = time.monotonic() + self._deadline_seconds

        def grow(frontier: Frontier) -> _Grown:
            grown, filled = frontier.extended(leaf for _, leaf, _ in rows)
            root = grown.root()
            numbered = [
                EntryRow(frontier.size + at, leaf, body, projection.columns, projection.subjects)
                for at, (body, leaf, projection) in enumerate(rows)
            ]
            tiles = [TileRow(tile.level, tile.n, tile.data) for tile in filled]
            note = sign_checkpoint(self._signer, grown.size, root).encode()
            return _Grown(LogBatch(numbered, tiles, grown.size, root, note, self._keeps_checkpoint()), grown)

        # SECURITY: the note is signed before the commit and leaves this process only after it
        grown = self._commit_at(edge, grow)
        if grown is None:
            grown, edge = self._commit_behind(edge, grow, give_up)
        self._edge = _Edge(grown.frontier, edge.epoch)
        self._seen = Mark(self._signer.name, grown.batch.size, grown.batch.root)
        now = self._clock()
        return [
            AuditReceipt(
                origin=self._signer.name, index=row.idx, leaf_hash=row.leaf.hex(), tree_size=grown.batch.size, at=now
            )
            for row in grown.batch.entries
        ]

    def is_mark_due(self) -> bool:
        """Whether the high-water mark is a second old."""
        return time.monotonic() - self._marked_at >= _MARK_EVERY_SECONDS

    def mark(self) -> None:
        """Write the high-water mark; raises OSError."""
        if self._seen is not None:
            write_mark(self._high_water, self._seen)
            self._marked_at = time.monotonic()

    def _commit_at(self, edge: _Edge, grow: Callable[[Frontier], _Grown]) -> _Grown | None:
        """The common case: the head is where it was left. None where another replica moved it."""
        grown = grow(edge.frontier)
        try:
            with self._store.transaction() as transaction:
                _write(transaction, grown, edge)
        except HeadLost:
            return None
        return grown

    def _commit_behind(self, edge: _Edge, grow: Callable[[Frontier], _Grown], give_up: float) -> tuple[_Grown, _Edge]:
        """Hold the head, fold in what others wrote, then write: this can't lose again."""
        if time.monotonic() > give_up:
            raise StoreFailed("another replica wrote first, until the deadline")
        seen = self._store.head()
        if seen is not None and seen.size - edge.frontier.size > _MOST_FOLDED:
            self.recover()  # far behind: by tiles, and without holding up the others
            edge = self._edge or edge
        with self._store.transaction() as transaction:
            head = transaction.lock_head()
            if head.epoch != edge.epoch or head.size < edge.frontier.size:
                raise StoreFailed("the log went back")
            frontier, _ = edge.frontier.extended(transaction.leaves(edge.frontier.size, head.size))
            if frontier.root() != head.root:
                raise StoreFailed("the log is not the one that this replica wrote to")
            grown = grow(frontier)
            _write(transaction, grown, _Edge(frontier, head.epoch))
        return grown, edge

    def _keeps_checkpoint(self) -> bool:
        """At most one a second is kept beside the head."""
        second = int(time.monotonic())
        if second == self._kept_second:
            return False
        self._kept_second = second
        return True

    def _known_mark(self) -> Mark | None:
        """The higher of the file's mark and what this process saw."""
        marks = [mark for mark in (read_mark(self._high_water), self._seen) if mark is not None]
        for mark in marks:
            if mark.origin != self._signer.name:
                raise SettingsInvalid(
                    fault=f"`high_water`: the mark is of the log `{mark.origin}`", fix="give each log its own file"
                )
        return max(marks, key=lambda mark: mark.size, default=None)

    def _check_mark(self, head: LogHead, nodes: TileNodes) -> None:
        mark = self._known_mark()
        if mark is None:
            return
        if head.size < mark.size:
            raise _went_back(f"it holds {head.size} entries, and was known to hold {mark.size}")
        if range_root(0, mark.size, nodes) != mark.root:
            raise _went_back(f"its first {mark.size} entries are not those that it was known to hold")


def _write(transaction: LogTransaction, grown: _Grown, edge: _Edge) -> None:
    if not transaction.move_head(grown.batch, expected_size=edge.frontier.size, epoch=edge.epoch):
        raise HeadLost
    transaction.add(grown.batch)


def _went_back(how: str) -> SettingsInvalid:
    return SettingsInvalid(
        fault=f"the log can't be continued: {how}",
        fix="bring back the newest database; if it is lost, keep all there is and begin a log under a new origin",
    )
