"""An export grows step by step, holds only one log, and is whole at every moment; proofs out of it stand alone."""

import asyncio
import base64
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit import export as export_module
from gateway.audit import export_log, verify_export
from gateway.audit.checkpoint import sign_checkpoint
from gateway.audit.proof_text import read_inclusion, read_receipt, write_consistency
from gateway.audit.proofs import ExportedProofs, LogProofs, check_consistency, check_inclusion, signed_checkpoint
from gateway.errors import EntryUnknown, ExportRefused, ProofFailed, SizesUnknown
from gateway.keys import NoteVerifier
from gateway.model.audit import AuditReceipt
from gateway.store import open_state
from tests.audit_logs import House, entry, house, open_log
from tests.key_rings import ring_at
from tests.lone_verifier import run_alone, run_verifier


def grow(home: House, count: int, first: int = 0) -> list[AuditReceipt]:
    async def fill() -> list[AuditReceipt]:
        async with open_log(home) as log:
            receipts = []
            for begin in range(first, first + count, 500):
                end = min(begin + 500, first + count)
                receipts += await asyncio.gather(*(log.append(entry(number)) for number in range(begin, end)))
            return receipts

    return asyncio.run(fill())


def export(home: House, folder: Path) -> int:
    state = open_state(home.url)
    try:
        return export_log(state, folder)
    finally:
        state.close()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_grown_export_is_the_same_as_a_fresh_one_and_rewrites_nothing_that_is_full(tmp_path: Path) -> None:
    home, grown = house(tmp_path), tmp_path / "grown"
    first = 0
    for count in (1, 254, 1, 1, 255, 300):
        grow(home, count, first)
        first += count
        full = {path: path.stat().st_ino for path in grown.rglob("*") if path.is_file() and ".p" not in str(path)}
        assert export(home, grown) == first
        for path, inode in full.items():
            if path.name != "checkpoint":
                assert path.stat().st_ino == inode, path
        fresh = tmp_path / f"fresh-{first}"
        assert export(home, fresh) == first
        assert files(grown) == files(fresh)
        assert verify_export(grown, home.signer.vkey).is_sound
        assert run_verifier("export", grown, "--key", home.signer.vkey).status == 0
    assert export(home, grown) == first, "nothing new is no fault"


def test_an_empty_log_is_exported_and_sound(tmp_path: Path) -> None:
    home = house(tmp_path)
    grow(home, 0)
    assert export(home, tmp_path / "export") == 0
    assert files(tmp_path / "export").keys() == {"checkpoint"}
    assert run_verifier("export", tmp_path / "export", "--key", home.signer.vkey).status == 0
    grow(home, 3)
    assert export(home, tmp_path / "export") == 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = house(tmp_path_factory.mktemp("log"))
    grow(made, 300)
    return made


@pytest.fixture
def exported(home: House, tmp_path: Path) -> Path:
    export(home, tmp_path / "export")
    return tmp_path / "export"


def _refused(home: House, folder: Path, why: str) -> None:
    before = files(folder)
    with pytest.raises(ExportRefused, match=why):
        export(home, folder)
    assert files(folder) == before, "evidence is left as it is"


def test_a_folder_of_a_fork_or_of_a_longer_log_is_refused(home: House, exported: Path, tmp_path: Path) -> None:
    fork = House(folder=tmp_path, url=f"sqlite:///{tmp_path / 'fork.db'}", signer=home.signer, keys=home.keys)
    grow(fork, 301, 7)
    _refused(fork, exported, "a fork")
    shorter = House(folder=tmp_path / "s", url=f"sqlite:///{tmp_path / 'short.db'}", signer=home.signer, keys=home.keys)
    shorter.folder.mkdir()
    grow(shorter, 10)
    _refused(shorter, exported, "only 10")


