"""Size and root <-> C2SP checkpoint (c2sp.org/tlog-checkpoint): the signed statement of what the log holds."""

import base64
import binascii
import re
from dataclasses import dataclass

from gateway.audit.merkle import HASH_BYTES
from gateway.keys import LogSigner, NoteVerifier

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


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
        lines = verifier.verify(note.decode("utf-8") if isinstance(note, bytes) else note).split("\n")
        origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
    except (ValueError, IndexError, binascii.Error):
        raise CheckpointInvalid("it is not signed by the log's key, or is no checkpoint") from None
    if origin != verifier.name or not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
        raise CheckpointInvalid("it is of another log, or is no checkpoint")
    return Checkpoint(origin, int(size), root)
