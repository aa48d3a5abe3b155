"""RFC 6962 / RFC 9162 trees: hashes, the growing right edge, proofs and their verification. Pure.

Nodes are named by (height, position): the perfect subtree over leaves [position << height, (position + 1) << height).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Self

HASH_BYTES = 32
TILE_WIDTH = 256
TILE_HEIGHT = 8
EMPTY_ROOT = hashlib.sha256(b"").digest()
_LEAF, _NODE = hashlib.sha256(b"\x00"), hashlib.sha256(b"\x01")
_PAIR = 2 * HASH_BYTES

NodeReader = Callable[[int, int], bytes]
"""Height and position -> hash of a perfect subtree."""


class ProofInvalid(ValueError):
    """The proof does not show what it should."""


def leaf_hash(body: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 || d)."""
    return hashlib.sha256(b"\x00" + body).digest()


def leaf_hashes(bodies: Iterable[bytes]) -> list[bytes]:
    """Of each; what they all begin with is hashed once, and no body is copied."""
    return _hashes(_LEAF, bodies)


def _hashes(begun: "hashlib._Hash", texts: Iterable[bytes]) -> list[bytes]:
    copy, hashes = begun.copy, []
    for text in texts:
        one = copy()
        one.update(text)
        hashes.append(one.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = b"".join(hashes)
    while len(row) > HASH_BYTES:
        row = b"".join(_hashes(_NODE, [row[at : at + _PAIR] for at in range(0, len(row), _PAIR)]))
    return row


@dataclass(frozen=True, slots=True)
class FullTile:
    """256 hashes of one level, never to change: `data` is their concatenation."""

    level: int
    n: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that appending needs.

    Growing makes a new value, so that a failed write can't leave a tree behind that is ahead of the database.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()  # roots of the perfect subtrees, largest first (RFC 9162's decomposition)
    edges: tuple[tuple[bytes, ...], ...] = ()  # by tile level: the hashes of the tile that is not full yet

    @classmethod
    def of_edges(cls, size: int, edges: Sequence[Sequence[bytes]]) -> Self:
        """From the unfinished tiles of each level (lowest first)."""
        peaks: list[bytes] = []
        for edge in reversed(edges):
            begin = 0
            for height in reversed(range(TILE_HEIGHT)):
                if len(edge) & (1 << height):
                    peaks.append(tile_root(edge[begin : begin + (1 << height)]))
                    begin += 1 << height
        return cls(size, tuple(peaks), tuple(tuple(edge) for edge in edges))

    def extended(self, leaves: Iterable[bytes]) -> tuple[Self, tuple[FullTile, ...]]:
        """The tree with the leaf hashes appended, and the tiles that this filled."""
        sha256 = hashlib.sha256
        size, peaks, edges = self.size, list(self.peaks), [list(edge) for edge in self.edges]
        filled: list[FullTile] = []
        row = edges[0] if edges else []
        following, tile = iter(leaves), list[bytes]()
        while not row and len(tile := list(islice(following, TILE_WIDTH))) == TILE_WIDTH:
            peak, trailing, size = tile_root(tile), size // TILE_WIDTH, size + TILE_WIDTH
            roots = [peak]
            for height in range(TILE_HEIGHT + 1, TILE_HEIGHT + (trailing ^ (trailing + 1)).bit_length()):
                peak = sha256(b"\x01" + peaks.pop() + peak).digest()
                if not height % TILE_HEIGHT:
                    roots.append(peak)
            peaks.append(peak)
            edges[:1] = [tile]
            _fill(edges, filled, size, roots)
            row = edges[0]
        for leaf in chain(tile, following):
            row.append(leaf)
            peak, trailing, size = leaf, size, size + 1
            if size % TILE_WIDTH:
                while trailing & 1:
                    peak, trailing = sha256(b"\x01" + peaks.pop() + peak).digest(), trailing >> 1
            else:
                roots = []
                for height in range(1, (trailing ^ size).bit_length()):
                    peak = sha256(b"\x01" + peaks.pop() + peak).digest()
                    if not height % TILE_HEIGHT:
                        roots.append(peak)
                edges[:1] = [row]
                _fill(edges, filled, size, roots)
                row = edges[0]
            peaks.append(peak)
        edges[:1] = [row] if row or edges else []
        return type(self)(size, tuple(peaks), tuple(tuple(edge) for edge in edges)), tuple(filled)

    def root(self) -> bytes:
        """MTH of all leaves."""
        return fold(self.peaks)


def _fill(edges: list[list[bytes]], filled: list[FullTile], size: int, roots: Sequence[bytes]) -> None:
    """Take the full tiles out of the edges, lowest first, and carry their roots up."""
    for level, root in enumerate(roots):
        filled.append(FullTile(level, (size >> TILE_HEIGHT * (level + 1)) - 1, b"".join(edges[level])))
        if level + 1 == len(edges):
            edges.append([])
        edges[level + 1].append(root)
        edges[level] = []


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root of a tree from the roots of its perfect subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


# ------------------------------------------------------------------ making proofs
def range_root(begin: int, end: int, node: NodeReader) -> bytes:
    """MTH over leaves [begin, end), a range as the proofs of RFC 9162 cut it."""
    peaks = []
    while begin < end:
        height = (end - begin).bit_length() - 1
        if begin:
            height = min(height, (begin & -begin).bit_length() - 1)
        peaks.append(node(height, begin >> height))
        begin += 1 << height
    return fold(peaks)


def prove_inclusion(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 9162 2.1.3.1; raises ProofInvalid where the leaf is not in the tree."""
    if not 0 <= index < size:
        raise ProofInvalid("no such leaf in this tree")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return tuple(range_root(*part, node) for part in reversed(path))


def prove_consistency(older: int, newer: int, node: NodeReader) -> tuple[bytes, ...]:
    """PROOF(older, D[newer]) of RFC 9162 2.1.4.1; raises ProofInvalid for an empty or larger older tree."""
    if not 0 < older <= newer:
        raise ProofInvalid("no such older tree")
    path, begin, end, is_whole = [], 0, newer, True
    while older != end:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if older <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        path.append((begin, end))
    return tuple(range_root(*part, node) for part in reversed(path))


# ------------------------------------------------------------------ verifying proofs
def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 2.1.3.2; raises ProofInvalid."""
    if not 0 <= index < size:
        raise ProofInvalid("no such leaf in this tree")
    _check_hashes(leaf, root, *proof)
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the proof is too short")
    if found != root:
        raise ProofInvalid("the proof leads to another root")


def verify_consistency(older: int, newer: int, proof: Sequence[bytes], older_root: bytes, newer_root: bytes) -> None:
    """RFC 9162 2.1.4.2; raises ProofInvalid, also for an empty older tree: that proof would show nothing."""
    if not 0 < older <= newer:
        raise ProofInvalid("no such older tree")
    if older == newer:
        if proof or older_root != newer_root:
            raise ProofInvalid("trees of one size with different roots, or a proof where none is needed")
        return
    _check_hashes(older_root, newer_root, *proof)
    if not proof:
        raise ProofInvalid("the proof is empty")
    path = [older_root, *proof] if older & (older - 1) == 0 else list(proof)
    at, last = older - 1, newer - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the proof is too short")
    if before != older_root or after != newer_root:
        raise ProofInvalid("the proof leads to other roots")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid("a hash has 32 bytes")
