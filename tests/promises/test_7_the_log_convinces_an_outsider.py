"""Promise 7: an RFC 6962 tree with signed checkpoints, verified offline with nothing but a public key."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from gateway.audit import verify_log
from gateway.demo.scenes import copy_and_tamper
from gateway.settings import load_settings
from tests.key_rings import ring_at, ring_of
from tests.town import Town


def _vkey(town: Town) -> str:
    settings = load_settings(town.demo.settings)
    return ring_of(settings).log_signer(settings.audit.origin).vkey


def _copy(town: Town, folder: Path) -> Path:
    copy = folder / "copy.db"
    with sqlite3.connect(town.log) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    return copy


def test_the_log_of_a_served_town_verifies(town: Town, tmp_path: Path) -> None:
    town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    result = verify_log(f"sqlite:///{_copy(town, tmp_path)}", _vkey(town))
    assert result.is_sound, result.text("en")


def test_one_changed_bit_is_found_and_named(town: Town, tmp_path: Path) -> None:
    for _ in range(3):
        town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    copy = tmp_path / "tampered.db"
    index = copy_and_tamper(town.log, copy)
    result = verify_log(f"sqlite:///{copy}", _vkey(town))
    assert not result.is_sound
    assert result.first_bad == index
    assert str(index) in result.text("zh")


def test_another_key_does_not_verify(town: Town, tmp_path: Path) -> None:
    other = ring_at(tmp_path / "other-keys").log_signer("langqiao.example/demo").vkey
    assert not verify_log(f"sqlite:///{_copy(town, tmp_path)}", other).is_sound


def test_the_command_verifies_and_says_so(town: Town) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "audit", "verify", "--settings", str(town.demo.settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_receipt_is_proved_to_be_in_the_log(town: Town) -> None:
    answer = town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    origin, _, rest = answer.receipt.partition("#")
    index, _, leaf = rest.partition(":")
    proof = town.get(f"/audit/receipts/{index}", {}).json()
    assert proof["leaf_hash"] == leaf
    assert proof["origin"] == origin
    assert town.get("/audit/checkpoint", {}).text.startswith(f"{origin}\n")
    assert town.get("/audit/receipts/99999999", {}).status_code == 404
