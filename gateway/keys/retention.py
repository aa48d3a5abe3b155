"""The private parts of log entries, sealed under the retention key of their purpose and month, and opened again.

A sealed part is salt (8), nonce (12), ciphertext, tag (16), by AES-256-GCM or SM4-GCM under a key that is derived from
the retention key and the salt (HKDF-SHA-256). A salt serves at most 2^24 parts of one process. A nonce is eight random
bytes, drawn with the salt, and a counter: under a salt none comes twice, and two processes that drew the same salt
would have to draw the same eight bytes as well.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from os import urandom
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import SettingsInvalid
from gateway.keys.roots import KEY_BYTES, RootKey, derive, gcm_open, gcm_seal
from gateway.model.retention_key import DEFAULT_SCOPE, RetentionKey, month_of

_SALT_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_BEFORE_SEALED: Final = _SALT_BYTES + _NONCE_BYTES
_PREFIX_BYTES: Final = 8
_MOST_OF_A_SALT: Final = 1 << 24
_MOST_OPENED: Final = 4_096
_WRAPS: Final = {"international": "aes-gcm", "national": "sm4-gcm"}


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True, slots=True, repr=False)
class _Sm4Gcm:
    """RFC 8998, with the calls of AESGCM."""

    key: bytes

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return gcm_seal(self.key, data, associated_data or b"", national=True, nonce=nonce)[_NONCE_BYTES:]

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return gcm_open(self.key, nonce + data, associated_data or b"", national=True)


class _Salted(NamedTuple):
    """What parts are sealed with under one salt."""

    salt: bytes
    prefix: bytes
    aead: _Aead
    numbers: Iterator[int]


class SealingKey:
    """Seals under one retention key. For any thread."""

    __slots__ = ("_key", "_national", "_salted", "name")

    def __init__(self, name: str, key: bytes, *, national: bool) -> None:
        self.name = name
        self._key = key
        self._national = national
        self._salted = self._new_salt()

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Opens only under the same key with the same context."""
        salted = self._salted
        number = next(salted.numbers)
        if number >= _MOST_OF_A_SALT:
            salted = self._salted = self._new_salt()
            number = next(salted.numbers)
        # counted, and in one step: under a salt no nonce serves twice; drawing each costs more than sealing does
        nonce = salted.prefix + number.to_bytes(_NONCE_BYTES - _PREFIX_BYTES, "big")
        return salted.salt + nonce + salted.aead.encrypt(nonce, plaintext, context)

    def _new_salt(self) -> _Salted:
        salt = urandom(_SALT_BYTES)
        return _Salted(salt, urandom(_PREFIX_BYTES), _aead(self._key, salt, national=self._national), count())

    def __repr__(self) -> str:
        """Never the key."""
        return f"<SealingKey {self.name}>"


