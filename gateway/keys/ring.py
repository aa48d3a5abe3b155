"""The key ring: every data key of the gateway, in versions, unwrapped in memory only.

Replicas share the wrapped keys in the database. Each reads them anew several times a second, and a new version
comes into force at a moment that lies after everybody's next reading: all switch at the same instant.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import numpy as np
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import KeysUnreadable, KeyUnavailable, SettingsInvalid
from gateway.keys.digests import keyed_digest
from gateway.keys.notes import LogSigner
from gateway.keys.purpose_keys import PurposeKeys
from gateway.keys.roots import KEY_BYTES, RootKey, derive, gcm_open, gcm_seal, read_secret, write_secret
from gateway.model.data_key import DataKey, KeyState, KeyUse
from gateway.model.ids import PurposeId
from gateway.model.keyed import FormatCipher, KeyedDigest, MaskKeys, Offsets

NOTICE: Final = timedelta(seconds=1)
"""Between the making of a version and its coming into force."""
STALE_SECONDS: Final = 10.0
"""After so long without reading the table a following ring uses no key."""
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)  # first versions are in force by every replica's clock
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_HASH_DIGITS: Final = 32
_BLANKS: Final = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"  # of ASCII, what `strip` takes off
_FEW_PEOPLE: Final = 96  # that are hashed sooner one by one
_MASKED: Final = (KeyUse.PSEUDONYM, KeyUse.TOKEN, KeyUse.SHIFT)
_WRAPS: Final = {"international": "aes-gcm", "national": "sm4-gcm"}


@dataclass(frozen=True, slots=True, repr=False)
class _Snapshot:
    """What one reading of the table found. What has a default fills as keys are asked for, and go with the snapshot."""

    records: Mapping[tuple[KeyUse, int], DataKey]
    material: Mapping[tuple[KeyUse, int], bytes] = field(repr=False)
    derived: dict[tuple[KeyUse, int, str], bytes] = field(default_factory=dict, repr=False)
    found: dict[KeyUse, tuple[datetime, datetime, DataKey]] = field(default_factory=dict, repr=False)
    purposes: dict[PurposeId, tuple[datetime, datetime, PurposeKeys]] = field(default_factory=dict, repr=False)
    people: dict[int, KeyedDigest] = field(default_factory=dict, repr=False)

    def in_force(self, use: KeyUse, now: datetime) -> DataKey:
        return self.standing(use, now)[2]

    def standing(self, use: KeyUse, now: datetime) -> tuple[datetime, datetime, DataKey]:
        """The version in force, since when and until when."""
        known = self.found.get(use)
        if known is not None and known[0] <= now < known[1]:
            return known
        record = _in_force(self.records.values(), use, now)
        if record is None:
            raise KeyUnavailable(use=use.value, version=0, state="missing")
        moments = [one.active_at for one in self.records.values() if one.use is use]
        since = max(moment for moment in moments if moment <= now)
        until = min((moment for moment in moments if moment > now), default=_NEVER)
        known = self.found[use] = since, until, record  # it stays in force between two beginnings
        return known

    def purpose_keys(self, purpose: PurposeId, now: datetime) -> PurposeKeys:
        """Of the versions in force, kept as long as all of them are."""
        known = self.purposes.get(purpose)
        if known is None or not known[0] <= now < known[1]:
            since, until, records = zip(*(self.standing(use, now) for use in _MASKED), strict=True)
            known = self.purposes[purpose] = max(since), min(until), _purpose_keys(self, purpose, records)
        return known[2]

    def of_people(self, record: DataKey) -> KeyedDigest:
        """The keyed digest of people under one version."""
        made = self.people.get(record.version)
        if made is None:
            is_national, key = record.algorithms == "national", self.material[KeyUse.SUBJECT, record.version]
            name = "hmac-sm3" if is_national else "hmac-sha256"
            if record.digest == "cmac":
                name = "sm4-cmac" if is_national else "aes-cmac"
                key = self.derive(KeyUse.SUBJECT, record.version, f"people/{name}")  # HMAC has the key itself
            made = self.people[record.version] = keyed_digest(name, key)
        return made

    def derive(self, use: KeyUse, version: int, info: str) -> bytes:
        place = (use, version, info)
        if place not in self.derived:
            self.derived[place] = derive(self.material[use, version], f"langqiao/{use}/v{version}/{info}")
        return self.derived[place]


class KeyRing:
    """Every key of one gateway. Losing the root or the table loses the log's identity, pseudonyms and open cases.

    Methods raise KeysUnreadable where the ring follows the table and could not read it for ten seconds, and
    KeyUnavailable where a version is retired, destroyed or unknown.
    """

    __slots__ = ("_clock", "_elapsed", "_read", "_read_at", "_root", "_snapshot", "_stale_seconds")

    def __init__(
        self,
        read: Callable[[], tuple[DataKey, ...]],
        root: RootKey,
        clock: Callable[[], datetime],
        *,
        stale_seconds: float | None,
        elapsed: Callable[[], float],
    ) -> None:
        self._read = read
        self._root = root
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._elapsed = elapsed
        self._read_at = elapsed()
        self._snapshot = _Snapshot({}, {})

    @classmethod
    def open(
        cls,
        read: Callable[[], tuple[DataKey, ...]],
        root: RootKey,
        clock: Callable[[], datetime],
        *,
        stale_seconds: float | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Read and unwrap; `stale_seconds` for a ring that is refreshed, None for one that is used and let go.

        Raises SettingsInvalid where a use has no key or one doesn't open under this root; KeysUnreadable.
        """
        ring = cls(read, root, clock, stale_seconds=stale_seconds, elapsed=elapsed)
        ring.refresh()
        missing = [use.value for use in KeyUse if not any(of is use for of, _ in ring._snapshot.records)]
        if missing:
            raise SettingsInvalid(
                fault=f"`keys`: the database holds no key for {', '.join(missing)}",
                fix="restore the database, or make the keys of a new gateway with `langqiao keys create`",
            )
        return ring

    def refresh(self) -> None:
        """Read the table anew, and switch to what it says in one step; raises KeysUnreadable, SettingsInvalid.

        Blocks on the database: call it in a thread. A retired or destroyed key's material is dropped.
        """
        began = self._elapsed()
        records = {(record.use, record.version): record for record in self._read()}
        before = self._snapshot
        if records != before.records:
            material = {
                place: before.material[place] if _same(before.records.get(place), record) else self._unwrap(record)
                for place, record in records.items()
                if record.wrapped is not None and record.retired_at is None
            }
            self._snapshot = _Snapshot(records, material)
        self._read_at = began

    def records(self) -> tuple[tuple[DataKey, KeyState], ...]:
        """Every version with its state now."""
        current, now = self._current(), self._clock()
        return tuple((record, state_of(current.records.values(), record, now)) for record in current.records.values())

    def log_signer(self, origin: str) -> LogSigner:
        """The signer of the log's checkpoints."""
        current = self._current()
        version = current.in_force(KeyUse.LOG, self._clock()).version
        try:
            key = Ed25519PrivateKey.from_private_bytes(current.material[KeyUse.LOG, version])
            return LogSigner(name=origin, key=key)
        except ValueError as error:
            raise SettingsInvalid(fault=f"`audit.origin`: {error}", fix="use a name like city.example/log") from None

    def subject_hash(self, id_number: str) -> str:
        """32 hex digits: CMAC with AES-256 or SM4, or HMAC cut to 128 bits; one person's are always the same."""
        return self._digest_of_people().digest(_spelt(id_number)).hex()

    def subject_hashes(self, id_numbers: Iterable[str]) -> list[str]:
        """The same of many, one for each, all under one version of the key."""
        digest, people = self._digest_of_people(), list(id_numbers)
        letters = "".join(people)
        told = letters.upper().encode() if letters.isascii() else b""
        is_clean = told and told.translate(None, _BLANKS) == told  # else something may be around one of them
        each = list(map(str.encode, map(str.upper, people)) if is_clean else map(_spelt, people))
        if len(each) < _FEW_PEOPLE:
            return list(map(bytes.hex, digest.of_few(each)))
        told, lengths = b"".join(each), list(map(len, each))
        ends = _ends_of(lengths)
        digits = digest.digests(np.frombuffer(told, np.uint8), ends).tobytes().hex()
        return [digits[at : at + _HASH_DIGITS] for at in range(0, len(digits), _HASH_DIGITS)]

    def report_signer(self, origin: str) -> LogSigner:
        """The signer of reports over this log: a key of its own, so that no report can pass for a checkpoint."""
        current = self._current()
        version = current.in_force(KeyUse.LOG, self._clock()).version
        key = Ed25519PrivateKey.from_private_bytes(current.derive(KeyUse.LOG, version, "reports"))
        return LogSigner(name=f"{origin}/reports", key=key)

    def draw(self, leaf: bytes) -> int:
        """A number under 2**64 for a leaf of the log, the same for ever: nobody without the ring can tell it."""
        current = self._current()
        version = current.in_force(KeyUse.SUBJECT, self._clock()).version
        mac = hmac.HMAC(current.derive(KeyUse.SUBJECT, version, "sampling"), hashes.SHA256())
        mac.update(leaf)
        return int.from_bytes(mac.finalize()[:8], "big")

    def mask_keys(self, purpose: PurposeId) -> MaskKeys:
        """The keyed functions of one purpose (HKDF-SHA-256), of the versions in force now: purposes can't be joined."""
        return self._current().purpose_keys(purpose, self._clock())

    def token_key(self, purpose: PurposeId, shape: str, version: int) -> FormatCipher:
        """What made the tokens of one version, to turn them back; raises KeyUnavailable where it serves no more."""
        current = self._current()
        record = self._readable(current, KeyUse.TOKEN, version)
        return _purpose_keys(current, purpose, (record,)).token(shape)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Version byte, nonce, ciphertext, tag (AES-256-GCM or SM4-GCM); opens only with the same context."""
        current = self._current()
        record = current.in_force(KeyUse.SEAL, self._clock())
        version, is_national = bytes([record.version]), record.algorithms == "national"
        key = current.derive(KeyUse.SEAL, record.version, "state")
        return version + gcm_seal(key, plaintext, version + context, national=is_national)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """The plaintext; ValueError where it was not sealed by this ring for this context, KeyUnavailable as above."""
        current = self._current()
        place = (KeyUse.SEAL, sealed[0] if sealed else 0)
        if place not in current.records:
            msg = "sealed under an unknown version"
            raise ValueError(msg)
        record = self._readable(current, *place)
        key = current.derive(KeyUse.SEAL, record.version, "state")
        return gcm_open(key, sealed[1:], sealed[:1] + context, national=record.algorithms == "national")

    def new_version(self, use: KeyUse, algorithms: str) -> DataKey:
        """A key that follows the newest version of the use, wrapped, in force a second from now; it is not kept yet."""
        current, now = self._current(), self._clock()
        newest = max((version for of, version in current.records if of is use), default=0)
        if newest >= 255:
            raise KeyUnavailable(use=use.value, version=newest, state="the last")
        return make_key(self._root, use, newest + 1, algorithms, now, active_at=now + NOTICE)

    def _digest_of_people(self) -> KeyedDigest:
        current = self._current()
        return current.of_people(current.standing(KeyUse.SUBJECT, self._clock())[2])

    def _current(self) -> _Snapshot:
        if self._stale_seconds is not None and self._elapsed() - self._read_at > self._stale_seconds:
            raise KeysUnreadable(
                why=("they could not be read from the database for too long", "过久未能从数据库读取密钥")
            )
        return self._snapshot

    def _readable(self, current: _Snapshot, use: KeyUse, version: int) -> DataKey:
        record = current.records.get((use, version))
        if record is None:
            raise KeyUnavailable(use=use.value, version=version, state="unknown")
        state = state_of(current.records.values(), record, self._clock())
        if (use, version) not in current.material:
            raise KeyUnavailable(use=use.value, version=version, state=state.value)
        return record

    def _unwrap(self, record: DataKey) -> bytes:
        return unwrap(self._root, record)

    def __repr__(self) -> str:
        """Never a key."""
        return "<KeyRing>"


def make_ring(root: RootKey, algorithms: str, now: datetime) -> tuple[DataKey, ...]:
    """Version 1 of every use, wrapped."""
    return tuple(make_key(root, use, 1, algorithms, now, active_at=_ALWAYS) for use in KeyUse)


def make_key(
    root: RootKey, use: KeyUse, version: int, algorithms: str, now: datetime, *, active_at: datetime
) -> DataKey:
    """A new random key, wrapped; raises SettingsInvalid where the root can't wrap."""
    empty = DataKey(
        use=use,
        version=version,
        algorithms=algorithms,
        wrap=_WRAPS[algorithms],
        wrapped=None,
        created_at=now,
        active_at=active_at,
        digest="cmac" if use is KeyUse.SUBJECT else "",
    )
    return _wrapped(root, empty, secrets.token_bytes(KEY_BYTES))


