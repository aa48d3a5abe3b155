"""RFC 6962 trees and proofs against transparency-dev/merkle's vectors (data/rfc6962_*.json say which commit)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofInvalid,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.lone_verifier import LONE

_DATA = Path(__file__).parent / "data"


def _vectors(name: str) -> Any:
    return json.loads((_DATA / f"rfc6962_{name}.json").read_text(encoding="utf-8"))


TREE = _vectors("tree")
INCLUSION = _vectors("inclusion")["cases"]
CONSISTENCY = _vectors("consistency")["cases"]


def _bytes(text: str | None) -> bytes:
    if not text:
        return b""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return base64.b64decode(text)


def _proof(case: dict[str, Any]) -> list[bytes]:
    return [_bytes(one) for one in case["proof"] or []]


def test_the_vectors_are_whole() -> None:
    assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)
    assert sum(case["wantErr"] for case in INCLUSION) == 92
    assert sum(case["wantErr"] for case in CONSISTENCY) == 92


@pytest.mark.parametrize("case", TREE["hasher"], ids=lambda case: f"{case['op']}-{case['want'][:8]}")
def test_the_hasher_agrees(case: dict[str, str]) -> None:
    match case["op"]:
        case "empty_root":
            found = EMPTY_ROOT
        case "leaf":
            found = leaf_hash(bytes.fromhex(case["data_hex"]))
        case _:
            found = node_hash(bytes.fromhex(case["left_hex"]), bytes.fromhex(case["right_hex"]))
    assert found.hex() == case["want"]


def test_roots_of_growing_trees_agree() -> None:
    frontier = Frontier()
    roots = [frontier.root().hex()]
    for text in TREE["leaf_inputs_hex"]:
        frontier, _ = frontier.extended([leaf_hash(bytes.fromhex(text))])
        roots.append(frontier.root().hex())
    assert roots == TREE["root_hashes_hex_by_size"]


@pytest.mark.parametrize("case", INCLUSION, ids=lambda case: case["file"].removeprefix("testdata/inclusion/"))
def test_inclusion_proofs_are_judged_alike(case: dict[str, Any]) -> None:
    def verify() -> None:
        leaf, root = _bytes(case["leafHash"]), _bytes(case["root"])
        verify_inclusion(case["leafIdx"], case["treeSize"], leaf, _proof(case), root)

    if case["wantErr"]:
        with pytest.raises(ProofInvalid):
            verify()
    else:
        verify()


@pytest.mark.parametrize("case", CONSISTENCY, ids=lambda case: case["file"].removeprefix("testdata/consistency/"))
def test_consistency_proofs_are_judged_alike(case: dict[str, Any]) -> None:
    def verify() -> None:
        roots = _bytes(case["root1"]), _bytes(case["root2"])
        verify_consistency(case["size1"], case["size2"], _proof(case), *roots)

    if case["wantErr"]:
        with pytest.raises(ProofInvalid):
            verify()
    else:
        verify()


@pytest.mark.parametrize("case", INCLUSION, ids=lambda case: case["file"].removeprefix("testdata/inclusion/"))
def test_the_lone_verifier_judges_inclusion_alike(case: dict[str, Any]) -> None:
    leaf, root = _bytes(case["leafHash"]), _bytes(case["root"])
    assert LONE.check_inclusion(case["leafIdx"], case["treeSize"], leaf, _proof(case), root) is not case["wantErr"]


@pytest.mark.parametrize("case", CONSISTENCY, ids=lambda case: case["file"].removeprefix("testdata/consistency/"))
def test_the_lone_verifier_judges_consistency_alike(case: dict[str, Any]) -> None:
    """But for the empty log: every log continues it, as a witness has it."""
    older = LONE.Checkpoint("o", case["size1"], _bytes(case["root1"]))
    newer = LONE.Checkpoint("o", case["size2"], _bytes(case["root2"]))
    is_from_empty = case["size1"] == 0 and older.root == EMPTY_ROOT and not case["proof"]
    assert LONE.check_consistency(older, newer, _proof(case)) is (is_from_empty or not case["wantErr"])


@pytest.mark.parametrize("newer", [0, 1, 8])
def test_nothing_is_shown_by_a_proof_from_the_empty_tree(newer: int) -> None:
    root = bytes.fromhex(TREE["root_hashes_hex_by_size"][newer])
    with pytest.raises(ProofInvalid):
        verify_consistency(0, newer, [], EMPTY_ROOT, root)
