"""What was verified a moment ago, so that it is not verified again for every request. No credential is kept: digests.

An app key counts as it was read from the database at most FRESH_SECONDS ago, so a revoked one is refused within that
time, on every replica. From half of that time on it is due to be read anew, which no asker waits for. A token's
signature holds for good once it was verified; its times are judged at each request.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from gateway.model.caller import Caller, InboundRequest

FRESH_SECONDS = 1.0
RENEWED_SECONDS = FRESH_SECONDS / 2
MOST = 4_096
_SAID = ("apikey", "authorization", "purpose", "case", "justification", "terminal")
V = TypeVar("V")


class Latest(Generic[V]):
    """The latest MOST values by digest. Safe to use from several threads: at worst a value is found anew."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: dict[bytes, V] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._values)

    def find(self, digest: bytes) -> V | None:
        """The value; None where it is not kept."""
        return self._values.get(digest)

    def keep(self, digest: bytes, value: V) -> None:
        """Keep it; the oldest goes where there are too many."""
        if len(self._values) >= self._most:
            for oldest in list(self._values)[:1]:
                self._values.pop(oldest, None)
        self._values[digest] = value


@dataclass(frozen=True, slots=True, repr=False)
class Recalled:
    """A caller, the app key that they came with, and the times between which their token counts (seconds)."""

    caller: Caller
    key_id: str
    since: float
    until: float


class FreshKeys:
    """When each app key was last found good. `due`: those that are to be read anew, each told once in a while."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._read: dict[str, tuple[float, str]] = {}  # when, and what its secret's digest was
        self._told_at: dict[str, float] = {}
        self.due: list[str] = []

    def now(self) -> float:
        """The moment before a key is read."""
        return self._monotonic()

    def found(self, key_id: str, digest: str, before: float) -> None:
        """The key was good when it was read after `before`."""
        if len(self._read) >= MOST:
            self._read.clear()
            self._told_at.clear()
        self._read[key_id] = (before, digest)

    def found_again(self, key_id: str, digest: str | None, before: float) -> None:
        """What was read after `before` without an asker; None where there is no such key any more."""
        known = self._read.get(key_id)
        if known is None or known[1] != digest:
            self.gone(key_id)
        elif known[0] < before:
            self._read[key_id] = (before, known[1])

    def gone(self, key_id: str) -> None:
        """The key is none, or none any more."""
        self._read.pop(key_id, None)
        self._told_at.pop(key_id, None)

    def is_fresh(self, key_id: str) -> bool:
        """Whether it may count without being read again by this very asker."""
        known = self._read.get(key_id)
        if known is None:
            return False
        now = self._monotonic()
        age = now - known[0]
        if age < RENEWED_SECONDS:
            return True
        if age >= FRESH_SECONDS:
            return False
        if now - self._told_at.get(key_id, known[0]) >= RENEWED_SECONDS:
            self._told_at[key_id] = now
            self.due.append(key_id)
        return True


def digest_of(request: InboundRequest) -> bytes:
    """Of everything in a request that says who asks and for what; 32 bytes. Absent is another than empty."""
    said = [request.client_address, *map(request.headers.get, _SAID)]
    try:
        told = orjson.dumps(said)  # quotes what would run together
    except TypeError:  # half a character, which no header of a server's has
        told = repr(said).encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).digest()