class RetentionKeys:
    """Every retention key of one gateway, made when it is first needed, unwrapped in memory only.

    `read` gives a key's row or None; `keep` keeps a new one, or gives the one that another replica kept first;
    `destroyed` names those that are gone; `is_known` says which purposes have keys of their own. All of them but
    `is_known` may block, and raise KeysUnreadable.
    """

    def __init__(
        self,
        root: RootKey,
        algorithms: str,
        clock: Callable[[], datetime],
        *,
        read: Callable[[str, str], RetentionKey | None],
        keep: Callable[[RetentionKey], RetentionKey],
        destroyed: Callable[[], frozenset[str]],
        is_known: Callable[[str], bool],
    ) -> None:
        self._root = root
        self._algorithms = algorithms
        self._clock = clock
        self._read = read
        self._keep = keep
        self._destroyed = destroyed
        self._is_known = is_known
        self._making = threading.Lock()
        self._sealing: dict[tuple[str, int, int], SealingKey] = {}
        self._material: dict[str, tuple[bytes, bool]] = {}
        self._gone: frozenset[str] = frozenset()

    def at_hand(self, purpose: str, at: datetime) -> SealingKey | None:
        """What `sealing` would give without blocking; None where it would block."""
        return self._sealing.get(self._place(purpose, at))

    def scope(self, purpose: str) -> str:
        """Whose key an entry of the purpose has: a purpose that the policy doesn't know has none of its own.

        What it doesn't know anybody may write into a header: keys aren't made for it.
        """
        return purpose if purpose and self._is_known(purpose) else DEFAULT_SCOPE

    def sealing(self, purpose: str, at: datetime) -> SealingKey:
        """What seals an entry of this purpose and moment; makes the key where there is none, and then blocks.

        Raises KeysUnreadable, SettingsInvalid, and ValueError for a month whose key is destroyed.
        """
        place = self._place(purpose, at)
        found = self._sealing.get(place)
        if found is None:
            with self._making:
                found = self._sealing.get(place) or self._make(place[0], month_of(at))
                self._sealing[place] = found
        return found

    def prepare(self, purposes: Iterable[str]) -> None:
        """Make the keys of this month, so that no entry waits for one. Blocks; raises as `sealing`."""
        for purpose in (DEFAULT_SCOPE, *purposes):
            self.sealing(purpose, self._clock())

    def open(self, name: str, sealed: bytes, context: bytes) -> bytes | None:
        """What was sealed; None where the key is destroyed. Raises ValueError where it wasn't sealed so."""
        material = self._material.get(name)
        if material is None:
            if name in self._gone:
                return None
            purpose, _, month = name.rpartition("/")
            record = self._read(purpose, month)
            if record is None:
                msg = "sealed under an unknown key"
                raise ValueError(msg)
            if record.wrapped is None:
                self._gone |= {name}
                return None
            material = self._remember(record)
        return _opened(*material, sealed, context)

    def opener(self, records: Iterable[RetentionKey]) -> "RetentionOpener":
        """What opens parts sealed under these keys, in another process too; raises SettingsInvalid."""
        material, gone = {}, set()
        for record in records:
            if record.wrapped is None:
                gone.add(record.name)
            else:
                material[record.name] = (_unwrapped(self._root, record), record.algorithms == "national")
        return RetentionOpener(material, frozenset(gone))

    def refresh(self) -> None:
        """Drop what was destroyed meanwhile, here or by another replica. Blocks; raises KeysUnreadable."""
        gone = self._destroyed()
        if gone == self._gone:
            return
        self._gone = gone
        for name in [name for name in self._material if name in gone]:
            del self._material[name]
        self._sealing = {place: key for place, key in self._sealing.items() if key.name not in gone}
        _aead.cache_clear()

    def _place(self, purpose: str, at: datetime) -> tuple[str, int, int]:
        moment = at if at.tzinfo is UTC else at.astimezone(UTC)
        return self.scope(purpose), moment.year, moment.month

    def _make(self, purpose: str, month: str) -> SealingKey:
        record = self._read(purpose, month)
        if record is None:
            empty = RetentionKey(
                purpose=purpose,
                month=month,
                algorithms=self._algorithms,
                wrap=_WRAPS[self._algorithms],
                wrapped=None,
                created_at=self._clock(),
            )
            record = self._keep(_wrapped(self._root, empty, secrets.token_bytes(KEY_BYTES)))
        if record.wrapped is None:
            msg = "the month's retention key is destroyed"
            raise ValueError(msg)
        key, national = self._remember(record)
        return SealingKey(record.name, key, national=national)

    def _remember(self, record: RetentionKey) -> tuple[bytes, bool]:
        found = (_unwrapped(self._root, record), record.algorithms == "national")
        self._material[record.name] = found
        return found

    def __repr__(self) -> str:
        """Never a key."""
        return "<RetentionKeys>"


