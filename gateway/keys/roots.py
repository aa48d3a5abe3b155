"""The root key: wraps every data key, and is never in the database.

From a file, from the environment, or a key service that never shows it (`RootKey` is what a plug-in offers).
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import ciphers, hashes
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import SettingsInvalid
from gateway.plugins import plugins
from gateway.settings import Keys

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KMS_GROUP: Final = "langqiao.kms"


class RootKey(Protocol):
    """What wraps data keys. Its repr shows no key.

    `wrap` is `aes-gcm` or `sm4-gcm`; `context` says which key it is, and must be bound: unwrapping under another
    context fails. A plug-in of the group `langqiao.kms` is a callable that takes the options and gives one.
    """

    @property
    def name(self) -> str:
        """Which root it is, for people; no secret."""
        ...

    def wrap_key(self, key: bytes, context: bytes, wrap: str) -> bytes:
        """The wrapped key; raises OSError where the service can't be reached."""
        ...

    def unwrap_key(self, wrapped: bytes, context: bytes, wrap: str) -> bytes:
        """What was wrapped; raises ValueError where it wasn't by this root for this context, OSError as above."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class LocalRoot:
    """32 bytes in the process; one key for each wrap is derived from them (HKDF-SHA-256)."""

    name: str
    _key: bytes = field(repr=False)

    @classmethod
    def from_file(cls, path: Path, *, create: bool = False) -> Self:
        """Read it, or with `create` make it where it is missing; raises SettingsInvalid."""
        if create and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(path, secrets.token_bytes(KEY_BYTES))
        refuse_open(path.parent)
        return cls(f"file {path.name}", read_secret(path))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Of base64; raises SettingsInvalid, and never shows it."""
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise SettingsInvalid(
                fault=f"`keys.root`: not {KEY_BYTES} bytes in base64", fix="head -c 32 /dev/urandom | base64"
            )
        return cls("environment", key)

    def wrap_key(self, key: bytes, context: bytes, wrap: str) -> bytes:
        """Nonce, ciphertext, tag."""
        return gcm_seal(self._wrapping(wrap), key, context, national=wrap == "sm4-gcm")

    def unwrap_key(self, wrapped: bytes, context: bytes, wrap: str) -> bytes:
        """What was wrapped; raises ValueError."""
        return gcm_open(self._wrapping(wrap), wrapped, context, national=wrap == "sm4-gcm")

    def _wrapping(self, wrap: str) -> bytes:
        if wrap not in {"aes-gcm", "sm4-gcm"}:
            msg = "an unknown wrap"
            raise ValueError(msg)
        return derive(self._key, f"langqiao/wrap/{wrap}")

    def __repr__(self) -> str:
        """Never the key."""
        return f"<LocalRoot {self.name}>"


def open_root(settings: Keys, *, create: bool = False) -> RootKey:
    """The root that the settings name; raises SettingsInvalid. `create` makes a file that is missing, nothing else."""
    if settings.kms is not None and settings.root is not None:
        raise SettingsInvalid(fault="`keys`: both `root` and `kms`", fix="give one")
    if settings.kms is not None:
        options = {name: value.get_secret_value() for name, value in settings.kms_options.items()}
        return _plugged(settings.kms, options)
    if settings.root is not None:
        return LocalRoot.from_text(settings.root.get_secret_value())
    return LocalRoot.from_file(settings.root_file, create=create)


def _plugged(name: str, options: Mapping[str, str]) -> RootKey:
    points = {point.name: point for point in plugins(_KMS_GROUP)}
    if name not in points:
        raise SettingsInvalid(
            fault=f"`keys.kms`: no key service `{name}`",
            fix=f"install a plug-in with an entry point of the group {_KMS_GROUP}",
        )
    try:
        root: RootKey = points[name].load()(options)
    except (KeyError, TypeError, ValueError, OSError) as error:
        # the kind alone: its text may hold an option
        raise SettingsInvalid(
            fault=f"`keys.kms`: {name} can't be opened ({type(error).__name__})", fix="see the plug-in's options"
        ) from None
    return root


def derive(key: bytes, info: str) -> bytes:
    """32 bytes by HKDF-SHA-256 (RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info.encode()).derive(key)


def gcm_seal(key: bytes, plaintext: bytes, context: bytes, *, national: bool, nonce: bytes | None = None) -> bytes:
    """Nonce, ciphertext, tag: AES-256-GCM, or SM4-GCM (the first 16 bytes of the key; RFC 8998).

    The nonce is a random one where none is given.
    """
    nonce = nonce or secrets.token_bytes(_NONCE_BYTES)
    made = ciphers.Cipher(_algorithm(key, national=national), modes.GCM(nonce)).encryptor()
    made.authenticate_additional_data(context)
    return nonce + made.update(plaintext) + made.finalize() + made.tag


def gcm_open(key: bytes, sealed: bytes, context: bytes, *, national: bool) -> bytes:
    """What was sealed; raises ValueError where it wasn't under this key for this context."""
    nonce, ciphertext, tag = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    msg = "not sealed under this key for this context"
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise ValueError(msg)
    made = ciphers.Cipher(_algorithm(key, national=national), modes.GCM(nonce, tag)).decryptor()
    made.authenticate_additional_data(context)
    plaintext = made.update(ciphertext)
    try:
        return plaintext + made.finalize()
    except InvalidTag:
        raise ValueError(msg) from None


def _algorithm(key: bytes, *, national: bool) -> algorithms.AES | algorithms.SM4:
    return algorithms.SM4(key[:16]) if national else algorithms.AES(key)


def write_secret(path: Path, content: bytes) -> None:
    """Into a new file of mode 0600, durably."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> bytes:
    """32 bytes; raises SettingsInvalid where the file is missing, open to others, or anything else."""
    refuse_open(path)
    content = path.read_bytes()
    if len(content) != KEY_BYTES:
        raise SettingsInvalid(fault=f"`keys`: {path.name} is no key of {KEY_BYTES} bytes", fix="restore the root key")
    return content


def refuse_open(path: Path) -> None:
    """Raises SettingsInvalid where others than the owner may do anything with it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        raise SettingsInvalid(
            fault=f"`keys`: {path.name} is missing or can't be read",
            fix="restore the root key, or make one for a new gateway with `langqiao keys create`",
        ) from None
    if mode & 0o077:
        raise SettingsInvalid(
            fault=f"`keys`: {path.name} is open to other users", fix="chmod 700 the folder and 600 the files"
        )
