"""Tiles (c2sp.org/tlog-tiles): their paths, and the nodes of a tree read out of them.

A tile of level L holds hashes of height 8*L. Only full tiles are kept; unfinished ones are made from what is below.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Frontier, tile_root


class TileStore(Protocol):
    """Leaf hashes and full tiles of one moment; raises where one is missing."""

    def leaves(self, begin: int, end: int) -> Sequence[bytes]:
        """Leaf hashes [begin, end)."""
        ...

    def tiles(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        """Full tiles [begin, end) of a level."""
        ...


def tile_path(level: int | str, n: int, width: int = TILE_WIDTH) -> str:
    """`tile/<level>/<n>[.p/<width>]` with `n` in groups of three digits; `level` is `entries` for bundles."""
    parts = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        parts.insert(0, f"x{n % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def split_tile(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def hashes(store: TileStore, level: int, begin: int, end: int) -> list[bytes]:
    """Hashes [begin, end) of a tile level, all within one tile."""
    if level == 0:
        return list(store.leaves(begin, end))
    return [tile_root(split_tile(data)) for data in store.tiles(level - 1, begin, end)]


def read_frontier(store: TileStore, size: int) -> Frontier:
    """The right edge of a tree of `size`, from its unfinished tiles."""
    edges, level = [], 0
    while size >> TILE_HEIGHT * level:
        end = size >> TILE_HEIGHT * level
        edges.append(hashes(store, level, end - end % TILE_WIDTH, end))
        level += 1
    return Frontier.of_edges(size, edges)


class TileNodes:
    """Reads nodes of a tree of `size` (a NodeReader), each tile once."""

    def __init__(self, store: TileStore, size: int) -> None:
        self._store = store
        self._size = size
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, height: int, position: int) -> bytes:
        """The hash of a perfect subtree that lies within the tree."""
        level, rest = divmod(height, TILE_HEIGHT)
        begin = position << rest
        row = self._row(level, begin // TILE_WIDTH)
        at = begin % TILE_WIDTH
        return tile_root(row[at : at + (1 << rest)])

    def _row(self, level: int, n: int) -> list[bytes]:
        if (level, n) not in self._rows:
            end = min(self._size >> TILE_HEIGHT * level, (n + 1) * TILE_WIDTH)
            if end == (n + 1) * TILE_WIDTH:
                row = split_tile(self._store.tiles(level, n, n + 1)[0])
            else:
                row = hashes(self._store, level, n * TILE_WIDTH, end)
            self._rows[level, n] = row
        return self._rows[level, n]
