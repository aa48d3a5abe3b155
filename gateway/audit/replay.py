"""Leaf hashes in order -> the tree that they make, held against tiles and signed roots on the way. Pure.

Finds the first entry that is not as it was signed for, as closely as tiles and checkpoints tell.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from sys import maxsize

from gateway.audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Frontier, FullTile
from gateway.audit.tiles import split_tile
from gateway.errors import Words

TileReader = Callable[[int, int], bytes | None]
"""Level and number of a full tile -> its bytes as they are kept."""


class Unsound(Exception):
    """The first fault: at which entry, and what."""

    def __init__(self, index: int, fault: Words) -> None:
        super().__init__(fault[0])
        self.index = index
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Expected:
    """A root that the tree must have at some size, and who says so."""

    root: bytes
    said_by: Words


class Replay:
    """Takes the leaf hashes of entries in order; raises Unsound at the first fault."""

    def __init__(self, tile: TileReader, expected: Mapping[int, Expected]) -> None:
        self._tile = tile
        self._expected = expected
        self._sizes = sorted(expected)
        self._frontier = Frontier()
        self._leaves: list[bytes] = []
        self._trusted = 0  # everything before is covered by a root that fits

    @property
    def size(self) -> int:
        """How many entries were taken."""
        return self._frontier.size + len(self._leaves)

    @property
    def trusted(self) -> int:
        """How many entries are covered by a root that fits."""
        return self._trusted

    def take(self, leaves: Iterable[bytes]) -> None:
        """The leaf hashes of the next entries."""
        following = iter(leaves)
        while True:
            size = self.size
            stop = min(size + TILE_WIDTH - size % TILE_WIDTH, self._next_expected(size))
            self._leaves.extend(islice(following, stop - size))
            if self.size < stop:
                return
            self._grow()
            if stop in self._expected:
                self._check_root(self._expected[stop])

    def finish(self) -> Frontier:
        """The tree over everything that was taken."""
        self._grow()
        return self._frontier

    def _next_expected(self, size: int) -> int:
        at = bisect_right(self._sizes, size)
        return self._sizes[at] if at < len(self._sizes) else maxsize

    def _grow(self) -> None:
        self._frontier, filled = self._frontier.extended(self._leaves)
        self._leaves = []
        for tile in filled:
            self._check_tile(tile)

    def _check_tile(self, tile: FullTile) -> None:
        kept = self._tile(tile.level, tile.n)
        if kept is not None and kept != tile.data:
            raise Unsound(first_difference(tile.level, tile.n, split_tile(tile.data), kept), TILE_DIFFERS)
        if kept is None:
            begin = tile.n << TILE_HEIGHT * (tile.level + 1)
            raise Unsound(begin, (f"tile {tile.level}/{tile.n} is missing", f"缺少树片 {tile.level}/{tile.n}"))

    def _check_root(self, expected: Expected) -> None:
        size = self._frontier.size
        if self._frontier.root() != expected.root:
            self._check_unfinished_tile()
            said = expected.said_by
            raise Unsound(
                self._trusted,
                (
                    f"from here to entry {size - 1} something is not what {said[0]} was made for",
                    f"自此至第 {size - 1} 条之间有内容与{said[1]}不符",
                ),
            )
        self._trusted = size

    def _check_unfinished_tile(self) -> None:
        """Where the entries' tile was filled later, it tells more closely which of them it is."""
        n, edge = self._frontier.size // TILE_WIDTH, self._frontier.edges[0]
        kept = self._tile(0, n)
        if kept is not None and kept[: len(edge) * HASH_BYTES] != b"".join(edge):
            raise Unsound(first_difference(0, n, list(edge), kept), TILE_DIFFERS)


TILE_DIFFERS: Words = ("it is not the entry that its tile was made for", "与其所在树片不符")


def first_difference(level: int, n: int, computed: list[bytes], kept: bytes) -> int:
    """The first entry under the first hash of a tile that differs."""
    row = split_tile(kept)
    at = next((at for at, one in enumerate(computed) if at >= len(row) or row[at] != one), 0)
    return (n * TILE_WIDTH + at) << TILE_HEIGHT * level
