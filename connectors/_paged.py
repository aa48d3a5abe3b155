"""What web services have in common: equalities become parameters, rows are held against the question, pages add up.

Services match loosely, ignore parameters that they don't know, and give pages that overlap: so each row that comes back
is tested again, and pages that can't follow one another are rubbish, never a shorter answer.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, cast

from connectors._cells import NotPromised, Reader
from connectors._told import named
from gateway.errors import Defect, SourceRubbish
from gateway.model.catalog import FieldType
from gateway.model.plan import Fetch, SourceColumn
from gateway.model.predicate import AllOf, Comparator, Compare, OneOf, Predicate, Scalar
from gateway.model.rows import Batch, Cell, Row
from gateway.spi import Capabilities

MOST_VALUES: Final = 200  # of one parameter: an address has its limits
Raw = TypeVar("Raw")


@dataclass(frozen=True, slots=True)
class Question(Generic[Raw]):
    """A fetch as a web service can be asked it. `cell` takes a column out of a raw row (None: NULL)."""

    columns: tuple[SourceColumn, ...]
    compared: tuple[tuple[SourceColumn, Compare | OneOf], ...]
    cell: Callable[[Raw, str], object]
    readers: Mapping[FieldType, Reader]

    @classmethod
    def of(
        cls, fetch: Fetch, cell: Callable[[Raw, str], object], readers: Mapping[FieldType, Reader]
    ) -> "Question[Raw]":
        """Raises Defect for more than is claimed."""
        if fetch.aggregates or fetch.order or any(column.form is not None for column in fetch.columns):
            raise Defect(operator="a web source was asked for more than it claims")
        columns = tuple(column.source for column in fetch.columns)
        return cls(columns, tuple(_compared(fetch.where, fetch)), cell, readers)

    def rows(self, page: Sequence[Raw], dataset: str) -> list[Row]:
        """Those of a page that were asked for, typed; raises SourceRubbish."""
        try:
            return [tuple([self._read(row, source) for source in self.columns]) for row in page if self._passes(row)]
        except NotPromised as fault:
            raise SourceRubbish(dataset=dataset, operator=str(fault)) from None

    def _read(self, row: Raw, source: SourceColumn) -> Cell:
        found = self.cell(row, source.column)
        try:
            return None if found is None else self.readers[source.type](found)
        except NotPromised as fault:
            raise NotPromised(f"column {named(source.column)}: {fault}") from None

    def _passes(self, row: Raw) -> bool:
        for source, compare in self.compared:
            cell = self._read(row, source)
            if cell is None or not (cell in compare.values if isinstance(compare, OneOf) else _holds(cell, compare)):
                return False
        return True


def claims(filters: Mapping[str, str], list_separator: str) -> Capabilities:
    """Equality on the mapped columns, and lists where the service takes them; pages only of an unordered answer."""
    predicates: set[type] = {AllOf, Compare} if filters else {AllOf}
    if list_separator:
        predicates.add(OneOf)
    return Capabilities(
        predicates=frozenset(predicates),
        comparators=frozenset({Comparator.EQ}),
        columns=frozenset(filters),
        can_order=False,
        can_limit=True,
        aggregates=frozenset(),
        can_mask=False,
        list_values=MOST_VALUES,
    )


async def batches(fetch: Fetch, pages: AsyncIterator[list[Row]]) -> AsyncIterator[Batch]:
    """The rows of the pages, skipped and cut as asked, in batches; no page is read that isn't needed."""
    to_skip, to_give = fetch.offset, fetch.limit
    batch: list[Row] = []
    if to_give == 0:
        return
    async with aclosing(cast("Any", pages)) as read:
        async for page in read:
            for row in page:
                if to_skip:
                    to_skip -= 1
                    continue
                batch.append(row)
                to_give = None if to_give is None else to_give - 1
                if len(batch) == fetch.batch_rows:
                    yield batch
                    batch = []
                if to_give == 0:
                    break
            if to_give == 0:
                break
    if batch:
        yield batch


# ------------------------------------------------------------------ pages that add up
@dataclass(slots=True)
class Tally(Generic[Raw]):
    """The pages seen so far."""

    page_size: int | None  # the most rows of one; None: the service decides
    seen: int = 0
    total: int | None = None
    last: Sequence[Raw] = ()

    def add(self, rows: Sequence[Raw], total: int | None) -> None:
        """One more page; raises NotPromised where it can't follow those before."""
        if self.page_size is not None and len(rows) > self.page_size:
            raise NotPromised("a page has more rows than were asked for")
        if rows and rows == self.last:
            raise NotPromised("the service gives the same page again and again")
        if total is not None and self.total is not None and total != self.total:
            raise NotPromised("the total changed between pages")
        self.seen += len(rows)
        self.total, self.last = total, rows
        if total is not None and self.seen > total:
            raise NotPromised("there are more rows than the total says")

    def is_last(self, rows: Sequence[Raw]) -> bool:
        """Whether a counted page was the last one: by the total, else by being short. Raises NotPromised."""
        if self.total is None:
            return self.page_size is None or len(rows) < self.page_size
        if self.seen < self.total and not rows:
            raise NotPromised("there are fewer rows than the total says")
        return self.seen == self.total

    def end(self) -> None:
        """The service says that there are no more pages; raises NotPromised where its total says otherwise."""
        if self.total is not None and self.seen != self.total:
            raise NotPromised("there are fewer rows than the total says")


# ------------------------------------------------------------------ filters -> parameters
def _compared(predicate: Predicate, fetch: Fetch) -> Iterator[tuple[SourceColumn, Compare | OneOf]]:
    match predicate:
        case AllOf(terms):
            for term in terms:
                yield from _compared(term, fetch)
        case Compare(field) | OneOf(field) if field in fetch.known:
            yield fetch.known[field], predicate
        case _:
            raise Defect(operator="a web source was asked for a filter that it does not claim")


def parameters(
    filters: Mapping[str, str], separator: str, compared: Sequence[tuple[SourceColumn, Compare | OneOf]]
) -> dict[str, str] | None:
    """Parameters for equalities and lists; None where they contradict each other (no row can be meant)."""
    values: dict[str, list[Scalar]] = {}
    for source, term in compared:
        if source.column not in filters:
            continue
        if isinstance(term, OneOf):
            wanted = list(term.values)
        elif term.comparator is Comparator.EQ:
            wanted = [term.value]
        else:
            continue
        name = filters[source.column]
        values[name] = [value for value in values.get(name, wanted) if value in wanted]
    if not all(values.values()):
        return None
    return {
        name: joined
        for name, wanted in values.items()
        if (joined := _joined([parameter(value) for value in wanted], separator)) is not None
    }


def _joined(values: Sequence[str], separator: str) -> str | None:
    """One parameter's text; None where the service can't be asked for these: then it is asked for all."""
    if len(values) == 1:
        return values[0]
    if not separator or len(values) > MOST_VALUES or any(separator in value for value in values):
        return None
    return separator.join(values)


def parameter(value: Scalar) -> str:
    """A value as a service reads it: ISO dates, UTC with `Z`, `true` and `false`."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _holds(cell: Scalar, compare: Compare) -> bool:
    value = compare.value
    match compare.comparator:
        case Comparator.EQ:
            return cell == value
        case Comparator.NEQ:
            return cell != value
        case Comparator.GT:
            return cell > value  # type: ignore[operator]  # both have the field's type
        case Comparator.GTE:
            return cell >= value  # type: ignore[operator]  # as above
        case Comparator.LT:
            return cell < value  # type: ignore[operator]  # as above
        case Comparator.LTE:
            return cell <= value  # type: ignore[operator]  # as above
