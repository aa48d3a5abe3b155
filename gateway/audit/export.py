"""The log -> a folder in tlog-tiles layout (c2sp.org/tlog-tiles), for whoever holds the public key.

checkpoint, tile/<level>/<n>[.p/<width>], tile/entries/<n>[.p/<width>]: full tiles never change, so that a later export
into the same folder only adds. Every file is durable before the checkpoint that needs it, and partial tiles that no
checkpoint needs any more go last: cut off at any moment, the folder still holds the export of before.

witnessed/<size> is ours beside C2SP's: of each witness the newest checkpoint that it signed, where one has.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint, CheckpointInvalid, checkpoint_of
from gateway.audit.merkle import TILE_HEIGHT, TILE_WIDTH, range_root
from gateway.audit.tiles import TileNodes, hashes, tile_path
from gateway.errors import AuditUnavailable, EntryArchived, ExportRefused
from gateway.keys import split_note
from gateway.store import (
    CosignatureRow,
    LogHead,
    LogReader,
    State,
    StoreFailed,
    archive_of,
    read_newest_cosignatures,
    reading_log,
)

LENGTH_BYTES = 2
WITNESSED = "witnessed"
_OURS = {"checkpoint", WITNESSED, "tile"}
_FRESH = ".new"


def export_log(state: State, folder: Path) -> int:
    """Write one moment of the log, or what is new since the folder's last; returns its size. Blocking.

    Raises ExportRefused for a folder of something else, of another log or of a fork, or that can't be written; and
    AuditUnavailable, EntryArchived.
    """
    try:
        witnessed = cosigned_notes(read_newest_cosignatures(state))  # before the head, which is then never behind it
        with reading_log(state) as reader:
            head = reader.head()
            if head is None:
                raise AuditUnavailable(operator="the log has no head that can be read")
            with _telling():
                _write(state, reader, folder, head, _kept(folder, head, reader))
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None
    note = head.note.decode()
    with _telling():
        for size, cosigned in witnessed.items():
            put(folder / WITNESSED / str(size), cosigned.encode())
            note = cosigned if cosigned.startswith(note) else note
        put(folder / "checkpoint", note.encode())
        if head.size:
            _sweep(folder, head.size)
    return head.size


@contextmanager
def _telling() -> Iterator[None]:
    """What goes wrong with the folder is no fault of the log."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise ExportRefused(fault=(f"it can't be written ({name})", f"无法写入（{name}）")) from None


def cosigned_notes(rows: Iterable[CosignatureRow]) -> dict[int, str]:
    """Each size's checkpoint with its witnesses' lines under the log's own, in the order of the rows."""
    notes: dict[int, str] = {}
    for row in rows:
        notes[row.size] = f"{notes.get(row.size, row.note)}{row.line}\n"
    return notes


def _kept(folder: Path, head: LogHead, reader: LogReader) -> int:
    """How many entries the folder already holds of this very log; raises ExportRefused."""
    if not folder.exists():
        return 0
    if not folder.is_dir() or any(path.name.removesuffix(_FRESH) not in _OURS for path in folder.iterdir()):
        raise ExportRefused(fault=("it holds something else", "其中有其他内容"))
    path = folder / "checkpoint"
    if not path.exists():
        return 0  # an export that was cut off before its end: nothing in it is relied on
    older = _checkpoint_in(path)
    if older.origin != head.origin:
        raise ExportRefused(fault=("it holds another log", "其中是另一日志"))
    if older.size > head.size:
        raise ExportRefused(
            fault=(
                f"it holds {older.size} entries, and the log only {head.size}",
                f"其中有 {older.size} 条，而日志仅 {head.size} 条",
            )
        )
    if range_root(0, older.size, TileNodes(reader, head.size)) != older.root:
        raise ExportRefused(
            fault=(
                f"its first {older.size} entries are not those of this log: one of the two is a fork",
                f"其前 {older.size} 条与本日志不同：二者必有一为分叉",
            )
        )
    return older.size


def _checkpoint_in(path: Path) -> Checkpoint:
    try:
        return checkpoint_of(split_note(path.read_text(encoding="utf-8"))[0])
    except (OSError, ValueError, CheckpointInvalid):
        raise ExportRefused(fault=("its checkpoint can't be read", "其检查点无法读取")) from None


def _write(state: State, reader: LogReader, folder: Path, head: LogHead, kept: int) -> None:
    for n, width in _tiles(head.size, kept):
        path = folder / tile_path("entries", n, width)
        bodies = reader.bodies(n * TILE_WIDTH, n * TILE_WIDTH + width)
        if not all(bodies):
            index = n * TILE_WIDTH + bodies.index(b"")
            raise EntryArchived(index=index, archive=archive_of(state, index))
        put(path, b"".join(len(body).to_bytes(LENGTH_BYTES, "big") + body for body in bodies))
    export_hashes(reader, head.size, folder, kept)


def export_hashes(reader: LogReader, size: int, folder: Path, kept: int = 0) -> None:
    """The tiles of a tree of `size` that `kept` entries did not fill yet."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        for n, width in _tiles(count, kept >> TILE_HEIGHT * level):
            if width == TILE_WIDTH:
                data = reader.tiles(level, n, n + 1)[0]
            else:
                data = b"".join(hashes(reader, level, n * TILE_WIDTH, n * TILE_WIDTH + width))
            put(folder / tile_path(level, n, width), data)
        level += 1


def _tiles(count: int, kept: int) -> list[tuple[int, int]]:
    """Number and width of each tile over `count` hashes that `kept` hashes did not fill yet."""
    full, rest = divmod(count, TILE_WIDTH)
    return [(n, TILE_WIDTH) for n in range(kept // TILE_WIDTH, full)] + ([(full, rest)] if rest else [])


def _sweep(folder: Path, size: int) -> None:
    """Partial tiles of before go: the checkpoint needs others now."""
    for level in (folder / "tile").iterdir():
        if not (level.name == "entries" or level.name.isdecimal()):
            continue
        depth = 0 if level.name == "entries" else int(level.name)
        count = size >> TILE_HEIGHT * depth
        wanted = folder / tile_path(level.name, count // TILE_WIDTH, count % TILE_WIDTH)
        for partial in level.rglob("*.p"):
            if partial != wanted.parent:
                shutil.rmtree(partial)
            else:
                for path in partial.iterdir():
                    if path != wanted:
                        path.unlink()


def put(path: Path, content: bytes) -> None:
    """Whole or not at all, and durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + _FRESH)
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
