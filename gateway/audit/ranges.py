"""A stretch of the log, entry by entry, in order: what the desk reads to count, to watch and to report. Blocking."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.audit.entry import BodyMalformed, Opener, decode_remaining
from gateway.audit.merkle import leaf_hash
from gateway.audit.searching import LogSearcher
from gateway.errors import AuditUnavailable
from gateway.model.audit import AuditEntry
from gateway.store import LogHead, State, StoreFailed, indexes_between, reading_log

_CHUNK = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry in its place."""

    index: int
    leaf: bytes  # recomputed from the entry's bytes
    entry: AuditEntry


def head_of(state: State) -> LogHead:
    """The head as it is now; raises AuditUnavailable."""
    try:
        with reading_log(state) as reader:
            head = reader.head()
    except StoreFailed as error:
        raise AuditUnavailable(operator=f"the log can't be read: {error}") from None
    if head is None:
        raise AuditUnavailable(operator="the log has no head that can be read")
    return head


def read_range(state: State, begin: int, end: int, opener: Opener) -> Iterator[Logged]:
    """Entries [begin, end), which the log must have; raises AuditUnavailable. No transaction is open in between.

    Of an erased entry there is what remains: nothing of people.
    """
    for start in range(begin, end, _CHUNK):
        try:
            with reading_log(state) as reader:
                bodies = reader.bodies(start, min(start + _CHUNK, end))
            for index, body in enumerate(bodies, start):
                yield Logged(index=index, leaf=leaf_hash(body), entry=decode_remaining(body, opener)[0])
        except (StoreFailed, BodyMalformed) as error:
            raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None


def range_between(state: State, since: datetime, until: datetime, *, most: int) -> tuple[int, int] | None:
    """The least range [begin, end) that has every entry of that time; None: over `most`. Raises AuditUnavailable.

    Entries at its edges may be of another time: the log's order is that of writing, which differs by milliseconds.
    """
    try:
        found = indexes_between(state, since, until, most=most + 1)
    except StoreFailed as error:
        raise AuditUnavailable(operator=f"the log can't be read: {error}") from None
    if not found:
        return 0, 0
    begin, end = min(found), max(found) + 1
    # a clock that was far off would widen the range beyond what was counted
    return None if len(found) > most or end - begin > most else (begin, end)


def range_about(state: State, subject: str, end: int, opener: Opener, *, most: int) -> list[Logged]:
    """The last `most` entries below `end` that are about a person, newest first; raises AuditUnavailable."""
    indices = LogSearcher(state, opener).entries_about(subject, most, begin=end)
    found: list[Logged] = []
    try:
        for at in range(0, len(indices), _CHUNK):
            asked = indices[at : at + _CHUNK]
            with reading_log(state) as reader:
                bodies = reader.index.some_bodies(asked)
            found += [
                Logged(index=index, leaf=leaf_hash(bodies[index]), entry=decode_remaining(bodies[index], opener)[0])
                for index in asked
            ]
    except (KeyError, StoreFailed, BodyMalformed) as error:
        raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None
    return found