def test_a_folder_of_another_log_or_of_something_else_is_refused(home: House, tmp_path: Path) -> None:
    for name, content, why in (
        ("letter.txt", "dear", "something else"),
        ("checkpoint", "no note", "can't be read"),
        ("checkpoint", home.signer.sign_note("other.example/log\n0\n" + "A" * 43 + "=\n"), "another log"),
    ):
        folder = tmp_path / f"{name}-{why}".replace(" ", "-").replace("'", "")
        folder.mkdir()
        (folder / name).write_text(content, encoding="utf-8")
        _refused(home, folder, why)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ExportRefused):
        export(home, tmp_path / "file")


def test_an_export_that_is_cut_off_anywhere_leaves_the_one_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = house(tmp_path), tmp_path / "export"
    grow(home, 200)
    export(home, folder)
    grow(home, 400, 200)
    put = export_module.put
    for cut in range(7):
        copy = tmp_path / f"copy-{cut}"
        shutil.copytree(folder, copy)
        done = 0

        def cuts(path: Path, content: bytes, cut: int = cut) -> None:
            nonlocal done
            if done == cut:
                raise OSError(28, "ENOSPC")
            done += 1
            put(path, content)

        with monkeypatch.context() as broken:
            broken.setattr(export_module, "put", cuts)
            with pytest.raises(ExportRefused, match="ENOSPC"):
                export(home, copy)
        found = verify_export(copy, home.signer.vkey)
        assert (found.is_sound, found.size) == (True, 200)
        assert export(home, copy) == 600
        assert verify_export(copy, home.signer.vkey).is_sound


# ------------------------------------------------------------------ proofs
def test_proofs_of_an_export_and_of_the_live_log_say_the_same_and_stand_alone(tmp_path: Path) -> None:
    home, folder = house(tmp_path), tmp_path / "export"
    receipts = grow(home, 300)
    export(home, folder)
    shutil.copy(folder / "checkpoint", tmp_path / "older")
    receipts += grow(home, 300, 300)
    export(home, folder)
    verifier = NoteVerifier.from_vkey(home.signer.vkey)
    state = open_state(home.url)
    live, exported = LogProofs(state), ExportedProofs(folder, verifier)
    try:
        for index in (0, 1, 255, 256, 511, 512, 598, 599):
            text = live.inclusion(index)
            assert text == exported.inclusion(index)
            told = read_receipt(str(receipts[index]))
            assert read_inclusion(text).receipt == told
            assert check_inclusion(read_inclusion(text), told, verifier).size == 600
            (tmp_path / "p").write_text(text, encoding="utf-8")
            alone = run_verifier("receipt", tmp_path / "p", "--key", home.signer.vkey, "--receipt", told)
            assert alone.status == 0, alone
            other = read_receipt(str(receipts[(index + 1) % 600]))
            with pytest.raises(ProofFailed):
                check_inclusion(read_inclusion(text), other, verifier)
            assert run_verifier("receipt", tmp_path / "p", "--key", home.signer.vkey, "--receipt", other).status == 9
        older = signed_checkpoint((tmp_path / "older").read_text(encoding="utf-8"), verifier)
        newer = signed_checkpoint(live.checkpoint(), verifier)
        for proofs in (live, exported):
            check_consistency(proofs.consistency(300), older, newer)
            check_consistency(proofs.consistency(300, 300), older, older)
            for sizes in ((0, 5), (5, 4), (1, 601), (601, 601), (-1, 5)):
                with pytest.raises(SizesUnknown):
                    proofs.consistency(*sizes)
            for index in (-1, 600, 10**17, 10**30):
                with pytest.raises(EntryUnknown):
                    proofs.inclusion(index)
    finally:
        state.close()


def test_the_one_file_needs_nothing_of_ours(home: House, exported: Path, tmp_path: Path) -> None:
    ended = run_alone(tmp_path, "export", exported, "--key", home.signer.vkey)
    assert (ended.status, ended.said.split(" of ")[0]) == (0, "sound: 300 entries"), ended.fault
    bundle = exported / "tile" / "entries" / "000"
    changed = bytearray(bundle.read_bytes())
    changed[40] ^= 1
    bundle.write_bytes(changed)
    ended = run_alone(tmp_path, "export", exported, "--key", home.signer.vkey)
    assert ended.status == 4
    assert "entry 0" in ended.fault
    assert run_alone(tmp_path, "export", exported).status == 2
    assert run_alone(tmp_path, "export", exported, "--key", "no key").status == 2
    assert run_alone(tmp_path, "export", tmp_path / "none", "--key", home.signer.vkey).status == 1


