"""C2SP cosignatures (c2sp.org/tlog-cosignature), Ed25519: what a witness signs under a checkpoint.

A cosignature says: at this time this was the largest tree of that log that I saw, and it continues all I saw before.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.keys.notes import (
    is_key_name,
    key_hash,
    raw_public,
    read_vkey,
    signature_line,
    signatures_of,
    split_note,
    write_vkey,
)
from gateway.keys.ring import private_key

_COSIGNATURE = b"\x04"
_TIME_BYTES = 8
_LATEST = 2**63 - 1


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """A witness's key under its name. It signs whatever it is given: what may be signed is the witness's to judge."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def open(cls, name: str, path: Path, *, create: bool = False) -> Self:
        """The key in a file of its own (raw, 0600). Raises ValueError, OSError, SettingsInvalid."""
        if not is_key_name(name):
            msg = "a witness's name has no space and no plus sign"
            raise ValueError(msg)
        return cls(name=name, key=private_key(path, create=create))

    @property
    def vkey(self) -> str:
        """The verifier key that is published."""
        return write_vkey(self.name, _COSIGNATURE, raw_public(self.key.public_key()))

    def cosign(self, note: str, at: int) -> str:
        """The signature line for a checkpoint, with its line feed; `at` in seconds since 1970."""
        text, _ = split_note(note)
        key_id = key_hash(self.name, _COSIGNATURE, raw_public(self.key.public_key()))
        signature = self.key.sign(_message(text, at))
        return signature_line(self.name, key_id + at.to_bytes(_TIME_BYTES, "big") + signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignatureVerifier:
    """Verifies one witness's cosignatures with nothing but its public key."""

    name: str
    public: bytes

    @classmethod
    def from_vkey(cls, vkey: str) -> Self:
        """Read a verifier key; raises ValueError for one that is malformed or no witness's."""
        name, public = read_vkey(vkey, _COSIGNATURE)
        return cls(name=name, public=public)

    def verify(self, note: str) -> int:
        """When this witness signed the note, in seconds since 1970; raises ValueError where it did not."""
        text, lines = split_note(note)
        for signed in signatures_of(lines, self.name, key_hash(self.name, _COSIGNATURE, self.public)):
            at = int.from_bytes(signed[:_TIME_BYTES], "big")
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signed[_TIME_BYTES:], _message(text, at))
            except InvalidSignature:
                at = _LATEST + 1
            if at > _LATEST:
                msg = "the cosignature does not fit the text"
                raise ValueError(msg)
            return at
        msg = f"no cosignature of {self.name}"
        raise ValueError(msg)

    def line_in(self, note: str) -> str:
        """The verified line of this witness, without its line feed; raises ValueError where there is none."""
        self.verify(note)
        _, lines = split_note(note)
        key_id = key_hash(self.name, _COSIGNATURE, self.public)
        return next(line for line in lines if signatures_of((line,), self.name, key_id))
