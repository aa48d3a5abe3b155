"""`langqiao audit export`, `receipt`, `consistency`: what an outsider is given, and how a receipt is proved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Never, Protocol

import typer

from gateway.administration import open_ring
from gateway.app import utc_now
from gateway.audit import LogProofs, export_log
from gateway.audit.checkpoint import Checkpoint, checkpoint_of
from gateway.audit.cosigned import read_witness_key
from gateway.audit.proof_text import (
    ReceiptText,
    TextMalformed,
    read_inclusion,
    read_receipt,
    write_consistency,
)
from gateway.audit.proofs import (
    Consistency,
    ExportedProofs,
    check_consistency,
    check_cosignatures,
    check_inclusion,
    log_key,
    signed_checkpoint,
)
from gateway.cli.audit import audit
from gateway.cli.remote_proofs import RemoteProofs
from gateway.cli.terminal import SettingsPath, Url, err, out, stop
from gateway.errors import GatewayError
from gateway.keys import CosignatureVerifier, NoteVerifier
from gateway.settings import load_settings
from gateway.store import open_state_read_only

Export = Annotated[Path | None, typer.Option(help="an exported log instead of the live one")]
LogKey = Annotated[str | None, typer.Option("--key", help="the log's public key (vkey), for an export or a URL")]
WitnessKeys = Annotated[
    list[str] | None, typer.Option("--witness", help="a witness's public key that must have signed")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="write the proof into this file")]


class Proofs(Protocol):
    """Where proofs come from: the live log, an export, or a gateway over HTTP. What comes is verified here."""

    def checkpoint(self) -> str:
        """The newest."""
        ...

    def inclusion(self, index: int) -> str:
        """A C2SP proof."""
        ...

    def consistency(self, older: int, newer: int | None = None) -> Consistency:
        """Between two sizes."""
        ...


@dataclass(frozen=True, slots=True)
class _Where:
    settings: Path | None
    export: Path | None
    url: str | None
    key: str | None

    @contextmanager
    def open(self) -> Iterator[tuple[Proofs, NoteVerifier]]:
        """The source and the log's key."""
        if self.export is not None or self.url is not None:
            if self.key is None:
                _usage("an export or a gateway is held against the log's public key: give --key")
            verifier = log_key(self.key)
            yield (ExportedProofs(self.export, verifier) if self.export else RemoteProofs(str(self.url))), verifier
            return
        read = load_settings(self.settings)
        state = open_state_read_only(read.state_url)
        try:
            vkey = self.key or open_ring(read.keys, state, utc_now).log_signer(read.audit.origin).vkey
            yield LogProofs(state), log_key(vkey)
        finally:
            state.close()


@audit.command("export")
def audit_export(
    folder: Annotated[Path, typer.Argument(help="a new folder, or one with an earlier export of this log")],
    settings: SettingsPath = None,
) -> None:
    """Write the log as C2SP tiles; into an earlier export of the same log only what is new."""
    try:
        state = open_state_read_only(load_settings(settings).state_url)
        try:
            size = export_log(state, folder)
        finally:
            state.close()
    except GatewayError as error:
        stop(error)
    out.print(f"{size} entries\n{folder}", highlight=False, soft_wrap=True)


@audit.command("receipt")
def audit_receipt(
    receipt: Annotated[str, typer.Argument(help="as an answer carries it: origin#index:leaf")],
    settings: SettingsPath = None,
    export: Export = None,
    url: Url = None,
    key: LogKey = None,
    witness: WitnessKeys = None,
    file: Out = None,
) -> None:
    """Prove that a receipt's entry is in the log; --out writes a proof that stands alone (C2SP tlog-proof)."""
    try:
        told = read_receipt(receipt)
    except TextMalformed as error:
        _usage(str(error))
    try:
        witnesses = _witnesses(witness)
        with _Where(settings, export, url, key).open() as (proofs, verifier):
            text = proofs.inclusion(told.index)
            signed = check_inclusion(read_inclusion(text), told, verifier, witnesses)
    except TextMalformed as error:
        _usage(f"the answer is no proof: {error}")
    except GatewayError as error:
        stop(error)
    _write(file, text)
    _say(_proved(told, signed, witnesses))


