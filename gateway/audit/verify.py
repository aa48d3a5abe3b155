"""A log, live or exported, and its public key -> Verification. Trusts nothing but the key.

Recomputes every leaf from its bytes, every tile, every root, every signature and, on a live log, every search column.
A log that was cut short and is otherwise whole shows only against something kept elsewhere: give `kept` checkpoints or
a high-water mark.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint, CheckpointInvalid, read_checkpoint
from gateway.audit.entry import Opener
from gateway.audit.erasure import ErasureCheck
from gateway.audit.export import LENGTH_BYTES
from gateway.audit.facts import put_together
from gateway.audit.high_water import read_mark
from gateway.audit.index_check import Found, Known, Stretch, look_at_stretch, stretches
from gateway.audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, leaf_hash
from gateway.audit.replay import TILE_DIFFERS, Expected, Replay, Unsound, first_difference
from gateway.audit.rows import Archived, Part, check_rows
from gateway.audit.segments import Sizes
from gateway.audit.sharing import Job, Shares, Sharing, Task, processes_beside
from gateway.audit.tiles import tile_path
from gateway.errors import Language, SettingsInvalid, Words
from gateway.keys import NoteVerifier, RetentionOpener
from gateway.store import LogHead, LogReader, State, StoreFailed, open_state_read_only, reading_log

_LONGEST_CHECKPOINT = 100_000
_TILES_AHEAD = 64
_STRETCHES_AHEAD = 4
_SHARES = Shares()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found."""

    origin: str
    size: int  # entries that were looked at
    root: bytes
    first_bad: int | None  # the first entry that is not sound; None for a sound log
    fault: Words | None
    erased: int = 0  # entries whose private part is erased, as entries of the log say
    archived: int = 0  # entries whose bytes are in archives, as entries of the log say: verified by leaf hash alone
    compares_people: bool = True  # whether what is sealed was opened, and columns of people held against it

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it was signed for."""
        return self.fault is None

    def text(self, language: Language = "en") -> str:
        """One sentence for people."""
        if self.fault is None:
            return self._sound(language)
        if language == "zh":
            return f"日志 {self.origin} 已受损，第 {self.first_bad} 条：{self.fault[1]}"
        return f"the log {self.origin} is NOT sound: entry {self.first_bad}: {self.fault[0]}"

    def _sound(self, language: Language) -> str:
        if language == "zh":
            erased = f"，其中 {self.erased} 条的个人部分已依规销毁" if self.erased else ""
            sealed = "" if self.compares_people else "；未用密钥：条目的封存部分未打开，涉及个人的检索列未比对"
            moved = f"，其中 {self.archived} 条已归档，仅以叶哈希验证" if self.archived else ""
            return f"日志 {self.origin} 完好：{self.size} 条，根 {self.root.hex()}{erased}{moved}{sealed}"
        erased = f", {self.erased} of them erased as the log says" if self.erased else ""
        sealed = (
            ""
            if self.compares_people
            else "; without keys: what is sealed in entries was not opened, search columns of people were not compared"
        )
        moved = f", {self.archived} of them archived, verified against their leaf hashes" if self.archived else ""
        return f"the log {self.origin} is sound: {self.size} entries, root {self.root.hex()}{erased}{moved}{sealed}"


def verify_log(
    state_url: str,
    vkey: str,
    *,
    opener: Opener | None = None,
    high_water: Path | None = None,
    kept: Sequence[str] = (),
    archived: Archived | None = None,
    shares: Shares = _SHARES,
) -> Verification:
    """Verify a live log, read-only and at one moment; entries may be added meanwhile.

    `opener` opens what is sealed in entries; without one, search columns of people are not compared. `archived` gives
    the bytes that are in an archive, in the log's order; without it they are verified by their leaf hashes alone.
    `kept`: checkpoints that others hold, which the log must still contain. `shares`: how a long log is divided among
    processes; where `archived` is given, or an opener that can't be handed over, this one does it all. Raises
    SettingsInvalid where the database, the key or the high-water mark can't be read at all.
    """
    verifier = _verifier(vkey)
    state = open_state_read_only(state_url)
    replay: Replay | None = None
    try:
        can_share = archived is None and (opener is None or isinstance(opener, RetentionOpener))
        size = _size(state) if can_share else 0
        with processes_beside(state_url, opener, size, shares) as beside, reading_log(state) as reader:
            head = reader.head()
            expected = _expected(reader, verifier, high_water, kept)
            replay = Replay(_Tiles(reader).tile, expected)
            sharing: Sharing[Part | Found] = Sharing(reader, opener, beside)
            erasures, index = _take_entries(reader, sharing, shares, replay, archived)
            found = _verify_live(reader, head, replay, expected, verifier)
            erasures.finish()
            index.check()
            return replace(
                found,
                erased=erasures.count,
                archived=erasures.archived_count,
                compares_people=opener is not None,
            )
    except Unsound as found:
        return _unsound(verifier, replay, found)
    except StoreFailed as error:
        at = replay.size if replay is not None else 0
        fault = (f"the database can't be read on from here ({error})", f"数据库自此无法读取（{error}）")
        return _unsound(verifier, replay, Unsound(at, fault))
    finally:
        state.close()


def verify_export(folder: Path, vkey: str) -> Verification:
    """Verify an exported log: needs only the files and the public key. Raises SettingsInvalid for a bad key."""
    verifier = _verifier(vkey)
    replay = Replay(lambda level, n: _file(folder / tile_path(level, n)), {})
    try:
        note = _file(folder / "checkpoint")
        if note is None or len(note) > _LONGEST_CHECKPOINT:
            raise Unsound(0, ("there is no checkpoint", "缺少检查点"))
        signed = _signed(note, verifier, 0, ("the checkpoint", "检查点"))
        replay.take(_bundles(folder, signed.size))
        frontier = replay.finish()
        for level, edge in enumerate(frontier.edges):
            if edge:
                n = (signed.size >> TILE_HEIGHT * level) // TILE_WIDTH
                kept = _file(folder / tile_path(level, n, len(edge)))
                if kept != b"".join(edge):
                    raise Unsound(first_difference(level, n, list(edge), kept or b""), TILE_DIFFERS)
        _check_signed_root(signed, frontier.root(), replay.trusted)
    except Unsound as found:
        return _unsound(verifier, replay, found)
    return Verification(
        origin=verifier.name, size=signed.size, root=signed.root, first_bad=None, fault=None, compares_people=False
    )


# ------------------------------------------------------------------ live
class _Tiles:
    """Full tiles as they are kept, some of the lowest level read ahead: they are asked for in order."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._ahead: dict[int, bytes] = {}

    def tile(self, level: int, n: int) -> bytes | None:
        if level:
            return self._reader.tile(level, n)
        if n not in self._ahead:
            self._ahead = self._reader.known_tiles(0, n, n + _TILES_AHEAD)
        return self._ahead.get(n)


