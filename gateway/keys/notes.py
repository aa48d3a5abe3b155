"""C2SP signed notes (c2sp.org/signed-note) with Ed25519: how checkpoints of the log are signed and verified."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSigner:
    """Signs notes under the log's name."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        """A name with a space or a plus sign would make notes that can't be read."""
        if not self.name or any(letter.isspace() or letter == "+" for letter in self.name):
            msg = "a log's name has no space and no plus sign"
            raise ValueError(msg)

    @property
    def vkey(self) -> str:
        """The verifier key: `name+hash+base64(type, public key)`."""
        public = _raw(self.key.public_key())
        return f"{self.name}+{_key_hash(self.name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"

    def sign_note(self, text: str) -> str:
        """The whole note: text, empty line, signature line. `text` ends with a newline."""
        if not text.endswith("\n"):
            msg = "the text of a note ends with a newline"
            raise ValueError(msg)
        public = _raw(self.key.public_key())
        signature = base64.b64encode(_key_hash(self.name, public) + self.key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.name} {signature}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteVerifier:
    """Verifies notes with nothing but a public key."""

    name: str
    public: bytes

    @classmethod
    def from_vkey(cls, vkey: str) -> Self:
        """Read a verifier key; raises ValueError for one that is malformed or not Ed25519."""
        name, _, rest = vkey.strip().partition("+")
        key_hash, _, encoded = rest.partition("+")
        try:
            data = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            data = b""
        if not name or len(data) != 33 or data[:1] != _ED25519 or _key_hash(name, data[1:]).hex() != key_hash:
            msg = "not an Ed25519 verifier key (name+hash+key)"
            raise ValueError(msg)
        return cls(name=name, public=data[1:])

    def verify(self, note: str) -> str:
        """The note's text, ending with a newline; raises ValueError where no good signature of ours is on it."""
        text, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            msg = "not a signed note"
            raise ValueError(msg)
        text += "\n"
        wanted = _key_hash(self.name, self.public)
        for line in signatures.splitlines():
            if not line.startswith(_DASH):
                msg = "a signature line does not begin with a dash"
                raise ValueError(msg)
            name, _, encoded = line.removeprefix(_DASH).partition(" ")
            try:
                data = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                msg = "a signature line is not base64"
                raise ValueError(msg) from None
            if name != self.name or data[:4] != wanted:
                continue  # another's signature: not ours to judge
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(data[4:], text.encode())
            except InvalidSignature:
                msg = "the signature does not fit the text"
                raise ValueError(msg) from None
            return text
        msg = f"no signature of {self.name}"
        raise ValueError(msg)
