"""A witness answers as c2sp.org/tlog-witness says, signs nothing that it could take back, and refuses forks."""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.proof_text import write_consistency
from gateway.audit.witness import Witness, create_home, open_home, trust_log
from gateway.errors import SettingsInvalid
from gateway.keys import CosignatureVerifier, LogSigner
from tests.key_rings import ring_at
from tests.witnesses import NAME, PaperLog, listening

ORIGIN = "langqiao.example/test"
AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
BODIES = [f"entry {number}".encode() for number in range(40)]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> LogSigner:
    return ring_at(tmp_path_factory.mktemp("ring")).log_signer(ORIGIN)


@pytest.fixture(scope="module")
def log(signer: LogSigner) -> PaperLog:
    return PaperLog(signer, BODIES)


@pytest.fixture(scope="module")
def fork(signer: LogSigner) -> PaperLog:
    """Signed by the right key, and another history from entry 10 on."""
    return PaperLog(signer, [*BODIES[:10], b"forged", *BODIES[11:]])


@pytest.fixture
def folder(tmp_path: Path, signer: LogSigner) -> Path:
    create_home(tmp_path / "witness", NAME, [signer.vkey])
    return tmp_path / "witness"


@pytest.fixture
def witness(folder: Path) -> Iterator[Witness]:
    with open_home(folder) as home:
        yield Witness(home, lambda: AT)


def _key(folder: Path) -> CosignatureVerifier:
    with open_home(folder) as home:
        return CosignatureVerifier.from_vkey(home.cosigner.vkey)


def _signs(witness: Witness, log: PaperLog, older: int, newer: int) -> str:
    answer = witness.add_checkpoint(log.question(older, newer).encode())
    assert answer.status == 200, answer
    return answer.body


def test_a_log_is_signed_from_its_beginning_on(folder: Path, log: PaperLog) -> None:
    key = _key(folder)
    with open_home(folder) as home:
        witness = Witness(home, lambda: AT)
        for older, newer in ((0, 0), (0, 1), (1, 7), (7, 7), (7, 8), (8, 33), (33, 40)):
            line = _signs(witness, log, older, newer)
            assert key.verify(log.note(newer) + line) == int(AT.timestamp())


def test_what_was_signed_outlives_the_process(folder: Path, log: PaperLog) -> None:
    with open_home(folder) as home:
        _signs(Witness(home, lambda: AT), log, 0, 12)
    with open_home(folder) as home:
        witness = Witness(home, lambda: AT)
        conflict = witness.add_checkpoint(log.question(0, 20).encode())
        assert (conflict.status, conflict.body, conflict.content_type) == (409, "12\n", "text/x.tlog.size")
        _signs(witness, log, 12, 20)


@pytest.mark.parametrize("newer", [11, 12, 20])
def test_a_fork_signed_by_the_right_key_is_refused(witness: Witness, log: PaperLog, fork: PaperLog, newer: int) -> None:
    _signs(witness, log, 0, 12)
    size = 12 if newer >= 12 else 11
    answer = witness.add_checkpoint(fork.question(size, newer).encode())
    assert answer.status == {11: 409, 12: 409, 20: 422}[newer]
    if answer.status == 409:
        assert answer.body == "12\n"
    _signs(witness, log, 12, 13)  # and the true log goes on


@pytest.mark.parametrize("older", [0, 5, 11, 12])
def test_a_log_that_went_back_is_refused(witness: Witness, log: PaperLog, older: int) -> None:
    _signs(witness, log, 0, 12)
    answer = witness.add_checkpoint(log.question(min(older, 11), 11).encode())
    assert (answer.status, answer.body) == (409, "12\n")
    claims = log.question(0, 11).replace("old 0\n", "old 12\n", 1)
    assert witness.add_checkpoint(claims.encode()).status == 400


def _note(log: PaperLog, size: int = 20) -> str:
    return log.note(size)


def test_every_other_answer_is_the_protocols(witness: Witness, log: PaperLog, tmp_path: Path) -> None:
    _signs(witness, log, 0, 12)
    good = log.question(12, 20)
    hashes = good.partition("\n")[2].partition("\n\n")[0]
    stranger = PaperLog(ring_at(tmp_path / "stranger").log_signer(ORIGIN), BODIES)
    unknown = PaperLog(ring_at(tmp_path / "unknown").log_signer("other.example/log"), BODIES)
    line = log.note(20).partition("\n\n")[2]
    asked = {
        "nothing": ("", 400),
        "no proof": (f"old 12\n\n{_note(log)}", 422),
        "another's proof": (log.question(11, 20).replace("old 11", "old 12", 1), 422),
        "a proof too long": (good.replace(hashes, f"{hashes}\n{hashes.splitlines()[0]}"), 422),
        "64 hashes": (good.replace(hashes, "\n".join([hashes.splitlines()[0]] * 64)), 400),
        "a hash of 31 bytes": (good.replace(hashes, "A" * 42 + "=="), 400),
        "a leading zero": (good.replace("old 12", "old 012"), 400),
        "no old line": (good.partition("\n")[2], 400),
        "a size that is none": (good.replace("old 12", "old -1"), 400),
        "no empty line": (good.replace("\n\n", "\n"), 400),
        "no note": ("old 12\n\nlangqiao.example/test\n20\n", 400),
        "a note of something else": (f"old 12\n\nhello\n\n{line}", 400),
        "no UTF-8": ("\udcff", 400),
        "old above new": (log.question(12, 20).replace("old 12", "old 21"), 400),
        "another key": (stranger.question(12, 20), 403),
        "a changed text": (good.replace("\n20\n", "\n21\n"), 403),
        "no signature of the log": (good.replace("\u2014 langqiao.example/test", "\u2014 other.example/test"), 403),
        "an unknown log": (unknown.question(0, 20), 404),
        "not where it is": (log.question(11, 20), 409),
        "from the beginning": (log.question(0, 20), 409),
    }
    found = {
        what: witness.add_checkpoint(text.encode("utf-8", "surrogateescape")).status
        for what, (text, _) in asked.items()
    }
    assert found == {what: status for what, (_, status) in asked.items()}
    _signs(witness, log, 12, 20)


