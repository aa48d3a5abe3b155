"""Subtree proofs of draft-ietf-plants-merkle-tree-certs, by transparency-dev/merkle's vectors (data/mtc_*.json).

Langqiao makes no subtree proofs, and has no code for them. The vectors are used for what ours must do:

* A subtree [start, end) is a tree of its own, so that each of the 204 inclusion cases is an inclusion proof of leaf
  `index - start` in a tree of `end - start`, once the range is looked at.
* Of the 118 consistency cases those from 0 are consistency proofs. The others are ranges that are no subtree, or empty
  ones. The draft accepts an empty subtree; ours refuses each proof from an empty tree, for it shows nothing: six cases
  are judged otherwise, on purpose, and counted.
* The accumulators go over every subtree of every tree to 130 leaves: subtree hashes are `range_root`, inclusion is
  `prove_inclusion` over shifted leaves, and consistency is the draft's recursion here over `range_root`, which for
  subtrees from 0 must also be `prove_consistency`. The draft's digests of before and of since it left empty subtrees
  out are both met. Covering subtrees are pairs of numbers: nothing of ours makes them; here they are cut by the
  draft's rule, meet its newer digest, and must hash together to what `range_root` says. Its older digest of coverings
  is of a text that is not known here, and is the one value of the vectors that is not met.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.merkle import (
    ProofInvalid,
    fold,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    range_root,
    tile_root,
    verify_consistency,
    verify_inclusion,
)

_DATA = Path(__file__).parent / "data"
MOST = 130


def _vectors(name: str) -> Any:
    return json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))


INCLUSION = _vectors("mtc_subtreeinclusion")["cases"]
CONSISTENCY = _vectors("mtc_subtreeconsistency")["cases"]
ACCUMULATORS = _vectors("c2sp_examples")["mtc_accumulators_n_0_130"]
# the same over subtrees that are not empty: transparency-dev/merkle testonly/vectors_test.go @1c243046, Apache-2.0
WITHOUT_EMPTY = {
    "subtree_hash": "94a95384a8c69acea9b50d035a58285b3a777cb7a724005faa5e1f1e1190007f",
    "subtree_consistency": "c586ebbb73a5621baf2140095d87dde934e3b6503a562a1a5215b8209edd083d",
    "covering": "e0aecb912a10c57d753b6ecc64db73217f9bc4ed10fcb4e9062be3b6fbe1ebfd",
}
LEAVES = [leaf_hash(bytes([number])) for number in range(MOST)]


def _bytes(text: str | None) -> bytes:
    if not text:
        return b""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return base64.b64decode(text)


def _proof(case: dict[str, Any]) -> list[bytes]:
    return [_bytes(one) for one in case["proof"] or []]


def is_subtree(start: int, end: int) -> bool:
    """The draft's rule: `start` is a multiple of the least power of two that is not below the subtree's width."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _judged(case: dict[str, Any]) -> bool:
    start, end = case["start"], case["end"]
    try:
        if "leafIdx" in case:
            if not is_subtree(start, end):
                raise ProofInvalid("no subtree")
            leaf, root = _bytes(case["leafHash"]), _bytes(case["root"])
            verify_inclusion(case["leafIdx"] - start, end - start, leaf, _proof(case), root)
        else:
            if start and not is_subtree(start, end):
                raise ProofInvalid("no subtree")
            assert start == 0, "no vector has another"
            roots = _bytes(case["root1"]), _bytes(case["root2"])
            verify_consistency(end, case["size"], _proof(case), *roots)
    except ProofInvalid:
        return False
    return True


@pytest.mark.parametrize("case", INCLUSION, ids=lambda case: case["file"].removeprefix("testdata/subtreeinclusion/"))
def test_inclusion_in_a_subtree_is_inclusion_in_a_tree(case: dict[str, Any]) -> None:
    assert _judged(case) is not case["wantErr"]


def _is_empty_and_accepted(case: dict[str, Any]) -> bool:
    return case["start"] == case["end"] and not case["wantErr"]


@pytest.mark.parametrize(
    "case", CONSISTENCY, ids=lambda case: case["file"].removeprefix("testdata/subtreeconsistency/")
)
def test_consistency_from_the_first_leaf_is_consistency_of_trees(case: dict[str, Any]) -> None:
    if _is_empty_and_accepted(case):
        assert not _judged(case), "a proof from an empty tree shows nothing, and is refused here"
    else:
        assert _judged(case) is not case["wantErr"]


