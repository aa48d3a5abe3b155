"""The database -> entries, proofs and checkpoints. Blocking; what is handed out as proof is verified first."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.audit.entry import BodyMalformed, Opener, decode_entry
from gateway.audit.merkle import prove_consistency, prove_inclusion, verify_inclusion
from gateway.audit.tiles import TileNodes
from gateway.errors import AuditUnavailable, EntryArchived, EntryUnknown
from gateway.model.audit import AuditEntry
from gateway.store import LogHead, LogReader, State, StoreFailed, archive_of, reading_log


@contextmanager
def _reading(state: State) -> Iterator[tuple[LogReader, LogHead]]:
    try:
        with reading_log(state) as reader:
            head = reader.head()
            if head is None:
                raise AuditUnavailable(operator="the log has no head that can be read")
            yield reader, head
    except (StoreFailed, ValueError) as error:
        raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except BodyMalformed as error:
        raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None


def newest_checkpoint(state: State) -> str:
    """The signed note of the head; raises AuditUnavailable."""
    with _reading(state) as (_, head):
        return head.note.decode("utf-8")


def prove_receipt(state: State, index: int) -> dict[str, object]:
    """Everything that shows entry `index` to be in the log; raises EntryUnknown, AuditUnavailable."""
    with _reading(state) as (reader, head):
        if not 0 <= index < head.size:
            raise EntryUnknown(index=index)
        leaf = reader.leaves(index, index + 1)[0]
        proof = prove_inclusion(index, head.size, TileNodes(reader, head.size))
        verify_inclusion(index, head.size, leaf, proof, head.root)
        return {
            "origin": head.origin,
            "index": index,
            "leaf_hash": leaf.hex(),
            "tree_size": head.size,
            "root": head.root.hex(),
            "proof": [one.hex() for one in proof],
            "checkpoint": head.note.decode("utf-8"),
        }


def prove_consistency_between(state: State, older: int, newer: int) -> tuple[bytes, ...]:
    """The proof that a log of `newer` entries continues one of `older`; raises ProofInvalid, AuditUnavailable."""
    try:
        with reading_log(state) as reader:
            head = reader.head()
            size = head.size if head is not None else 0
            nodes = TileNodes(reader, size)
            return prove_consistency(older, newer if newer <= size else 0, nodes)
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None


def refuse_archived(state: State, index: int, body: bytes) -> None:
    """Raise EntryArchived where the entry's bytes are elsewhere, AuditUnavailable."""
    if body:
        return
    try:
        raise EntryArchived(index=index, archive=archive_of(state, index))
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None


def entry_at(state: State, index: int, opener: Opener) -> AuditEntry:
    """Entry `index`; raises EntryUnknown, EntryErased, EntryArchived, AuditUnavailable."""
    with _reading(state) as (reader, head):
        if not 0 <= index < head.size:
            raise EntryUnknown(index=index)
        body = reader.bodies(index, index + 1)[0]
    refuse_archived(state, index, body)
    with _decoding():
        return decode_entry(body, opener)