def test_a_proof_from_the_empty_log_must_be_empty(witness: Witness, log: PaperLog) -> None:
    some = log.question(5, 9).partition("\n")[2]
    assert witness.add_checkpoint(f"old 0\n{some}".encode()).status == 422
    _signs(witness, log, 0, 9)


def test_a_wrong_root_of_the_empty_log_is_refused(witness: Witness, signer: LogSigner) -> None:
    wrong = signer.sign_note(f"{ORIGIN}\n0\n{'A' * 43}=\n")
    assert witness.add_checkpoint(write_consistency(0, (), wrong).encode()).status == 409


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_is_signed(
    tmp_path_factory: pytest.TempPathFactory, log: PaperLog, signer: LogSigner, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("w") / "witness"
    create_home(folder, NAME, [signer.vkey])
    with open_home(folder) as home:
        witness = Witness(home, lambda: AT)
        _signs(witness, log, 0, 12)
        good = log.question(12, 20).encode()
        at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
        changed = good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
        assert witness.add_checkpoint(changed).status != 200
        _signs(witness, log, 12, 20)


# ------------------------------------------------------------------ the record
def test_nothing_is_signed_that_is_not_durable_first(
    folder: Path, log: PaperLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(folder) as home:
        witness = Witness(home, lambda: AT)
        _signs(witness, log, 0, 5)

        def fails(_descriptor: int) -> None:
            raise OSError(5, "EIO")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fails)
            assert witness.add_checkpoint(log.question(5, 9).encode()).status == 500
        assert json.loads((folder / "record.json").read_text())[ORIGIN] == log.note(5)
        _signs(witness, log, 5, 9)


def test_the_record_holds_the_checkpoint_before_its_signature_leaves(
    folder: Path, log: PaperLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(folder) as home:
        cosign = type(home.cosigner).cosign
        seen: list[str] = []

        def looks(self: object, note: str, at: int) -> str:
            seen.append(json.loads((folder / "record.json").read_text())[ORIGIN])
            return cosign(self, note, at)  # type: ignore[arg-type]

        monkeypatch.setattr(type(home.cosigner), "cosign", looks)
        _signs(Witness(home, lambda: AT), log, 0, 5)
    assert seen == [log.note(5)]


def test_of_many_at_once_each_step_is_signed_once(witness: Witness, log: PaperLog) -> None:
    start = threading.Barrier(8)

    def ask(newer: int) -> tuple[int, int]:
        start.wait()
        return newer, witness.add_checkpoint(log.question(0, newer).encode()).status

    with ThreadPoolExecutor(8) as pool:
        answers = dict(pool.map(ask, range(20, 28)))
    assert sorted(answers.values()) == [200] + [409] * 7
    signed = next(newer for newer, status in answers.items() if status == 200)
    assert witness.add_checkpoint(log.question(0, 5).encode()).body == f"{signed}\n"


def test_two_processes_cannot_have_one_record(folder: Path) -> None:
    with open_home(folder), pytest.raises(SettingsInvalid, match="in use"):
        open_home(folder)
    open_home(folder).close()


@pytest.mark.parametrize("content", [None, "", "[]", '{"langqiao.example/test": "no note"}', '{"x": 1}'])
def test_without_its_record_a_witness_does_not_start(folder: Path, content: str | None) -> None:
    (folder / "record.json").unlink()
    if content is not None:
        (folder / "record.json").write_text(content)
    with pytest.raises(SettingsInvalid, match="nothing may be signed without it"):
        open_home(folder)


def test_a_witness_is_made_once(folder: Path, signer: LogSigner, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="not empty"):
        create_home(folder, NAME, [signer.vkey])
    with pytest.raises(SettingsInvalid, match="no space"):
        create_home(tmp_path / "other", "two words", [signer.vkey])
    with pytest.raises(SettingsInvalid, match="public key"):
        create_home(tmp_path / "third", NAME, ["no key"])
    with pytest.raises(SettingsInvalid, match="no witness's folder"):
        open_home(tmp_path)
    assert (folder / "witness.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "record.json").stat().st_mode & 0o777 == 0o600


def test_another_log_and_another_key_of_one_can_be_trusted(folder: Path, tmp_path: Path) -> None:
    other = PaperLog(ring_at(tmp_path / "second").log_signer(ORIGIN), BODIES)
    third = PaperLog(ring_at(tmp_path / "third").log_signer("third.example/log"), BODIES)
    for each in (other, third):
        trust_log(folder, each.signer.vkey)
    with open_home(folder) as home:
        witness = Witness(home, lambda: AT)
        _signs(witness, other, 0, 3)
        _signs(witness, third, 0, 4)


# ------------------------------------------------------------------ over HTTP
def test_over_http_there_is_one_address(folder: Path, log: PaperLog) -> None:
    key = _key(folder)
    with listening(folder) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        answer = client.post("/add-checkpoint", content=log.question(0, 12))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert key.verify(log.note(12) + answer.text)
        conflict = client.post("/add-checkpoint", content=log.question(0, 12))
        assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size")
        assert client.get("/add-checkpoint").status_code == 405
        assert client.post("/other", content="").status_code == 404
        assert client.post("/add-checkpoint", content="x" * 70_000).status_code == 413
