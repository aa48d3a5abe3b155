"""A served town, a witness in a process of its own, and an outsider with a receipt: the commands, end to end."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.demo.prepare import Demo
from gateway.demo.serving import free_port
from gateway.settings import load_settings
from tests.key_rings import ring_of
from tests.lone_verifier import run_alone, run_verifier
from tests.town import Town
from tests.witnesses import NAME, listening

PATIENCE = 90  # a process that starts on a busy machine


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300", "NO_COLOR": "1"})


def done(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A town whose log has a witness."""

    town: Town
    witness: Path
    port: int
    log_key: str
    witness_key: str

    @property
    def settings(self) -> Path:
        return self.town.demo.settings

    def witnessing(self) -> AbstractContextManager[str]:
        """The witness while a block lasts."""
        return listening(self.witness, self.port)

    @contextmanager
    def witness_process(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The witness as another department would run it; killed where it is not ended."""
        command = [sys.executable, "-m", "gateway.cli", "witness", "serve", str(self.witness), "--port", str(self.port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    def standing(self) -> str:
        ready = self.town.get("/readyz", {})
        assert ready.status_code == 200
        return str(ready.json()["witnesses"][NAME])

    def wait_for(self, standing: str, *, index: int = 0) -> None:
        """Until the witness stands so, and where it signs: until it signed over this entry."""
        end = time.monotonic() + PATIENCE
        while self.standing() != standing or (standing == "ok" and self.signed() <= index):
            assert time.monotonic() < end, self.standing()
            time.sleep(0.02)

    def signed(self) -> int:
        answer = self.town.get("/audit/checkpoint/witnessed", {})
        return int(answer.text.split("\n")[1]) if answer.status_code == 200 else 0

    def ask(self) -> str:
        receipt = self.town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").receipt
        assert receipt
        return receipt


@pytest.fixture
def watched(fresh_demo: Demo, serve: Callable[[Demo], Town], tmp_path: Path) -> Watched:
    read = load_settings(fresh_demo.settings)
    log_key = ring_of(read).log_signer(read.audit.origin).vkey
    folder, port = tmp_path / "witness", free_port()
    witness_key = done("witness", "create", folder, "--name", NAME, "--log", log_key).strip()
    text = fresh_demo.settings.read_text(encoding="utf-8")
    text = text.replace("[audit]\n", "[audit]\nwitness_seconds = 0.05\n", 1)
    text += f'\n[[audit.witnesses]]\nurl = "http://127.0.0.1:{port}"\nvkey = "{witness_key}"\n'
    fresh_demo.settings.write_text(text, encoding="utf-8")
    return Watched(town=serve(fresh_demo), witness=folder, port=port, log_key=log_key, witness_key=witness_key)


def _index(receipt: str) -> int:
    return int(receipt.partition("#")[2].partition(":")[0])


def test_an_outsider_proves_a_receipt_and_a_witness_stands_by_it(watched: Watched, tmp_path: Path) -> None:
    url, keys = ("--url", watched.town.url), ("--key", watched.log_key, "--witness", watched.witness_key)
    assert watched.town.get("/audit/checkpoint/witnessed", {}).status_code == 404
    receipt = watched.ask()
    older = tmp_path / "older"
    older.write_text(watched.town.get("/audit/checkpoint", {}).text, encoding="utf-8")
    with watched.witnessing():
        watched.wait_for("ok", index=_index(receipt))
        before = len(watched.town.entries())
        proof = tmp_path / "mine.tlog-proof"
        told = done("audit", "receipt", receipt, *url, *keys, "--out", proof)
        assert f"proved: entry {_index(receipt)} is in the log" in told
        assert NAME in told
        ended = run_alone(tmp_path, "receipt", proof, *keys, "--receipt", receipt)
        assert ended.status == 0, ended
        assert len(watched.town.entries()) == before, "proofs are public, and no entries"

        # a receipt that the log never gave
        wrong = receipt[:-1] + ("0" if receipt[-1] != "0" else "1")
        refused = run("audit", "receipt", wrong, *url, *keys)
        assert refused.exit_code == 1
        assert "GW608" in refused.output
        assert run_verifier("receipt", proof, *keys, "--receipt", wrong).status == 9
        assert run("audit", "receipt", "no receipt", *url, *keys).exit_code == 2
        assert run("audit", "receipt", receipt, *url).exit_code == 2, "what comes over HTTP is held against a key"

        # the log of today continues the one of then
        newer = tmp_path / "newer.proof"
        assert "continues the one of" in done(
            "audit", "consistency", older, *url, "--key", watched.log_key, "-o", newer
        )
        assert run_alone(tmp_path, "consistency", older, newer, "--key", watched.log_key).status == 0
        assert watched.town.get("/audit/consistency?older=0", {}).json()["code"] == "GW609"
        assert watched.town.get("/audit/consistency?older=1&newer=99999999", {}).status_code == 404
        assert watched.town.get("/audit/receipts/99999999/proof", {}).status_code == 404
        assert watched.town.get("/audit/consistency?older=x", {}).json()["code"] == "GW115"


def test_the_live_log_and_its_export_are_verified_with_the_witness(watched: Watched, tmp_path: Path) -> None:
    receipt = watched.ask()
    keys = ("--key", watched.log_key, "--witness", watched.witness_key)
    with watched.witnessing():
        watched.wait_for("ok", index=_index(receipt))
    export = tmp_path / "export"
    done("audit", "export", export, "-s", watched.settings)
    older = tmp_path / "older"
    older.write_bytes((export / "checkpoint").read_bytes())
    watched.ask()
    done("audit", "export", export, "-s", watched.settings)
    assert "is sound" in done("audit", "verify", "--export", export, *keys)
    assert "is sound" in done("audit", "verify", "-s", watched.settings, "--witness", watched.witness_key)
    assert run_alone(tmp_path, "export", export, *keys, "--older", older).status == 0
    for source in (("-s", watched.settings), ("--export", export, "--key", watched.log_key)):
        assert "proved" in done("audit", "receipt", receipt, *source)
        assert "continues" in done("audit", "consistency", older, export / "checkpoint", *source)
        assert re.search(r"log of 2 entries continues the one of 1", done("audit", "consistency", 1, 2, *source))
        assert "continues the one of 0" in done("audit", "consistency", 0, *source)
        assert run("audit", "consistency", 2, 1, *source).exit_code == 1
    stranger = done("witness", "create", tmp_path / "stranger", "--name", NAME, "--log", watched.log_key).strip()
    assert run("audit", "verify", "--export", export, "--key", watched.log_key, "--witness", stranger).exit_code == 1
    assert run("audit", "verify", "-s", watched.settings, "--witness", stranger).exit_code == 1
    shown = done("witness", "show", watched.witness)
    assert watched.witness_key in shown
    assert load_settings(watched.settings).audit.origin in shown


def test_a_cosigned_checkpoint_that_is_not_this_logs_is_found(watched: Watched) -> None:
    receipt = watched.ask()
    with watched.witnessing():
        watched.wait_for("ok", index=_index(receipt))
    read = load_settings(watched.settings)
    forged = ring_of(read).log_signer(read.audit.origin).sign_note(f"{read.audit.origin}\n2\n{'A' * 43}=\n")
    with sqlite3.connect(watched.town.log) as beside:
        beside.execute("UPDATE audit_cosignature SET note = ?", (forged.encode(),))
    refused = run("audit", "verify", "-s", watched.settings)
    assert refused.exit_code == 1, refused.output
    assert "NOT sound" in refused.output


def test_a_witness_that_is_killed_holds_nothing_up_and_goes_on_where_it_was(watched: Watched) -> None:
    with watched.witness_process() as process:
        watched.wait_for("ok", index=_index(watched.ask()))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        receipt = watched.ask()
        watched.wait_for("unreachable")
        watched.ask()
    with watched.witnessing():
        watched.wait_for("ok", index=_index(receipt))


def test_a_forked_town_is_refused_and_told_to_the_operator(watched: Watched, tmp_path: Path) -> None:
    """Whoever holds database and key throws the log away and begins anew: nothing but a witness would show it."""
    with watched.witnessing():
        watched.wait_for("ok", index=_index(watched.ask()))
    # the witness is brought back to another history of the same log, as it would look at this one's fork
    size = watched.signed()
    read = load_settings(watched.settings)
    signer = ring_of(read).log_signer(read.audit.origin)
    other = signer.sign_note(f"{signer.name}\n{size}\n{'A' * 43}=\n")
    (watched.witness / "record.json").write_text(json.dumps({signer.name: other}), encoding="utf-8")
    with watched.witnessing():
        watched.ask()
        watched.wait_for("refused")
    assert watched.signed() == size