def rewrap(old: RootKey, new: RootKey, records: tuple[DataKey, ...], wrap: str) -> tuple[tuple[DataKey, DataKey], ...]:
    """Each key that is there with itself under the new root; raises SettingsInvalid, and shows no key."""
    return tuple(
        (record, _wrapped(new, replace(record, wrap=wrap), unwrap(old, record)))
        for record in records
        if record.wrapped is not None
    )


def state_of(records: Iterable[DataKey], record: DataKey, now: datetime) -> KeyState:
    """What a version serves for at a moment, among all versions of its use."""
    if record.destroyed_at is not None:
        return KeyState.DESTROYED
    if record.retired_at is not None:
        return KeyState.RETIRED
    if record.active_at > now:
        return KeyState.PENDING
    return KeyState.ACTIVE if _in_force(records, record.use, now) == record else KeyState.OLD


def _ends_of(lengths: list[int]) -> Offsets:
    """Where the first begins, and each ends."""
    if lengths[0] and len(set(lengths)) == 1:  # as ID numbers are
        return np.arange(len(lengths) + 1, dtype=np.int64) * lengths[0]
    return np.cumsum([0, *lengths], dtype=np.int64)


def _spelt(id_number: str) -> bytes:
    return id_number.strip().upper().encode("utf-8", "surrogatepass")


