"""A stretch of the log, entry by entry, in order: what the desk reads to count, to watch and to report. Blocking."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.audit.entry import BodyMalformed, decode_entry
from gateway.audit.merkle import leaf_hash
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


def read_range(state: State, begin: int, end: int) -> Iterator[Logged]:
    """Entries [begin, end), which the log must have; raises AuditUnavailable. No transaction is open in between."""
    for start in range(begin, end, _CHUNK):
        try:
            with reading_log(state) as reader:
                bodies = reader.bodies(start, min(start + _CHUNK, end))
            for index, body in enumerate(bodies, start):
                yield Logged(index=index, leaf=leaf_hash(body), entry=decode_entry(body))
        except (StoreFailed, BodyMalformed) as error:
            raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None


def range_between(state: State, since: datetime, until: datetime) -> tuple[int, int]:
    """The least range [begin, end) that has every entry of that time; raises AuditUnavailable.

    Entries at its edges may be of another time: the log's order is that of writing, which differs by milliseconds.
    """
    try:
        found = indexes_between(state, since, until)
    except StoreFailed as error:
        raise AuditUnavailable(operator=f"the log can't be read: {error}") from None
    return (0, 0) if found is None else (found[0], found[1] + 1)


def range_about(state: State, subject: str, begin: int, end: int, *, most: int) -> list[Logged]:
    """The first `most` entries of [begin, end) that are about a person, newest first; raises AuditUnavailable."""
    found: list[Logged] = []
    before = end
    try:
        while len(found) < most:
            with reading_log(state) as reader:
                rows = reader.about(subject, before=before, limit=min(_CHUNK, most - len(found)))
            rows = [row for row in rows if row[0] >= begin]
            found += [Logged(index=index, leaf=leaf_hash(body), entry=decode_entry(body)) for index, body in rows]
            if not rows:
                break
            before = rows[-1][0]
    except (StoreFailed, BodyMalformed) as error:
        raise AuditUnavailable(operator=f"the log can't be read: {type(error).__name__}") from None
    return found