@audit.command("consistency")
def audit_consistency(
    older: Annotated[str, typer.Argument(help="a checkpoint's file, or a number of entries")],
    newer: Annotated[str | None, typer.Argument(help="the same; without: the newest checkpoint")] = None,
    settings: SettingsPath = None,
    export: Export = None,
    url: Url = None,
    key: LogKey = None,
    witness: WitnessKeys = None,
    file: Out = None,
) -> None:
    """Prove that the newer log continues the older one; --out writes a proof that stands alone with the older file."""
    try:
        witnesses = _witnesses(witness)
        with _Where(settings, export, url, key).open() as (proofs, verifier):
            before, _ = _checkpoint(older, verifier)
            after, note = _checkpoint(newer if newer is not None else proofs.checkpoint(), verifier)
            if note is not None:
                check_cosignatures([note], witnesses)
            sizes = _size(older, before), _size(newer, after)
            proof = _nothing(verifier, sizes[1]) if sizes[0] == 0 else proofs.consistency(*sizes)
            check_consistency(
                proof,
                before or Checkpoint(proof.origin, proof.older, proof.older_root),
                after or Checkpoint(proof.origin, proof.newer, proof.newer_root),
            )
    except GatewayError as error:
        stop(error)
    if file is not None:
        if note is None:
            _usage("only a proof that leads to a checkpoint stands alone: give NEWER as a file, or leave it out")
        _write(file, write_consistency(proof.older, proof.hashes, note))
    _say(
        (
            f"the log of {proof.newer} entries continues the one of {proof.older}",
            f"{proof.newer} 条的日志是 {proof.older} 条的日志的延续",
        )
    )
    for size, root in ((proof.older, proof.older_root), (proof.newer, proof.newer_root)):
        out.print(f"{size} {root.hex()}", highlight=False, soft_wrap=True)


def _checkpoint(told: str, verifier: NoteVerifier) -> tuple[Checkpoint | None, str | None]:
    """The verified checkpoint of a note or its file, with the note; nothing of a mere number."""
    if told.isdecimal():
        return None, None
    if "\n" in told:
        note = told
    else:
        try:
            note = Path(told).read_text(encoding="utf-8")
        except (OSError, ValueError):
            _usage(f"{told} can't be read, and is no number")
    return signed_checkpoint(note, verifier), note


def _size(told: str | None, checkpoint: Checkpoint | None) -> int:
    return checkpoint.size if checkpoint is not None else int(str(told))


def _nothing(verifier: NoteVerifier, newer: int) -> Consistency:
    """Every log continues the empty one: there is no proof, and none is needed."""
    empty = checkpoint_of(f"{verifier.name}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").root
    return Consistency(verifier.name, 0, newer, empty, b"", ())


def _witnesses(vkeys: list[str] | None) -> list[CosignatureVerifier]:
    return [read_witness_key(vkey) for vkey in vkeys or ()]


def _proved(told: ReceiptText, signed: Checkpoint, witnesses: list[CosignatureVerifier]) -> tuple[str, str]:
    by = "".join(f", {witness.name}" for witness in witnesses)
    return (
        f"proved: entry {told.index} is in the log {told.origin}, under its checkpoint of {signed.size} entries{by}",
        f"已证明：第 {told.index} 条在日志 {told.origin} 中，受其 {signed.size} 条时的检查点保护{by}",
    )


def _write(file: Path | None, text: str) -> None:
    if file is None:
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        err.print(f"[bold red]{file} can't be written[/] ({type(error).__name__})")
        raise typer.Exit(1) from None


def _say(words: tuple[str, str]) -> None:
    for line in words:
        out.print(line, style="green", highlight=False, soft_wrap=True, markup=False)


def _usage(why: str) -> Never:
    err.print(why, highlight=False, markup=False)
    raise typer.Exit(2)
