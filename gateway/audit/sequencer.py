"""Batches of entries -> durable, in one order with every other replica. Blocking; for the writer's thread only.

Everything in memory can be thrown away: `recover` makes it anew from the database and refuses one that went back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.audit.checkpoint import sign_checkpoint
from gateway.audit.encoded import EncodedEntry
from gateway.audit.high_water import Mark, read_mark, write_mark
from gateway.audit.merkle import EMPTY_ROOT, Frontier, range_root
from gateway.audit.tiles import TileNodes, read_frontier
from gateway.errors import SettingsInvalid
from gateway.keys import LogSigner
from gateway.model.audit import AuditReceipt
from gateway.store import (
    LogBatch,
    LogHead,
    LogStore,
    SentBatch,
    SentHold,
    State,
    StoreFailed,
    TileRow,
    reading_log,
)

_MARK_EVERY_SECONDS = 1.0
_MOST_FOLDED = 4_096
_FOLD_EVERY = 512  # entries: while what is in the journal is folded in, a commit waits
_ALONE_AFTER = 4  # batches in a row that no other replica came between


@dataclass(frozen=True, slots=True)
class _Edge:
    """The tree as it was last seen durable."""

    frontier: Frontier
    epoch: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """A batch's entries before they have their places."""

    entries: Sequence[EncodedEntry]
    leaves: Sequence[bytes]
    keeps_checkpoint: bool


@dataclass(frozen=True, slots=True)
class Receipts:
    """Those of one batch, each made when it is asked for."""

    origin: str
    begin: int
    leaves: Sequence[bytes]
    tree_size: int
    at: datetime

    def __getitem__(self, places: slice) -> list[AuditReceipt]:
        """The receipts of some of the batch's entries."""
        return [
            AuditReceipt(
                origin=self.origin,
                index=self.begin + place,
                leaf_hash=self.leaves[place].hex(),
                tree_size=self.tree_size,
                at=self.at,
            )
            for place in range(*places.indices(len(self.leaves)))
        ]


@dataclass(frozen=True, slots=True)
class Sending:
    """A batch that is on its way to the server."""

    sent: SentBatch
    batch: LogBatch
    frontier: Frontier
    epoch: int
    is_held: bool = False  # no other can have moved the head
    follows_others: bool = False  # another replica wrote since this one did