def _size(state: State) -> int:
    """How many entries there are; with a connection that is closed when this returns."""
    with reading_log(state) as reader:
        return reader.span()[1]


def _rows_of(
    reader: LogReader, opener: Opener | None, *, begin: int, end: int, archived: Archived | None = None
) -> Part:
    return check_rows(reader, begin, end, opener, archived)


def _index_of(reader: LogReader, opener: Opener | None, *, stretch: Stretch, sizes: Sizes, known: Known) -> Found:
    del opener
    return look_at_stretch(reader.index, stretch, sizes, known)


def _take_entries(
    reader: LogReader, sharing: Sharing[Part | Found], shares: Shares, replay: Replay, archived: Archived | None
) -> tuple[ErasureCheck, Found]:
    """Every row, and every segment of the index: what is wrong with the index is told of when all else is sound."""
    erasures, index = ErasureCheck(), _Index(sharing)
    first, end = reader.span()
    if first < 0:
        raise Unsound(0, ("there is an entry before it", "其前另有条目"))
    work = []
    for stretch in stretches(end, shares.sizes):
        stop = end if stretch.end is None else stretch.end
        parts = []
        for begin in range(stretch.begin or 0, stop, shares.part):
            one = partial(_rows_of, begin=begin, end=min(stop, begin + shares.part))
            parts.append(sharing.add(partial(one, archived=archived) if archived is not None else one))
        work.append((stretch, parts))
    for stretch, parts in work:
        facts = []
        for task in parts:
            looked = sharing.result(task)
            if isinstance(looked, Part):
                replay.take(looked.leaves)
                looked.check()
                looked.tell(erasures)
                facts.append(looked.facts)
        known = Known(stretch.begin or 0, put_together(facts))
        index.add(partial(_index_of, stretch=stretch, sizes=shares.sizes, known=known))
    return erasures, index.finish()


