"""C2SP signed notes, checkpoints and tiles: their own examples and Tessera's golden log (data/ says where)."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import verify_export
from gateway.audit.checkpoint import CheckpointInvalid, checkpoint_of, read_checkpoint
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.audit.proof_text import (
    ReceiptText,
    TextMalformed,
    read_consistency,
    read_inclusion,
    write_consistency,
)
from gateway.audit.proofs import ExportedProofs, check_consistency, check_inclusion
from gateway.audit.tiles import tile_path
from gateway.keys import CosignatureVerifier, NoteVerifier, read_base64, split_note
from tests.lone_verifier import run_verifier

_DATA = Path(__file__).parent / "data"


def _vectors(name: str) -> Any:
    return json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))


C2SP = _vectors("c2sp_examples")
GOLDEN = _vectors("tlog_tiles_golden_log")
FILES = {name: base64.b64decode(content) for name, content in GOLDEN["files_b64"].items()}
VKEY = GOLDEN["_"]["vkey"]


def test_the_specifications_note_verifies() -> None:
    note = C2SP["signed_note"]
    verifier = NoteVerifier.from_vkey(note["vkey"])
    assert verifier.verify(note["note"]) == "This is an example message.\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [("example message", "example massage"), ("Uw2QOkn8", "Uw2QOkn9"), ("\n\n", "\n"), ("\u2014 ", "- "), ("=\n", "=")],
)
def test_a_changed_note_does_not_verify(old: str, new: str) -> None:
    note = C2SP["signed_note"]
    assert old in note["note"]
    with pytest.raises(ValueError, match=r"\w"):
        NoteVerifier.from_vkey(note["vkey"]).verify(note["note"].replace(old, new, 1))


def test_a_verifier_key_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\w"):
        NoteVerifier.from_vkey(C2SP["signed_note"]["vkey"].replace("foo", "bar"))


@pytest.mark.parametrize(("level", "n", "width", "path"), C2SP["tile_paths"])
def test_tile_paths_are_the_specifications(level: int, n: int, width: int, path: str) -> None:
    assert tile_path(level, n, width) == path


def _golden_bodies() -> list[bytes]:
    bundle = FILES["tile/entries/000.p/15"]
    bodies = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        bodies.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return bodies


def test_every_root_and_signature_of_the_golden_log_is_ours_too() -> None:
    verifier = NoteVerifier.from_vkey(VKEY)
    frontier = Frontier()
    bodies = _golden_bodies()
    assert len(bodies) == 15
    for size in range(16):
        if size:
            frontier, _ = frontier.extended([leaf_hash(bodies[size - 1])])
        checkpoint = read_checkpoint(FILES[f"checkpoint.{size}"], verifier)
        assert (checkpoint.size, checkpoint.root) == (size, frontier.root())


def test_a_checkpoint_of_another_origin_is_refused() -> None:
    other = NoteVerifier.from_vkey(C2SP["signed_note"]["vkey"])
    with pytest.raises(CheckpointInvalid):
        read_checkpoint(FILES["checkpoint"], other)


def _written(folder: Path) -> Path:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_the_golden_log_verifies_as_an_export(tmp_path: Path) -> None:
    found = verify_export(_written(tmp_path), VKEY)
    assert found.is_sound, found.text()
    assert found.size == 15


@pytest.mark.parametrize("index", [0, 7, 14])
def test_a_changed_entry_of_the_golden_log_is_named(tmp_path: Path, index: int) -> None:
    bodies = _golden_bodies()
    bodies[index] = bytes([bodies[index][0] ^ 1]) + bodies[index][1:]
    bundle = b"".join(len(body).to_bytes(2, "big") + body for body in bodies)
    (_written(tmp_path) / "tile/entries/000.p/15").write_bytes(bundle)
    found = verify_export(tmp_path, VKEY)
    assert not found.is_sound
    assert found.first_bad == index


@pytest.mark.parametrize("sizes", C2SP["tile_widths"], ids=lambda sizes: f"size-{sizes['size']}")
def test_tiles_of_a_size_are_the_specifications(sizes: dict[str, int]) -> None:
    """`level0_full` tiles of level 0 and one of width `level0_partial`; what is not told is none."""
    size = sizes["size"]
    for level in range(4):
        full, partial = divmod(size >> 8 * level, 256)
        assert full == sizes.get(f"level{level}_full", 0)
        assert partial == sizes.get(f"level{level}_partial", 0)
    leaves = [size.to_bytes(32, "big")] * size
    frontier, filled = Frontier().extended(leaves)
    assert [len(edge) for edge in frontier.edges if edge] == [
        sizes[key] for key in sorted(sizes) if key.endswith("_partial")
    ]
    assert len(filled) == sum(count for key, count in sizes.items() if key.endswith("_full"))


def test_every_file_of_the_golden_log_is_used() -> None:
    """16 checkpoints, the newest of them twice; 15 tiles and 15 bundles: of each size the partial one."""
    parts = {f"tile/{level}/000.p/{width}" for level in ("0", "entries") for width in range(1, 16)}
    assert set(FILES) == parts | {f"checkpoint.{size}" for size in range(16)} | {"checkpoint"}
    assert FILES["checkpoint"] == FILES["checkpoint.15"]


@pytest.mark.parametrize("size", range(1, 16))
def test_the_golden_log_verifies_at_each_of_its_sizes_by_both_programs(tmp_path: Path, size: int) -> None:
    (_written(tmp_path) / "checkpoint").write_bytes(FILES[f"checkpoint.{size}"])
    found = verify_export(tmp_path, VKEY)
    assert found.is_sound, found.text()
    assert found.size == size
    alone = run_verifier("export", tmp_path, "--key", VKEY)
    assert (alone.status, alone.said.split(" entries")[0]) == (0, f"sound: {size}")


def test_proofs_out_of_the_golden_logs_tiles_lead_to_its_roots(tmp_path: Path) -> None:
    verifier = NoteVerifier.from_vkey(VKEY)
    folder = _written(tmp_path)
    leaves = [leaf_hash(body) for body in _golden_bodies()]
    for size in range(1, 16):
        (folder / "checkpoint").write_bytes(FILES[f"checkpoint.{size}"])
        proofs = ExportedProofs(folder, verifier)
        for index in range(size):
            proof = read_inclusion(proofs.inclusion(index))
            check_inclusion(proof, ReceiptText(verifier.name, index, leaves[index]), verifier)
        newer = read_checkpoint(FILES[f"checkpoint.{size}"], verifier)
        for older in range(1, size + 1):
            check_consistency(proofs.consistency(older), read_checkpoint(FILES[f"checkpoint.{older}"], verifier), newer)


def test_a_key_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not an Ed25519 verifier key of this kind"):
        CosignatureVerifier.from_vkey(VKEY)


# tlog-cosignature.md's example: it can be read; its key is not published, so that it can't be verified
COSIGNED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501


def test_the_specifications_cosigned_checkpoint_is_read() -> None:
    text, lines = split_note(COSIGNED)
    assert (checkpoint_of(text).size, len(lines)) == (20852163, 2)
    signed = read_base64(lines[1].split(" ")[2])
    assert len(signed) == 4 + 8 + 64
    assert int.from_bytes(signed[4:12], "big") == 1679315147  # the time of the specification's signed message


# tlog-witness.md's example request
ADD_CHECKPOINT = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\N{EM DASH} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501


def test_the_specifications_request_to_a_witness_is_read_and_written_alike() -> None:
    read = read_consistency(ADD_CHECKPOINT)
    assert (read.older, len(read.hashes)) == (20852014, 4)
    assert write_consistency(read.older, read.hashes, read.note) == ADD_CHECKPOINT


def _told(hashes: list[str]) -> str:
    lines = "".join(f"{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}\n" for one in hashes)
    return f"c2sp.org/tlog-proof@v1\nindex {len(hashes)}\n{lines}\ntest checkpoint\n"


@pytest.mark.parametrize("hashes", [[], ["hash1"], ["hash1", "hash2"], ["hash1", "hash2", "hash3"]])
def test_a_proof_without_extra_data_is_read(hashes: list[str]) -> None:
    """As transparency-dev/merkle proof/tlog_proof_test.go @0db3ecde writes them."""
    read = read_inclusion(_told(hashes))
    assert (read.index, len(read.hashes), read.note, read.receipt) == (
        len(hashes),
        len(hashes),
        "test checkpoint\n",
        None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "wrong-header\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 05\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{base64.b64encode(bytes(64)).decode()}\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
    ],
)
def test_what_is_no_proof_is_refused_by_both_programs(tmp_path: Path, text: str) -> None:
    """The cases of the same file that must fail, and two more."""
    with pytest.raises(TextMalformed):
        read_inclusion(text)
    path = tmp_path / "p.tlog-proof"
    path.write_text(text, encoding="utf-8")
    assert run_verifier("receipt", path, "--key", VKEY).status == 1
