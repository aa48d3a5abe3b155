"""An exported folder -> leaf hashes and tiles of one tree (a TileStore). Reads what is there; trusts none of it."""

from pathlib import Path

from gateway.audit.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH
from gateway.audit.tiles import split_tile, tile_path
from gateway.errors import ProofFailed


class ExportedTiles:
    """The tiles of the tree that an export's checkpoint is for."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def leaves(self, begin: int, end: int) -> list[bytes]:
        """Leaf hashes [begin, end), all within one tile; raises ProofFailed."""
        return self._hashes(0, begin // TILE_WIDTH)[begin % TILE_WIDTH :][: end - begin]

    def tiles(self, level: int, begin: int, end: int) -> list[bytes]:
        """Full tiles [begin, end) of a level; raises ProofFailed."""
        return [b"".join(self._hashes(level, n)) for n in range(begin, end)]

    def _hashes(self, level: int, n: int) -> list[bytes]:
        width = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - n * TILE_WIDTH)
        path = tile_path(level, n, width)
        try:
            data = (self._folder / path).read_bytes()
        except OSError:
            data = b""
        if len(data) != width * HASH_BYTES:
            raise ProofFailed(fault=(f"{path} is missing or not whole", f"{path} 缺失或不完整"))
        return split_tile(data)
