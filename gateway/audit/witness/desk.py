"""A request to sign a checkpoint -> a cosignature, or the reason why not (c2sp.org/tlog-witness). One at a time.

What was signed last is looked at, the new checkpoint is made durable and only then signed, all under one lock: two
requests can't roll each other back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.audit.checkpoint import Checkpoint, CheckpointInvalid, checkpoint_of, read_checkpoint
from gateway.audit.merkle import EMPTY_ROOT, ProofInvalid, verify_consistency
from gateway.audit.proof_text import ConsistencyText, TextMalformed, read_consistency
from gateway.audit.witness.home import WitnessHome
from gateway.keys import NoteVerifier, split_note

_TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: str
    content_type: str = _TEXT


class _Refused(Exception):
    def __init__(self, status: int, body: str, content_type: str = _TEXT) -> None:
        super().__init__(body)
        self.answer = Answer(status, body, content_type)


class Witness:
    """Signs for the logs of its home."""

    def __init__(self, home: WitnessHome, clock: Callable[[], datetime]) -> None:
        self._home = home
        self._clock = clock
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Blocking. 200 with the signature line; 400, 403, 404, 409, 422 as the protocol has them; 500: not durable."""
        try:
            asked = _read(body)
            text = _text(asked.note)
            checkpoint = self._verified(asked.note, text)
            if asked.older > checkpoint.size:
                raise _Refused(400, "the old size is larger than the checkpoint's\n")
            with self._lock:
                self._check(asked, checkpoint)
                # SECURITY: durable before the signature exists, so that no crash makes it forget what it signed
                self._home.keep(checkpoint.origin, asked.note)
                line = self._home.cosigner.cosign(asked.note, int(self._clock().timestamp()))
        except _Refused as refused:
            return refused.answer
        except OSError:
            return Answer(500, "the record can't be written\n")
        return Answer(200, line)

    def _verified(self, note: str, text: str) -> Checkpoint:
        try:
            checkpoint = checkpoint_of(text)
        except CheckpointInvalid:
            raise _Refused(400, "no checkpoint\n") from None
        verifiers = self._home.logs.get(checkpoint.origin)
        if verifiers is None:
            raise _Refused(404, "this witness does not know that log\n")
        if not any(_is_signed(note, verifier) for verifier in verifiers):
            raise _Refused(403, "not signed by a key of that log\n")
        return checkpoint

    def _check(self, asked: ConsistencyText, checkpoint: Checkpoint) -> None:
        """The checkpoint continues what was signed last; raises _Refused."""
        signed = self._home.newest(checkpoint.origin) or Checkpoint(checkpoint.origin, 0, EMPTY_ROOT)
        if asked.older != signed.size:
            raise _Refused(409, f"{signed.size}\n", _SIZE)
        if checkpoint.size == signed.size and checkpoint.root != signed.root:
            raise _Refused(409, f"{signed.size}\n", _SIZE)
        try:
            if asked.older == 0:
                if asked.hashes:  # every log continues the empty one: there is nothing to show
                    raise ProofInvalid("a proof from the empty log is empty")
            else:
                verify_consistency(asked.older, checkpoint.size, asked.hashes, signed.root, checkpoint.root)
        except ProofInvalid as error:
            raise _Refused(422, f"{error}\n") from None


def _read(body: bytes) -> ConsistencyText:
    try:
        return read_consistency(body.decode("utf-8"))
    except (UnicodeDecodeError, TextMalformed):
        raise _Refused(400, "no request to add a checkpoint\n") from None


def _text(note: str) -> str:
    try:
        return split_note(note)[0]
    except ValueError:
        raise _Refused(400, "no signed note\n") from None


def _is_signed(note: str, verifier: NoteVerifier) -> bool:
    try:
        read_checkpoint(note, verifier)
    except CheckpointInvalid:
        return False
    return True
