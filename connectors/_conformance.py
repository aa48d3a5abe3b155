"""How the conformance kit asks: a subject under test, what is compared, and what of the claims is made use of."""

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from connectors._reference import FIELDS, KNOWN, ROWS, expected
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import Fetch, FetchColumn
from gateway.model.predicate import AllOf, AnyOf, Comparator, Compare, IsNull, Not, OneOf, Predicate
from gateway.model.rows import Row
from gateway.spi import Capabilities, Connector

T = TypeVar("T")


class Run(Protocol):
    """Runs a coroutine to its end, always in one event loop (`asyncio.Runner().run`)."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """What the coroutine gives."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A connector, and the real source that it reads.

    connector: opened with at most two connections, so that one that is not given back is missed.
    lay: makes the table hold exactly these rows (field -> value; FIELDS says the column and the type of each field,
    and which hostile name it has). Called again and again, each time with rows of its own.
    endless: a table with the column of `id` whose answer never ends or never comes; None where a source has none.
    stored: something that changes when anything in the source changes, seen by another way than the connector's.
    writes: attempts to change the source by the connector's own connections; each must raise.
    secrets: texts that no error may hold (the address, the password).
    keeps: what the source's own format keeps of rows, where it can't hold all of them (a workbook has no empty text).
    """

    connector: Connector
    table: str
    run: Run
    lay: Callable[[Sequence[Mapping[str, Any]]], None]
    endless: str | None = None
    stored: Callable[[], object] = lambda: None
    writes: Sequence[Callable[[], Awaitable[object]]] = ()
    secrets: tuple[str, ...] = ()
    keeps: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] = lambda rows: rows

    def check(
        self, fetch: Fetch, *, ordered: bool = False, rows: Sequence[Mapping[str, Any]] = ROWS, taken: int = 0
    ) -> None:
        """The answer is the reference's; `taken`: which part of the claims is not made use of."""
        claims = _without(self.connector.capabilities(self.table), taken)
        found = self.run(answered(self.connector, replace(fetch, table=self.table), claims))
        assert_same(found, expected(fetch, self.keeps(rows)), ordered=ordered)


Check = Callable[[Subject], None]


class NotConformant(AssertionError):
    """What came is not what should have come."""


# ------------------------------------------------------------------ asking
async def collect(connector: Connector, fetch: Fetch) -> list[Row]:
    """All rows; checks the size of the batches on the way."""
    rows: list[Row] = []
    async for batch in connector.fetch(fetch):
        if not 0 < len(batch) <= fetch.batch_rows:
            raise NotConformant(f"a batch of {len(batch)} rows, where at most {fetch.batch_rows} were asked for")
        rows.extend(batch)
    return rows


async def answered(connector: Connector, fetch: Fetch, claims: Capabilities) -> list[Row]:
    """The answer, of which the source is asked no more than the claims; the rest is done here, by the reference."""
    pushed, rest = _split(fetch.where, claims)
    can_end = (
        not rest
        and (not fetch.order or claims.can_order)
        and ((fetch.limit is None and not fetch.offset) or claims.can_limit)
        and (claims.can_mask or all(column.form is None for column in fetch.columns))
        and all(one.function in claims.aggregates for one in fetch.aggregates)
    )
    if can_end:
        return await collect(connector, fetch)
    everything = tuple(FetchColumn(source=source) for source in KNOWN.values())
    wide = replace(fetch, columns=everything, aggregates=(), where=_all(pushed), order=(), limit=None, offset=0)
    raw = await collect(connector, wide)
    return expected(replace(fetch, where=_all(rest)), [dict(zip(FIELDS, row, strict=True)) for row in raw])


def assert_same(found: Sequence[Row], wanted: Sequence[Row], *, ordered: bool) -> None:
    """Same rows, same Python types; same order where the fetch fixes it."""
    came, due = [typed(row) for row in found], [typed(row) for row in wanted]
    if Counter(came) != Counter(due):
        more, less = Counter(came) - Counter(due), Counter(due) - Counter(came)
        raise NotConformant(f"too much: {list(more)[:3]}; missing: {list(less)[:3]}")
    if ordered and came != due:
        at = next(at for at, pair in enumerate(zip(came, due, strict=True)) if pair[0] != pair[1])
        raise NotConformant(f"another order, from row {at} on: {came[at]} where {due[at]} is due")


def typed(row: Row) -> tuple[tuple[str, object], ...]:
    """Cells with their types: True is not 1 here."""
    return tuple((type(cell).__name__, cell) for cell in row)


def _all(terms: Sequence[Predicate]) -> Predicate:
    return terms[0] if len(terms) == 1 else AllOf(tuple(terms))


def _split(where: Predicate, claims: Capabilities) -> tuple[list[Predicate], list[Predicate]]:
    pushed: list[Predicate] = []
    rest: list[Predicate] = []
    for term in conjuncts(where):
        is_alone = AllOf in claims.predicates or not pushed
        (pushed if is_alone and _is_claimed(term, claims) else rest).append(term)
    return pushed, rest


def _is_claimed(term: Predicate, claims: Capabilities) -> bool:
    if type(term) not in claims.predicates:
        return False
    if claims.columns is not None and any(FIELDS[name][0] not in claims.columns for name in fields_of(term)):
        return False
    match term:
        case AllOf(terms) | AnyOf(terms):
            return all(_is_claimed(inner, claims) for inner in terms)
        case Not(inner):
            return _is_claimed(inner, claims)
        case IsNull():
            return True
        case Compare(field, comparator):
            return FIELDS[field][1] in claims.types and comparator in claims.comparators
        case OneOf(field, values):
            return FIELDS[field][1] in claims.types and len(values) <= (claims.list_values or len(values))
        case _:
            return all(FIELDS[name][1] in claims.types for name in fields_of(term))


def _without(claims: Capabilities, taken: int) -> Capabilities:
    """The claims less one part: 1 order, 2 page, 3 aggregates, 4 masks, 5 comparisons, 6 all filters; 0: nothing."""
    match taken:
        case 1:
            return replace(claims, can_order=False, can_limit=False)
        case 2:
            return replace(claims, can_limit=False)
        case 3:
            return replace(claims, aggregates=frozenset())
        case 4:
            return replace(claims, can_mask=False)
        case 5:
            return replace(claims, comparators=claims.comparators & {Comparator.EQ})
        case 6:
            return replace(claims, predicates=frozenset())
        case _:
            return claims
