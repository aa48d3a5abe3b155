"""A log, live or exported -> proofs for outsiders: that an entry is in it, that it continues an older one. Blocking.

What is handed out is verified first; what comes in is verified by nothing but public keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.audit import reading
from gateway.audit.checkpoint import Checkpoint, CheckpointInvalid, checkpoint_of, read_checkpoint
from gateway.audit.cosigned import cosigned_by
from gateway.audit.export import WITNESSED, cosigned_notes
from gateway.audit.exported import ExportedTiles
from gateway.audit.merkle import (
    EMPTY_ROOT,
    NodeReader,
    ProofInvalid,
    prove_consistency,
    prove_inclusion,
    range_root,
    verify_consistency,
    verify_inclusion,
)
from gateway.audit.proof_text import InclusionText, ReceiptText, write_inclusion
from gateway.audit.tiles import TileNodes
from gateway.errors import AuditUnavailable, EntryUnknown, ProofFailed, SettingsInvalid, SizesUnknown
from gateway.keys import CosignatureVerifier, NoteVerifier, split_note
from gateway.store import CosignatureRow, State, StoreFailed, read_cosignatures, read_newest_cosignatures, reading_log

_MOST = 2**62  # what every database can count to


@dataclass(frozen=True, slots=True)
class Consistency:
    """The proof that a log of `newer` entries continues one of `older`, with both roots."""

    origin: str
    older: int
    newer: int
    older_root: bytes
    newer_root: bytes
    hashes: tuple[bytes, ...]


class LogProofs:
    """The live log's."""

    def __init__(self, state: State) -> None:
        self._state = state

    def checkpoint(self) -> str:
        """The newest signed checkpoint, with the lines of witnesses that signed this size. Raises AuditUnavailable."""
        note = reading.newest_checkpoint(self._state)
        size = checkpoint_of(split_note(note)[0]).size
        return note + "".join(f"{row.line}\n" for row in self._cosignatures(size=size) if row.note == note)

    def witnessed(self) -> str | None:
        """The newest checkpoint that a witness signed, with their lines. Raises AuditUnavailable."""
        return next(iter(cosigned_notes(self._cosignatures()).values()), None)

    def newest_witnessed(self) -> tuple[str, ...]:
        """Of each witness the newest checkpoint that it signed. Raises AuditUnavailable."""
        try:
            return tuple(cosigned_notes(read_newest_cosignatures(self._state)).values())
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None

    def told(self, index: int) -> dict[str, object]:
        """The inclusion proof of entry `index` under the newest checkpoint, as JSON. Raises EntryUnknown."""
        return reading.prove_receipt(self._state, index)

    def inclusion(self, index: int) -> str:
        """The C2SP proof of entry `index`, under the checkpoint that most witnesses signed, of those the newest.

        Raises EntryUnknown, AuditUnavailable, ProofFailed.
        """
        if not 0 <= index < _MOST:
            raise EntryUnknown(index=index)
        cosigned = cosigned_notes(self._cosignatures(least=index + 1)).values()
        with self._nodes() as (origin, size, note, nodes):
            if not 0 <= index < size:
                raise EntryUnknown(index=index)
            shown = max(cosigned, key=lambda each: each.count("\n"), default=note)
            return _inclusion(origin, index, checkpoint_of(split_note(shown)[0]), shown, nodes)

    def consistency(self, older: int, newer: int | None = None) -> Consistency:
        """The proof between two sizes; `newer` None: the newest. Raises SizesUnknown, AuditUnavailable."""
        with self._nodes() as (origin, size, _, nodes):
            return _consistency(origin, older, size if newer is None else newer, size, nodes)

    @contextmanager
    def _nodes(self) -> Iterator[tuple[str, int, str, NodeReader]]:
        try:
            with reading_log(self._state) as reader:
                head = reader.head()
                if head is None:
                    raise AuditUnavailable(operator="the log has no head that can be read")
                yield head.origin, head.size, head.note.decode(), TileNodes(reader, head.size)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None
        except (ValueError, IndexError):  # ProofInvalid, or tiles that are none
            raise ProofFailed(fault=("the log's tiles are not sound", "日志的树片已受损")) from None

    def _cosignatures(self, *, size: int | None = None, least: int = 0) -> tuple[CosignatureRow, ...]:
        try:
            return read_cosignatures(self._state, size=size, least=least)
        except StoreFailed as error:
            raise AuditUnavailable(operator=str(error)) from None


class ExportedProofs:
    """An export's. Its checkpoint is verified with the log's key before anything is read."""

    def __init__(self, folder: Path, verifier: NoteVerifier) -> None:
        """Read and verify the checkpoint; raises ProofFailed."""
        try:
            self._note = (folder / "checkpoint").read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise ProofFailed(fault=("the folder has no checkpoint", "文件夹中没有检查点")) from None
        self._signed = signed_checkpoint(self._note, verifier)
        self._nodes = TileNodes(ExportedTiles(folder, self._signed.size), self._signed.size)

    def checkpoint(self) -> str:
        """The export's, verified."""
        return self._note

    def inclusion(self, index: int) -> str:
        """As LogProofs; raises EntryUnknown, ProofFailed."""
        if not 0 <= index < self._signed.size:
            raise EntryUnknown(index=index)
        try:
            return _inclusion(self._signed.origin, index, self._signed, self._note, self._nodes)
        except ProofInvalid as error:
            raise ProofFailed(fault=(f"the export's tiles are not sound: {error}", "导出的树片已受损")) from None

    def consistency(self, older: int, newer: int | None = None) -> Consistency:
        """As LogProofs; raises SizesUnknown, ProofFailed."""
        size = self._signed.size
        try:
            return _consistency(self._signed.origin, older, size if newer is None else newer, size, self._nodes)
        except ProofInvalid as error:
            raise ProofFailed(fault=(f"the export's tiles are not sound: {error}", "导出的树片已受损")) from None