class _Index:
    """The first thing that is wrong with the index, whoever looks at its stretches."""

    def __init__(self, sharing: Sharing[Part | Found]) -> None:
        self._sharing = sharing
        self._waiting: deque[Task[Part | Found]] = deque()
        self._first = Found()

    def add(self, job: Job[Part | Found]) -> None:
        self._waiting.append(self._sharing.add(job, is_next=True))
        if len(self._waiting) > _STRETCHES_AHEAD:
            self._take()

    def finish(self) -> Found:
        while self._waiting:
            self._take()
        return self._first

    def _take(self) -> None:
        found = self._sharing.result(self._waiting.popleft())
        if isinstance(found, Found) and self._first == Found():
            self._first = found


def _verify_live(
    reader: LogReader, head: LogHead | None, replay: Replay, expected: Mapping[int, Expected], verifier: NoteVerifier
) -> Verification:
    frontier = replay.finish()
    at = replay.trusted
    if head is None:
        raise Unsound(at, ("the log has no head that can be read", "日志头无法读取"))
    if replay.size < head.size:
        raise Unsound(replay.size, ("it is missing at the end", "末尾缺失"))
    if replay.size > head.size:
        raise Unsound(head.size, ("it stands after the log's end", "位于日志末尾之后"))
    said_by = ("the newest checkpoint", "最新检查点")
    signed = _signed(head.note, verifier, at, said_by)
    if (signed.size, signed.root, head.origin) != (head.size, head.root, verifier.name):
        raise Unsound(at, ("the log's head is not what its checkpoint says", "日志头与其检查点不符"))
    _check_signed_root(signed, frontier.root(), at)
    for size in sorted(expected):
        if size > head.size:
            raise Unsound(head.size, (f"the log is cut short: it held {size} entries", f"日志被截断：曾有 {size} 条"))
    hidden = reader.first_hidden()
    if hidden is not None:
        raise Unsound(max(0, hidden), ("the search view does not show it as it is kept", "检索视图与所存条目不符"))
    if reader.tile_count() != sum(head.size >> TILE_HEIGHT * level for level in range(1, 9)):
        raise Unsound(head.size, ("there are tiles of entries that do not exist", "存在多余的树片"))
    return Verification(origin=verifier.name, size=head.size, root=head.root, first_bad=None, fault=None)


def _expected(
    reader: LogReader, verifier: NoteVerifier, high_water: Path | None, kept: Iterable[str]
) -> dict[int, Expected]:
    """Every root that the log must have had: kept beside it, kept by others, and the high-water mark."""
    expected: dict[int, Expected] = {}
    trusted = 0
    for size, root, note in reader.checkpoints():
        said_by = (f"the checkpoint of size {size}", f"{size} 条时的检查点")
        signed = _signed(note if isinstance(note, bytes) else b"", verifier, trusted, said_by)
        if (signed.size, signed.root) != (size, root):
            raise Unsound(
                trusted, (f"{said_by[0]} is kept under another size or root", f"{said_by[1]}的大小或根被改动")
            )
        expected[size] = Expected(signed.root, said_by)
        trusted = size
    for note in kept:
        said_by = ("a checkpoint that others hold", "他方持有的检查点")
        signed = _signed(note, verifier, 0, said_by)
        _expect(expected, signed.size, Expected(signed.root, said_by))
    mark = read_mark(high_water) if high_water is not None else None
    if mark is not None:
        _expect(expected, mark.size, Expected(mark.root, ("the high-water mark", "高水位标记")))
    _expect_newest(expected, reader.head(), verifier)
    return expected


