"""The log -> a folder in tlog-tiles layout (c2sp.org/tlog-tiles), for whoever holds the public key.

checkpoint, tile/<level>/<n>[.p/<width>], tile/entries/<n>[.p/<width>]: full tiles never change, so that a later export
into the same folder only adds; the checkpoint is written last.
"""

from pathlib import Path

from gateway.audit.merkle import TILE_HEIGHT, TILE_WIDTH
from gateway.audit.tiles import hashes, tile_path
from gateway.errors import AuditUnavailable, EntryArchived
from gateway.store import LogReader, State, StoreFailed, archive_of, reading_log

LENGTH_BYTES = 2


def export_log(state: State, folder: Path) -> int:
    """Write one moment of the log; returns its size. Blocking. Raises AuditUnavailable, EntryArchived, OSError."""
    try:
        with reading_log(state) as reader:
            head = reader.head()
            if head is None:
                raise AuditUnavailable(operator="the log has no head that can be read")
            for n, width in _tiles(head.size):
                bodies = reader.bodies(n * TILE_WIDTH, n * TILE_WIDTH + width)
                if not all(bodies):
                    index = n * TILE_WIDTH + bodies.index(b"")
                    raise EntryArchived(index=index, archive=archive_of(state, index))
                bundle = b"".join(len(body).to_bytes(LENGTH_BYTES, "big") + body for body in bodies)
                put(folder / tile_path("entries", n, width), bundle)
            export_hashes(reader, head.size, folder)
            put(folder / "checkpoint", head.note)
            return head.size
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None


def _tiles(count: int) -> list[tuple[int, int]]:
    """Number and width of each tile over `count` hashes."""
    full, rest = divmod(count, TILE_WIDTH)
    return [(n, TILE_WIDTH) for n in range(full)] + ([(full, rest)] if rest else [])


def export_hashes(reader: LogReader, size: int, folder: Path) -> None:
    """The tiles of a tree of `size`."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        for n, width in _tiles(count):
            if width == TILE_WIDTH:
                data = reader.tiles(level, n, n + 1)[0]
            else:
                data = b"".join(hashes(reader, level, n * TILE_WIDTH, n * TILE_WIDTH + width))
            put(folder / tile_path(level, n, width), data)
        level += 1


def put(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
