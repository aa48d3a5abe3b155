"""The durable log -> other systems (a SIEM): in order, at least once, from a position that outlives the process.

A thread a target follows the log in the database. No request waits for it: a target that is slow or gone only falls
behind, and readiness tells by how much.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gateway.audit.entry import Opener, decode_remaining
from gateway.model.audit import AuditEntry
from gateway.settings import Forwarding, Settings
from gateway.store import (
    State,
    StoreFailed,
    claim_forwarding,
    move_forwarding,
    reading_log,
    release_forwarding,
)
from gateway.telemetry import ForwardFailed, Record, Sender, open_sender, operator_log

_LEASE: Final = timedelta(seconds=30)
_IDLE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 15.0
_SEVERITIES: Final[Mapping[str, Literal["notice", "warning"]]] = {
    "refused": "notice",
    "not-released": "notice",
    "failed": "warning",
    "not-made": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingState:
    """For readiness: how far behind the log's end, and what is wrong."""

    behind: int
    fault: str  # "" while it goes well, or while another replica forwards


class Follower:
    """Forwards to one target while it is started."""

    def __init__(
        self,
        state: State,
        name: str,
        settings: Forwarding,
        sender: Sender,
        *,
        opener: Opener,
        blind: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._name = name
        self._settings = settings
        self._sender = sender
        self._opener = opener
        self._blind = blind if settings.people_as_hashes else None
        self._clock = clock
        self._holder = secrets.token_hex(8)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"forwarding-{name}", daemon=True)
        self._seen = ForwardingState(behind=0, fault="")
        self._next = -1  # where this replica has come to; -1: not known to be its to forward
        self._renew_at: datetime | None = None

    @property
    def seen(self) -> ForwardingState:
        """As of the last look."""
        return self._seen

    def start(self) -> None:
        """Begin where the last process left off."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End after the batch that is under way; waits no longer than so."""
        self._stop.set()
        self._thread.join(seconds)

    def _follow(self) -> None:
        pause = _IDLE_SECONDS
        while not self._stop.is_set():
            try:
                is_moving = self.step()
            except Exception as error:  # noqa: BLE001 - whatever it is: the thread goes on, and readiness tells
                # kinds only, but for what a sender says itself: texts of others may hold values
                self._tell(str(error) if isinstance(error, ForwardFailed) else type(error).__name__)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._tell("")
                pause = _IDLE_SECONDS
                if not is_moving:
                    self._stop.wait(_IDLE_SECONDS)
        self._sender.close()
        try:
            release_forwarding(self._state, self._name, self._holder, now=self._clock())
        except StoreFailed:
            operator_log().info("forwarding", detail=f"{self._name} is held for {_LEASE.seconds} s more")

    def step(self) -> bool:
        """Send one batch; whether there was one. Raises ForwardFailed, StoreFailed, KeysUnreadable, BodyMalformed."""
        now = self._clock()
        with reading_log(self._state) as reader:
            head = reader.head()
        size = head.size if head is not None else 0
        if size == self._next and self._renew_at is not None and now < self._renew_at:
            return False  # nothing new, and still ours
        begin = claim_forwarding(
            self._state,
            self._name,
            self._holder,
            begin=0 if self._settings.from_beginning else size,
            now=now,
            until=now + _LEASE,
        )
        self._next = -1 if begin is None else begin
        self._renew_at = now + _LEASE / 3
        if begin is None:
            self._seen = ForwardingState(behind=0, fault="")
            return False
        self._seen = ForwardingState(behind=max(0, size - begin), fault=self._seen.fault)
        end = min(size, begin + self._settings.batch_entries)
        if end <= begin:
            return False
        with reading_log(self._state) as reader:
            bodies, leaves = reader.bodies(begin, end), reader.leaves(begin, end)
        self._sender.send(
            [
                record_of(begin + at, leaf, *decode_remaining(body, self._opener), blind=self._blind)
                for at, (body, leaf) in enumerate(zip(bodies, leaves, strict=True))
                if body  # an archive has it; nothing is archived before it was forwarded
            ]
        )
        moved = move_forwarding(self._state, self._name, self._holder, sent_to=end, until=self._clock() + _LEASE)
        self._next = end if moved else -1
        self._seen = ForwardingState(behind=size - end, fault="")
        return moved

    def _tell(self, fault: str) -> None:
        if fault != self._seen.fault:
            if fault:
                operator_log().error("forwarding stopped", detail=f"{self._name}: {fault}")
            else:
                operator_log().info("forwarding", detail=self._name)
        self._seen = ForwardingState(behind=self._seen.behind, fault=fault)


def open_followers(
    state: State, settings: Settings, opener: Opener, blind: Callable[[str], str], *, clock: Callable[[], datetime]
) -> dict[str, Follower]:
    """One a target of the settings, not started; raises SettingsInvalid."""
    return {
        name: Follower(
            state, name, target, open_sender(target, settings.audit.origin), opener=opener, blind=blind, clock=clock
        )
        for name, target in settings.forwarding.items()
    }


@contextmanager
def forwarding(followers: Mapping[str, Follower], seconds: float) -> Iterator[None]:
    """Follow the log while the block runs."""
    for follower in followers.values():
        follower.start()
    try:
        yield
    finally:
        for follower in followers.values():
            follower.stop(seconds)


def record_of(
    index: int, leaf: bytes, entry: AuditEntry, is_whole: bool, *, blind: Callable[[str], str] | None
) -> Record:
    """What another system is told of an entry: of people nothing, or keyed hashes of its own."""
    attributes: dict[str, str | int | bool] = {
        "index": index,
        "leaf": leaf.hex(),
        "kind": entry.kind.value,
        "outcome": entry.outcome,
        "code": entry.code,
        "stage": entry.stage,
        "app": entry.app,
        "organisation": entry.organisation,
        "purpose": entry.purpose,
        "dataset": entry.dataset,
        "fields": ", ".join(f"{one.field}:{one.level}" for one in entry.fields),
        "rows": entry.rows,
        "needs_review": entry.needs_review,
        "policy_version": entry.policy_version,
        "duration_us": entry.duration_us,
        "refers_to": -1 if entry.refers_to is None else entry.refers_to,
        "erased": not is_whole,
    }
    if blind is not None and is_whole:
        for name, value in (("principal", entry.principal), ("case", entry.case), ("trace", entry.trace_id)):
            attributes[f"{name}_hash"] = blind(f"{name} {value}") if value else ""
        attributes["subjects_count"] = len(entry.subjects)
        attributes["subject_hashes"] = " ".join(blind(f"subject {one}") for one in entry.subjects[:20])
    what = " ".join(word for word in (entry.kind.value, entry.outcome, entry.code, entry.dataset) if word)
    return Record(
        at=entry.at,
        severity=_SEVERITIES.get(entry.outcome, "info"),
        name=entry.kind.value,
        text=f"entry {index}: {what}",
        attributes={name: value for name, value in attributes.items() if value != ""},
    )
