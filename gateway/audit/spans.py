"""The log -> the stretches that are searched at once, and which of them a time can be in. Pure but for the reader."""

from typing import NamedTuple

from gateway.audit.indexer import covering
from gateway.audit.search_terms import TermSearch
from gateway.errors import IndexBehind
from gateway.store import IndexReader, SegmentRow

MOST_WAITING = 32_768  # entries without a segment that a search reads one by one


class Span(NamedTuple):
    """A stretch of the log that is searched at once: a segment that is kept, or entries that have none yet."""

    first: int
    length: int
    row: SegmentRow | None


def spans_of(reader: IndexReader, small: int) -> list[Span]:
    """The whole log, in order; raises IndexBehind where too much of it has no segment yet."""
    _, size = reader.log()
    spans: list[Span] = []
    at = waiting = 0
    for row in (*covering(reader.segments()), None):
        first = size if row is None else row.first
        waiting += max(0, first - at)
        if waiting > MOST_WAITING:
            raise IndexBehind(waiting=size - at)
        while at < first:
            count = min(small - at % small, first - at)
            spans.append(Span(at, count, None))
            at += count
        if row is not None:
            spans.append(Span(row.first, row.size, row))
            at = row.first + row.size
    return spans


def overlaps(row: SegmentRow, search: TermSearch) -> bool:
    """Whether any of its entries may be within the time."""
    return (search.since is None or row.latest >= search.since) and (
        search.until is None or row.earliest < search.until
    )


def lies_within(row: SegmentRow, search: TermSearch) -> bool:
    """Whether all of its entries are within the time."""
    return (search.since is None or row.earliest >= search.since) and (
        search.until is None or row.latest < search.until
    )
