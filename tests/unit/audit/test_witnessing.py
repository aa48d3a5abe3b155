"""The gateway's side of witnesses: new checkpoints are brought to them, signatures are kept, refusals are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.app import utc_now
from gateway.audit import Witnessing, export_log
from gateway.audit.proof_text import read_inclusion, read_receipt
from gateway.audit.proofs import LogProofs, check_export_witnessed, check_inclusion, log_key
from gateway.audit.witness import create_home
from gateway.errors import ProofFailed, SettingsInvalid
from gateway.keys import CosignatureVerifier
from gateway.settings import Audit, Witness
from gateway.store import State, newest_cosigned_size, open_state, open_state_read_only
from gateway.telemetry import configure_logging
from tests.audit_logs import ORIGIN, House, entry, house, open_log
from tests.lone_verifier import run_verifier
from tests.unit.audit.test_export import grow
from tests.witnesses import NAME, listening


@asynccontextmanager
async def witnessing(home: House, url: str, vkey: str) -> AsyncIterator[tuple[Witnessing, State]]:
    state = open_state(home.url)
    settings = Audit(origin=ORIGIN, witnesses=(Witness(url=url, vkey=vkey),), witness_seconds=0.01)
    asker = Witnessing(state, settings, utc_now)
    try:
        yield asker, state
    finally:
        await asker.close()
        state.close()


def _ask(home: House, url: str, vkey: str) -> str:
    async def ask() -> str:
        async with witnessing(home, url, vkey) as (asker, _):
            await asker.ask()
            return asker.standing[NAME]

    return asyncio.run(ask())


def _signed(home: House) -> int | None:
    state = open_state_read_only(home.url)
    try:
        return newest_cosigned_size(state, NAME)
    finally:
        state.close()


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path)


@pytest.fixture
def vkey(home: House, tmp_path: Path) -> str:
    return create_home(tmp_path / "witness", NAME, [home.signer.vkey])


def test_signatures_are_kept_exported_and_prove_receipts(home: House, vkey: str, tmp_path: Path) -> None:
    receipts = grow(home, 300)
    witness = CosignatureVerifier.from_vkey(vkey)
    with listening(tmp_path / "witness") as url:
        assert _ask(home, url, vkey) == "ok"
        assert _signed(home) == 300
        receipts += grow(home, 7, 300)
        assert _ask(home, f"{url}/", vkey) == "ok"
        assert _signed(home) == 307
    receipts += grow(home, 2, 307)
    state, folder = open_state(home.url), tmp_path / "export"
    try:
        proofs = LogProofs(state)
        assert witness.verify(str(proofs.witnessed()))
        with pytest.raises(ValueError, match="no cosignature"):
            witness.verify(proofs.checkpoint())
        log = log_key(home.signer.vkey)
        told = read_receipt(str(receipts[5]))
        proof = proofs.inclusion(5)
        assert check_inclusion(read_inclusion(proof), told, log, [witness]).size == 307
        newest = read_receipt(str(receipts[308]))
        with pytest.raises(ProofFailed, match="did not sign"):
            check_inclusion(read_inclusion(proofs.inclusion(308)), newest, log, [witness])
        assert export_log(state, folder) == 309
        check_export_witnessed(folder, log, [witness])
    finally:
        state.close()
    keys = ("--key", home.signer.vkey, "--witness", vkey)
    ended = run_verifier("export", folder, *keys)
    assert ended.status == 0, ended
    assert f"signed by {NAME}: 307 entries" in ended.said
    (tmp_path / "p").write_text(proof, encoding="utf-8")
    assert run_verifier("receipt", tmp_path / "p", *keys).status == 0
    stranger = create_home(tmp_path / "stranger", NAME, [home.signer.vkey])
    assert run_verifier("export", folder, "--key", home.signer.vkey, "--witness", stranger).status == 7
    with pytest.raises(ProofFailed, match="did not sign"):
        check_export_witnessed(folder, log, [CosignatureVerifier.from_vkey(stranger)])


def test_of_two_witnesses_each_ones_newest_is_exported_and_asked_for(home: House, vkey: str, tmp_path: Path) -> None:
    """One was away for a while: what it signed before still stands, and is no alarm."""
    late = create_home(tmp_path / "late", "late.example/w", [home.signer.vkey])
    grow(home, 5)
    both = [Witness(url="", vkey=vkey), Witness(url="", vkey=late)]

    async def ask(*urls: str) -> None:
        state = open_state(home.url)
        witnesses = tuple(each.model_copy(update={"url": url}) for each, url in zip(both, urls, strict=True))
        asker = Witnessing(state, Audit(origin=ORIGIN, witnesses=witnesses), utc_now)
        await asker.ask()
        state.close()

    with listening(tmp_path / "witness") as url:
        with listening(tmp_path / "late") as other:
            asyncio.run(ask(url, other))
        grow(home, 3, 5)
        asyncio.run(ask(url, "http://127.0.0.1:9"))
    state, folder = open_state(home.url), tmp_path / "export"
    try:
        export_log(state, folder)
        proofs = LogProofs(state)
        assert [note.split("\n")[1] for note in proofs.newest_witnessed()] == ["8", "5"]
        assert read_inclusion(proofs.inclusion(4)).note.count("\N{EM DASH}") == 3, "the one that most witnesses signed"
        assert read_inclusion(proofs.inclusion(5)).note.count("\N{EM DASH}") == 2
    finally:
        state.close()
    assert {path.name for path in (folder / "witnessed").iterdir()} == {"8", "5"}
    keys = ("--key", home.signer.vkey, "--witness", vkey, "--witness", late)
    assert run_verifier("export", folder, *keys).status == 0
    check_export_witnessed(
        folder, log_key(home.signer.vkey), [CosignatureVerifier.from_vkey(each) for each in (vkey, late)]
    )


def test_a_checkpoint_with_its_cosignature_is_told_and_exported_while_it_is_the_newest(
    home: House, vkey: str, tmp_path: Path
) -> None:
    grow(home, 5)
    with listening(tmp_path / "witness") as url:
        _ask(home, url, vkey)
    state = open_state(home.url)
    try:
        told = LogProofs(state).checkpoint()
        assert CosignatureVerifier.from_vkey(vkey).verify(told)
        export_log(state, tmp_path / "export")
    finally:
        state.close()
    assert (tmp_path / "export" / "checkpoint").read_text(encoding="utf-8") == told


def test_a_fork_signed_by_the_right_key_is_refused_and_told(home: House, vkey: str, tmp_path: Path) -> None:
    """The operator who holds database and key rewrites the log: the witness and a receipt show it."""
    receipts = grow(home, 20)
    fork = House(folder=tmp_path / "fork", url=f"sqlite:///{tmp_path / 'fork.db'}", signer=home.signer, keys=home.keys)
    fork.folder.mkdir()
    grow(fork, 25, 1000)
    with listening(tmp_path / "witness") as url:
        assert _ask(home, url, vkey) == "ok"
        configure_logging("INFO")  # another gateway of this process may have asked for less
        with structlog.testing.capture_logs() as lines:
            assert _ask(fork, url, vkey) == "refused"
        told = [line for line in lines if line.get("source") == NAME]
        assert [line["log_level"] for line in told] == ["error"]
        assert "fork" in told[0]["detail"]
        assert _signed(fork) is None
        grow(home, 1, 20)
        assert _ask(home, url, vkey) == "ok"
    state = open_state(fork.url)
    try:
        proof = read_inclusion(LogProofs(state).inclusion(3))
        with pytest.raises(ProofFailed, match="not what the receipt was given for"):
            check_inclusion(proof, read_receipt(str(receipts[3])), log_key(home.signer.vkey))
    finally:
        state.close()


def test_a_restored_older_log_is_refused(home: House, vkey: str, tmp_path: Path) -> None:
    grow(home, 5)
    older = tmp_path / "older.db"
    older.write_bytes(home.file.read_bytes())
    grow(home, 5, 5)
    with listening(tmp_path / "witness") as url:
        assert _ask(home, url, vkey) == "ok"
        back = House(folder=tmp_path, url=f"sqlite:///{older}", signer=home.signer, keys=home.keys)
        assert _ask(back, url, vkey) == "refused"


@pytest.mark.parametrize("head", [b"HTTP/1.1 500 No\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 409 No\r\n", b"what\r\n"])
def test_a_witness_that_is_gone_or_talks_nonsense_is_unreachable_and_nothing_is_kept(
    home: House, vkey: str, head: bytes
) -> None:
    grow(home, 5)

    async def ask() -> str:
        async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(4096)
            writer.write(head + b"content-length: 6\r\nconnection: close\r\n\r\nhello\n")
            writer.close()

        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        async with server, witnessing(home, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", vkey) as (it, _):
            await it.ask()
            return it.standing[NAME]

    assert asyncio.run(ask()) == "unreachable"
    assert _ask(home, "http://127.0.0.1:9", vkey) == "unreachable"
    assert _ask(home, "no address", vkey) == "unreachable"
    assert _signed(home) is None


def test_a_hanging_witness_holds_up_no_entry(home: House, vkey: str) -> None:
    async def run() -> tuple[str, int]:
        asked = asyncio.Event()

        async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()  # until the asker goes away
            writer.close()

        server = await asyncio.start_server(hangs, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, open_log(home) as log, witnessing(home, url, vkey) as (asker, _):
            asker.start()
            await asked.wait()
            receipt = await log.append(entry(1))
            await asker.close()
            return asker.standing[NAME], receipt.index

    assert asyncio.run(run()) == ("not asked yet", 0)


def test_two_replicas_that_ask_at_once_both_end_well(home: House, vkey: str, tmp_path: Path) -> None:
    grow(home, 50)

    async def ask(url: str) -> list[str]:
        async with witnessing(home, url, vkey) as (one, _), witnessing(home, url, vkey) as (other, _):
            await asyncio.gather(one.ask(), other.ask())
            return [one.standing[NAME], other.standing[NAME]]

    with listening(tmp_path / "witness") as url:
        assert asyncio.run(ask(url)) == ["ok", "ok"]


def test_it_goes_on_asking_by_itself(home: House, vkey: str, tmp_path: Path) -> None:
    async def run(url: str) -> None:
        async with open_log(home) as log, witnessing(home, url, vkey) as (asker, state):
            asker.start()
            for number in range(3):
                await log.append(entry(number))
                async with asyncio.timeout(10):
                    while await asyncio.to_thread(newest_cosigned_size, state, NAME) != number + 1:
                        await asyncio.sleep(0.005)

    with listening(tmp_path / "witness") as url:
        asyncio.run(run(url))


def test_a_key_that_is_none_stops_the_start(home: House) -> None:
    state: Any = None
    with pytest.raises(SettingsInvalid, match="witness's public key"):
        Witnessing(state, Audit(witnesses=(Witness(url="x", vkey=home.signer.vkey),)), utc_now)