class Sequencer:
    """One replica's writer. Not safe for two threads at once."""

    def __init__(
        self, state: State, signer: LogSigner, high_water: Path, clock: Callable[[], datetime], deadline_seconds: float
    ) -> None:
        self._state = state
        self._store = LogStore(state, deadline_seconds)
        self._signer = signer
        self._high_water = high_water
        self._clock = clock
        self._edge: _Edge | None = None
        self._seen: Mark | None = None  # the most that this process knows to be durable
        self._marked_at = -_MARK_EVERY_SECONDS
        self._kept_second = -1
        self._folded_size = 0
        self._alone = _ALONE_AFTER

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
        self._store.open()  # so that no entry has to wait for it
        self._edge = _Edge(frontier, head.epoch)
        self._seen = Mark(head.origin, head.size, head.root)

    @property
    def seen_size(self) -> int:
        """How many entries this process knows to be durable."""
        return self._seen.size if self._seen is not None else 0

    def find(self, leaves: Sequence[bytes], since: int) -> list[AuditReceipt | None]:
        """Which of the entries are in the log from `since` on, to where this replica wrote last.

        Raises StoreFailed. Whatever was under way before that write can't be added any more: the head has moved.
        """
        places: dict[bytes, list[int]] = {}
        with reading_log(self._state) as reader:
            for begin in range(since, self.seen_size if leaves else since, _MOST_FOLDED):
                end = min(self.seen_size, begin + _MOST_FOLDED)
                for index, leaf in enumerate(reader.leaves(begin, end), begin):
                    places.setdefault(leaf, []).append(index)
        found = [places[leaf].pop(0) if places.get(leaf) else None for leaf in leaves]
        return [
            None if index is None else Receipts(self._signer.name, index, [leaf], self.seen_size, self._clock())[:1][0]
            for index, leaf in zip(found, leaves, strict=True)
        ]

    def forget(self) -> None:
        """Throw the tree and the connection away."""
        self._edge = None
        self._store.discard()

    def append(self, entries: Sequence[EncodedEntry]) -> Receipts:
        """Make the entries durable, all or none; returns their receipts in order.

        Raises StoreFailed (or whatever else went wrong): then nothing is known, and only `recover` goes on.
        """
        edge = self._edge
        if edge is None:
            raise StoreFailed("the log's edge is not known")
        leaves = [one.leaf for one in entries]
        rows = _Rows(entries, leaves, self._keeps_checkpoint())
        # SECURITY: the note is signed before the commit and leaves this process only after it
        batch = self._commit_at(edge, rows) if self._alone >= _ALONE_AFTER else None
        if batch is None:
            batch = self._commit_behind(edge, rows)
        self._seen = Mark(self._signer.name, batch.size, batch.root)
        return Receipts(self._signer.name, batch.begin, leaves, batch.size, self._clock())

    def send(self, entries: Sequence[EncodedEntry]) -> Sending | None:
        """`append` without waiting, to be ended by `arrived`; None where it takes `append`. Raises StoreFailed."""
        edge = self._edge
        if edge is None or self._alone < _ALONE_AFTER or not self._store.can_send:
            return None
        leaves = [one.leaf for one in entries]
        batch, frontier = self._grow(edge.frontier, _Rows(entries, leaves, self._keeps_checkpoint()))
        # SECURITY: the server has the signed note before it commits; from this process it leaves only after `arrived`
        return Sending(self._store.send(batch, edge.epoch), batch, frontier, edge.epoch)

    def send_hold(self) -> SentHold | None:
        """Begin to hold the head, to go on with `send_behind`; None where it takes `append`. Raises StoreFailed."""
        edge = self._edge
        if edge is None or not self._store.can_send:
            return None
        return self._store.send_hold(edge.frontier.size, _MOST_FOLDED)

    def send_behind(self, hold: SentHold, entries: Sequence[EncodedEntry]) -> Sending | None:
        """`send` behind what others wrote, while the head is held; None where that is too much: it takes `append`.

        Raises StoreFailed.
        """
        edge = self._edge
        if edge is None:
            raise StoreFailed("the log's edge is not known")
        head, leaves = hold.held()
        if not _continues(head, edge):
            self._store.discard()  # and what it holds with it
            return None
        rows = _Rows(entries, [one.leaf for one in entries], self._keeps_checkpoint())
        batch, frontier = self._grow(_folded(edge, head, leaves), rows)
        sent = self._store.send(batch, head.epoch)
        return Sending(sent, batch, frontier, head.epoch, is_held=True, follows_others=bool(leaves))

    def arrived(self, sending: Sending) -> Receipts | None:
        """The receipts of what was sent and answered; None where another replica moved the head before it.

        Raises StoreFailed where none can have.
        """
        batch = sending.batch
        if sending.is_held:
            self._alone = 0 if sending.follows_others else self._alone + 1
        if not sending.sent.is_added:
            if sending.is_held:
                raise StoreFailed("the head moved while it was held")
            self._alone = 0
            return None
        self._edge = _Edge(sending.frontier, sending.epoch)
        self._seen = Mark(self._signer.name, batch.size, batch.root)
        return Receipts(self._signer.name, batch.begin, batch.leaves, batch.size, self._clock())

    def is_keeping_due(self) -> bool:
        """Whether the high-water mark is a second old, or there is enough in the journal."""
        return self._is_mark_due() or (self._store.folds and self.seen_size - self._folded_size >= _FOLD_EVERY)

    def _is_mark_due(self) -> bool:
        return time.monotonic() - self._marked_at >= _MARK_EVERY_SECONDS

    def mark(self) -> None:
        """Write the high-water mark; raises OSError."""
        if self._seen is not None:
            write_mark(self._high_water, self._seen)
            self._marked_at = time.monotonic()

    def keep(self) -> None:
        """The mark, and SQLite's journal: beside the writer, in another thread. Raises OSError, StoreFailed."""
        if self._is_mark_due():
            self.mark()
        self._folded_size = self.seen_size
        self._store.fold()

    def _commit_at(self, edge: _Edge, rows: _Rows) -> LogBatch | None:
        """The common case, in one step: the head is where it was left. None where another replica moved it."""
        batch, frontier = self._grow(edge.frontier, rows)
        if not self._store.append(batch, edge.epoch):
            self._alone = 0
            return None
        self._edge = _Edge(frontier, edge.epoch)
        return batch

    def _commit_behind(self, edge: _Edge, rows: _Rows) -> LogBatch:
        """Hold the head, fold in what others wrote, then write: this can't lose.

        Whoever waits for the head gets it in turn, so that of two busy replicas neither starves.
        """
        while True:
            with self._store.holding(edge.frontier.size, _MOST_FOLDED) as (head, leaves):
                if _continues(head, edge):
                    batch = self._fold(edge, head, leaves, rows)
                    self._alone = 0 if leaves else self._alone + 1
                    return batch
            self.recover()  # far behind: by tiles, and without holding up the others
            edge = self._edge or edge

    def _fold(self, edge: _Edge, head: LogHead, leaves: Sequence[bytes], rows: _Rows) -> LogBatch:
        batch, frontier = self._grow(_folded(edge, head, leaves), rows)
        if not self._store.append(batch, head.epoch):
            raise StoreFailed("the head moved while it was held")
        self._edge = _Edge(frontier, head.epoch)
        return batch

    def _grow(self, frontier: Frontier, rows: _Rows) -> tuple[LogBatch, Frontier]:
        grown, filled = frontier.extended(rows.leaves)
        root = grown.root()
        batch = LogBatch(
            begin=frontier.size,
            bodies=[one.body for one in rows.entries],
            leaves=rows.leaves,
            columns=[one.columns for one in rows.entries],
            tiles=[TileRow(tile.level, tile.n, tile.data) for tile in filled],
            size=grown.size,
            root=root,
            note=sign_checkpoint(self._signer, grown.size, root).encode(),
            keeps_checkpoint=rows.keeps_checkpoint,
        )
        return batch, grown

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


def _continues(head: LogHead, edge: _Edge) -> bool:
    """Whether the head is little enough ahead that it can be caught up with; raises StoreFailed where it went back."""
    if head.epoch != edge.epoch or head.size < edge.frontier.size:
        raise StoreFailed("the log went back")
    return head.size - edge.frontier.size <= _MOST_FOLDED


def _folded(edge: _Edge, head: LogHead, leaves: Sequence[bytes]) -> Frontier:
    """The edge with what others wrote behind it; raises StoreFailed where that does not make the head."""
    if len(leaves) != head.size - edge.frontier.size:
        raise StoreFailed("entries are missing")
    frontier, _ = edge.frontier.extended(leaves)
    if frontier.root() != head.root:
        raise StoreFailed("the log is not the one that this replica wrote to")
    return frontier


def _went_back(how: str) -> SettingsInvalid:
    return SettingsInvalid(
        fault=f"the log can't be continued: {how}",
        fix="bring back the newest database; if it is lost, keep all there is and begin a log under a new origin",
    )
