"""The key ring: a folder of key files, one a use and version, readable by the gateway alone."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import SettingsInvalid
from gateway.keys.notes import LogSigner
from gateway.keys.purpose_keys import PurposeKeys
from gateway.model.ids import PurposeId
from gateway.spi import MaskKeys

_VERSION = 1
_LOG, _SUBJECT, _PSEUDONYM, _SEAL = "log-1.key", "subject-1.key", "pseudonym-1.key", "seal-1.key"
_FILES = (_LOG, _SUBJECT, _PSEUDONYM, _SEAL)
_KEY_BYTES = 32
_HASH_BYTES = 16
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Every key of one gateway. Losing it loses the log's identity, look-ups by person, pseudonyms and open cases."""

    _keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, *, create: bool) -> Self:
        """Read the ring; with `create` make what is missing of a new one.

        Raises SettingsInvalid where the folder or a file is missing, malformed, or open to others (0700, 0600).
        A ring with some keys and not others is never completed: that would hide a loss.
        """
        if create and not any((folder / name).exists() for name in _FILES):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            for name in _FILES:
                _write(folder / name, secrets.token_bytes(_KEY_BYTES))
        _refuse_open(folder, 0o077)
        return cls({name: _read(folder / name) for name in _FILES})

    def log_signer(self, origin: str) -> LogSigner:
        """The signer of the log's checkpoints."""
        try:
            return LogSigner(name=origin, key=Ed25519PrivateKey.from_private_bytes(self._keys[_LOG]))
        except ValueError as error:
            raise SettingsInvalid(fault=f"`audit.origin`: {error}", fix="use a name like city.example/log") from None

    def subject_hash(self, id_number: str) -> str:
        """32 hex digits: HMAC-SHA-256 cut to 128 bits; the same for the same person, and nothing without the key."""
        mac = hmac.HMAC(self._keys[_SUBJECT], hashes.SHA256())
        mac.update(id_number.strip().upper().encode("utf-8", "surrogatepass"))
        return mac.finalize()[:_HASH_BYTES].hex()

    def mask_keys(self, purpose: PurposeId) -> MaskKeys:
        """The keyed functions of one purpose (HKDF-SHA-256), so that two purposes' pseudonyms can't be joined."""
        return PurposeKeys(
            purpose=purpose,
            token_version=_VERSION,
            national=False,
            derive=lambda use, info: self._derived(_PSEUDONYM, f"langqiao/{use}/v{_VERSION}/{info}"),
        )

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Version byte, nonce, AES-256-GCM ciphertext; opens only with the same context."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AESGCM(self._derived(_SEAL, "langqiao/seal"))
        return bytes([_VERSION]) + nonce + cipher.encrypt(nonce, plaintext, bytes([_VERSION]) + context)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """The plaintext; raises ValueError where it was not sealed by this ring for this context."""
        version, nonce, ciphertext = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if version != bytes([_VERSION]):
            msg = "sealed under an unknown version"
            raise ValueError(msg)
        try:
            return AESGCM(self._derived(_SEAL, "langqiao/seal")).decrypt(nonce, ciphertext, version + context)
        except (InvalidTag, ValueError):
            msg = "not sealed by this ring for this use"
            raise ValueError(msg) from None

    def _derived(self, name: str, info: str) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=info.encode()).derive(
            self._keys[name]
        )

    def __repr__(self) -> str:
        """Never a key."""
        return "<KeyRing>"


def private_key(path: Path, *, create: bool) -> Ed25519PrivateKey:
    """An Ed25519 key in a file of its own (raw, 0600)."""
    if create and not path.exists():
        key = Ed25519PrivateKey.generate()
        raw = key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        _write(path, raw)
    return Ed25519PrivateKey.from_private_bytes(_read(path))


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    _refuse_open(path, 0o077)
    content = path.read_bytes()
    if len(content) != _KEY_BYTES:
        raise SettingsInvalid(fault=f"`keys`: {path.name} is no key of {_KEY_BYTES} bytes", fix="restore the key ring")
    return content


def _refuse_open(path: Path, others: int) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise SettingsInvalid(
            fault=f"`keys`: {path.name} is missing or can't be read",
            fix="restore the key ring, or make one for a new gateway with `langqiao keys create`",
        ) from None
    if mode & others:
        raise SettingsInvalid(
            fault=f"`keys`: {path.name} is open to other users", fix="chmod 700 the folder and 600 the files"
        )
