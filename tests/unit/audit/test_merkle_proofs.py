"""The tree against RFC 6962's own recursion, written out naively."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    FullTile,
    ProofInvalid,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    tile_root,
    verify_consistency,
    verify_inclusion,
)
from gateway.audit.tiles import TileNodes, read_frontier

LEAVES = [leaf_hash(bytes([number % 256, number // 256])) for number in range(1200)]
MOST = 70


def _split(size: int) -> int:
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return node_hash(naive_root(leaves[:middle]), naive_root(leaves[middle:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*naive_path(index, leaves[:middle]), naive_root(leaves[middle:])]
    return [*naive_path(index - middle, leaves[middle:]), naive_root(leaves[:middle])]


def naive_consistency(older: int, leaves: list[bytes], *, is_whole: bool = True) -> list[bytes]:
    if older == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    middle = _split(len(leaves))
    if older <= middle:
        return [*naive_consistency(older, leaves[:middle], is_whole=is_whole), naive_root(leaves[middle:])]
    return [*naive_consistency(older - middle, leaves[middle:], is_whole=False), naive_root(leaves[:middle])]


def node(height: int, position: int) -> bytes:
    return tile_root(LEAVES[position << height : (position + 1) << height])


ROOTS = [naive_root(LEAVES[:size]) for size in range(MOST + 1)]


def test_every_inclusion_proof_up_to_seventy_is_the_naive_one_and_verifies() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = prove_inclusion(index, size, node)
            assert list(proof) == naive_path(index, LEAVES[:size])
            verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


def test_every_consistency_proof_up_to_seventy_is_the_naive_one_and_verifies() -> None:
    for newer in range(1, MOST + 1):
        for older in range(1, newer + 1):
            proof = prove_consistency(older, newer, node)
            assert list(proof) == naive_consistency(older, LEAVES[:newer])
            verify_consistency(older, newer, proof, ROOTS[older], ROOTS[newer])


@given(data=st.data(), size=st.integers(1, MOST))
def test_a_proof_with_any_bit_changed_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    older = data.draw(st.integers(1, size))

    def is_included(proof: Sequence[bytes]) -> None:
        verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])

    def is_consistent(proof: Sequence[bytes]) -> None:
        verify_consistency(older, size, proof, ROOTS[older], ROOTS[size])

    trials: list[tuple[tuple[bytes, ...], Callable[[Sequence[bytes]], None]]] = [
        (prove_inclusion(index, size, node), is_included),
        (prove_consistency(older, size, node), is_consistent),
    ]
    for proof, verify in trials:
        verify(proof)
        if not proof:
            continue
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        changed = bytearray(proof[at])
        changed[bit // 8] ^= 1 << bit % 8
        for bad in ([*proof[:at], bytes(changed), *proof[at + 1 :]], proof[:-1], [*proof, proof[-1]]):
            try:
                verify(bad)
            except ProofInvalid:
                continue
            raise AssertionError((index, older, size))


@given(cuts=st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=60)
def test_a_tree_is_the_same_however_its_leaves_come(cuts: list[int]) -> None:
    frontier, begin = Frontier(), 0
    tiles: list[FullTile] = []
    for cut in [*cuts, len(LEAVES)]:
        frontier, filled = frontier.extended(LEAVES[begin : min(begin + cut, len(LEAVES))])
        tiles += filled
        begin = frontier.size
    whole, all_tiles = Frontier().extended(LEAVES[: frontier.size])
    assert (frontier, tuple(tiles)) == (whole, all_tiles)
    assert frontier.root() == naive_root(LEAVES[: frontier.size])


class _Tiles:
    """Leaves and full tiles of a list, as a database keeps them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves
        self._tiles = {(tile.level, tile.n): tile.data for tile in Frontier().extended(leaves)[1]}

    def leaves(self, begin: int, end: int) -> list[bytes]:
        return self._leaves[begin:end]

    def tiles(self, level: int, begin: int, end: int) -> list[bytes]:
        return [self._tiles[level, n] for n in range(begin, end)]


@given(size=st.one_of(st.integers(1, 1200), st.sampled_from([255, 256, 257, 511, 512, 513, 1024])), data=st.data())
@settings(max_examples=60)
def test_proofs_and_edge_read_from_tiles_are_those_of_the_leaves(size: int, data: st.DataObject) -> None:
    store = _Tiles(LEAVES[:size])
    root = Frontier().extended(LEAVES[:size])[0].root()
    assert read_frontier(store, size).root() == root
    index, older = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    nodes = TileNodes(store, size)
    verify_inclusion(index, size, LEAVES[index], prove_inclusion(index, size, nodes), root)
    older_root = Frontier().extended(LEAVES[:older])[0].root()
    verify_consistency(older, size, prove_consistency(older, size, nodes), older_root, root)
    # the proof of an older size is made from the newer tree's tiles, too
    verify_inclusion(older - 1, older, LEAVES[older - 1], prove_inclusion(older - 1, older, nodes), older_root)


def test_a_tree_of_more_than_one_level_of_tiles_reads_back() -> None:
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(256 * 256 + 300)]
    frontier, tiles = Frontier().extended(leaves)
    assert {(tile.level, tile.n) for tile in tiles} == {(0, n) for n in range(257)} | {(1, 0)}
    assert read_frontier(_Tiles(leaves), len(leaves)) == frontier