def unwrap(root: RootKey, record: DataKey) -> bytes:
    """A record's key; raises SettingsInvalid where it doesn't open under this root, and shows nothing of it."""
    try:
        key = root.unwrap_key(record.wrapped or b"", _context(record), record.wrap)
    except (ValueError, OSError) as error:
        raise SettingsInvalid(
            fault=f"`keys`: {record.use.value} {record.version} doesn't open under this root key "
            f"({'unreachable' if isinstance(error, OSError) else 'another root, or damaged'})",
            fix="give the root key that this database's keys were wrapped under",
        ) from None
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(
            fault=f"`keys`: {record.use.value} {record.version} is no key", fix="restore the database"
        )
    return key


def private_key(path: Path, *, create: bool) -> Ed25519PrivateKey:
    """An Ed25519 key in a file of its own (raw, 0600)."""
    if create and not path.exists():
        key = Ed25519PrivateKey.generate()
        raw = key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        write_secret(path, raw)
    return Ed25519PrivateKey.from_private_bytes(read_secret(path))


def _wrapped(root: RootKey, record: DataKey, key: bytes) -> DataKey:
    try:
        return replace(record, wrapped=root.wrap_key(key, _context(record), record.wrap))
    except OSError:
        raise SettingsInvalid(fault="`keys.kms`: can't be reached", fix="mend the key service") from None


def _context(record: DataKey) -> bytes:
    own = f"/{record.digest}" if record.digest else ""
    return f"langqiao/{record.use.value}/{record.version}/{record.algorithms}/{record.wrap}{own}".encode()


def _same(before: DataKey | None, now: DataKey) -> bool:
    return before is not None and before.retired_at is None and before.wrapped == now.wrapped


def _in_force(records: Iterable[DataKey], use: KeyUse, now: datetime) -> DataKey | None:
    serving = (
        record for record in records if record.use is use and record.retired_at is None and record.active_at <= now
    )
    return max(serving, key=lambda record: record.version, default=None)


def _purpose_keys(current: _Snapshot, purpose: PurposeId, records: tuple[DataKey, ...]) -> PurposeKeys:
    by_use = {record.use: record for record in records}
    return PurposeKeys(
        purpose=purpose,
        token_version=by_use[KeyUse.TOKEN].version,
        national=frozenset(use.value for use, record in by_use.items() if record.algorithms == "national"),
        derive=lambda use, info: current.derive(KeyUse(use), by_use[KeyUse(use)].version, info),
    )