@dataclass(frozen=True, slots=True, repr=False)
class RetentionOpener:
    """The keys of one moment. Can be handed to a process of one's own; is kept nowhere."""

    _material: Mapping[str, tuple[bytes, bool]]
    _gone: frozenset[str]

    def __call__(self, name: str, sealed: bytes, context: bytes) -> bytes | None:
        """What was sealed; None where the key is destroyed. Raises ValueError where it wasn't sealed so."""
        if name in self._gone:
            return None
        material = self._material.get(name)
        if material is None:
            msg = "sealed under an unknown key"
            raise ValueError(msg)
        return _opened(*material, sealed, context)

    def open_alike(self, name: str, sealed: Sequence[bytes], contexts: Iterable[bytes]) -> list[bytes] | None:
        """Each as a call opens it, of one key; None where that is destroyed.

        Raises ValueError where one wasn't sealed so, whichever.
        """
        if name in self._gone:
            return None
        if name not in self._material:
            msg = "sealed under an unknown key"
            raise ValueError(msg)
        key, national = self._material[name]
        salts = [one[:_SALT_BYTES] for one in sealed]  # of many parts few: one a process and some million parts
        open_ = {salt: _aead(key, salt, national=national).decrypt for salt in set(salts)}
        try:
            return [
                open_[salt](one[_SALT_BYTES:_BEFORE_SEALED], one[_BEFORE_SEALED:], context)
                for salt, one, context in zip(salts, sealed, contexts, strict=True)
            ]
        except InvalidTag:
            msg = "not sealed under this key for this context"
            raise ValueError(msg) from None

    def __repr__(self) -> str:
        """Never a key."""
        return "<RetentionOpener>"


def rewrap_retention(
    old: RootKey, new: RootKey, records: tuple[RetentionKey, ...], wrap: str
) -> tuple[tuple[RetentionKey, RetentionKey], ...]:
    """Each key that is there with itself under the new root; raises SettingsInvalid, and shows no key."""
    return tuple(
        (record, _wrapped(new, replace(record, wrap=wrap), _unwrapped(old, record)))
        for record in records
        if record.wrapped is not None
    )


def _opened(key: bytes, national: bool, sealed: bytes, context: bytes) -> bytes:
    salt, nonce = sealed[:_SALT_BYTES], sealed[_SALT_BYTES : _SALT_BYTES + _NONCE_BYTES]
    try:
        return _aead(key, salt, national=national).decrypt(nonce, sealed[_SALT_BYTES + _NONCE_BYTES :], context)
    except (InvalidTag, ValueError):
        msg = "not sealed under this key for this context"
        raise ValueError(msg) from None


@lru_cache(maxsize=_MOST_OPENED)
def _aead(key: bytes, salt: bytes, *, national: bool) -> _Aead:
    derived = derive(key, f"langqiao/entry/{salt.hex()}")
    return _Sm4Gcm(derived) if national else AESGCM(derived)


def _wrapped(root: RootKey, record: RetentionKey, key: bytes) -> RetentionKey:
    try:
        return replace(record, wrapped=root.wrap_key(key, _context(record), record.wrap))
    except OSError:
        raise SettingsInvalid(fault="`keys.kms`: can't be reached", fix="mend the key service") from None


def _unwrapped(root: RootKey, record: RetentionKey) -> bytes:
    try:
        key = root.unwrap_key(record.wrapped or b"", _context(record), record.wrap)
    except (ValueError, OSError) as error:
        raise SettingsInvalid(
            fault=f"`keys`: the retention key {record.name} doesn't open under this root key "
            f"({'unreachable' if isinstance(error, OSError) else 'another root, or damaged'})",
            fix="give the root key that this database's keys were wrapped under",
        ) from None
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(fault=f"`keys`: the retention key {record.name} is no key", fix="restore the database")
    return key


def _context(record: RetentionKey) -> bytes:
    return f"langqiao/retention/{record.name}/{record.algorithms}/{record.wrap}".encode()
