"""C2SP signed notes, checkpoints and tiles: their own examples and Tessera's golden log (data/ says where)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import verify_export
from gateway.audit.checkpoint import CheckpointInvalid, read_checkpoint
from gateway.audit.merkle import Frontier, leaf_hash
from gateway.audit.tiles import tile_path
from gateway.keys import NoteVerifier

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