def _expect_newest(expected: dict[int, Expected], head: LogHead | None, verifier: NoteVerifier) -> None:
    """So that what was put in before the end is not taken for what stands after it. A bad head is told of later."""
    try:
        newest = read_checkpoint(head.note if head is not None else b"", verifier)
    except CheckpointInvalid:
        return
    if newest.size:
        expected.setdefault(newest.size, Expected(newest.root, ("the newest checkpoint", "最新检查点")))


def _expect(expected: dict[int, Expected], size: int, one: Expected) -> None:
    if size == 0:
        return
    if size in expected and expected[size].root != one.root:
        at = max((known for known in expected if known < size), default=0)
        raise Unsound(at, (f"the log is not the one of {one.said_by[0]}", f"日志与{one.said_by[1]}不一致"))
    expected[size] = one


# ------------------------------------------------------------------ exported
def _bundles(folder: Path, size: int) -> Iterator[bytes]:
    """The leaf hashes of the entries, each held against its tile."""
    for begin in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - begin)
        bundle = _file(folder / tile_path("entries", begin // TILE_WIDTH, width))
        if bundle is None:
            raise Unsound(begin, ("its bundle is missing", "缺少条目文件"))
        tile = _file(folder / tile_path(0, begin // TILE_WIDTH, width)) or b""
        at = 0
        for index in range(begin, begin + width):
            length = int.from_bytes(bundle[at : at + LENGTH_BYTES], "big")
            at += LENGTH_BYTES
            if at + length > len(bundle):
                raise Unsound(index, ("its bundle is cut short", "条目文件被截断"))
            leaf = leaf_hash(bundle[at : at + length])
            kept = tile[(index - begin) * HASH_BYTES : (index - begin + 1) * HASH_BYTES]
            # at once: a wrong length would shift the blame to a later one; a tile that ends before says nothing
            if kept != leaf and len(kept) == HASH_BYTES:
                raise Unsound(index, TILE_DIFFERS)
            yield leaf
            at += length
        if at != len(bundle):
            raise Unsound(begin + width - 1, ("its bundle goes on after it", "条目文件有多余内容"))


def _file(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


# ------------------------------------------------------------------ both
def _verifier(vkey: str) -> NoteVerifier:
    try:
        return NoteVerifier.from_vkey(vkey)
    except ValueError:
        raise SettingsInvalid(
            fault="the log's public key can't be read", fix="give the vkey that `langqiao keys create` printed"
        ) from None


def _signed(note: bytes | str, verifier: NoteVerifier, at: int, said_by: Words) -> Checkpoint:
    try:
        return read_checkpoint(note, verifier)
    except CheckpointInvalid:
        fault = (f"{said_by[0]} is not signed by the log's key", f"{said_by[1]}不是日志密钥所签")
        raise Unsound(at, fault) from None


def _check_signed_root(signed: Checkpoint, root: bytes, trusted: int) -> None:
    if signed.root != root:
        raise Unsound(
            trusted,
            (
                "from here on something is not what the newest checkpoint was made for",
                "自此起有内容与最新检查点不符",
            ),
        )


def _unsound(verifier: NoteVerifier, replay: Replay | None, found: Unsound) -> Verification:
    size = replay.size if replay is not None else 0
    return Verification(origin=verifier.name, size=size, root=b"", first_bad=found.index, fault=found.fault)