def _flip(path: Path, at: int) -> None:
    changed = bytearray(path.read_bytes())
    changed[at] ^= 1
    path.write_bytes(changed)


def test_each_kind_of_fault_has_its_status_and_names_the_first_bad_entry(home: House, tmp_path: Path) -> None:
    other = ring_at(tmp_path / "ring").log_signer(home.signer.name)
    for what, status, named in (
        ("no checkpoint", 1, None),
        ("another key", 3, None),
        ("a changed entry", 4, 0),
        ("a bundle that is gone", 5, 256),
        ("a changed tile above", 5, 0),
        ("another tree with its tiles", 6, 0),
    ):
        folder = tmp_path / what.replace(" ", "-")
        export(home, folder)
        match what:
            case "no checkpoint":
                (folder / "checkpoint").unlink()
            case "another key":
                root = base64.b64decode((folder / "checkpoint").read_text(encoding="utf-8").split("\n")[2])
                (folder / "checkpoint").write_text(sign_checkpoint(other, 300, root), encoding="utf-8")
            case "a changed entry":
                _flip(folder / "tile/entries/000", 40)
            case "a bundle that is gone":
                (folder / "tile/entries/001.p/44").unlink()
            case "a changed tile above":
                _flip(folder / "tile/1/000.p/1", 3)
            case _:
                fork = House(
                    folder=tmp_path, url=f"sqlite:///{tmp_path / 'fork.db'}", signer=home.signer, keys=home.keys
                )
                grow(fork, 300, 900)
                forked = tmp_path / "forked"
                export(fork, forked)
                shutil.copy(folder / "checkpoint", forked / "checkpoint")
                folder = forked
        ended = run_verifier("export", folder, "--key", home.signer.vkey)
        assert ended.status == status, (what, ended)
        assert named is None or f"entry {named}:" in ended.fault, (what, ended)


def test_a_forked_or_false_proof_of_consistency_is_told_by_its_status(home: House, tmp_path: Path) -> None:
    fork = House(folder=tmp_path, url=f"sqlite:///{tmp_path / 'fork.db'}", signer=home.signer, keys=home.keys)
    grow(fork, 310, 900)
    verifier = NoteVerifier.from_vkey(home.signer.vkey)
    state, forked = open_state(home.url), open_state(fork.url)
    try:
        (tmp_path / "older").write_text(LogProofs(state).checkpoint(), encoding="utf-8")
        there = LogProofs(forked)
        proof = there.consistency(300, 310)
        (tmp_path / "proof").write_text(write_consistency(300, proof.hashes, there.checkpoint()), encoding="utf-8")
        older = signed_checkpoint(LogProofs(state).checkpoint(), verifier)
        with pytest.raises(ProofFailed, match="a fork"):
            check_consistency(proof, older, signed_checkpoint(there.checkpoint(), verifier))
    finally:
        state.close()
        forked.close()
    for name, status in (("proof", 8), ("older", 1), ("none", 1)):
        ended = run_verifier("consistency", tmp_path / "older", tmp_path / name, "--key", home.signer.vkey)
        assert ended.status == status, (name, ended)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(draw=st.data())
def test_no_changed_byte_of_a_proof_proves_anything(home: House, tmp_path: Path, draw: st.DataObject) -> None:
    state = open_state(home.url)
    try:
        text = LogProofs(state).inclusion(draw.draw(st.integers(0, 299))).encode()
    finally:
        state.close()
    at, bit = draw.draw(st.integers(0, len(text) - 1)), draw.draw(st.integers(0, 7))
    changed = text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1 :]
    (tmp_path / "p").write_bytes(changed)
    ended = run_verifier("receipt", tmp_path / "p", "--key", home.signer.vkey)
    assert ended.status in {1, 3, 9}, ended
