"""Size and root <-> C2SP checkpoint (c2sp.org/tlog-checkpoint): the signed statement of what the log holds."""

import base64
import re
from dataclasses import dataclass

from gateway.audit.merkle import HASH_BYTES
from gateway.keys import LogSigner, NoteVerifier, read_base64

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class CheckpointInvalid(ValueError):
    """No checkpoint of this log, or none that its key signed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log's key signed."""

    origin: str
    size: int
    root: bytes


def sign_checkpoint(signer: LogSigner, size: int, root: bytes) -> str:
    """The signed note: origin, size and root in base64, a line each."""
    return signer.sign_note(f"{signer.name}\n{size}\n{base64.b64encode(root).decode()}\n")


def read_checkpoint(note: bytes | str, verifier: NoteVerifier) -> Checkpoint:
    """The checkpoint of a note that the verifier's key signed; raises CheckpointInvalid."""
    try:
        text = verifier.verify(note.decode("utf-8") if isinstance(note, bytes) else note)
    except ValueError:
        raise CheckpointInvalid("it is not signed by the log's key, or is no checkpoint") from None
    checkpoint = checkpoint_of(text)
    if checkpoint.origin != verifier.name:
        raise CheckpointInvalid("it is of another log")
    return checkpoint


def checkpoint_of(text: str) -> Checkpoint:
    """What a note's text says, whoever signed it; raises CheckpointInvalid."""
    lines = text.split("\n")
    try:
        origin, size, root = lines[0], lines[1], read_base64(lines[2])
    except (ValueError, IndexError):
        raise CheckpointInvalid("it is no checkpoint") from None
    if not origin or not DECIMAL.fullmatch(size) or len(root) != HASH_BYTES:
        raise CheckpointInvalid("it is no checkpoint")
    return Checkpoint(origin, int(size), root)