def _inclusion(origin: str, index: int, signed: Checkpoint, note: str, nodes: NodeReader) -> str:
    leaf = nodes(0, index)
    hashes = prove_inclusion(index, signed.size, nodes)
    verify_inclusion(index, signed.size, leaf, hashes, signed.root)
    return write_inclusion(ReceiptText(origin, index, leaf), hashes, note)


def _consistency(origin: str, older: int, newer: int, size: int, nodes: NodeReader) -> Consistency:
    if not 0 < older <= newer <= size:
        raise SizesUnknown(older=older, newer=newer)
    roots = range_root(0, older, nodes), range_root(0, newer, nodes)
    hashes = prove_consistency(older, newer, nodes)
    verify_consistency(older, newer, hashes, *roots)
    return Consistency(origin, older, newer, *roots, hashes)


def check_export_witnessed(folder: Path, verifier: NoteVerifier, witnesses: Iterable[CosignatureVerifier]) -> None:
    """What witnesses signed is what the export holds, and each of these witnesses signed; raises ProofFailed."""
    proofs = ExportedProofs(folder, verifier)
    notes = [proofs.checkpoint()]
    newest = signed_checkpoint(notes[0], verifier)
    try:
        if (folder / WITNESSED).exists():
            notes += [path.read_text(encoding="utf-8") for path in sorted((folder / WITNESSED).iterdir())]
    except (OSError, ValueError):
        raise ProofFailed(fault=(f"{WITNESSED} can't be read", f"{WITNESSED} 无法读取")) from None
    for note in notes[1:]:
        signed = signed_checkpoint(note, verifier)
        if signed.size > newest.size:
            raise ProofFailed(
                fault=(
                    f"cut short: witnesses signed {signed.size} entries, it has {newest.size}",
                    f"已被截断：见证方签署了 {signed.size} 条，此处仅 {newest.size} 条",
                )
            )
        if signed.size and proofs.consistency(signed.size).older_root != signed.root:
            raise ProofFailed(fault=("witnesses signed another log: a fork", "见证方所签为另一日志：日志已分叉"))
    check_cosignatures(notes, witnesses)


# ------------------------------------------------------------------ verifying
def log_key(vkey: str) -> NoteVerifier:
    """Raises SettingsInvalid."""
    try:
        return NoteVerifier.from_vkey(vkey)
    except ValueError:
        raise SettingsInvalid(
            fault="the log's public key can't be read", fix="give the vkey that `langqiao keys create` printed"
        ) from None


def signed_checkpoint(note: str, verifier: NoteVerifier) -> Checkpoint:
    """Raises ProofFailed for a checkpoint that the log's key did not sign."""
    try:
        return read_checkpoint(note, verifier)
    except CheckpointInvalid as error:
        raise ProofFailed(fault=(f"the checkpoint: {error}", "检查点不是该日志的密钥所签")) from None


def check_inclusion(
    proof: InclusionText, receipt: ReceiptText, verifier: NoteVerifier, witnesses: Iterable[CosignatureVerifier] = ()
) -> Checkpoint:
    """Hold a proof against a receipt; returns the checkpoint that covers it. Raises ProofFailed."""
    signed = signed_checkpoint(proof.note, verifier)
    if receipt.origin != signed.origin:
        raise ProofFailed(fault=("the receipt is of another log", "回执属于另一日志"))
    if receipt.index != proof.index:
        raise ProofFailed(fault=("the proof is of another entry", "证明属于另一条目"))
    try:
        verify_inclusion(receipt.index, signed.size, receipt.leaf, proof.hashes, signed.root)
    except ProofInvalid as error:
        raise ProofFailed(
            fault=(
                f"entry {receipt.index} of the log is not what the receipt was given for ({error})",
                f"日志第 {receipt.index} 条不是该回执所对应的条目",
            )
        ) from None
    check_cosignatures([proof.note], witnesses)
    return signed


def check_cosignatures(notes: Sequence[str], witnesses: Iterable[CosignatureVerifier]) -> None:
    """Every one of the witnesses signed one of the checkpoints; raises ProofFailed that names who did not."""
    for witness in witnesses:
        if not any(one.at for note in notes for one in cosigned_by(note, [witness])):
            raise ProofFailed(fault=(f"{witness.name} did not sign it", f"{witness.name} 未签署"))


def check_consistency(proof: Consistency, older: Checkpoint, newer: Checkpoint) -> None:
    """Hold a proof against two checkpoints; raises ProofFailed. The empty log is continued by every log."""
    if older.origin != newer.origin:
        raise ProofFailed(fault=("the checkpoints are of two logs", "两个检查点属于不同日志"))
    try:
        if older.size == 0:
            if older.root != EMPTY_ROOT:
                raise ProofInvalid("no empty log has that root")
            return
        if (proof.older, proof.newer) != (older.size, newer.size):
            raise ProofInvalid("the proof is for other sizes")
        verify_consistency(older.size, newer.size, proof.hashes, older.root, newer.root)
    except ProofInvalid as error:
        raise ProofFailed(
            fault=(
                f"the log of {newer.size} entries does not continue the one of {older.size}: a fork ({error})",
                f"{newer.size} 条的日志不是 {older.size} 条的日志的延续：日志已分叉",
            )
        ) from None