def test_every_case_is_there_and_those_judged_otherwise_are_six() -> None:
    assert (len(INCLUSION), len(CONSISTENCY)) == (204, 118)
    assert sum(case["wantErr"] for case in INCLUSION) == 192
    assert sum(case["wantErr"] for case in CONSISTENCY) == 106
    assert sum(map(_is_empty_and_accepted, CONSISTENCY)) == 6


# ------------------------------------------------------------------ accumulators
def _node(height: int, position: int) -> bytes:
    key = (height, position)
    if key not in _NODES:
        begin = position << height
        _NODES[key] = tile_root(LEAVES[begin : begin + (1 << height)])
    return _NODES[key]


_NODES: dict[tuple[int, int], bytes] = {}


def _subtrees(end_at_most: int, *, with_empty: bool = False) -> Iterator[tuple[int, int]]:
    for end in range(end_at_most + 1):
        yield from ((start, end) for start in range(end) if is_subtree(start, end))
        if with_empty:
            yield end, end


def _line(head: str, proof: tuple[bytes, ...] | list[bytes]) -> bytes:
    return "".join([head, *(f" {one.hex()}" for one in proof), "\n"]).encode()


@pytest.mark.parametrize("wanted", [ACCUMULATORS, WITHOUT_EMPTY], ids=["with-empty", "without-empty"])
def test_the_hashes_of_all_subtrees_accumulate_to_the_drafts_digest(wanted: dict[str, str]) -> None:
    digest = hashlib.sha256()
    for start, end in _subtrees(MOST, with_empty=wanted is ACCUMULATORS):
        digest.update(_line(f"[{start}, {end})", [range_root(start, end, _node)]))
    assert digest.hexdigest() == wanted["subtree_hash"]


def test_all_inclusion_proofs_accumulate_to_the_drafts_digest() -> None:
    digest = hashlib.sha256()
    for start, end in _subtrees(MOST):

        def shifted(height: int, position: int, start: int = start) -> bytes:
            return _node(height, position + (start >> height))

        for index in range(start, end):
            digest.update(_line(f"{index} [{start}, {end})", prove_inclusion(index - start, end - start, shifted)))
    assert digest.hexdigest() == ACCUMULATORS["subtree_inclusion"]


def subtree_proof(start: int, end: int, begin: int, stop: int, *, is_known: bool) -> list[bytes]:
    """SUBTREE_SUBPROOF of the draft, over leaves [begin, stop) of the tree."""
    if (start, end) == (begin, stop):
        return [] if is_known else [range_root(start, end, _node)]
    middle = begin + (1 << (stop - begin - 1).bit_length() - 1)
    left, right = range_root(begin, middle, _node), range_root(middle, stop, _node)
    if end <= middle:
        return [*subtree_proof(start, end, begin, middle, is_known=is_known), right]
    if middle <= start:
        return [*subtree_proof(start, end, middle, stop, is_known=is_known), left]
    return [*subtree_proof(middle, end, middle, stop, is_known=False), left]


@pytest.mark.parametrize("wanted", [ACCUMULATORS, WITHOUT_EMPTY], ids=["with-empty", "without-empty"])
def test_all_consistency_proofs_accumulate_to_the_drafts_digest(wanted: dict[str, str]) -> None:
    digest = hashlib.sha256()
    for size in range(MOST + 1):
        for start, end in _subtrees(size, with_empty=wanted is ACCUMULATORS):
            proof = subtree_proof(start, end, 0, size, is_known=True) if start < end else []
            if start == 0 and end:
                assert tuple(proof) == prove_consistency(end, size, _node)
            digest.update(_line(f"[{start}, {end}) {size}", proof))
    assert digest.hexdigest() == wanted["subtree_consistency"]


def covering(start: int, end: int) -> list[tuple[int, int]]:
    """The one or two subtrees that the draft covers a range with."""
    if is_subtree(start, end):
        return [(start, end)]
    middle = (end - 1) >> (split := (start ^ (end - 1)).bit_length() - 1) << split
    width = (~start & ((1 << split) - 1)).bit_length()
    return [(start >> width << width, middle), (middle, end)]


def test_all_coverings_accumulate_to_the_drafts_digest_and_cover_their_ranges() -> None:
    digest = hashlib.sha256()
    for end in range(1, MOST + 1):
        for start in range(end):
            parts = covering(start, end)
            assert all(is_subtree(*part) for part in parts)
            assert (parts[0][0] <= start, parts[-1][1]) == (True, end)
            digest.update(_line(" ".join(f"[{one}, {other})" for one, other in parts), []))
            if start == 0:
                assert range_root(0, end, _node) == fold([range_root(*part, _node) for part in parts])
    assert digest.hexdigest() == WITHOUT_EMPTY["covering"]
