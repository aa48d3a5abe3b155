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


def read_base64(text: str) -> bytes:
    """The bytes of base64 in its one canonical form: no two texts for the same bytes. Raises ValueError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters outside ASCII
        data = b""
    if base64.b64encode(data).decode() != text:
        msg = "not base64"
        raise ValueError(msg)
    return data


def key_hash(name: str, kind: bytes, public: bytes) -> bytes:
    """A key's id in signature lines: four bytes that tell keys of one name apart."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def write_vkey(name: str, kind: bytes, public: bytes) -> str:
    """The verifier key: `name+hash+base64(type, public key)`."""
    return f"{name}+{key_hash(name, kind, public).hex()}+{base64.b64encode(kind + public).decode()}"


def read_vkey(vkey: str, kind: bytes) -> tuple[str, bytes]:
    """Name and public key of a verifier key; raises ValueError for one that is malformed or of another kind."""
    name, _, rest = vkey.strip().partition("+")
    told, _, encoded = rest.partition("+")
    data = read_base64(encoded)
    if not is_key_name(name) or len(data) != 33 or data[:1] != kind or key_hash(name, kind, data[1:]).hex() != told:
        msg = "not an Ed25519 verifier key of this kind (name+hash+key)"
        raise ValueError(msg)
    return name, data[1:]


def is_key_name(name: str) -> bool:
    """A name with a space or a plus sign would make notes that can't be read."""
    return bool(name) and not any(letter.isspace() or letter == "+" for letter in name)


def signature_line(name: str, signed: bytes) -> str:
    """A line of a note, with its line feed; `signed` begins with the key's id."""
    return f"{_DASH}{name} {base64.b64encode(signed).decode()}\n"


def split_note(note: str) -> tuple[str, tuple[str, ...]]:
    """The text of a note, ending with a newline, and its signature lines without; raises ValueError."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        msg = "not a signed note"
        raise ValueError(msg)
    lines = tuple(signatures[:-1].split("\n"))
    if not all(line.startswith(_DASH) for line in lines):
        msg = "a signature line does not begin with a dash"
        raise ValueError(msg)
    return text + "\n", lines


def signatures_of(lines: tuple[str, ...], name: str, key_id: bytes) -> tuple[bytes, ...]:
    """What follows the key's id on each line of that key; others' lines are not ours to judge. Raises ValueError."""
    found = []
    for line in lines:
        who, _, encoded = line.removeprefix(_DASH).partition(" ")
        data = read_base64(encoded)
        if who == name and data[:4] == key_id:
            found.append(data[4:])
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSigner:
    """Signs notes under the log's name."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)
    _key_id: bytes = field(init=False, repr=False)  # every checkpoint has it

    def __post_init__(self) -> None:
        """A name that notes can't hold is refused."""
        if not is_key_name(self.name):
            msg = "a log's name has no space and no plus sign"
            raise ValueError(msg)
        object.__setattr__(self, "_key_id", key_hash(self.name, _ED25519, raw_public(self.key.public_key())))

    @property
    def vkey(self) -> str:
        """The verifier key that is published."""
        return write_vkey(self.name, _ED25519, raw_public(self.key.public_key()))

    def sign_note(self, text: str) -> str:
        """The whole note: text, empty line, signature line. `text` ends with a newline."""
        if not text.endswith("\n"):
            msg = "the text of a note ends with a newline"
            raise ValueError(msg)
        return f"{text}\n{signature_line(self.name, self._key_id + self.key.sign(text.encode()))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteVerifier:
    """Verifies notes with nothing but a public key."""

    name: str
    public: bytes

    @classmethod
    def from_vkey(cls, vkey: str) -> Self:
        """Read a verifier key; raises ValueError for one that is malformed or not Ed25519."""
        name, public = read_vkey(vkey, _ED25519)
        return cls(name=name, public=public)

    def verify(self, note: str) -> str:
        """The note's text, ending with a newline; raises ValueError where no good signature of ours is on it."""
        text, lines = split_note(note)
        signatures = signatures_of(lines, self.name, key_hash(self.name, _ED25519, self.public))
        for signature in signatures:
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
            except InvalidSignature:
                msg = "the signature does not fit the text"
                raise ValueError(msg) from None
        if not signatures:
            msg = f"no signature of {self.name}"
            raise ValueError(msg)
        return text
