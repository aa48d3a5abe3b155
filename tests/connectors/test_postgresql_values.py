"""PostgreSQL's own kinds of values: read exactly, and filtered at the source as the gateway would filter them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from connectors._postgresql import POSTGRESQL, StoredColumn
from connectors.postgresql import PostgresqlConnector
from connectors.sql import SqlConnector
from gateway.disclosure.residual import compile_predicate
from gateway.errors import SourceRubbish
from gateway.model.catalog import Classification, Dataset, Field, FieldType, Storage, Title
from gateway.model.ids import DatasetName, DepartmentName, FieldName, SourceName
from gateway.model.json_value import Json, JsonStep
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    FullText,
    IsNull,
    Lies,
    Like,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Predicate,
    Relation,
    SearchMode,
)
from gateway.model.query import BoundOrder
from gateway.model.range_value import EMPTY, Bound, Range, range_of
from gateway.model.rows import Row
from gateway.planning.pushdown import split
from tests.connectors import kit
from tests.connectors.compiled import compile_fetch
from tests.connectors.stored_values import COLUMNS, D, T
from tests.postgres_server import Server

SIZE = max(len(cells) for *_, cells in COLUMNS.values()) * 2
PLACES = {FieldName(name): at for at, name in enumerate(COLUMNS)}
KNOWN = {
    FieldName(name): SourceColumn(field=FieldName(name), column=name, type=kind)
    for name, (_, kind, _) in COLUMNS.items()
}
CELLS: list[Row] = [tuple(cells[at % len(cells)][1] for *_, cells in COLUMNS.values()) for at in range(SIZE)]
TITLE = Title(zh="表", en="table")
DATASET = Dataset(
    name=DatasetName("kit.values"),
    department=DepartmentName("kit"),
    title=TITLE,
    source=SourceName("kit"),
    table="values",
    key=(FieldName("number"),),
    subject=None,
    region=None,
    fields=MappingProxyType({
        FieldName(name): Field(
            name=FieldName(name),
            column=name,
            type=kind,
            storage=Storage.NATIVE,
            codes={},
            term=None,
            classification=Classification.PUBLIC,
            title=TITLE,
        )
        for name, (_, kind, _) in COLUMNS.items()
    }),
    links={},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    connector: PostgresqlConnector | SqlConnector
    runner: asyncio.Runner
    server: Server
    database: str

    def rows(self, where: Predicate, *, order: tuple[BoundOrder, ...] = ()) -> list[Row]:
        fetch = Fetch(
            dataset=DATASET.name,
            table=DATASET.table,
            columns=tuple(FetchColumn(source=source) for source in KNOWN.values()),
            aggregates=(),
            known=KNOWN,
            where=where,
            order=order,
            limit=None,
            offset=0,
            time_limit_seconds=10.0,
            batch_rows=50,
        )
        return self.runner.run(kit.collect(self.connector, fetch))


@pytest.fixture(scope="module", params=[PostgresqlConnector, SqlConnector])
def source(request: pytest.FixtureRequest, postgresql: Server) -> Iterator[Source]:
    server = postgresql
    with asyncio.Runner() as runner:
        url = server.fresh_database()
        database = url.rpartition("/")[2]
        with server.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
            cursor.execute(f'CREATE TABLE "values" ({", ".join(f"{n} {kind}" for n, (kind, *_) in COLUMNS.items())})')
            marks = ", ".join(f"%s::{kind}" for kind, *_ in COLUMNS.values())
            stored = [[cells[at % len(cells)][0] for *_, cells in COLUMNS.values()] for at in range(SIZE)]
            cursor.executemany(f'INSERT INTO "values" VALUES ({marks})', stored)
        connector = request.param.open(SourceName("kit"), {"url": url})
        yield Source(connector, runner, server, database)
        runner.run(connector.close())


def forget(connector: PostgresqlConnector | SqlConnector) -> None:
    """As after a failed statement: the table may be another."""
    if isinstance(connector, PostgresqlConnector):
        connector._forget()
    else:
        connector._types.forget()


def told(rows: list[Row]) -> list[str]:
    """Cells as they are written, so that 1.5 is not 1.50."""
    return sorted(repr(row) for row in rows)


def test_every_kind_of_column_is_read_exactly(source: Source) -> None:
    rows = source.rows(EVERYTHING)
    for at, name in enumerate(COLUMNS):
        assert sorted(repr(row[at]) for row in rows) == sorted(repr(row[at]) for row in CELLS), name
    assert told(rows) == told(CELLS)


# ------------------------------------------------------------------ what is asked
def _known(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([cell for _, cell in COLUMNS[name][2] if cell is not None])


_ints = st.integers(-2, 12)
_ends: dict[FieldType, st.SearchStrategy[Bound]] = {
    FieldType.INTEGER: _ints,
    FieldType.NUMERIC: st.sampled_from([Decimal("1.0"), Decimal("2.5"), Decimal(4), Decimal("0.1")]),
    FieldType.DATE: st.dates(D(2025, 12, 30), D(2026, 1, 3)) | st.just(D.max),
    FieldType.TIMESTAMP: st.sampled_from([T(2026, 1, 1), T(2026, 1, 2), T(2025, 1, 1)]),
}


def _range(kind: FieldType) -> st.SearchStrategy[Range]:
    def build(ends: list[Any], bounds: str) -> Range:
        low, high = sorted(ends)
        return range_of(low, high, bounds)

    bounds = st.sampled_from(["[)", "[]", "()", "(]"])
    return st.one_of(
        st.builds(build, st.lists(_ends[kind], min_size=2, max_size=2), bounds),
        st.builds(range_of, st.none(), _ends[kind], bounds),
        st.builds(range_of, _ends[kind], st.none(), bounds),
        st.just(EMPTY),
    )


_json_leaves = st.sampled_from(
    ["1", "1.5", "1.50", '"x"', "null", "true", "[]", "{}", "[1]", '{"a":1.5}', '{"c":{}}', "[[3]]"]
)
_steps = st.sampled_from(["a", "b", "c", "d", 0, 1, -1, 2**40])


def _values(name: str) -> st.SearchStrategy[Any]:
    kind = COLUMNS[name][1]
    if kind.bound is not None:
        return _known(name) | _range(kind.bound)
    if kind.element is not None:
        elements = st.sampled_from([one for _, cell in COLUMNS[name][2] for one in cell or ()])
        return _known(name) | st.lists(elements, max_size=3).map(tuple)
    return _known(name) | _json_leaves.map(Json) if kind is FieldType.JSON else _known(name)


def _leaf(name: str) -> st.SearchStrategy[Predicate]:
    field, kind, values = st.just(FieldName(name)), COLUMNS[name][1], _values(name)
    found: list[st.SearchStrategy[Predicate]] = [
        st.builds(Compare, field, st.sampled_from(Comparator), values),
        st.builds(OneOf, field, st.lists(values, max_size=3).map(tuple)),
        st.builds(IsNull, field),
    ]
    if not kind.is_scalar:
        found += [st.builds(Contains, field, values), st.builds(ContainedIn, field, values)] * 2
    if kind.bound is not None or kind.element is not None:
        found.append(st.builds(Overlaps, field, values))
    if kind.bound is not None:
        found.append(st.builds(Lies, field, st.sampled_from(Relation), values))
    if kind is FieldType.TEXT:
        found += _of_text(field)
    if kind is FieldType.JSON:
        found += [_at_path(name, as_text=as_text) for as_text in (True, False)]
    return st.one_of(found)


def _of_text(field: st.SearchStrategy[FieldName]) -> list[st.SearchStrategy[Predicate]]:
    patterns = ["^a", "b.d", "[a-c]+$", "c.d", "^$", "O|0%", "[^a-z]", "x*", r"\.", "(?i)abc", "是"]
    return [
        st.builds(Like, field, st.sampled_from(["a%", "%b%", "_", "1.5%", "%%", ""]), st.booleans()),
        st.builds(Matches, field, st.sampled_from(patterns), st.booleans()),
        st.builds(
            FullText, field, st.just(SearchMode.WEB), st.sampled_from(["fat cat", '"fat cats"', "-rats", "许可证"]),
            st.sampled_from(["english", "simple"]),
        ),
    ]  # fmt: skip


def _at_path(name: str, *, as_text: bool) -> st.SearchStrategy[Predicate]:
    field = st.just(FieldName(name))
    path = st.builds(
        lambda before, last: (
            *(JsonStep(key=key, as_text=False) for key in before),
            JsonStep(key=last, as_text=as_text),
        ),
        st.lists(_steps, max_size=2),
        _steps,
    )
    values = st.sampled_from(["1.50", "1.5", "x", "是", "{}", '{"d": "是"}']) if as_text else _json_leaves.map(Json)
    terms: list[st.SearchStrategy[Predicate]] = [
        st.builds(Compare, field, st.sampled_from(Comparator), values),
        st.builds(OneOf, field, st.lists(values, max_size=2).map(tuple)),
        st.builds(IsNull, field),
        *(_of_text(field) if as_text else [st.builds(Contains, field, values), st.builds(ContainedIn, field, values)]),
    ]
    return st.builds(AtPath, field, path, st.one_of(terms) | st.one_of(terms).map(Not))


predicates = st.recursive(
    st.sampled_from(sorted(COLUMNS)).flatmap(_leaf),
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=4,
)


EQUAL = Compare(FieldName("doc"), Comparator.EQ, "1.50")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=predicates)
@example(where=AtPath(FieldName("doc"), (JsonStep(key="a", as_text=False), JsonStep(key=0, as_text=True)), EQUAL))
@example(where=Contains(FieldName("doc"), Json("1")))
@example(where=Compare(FieldName("doc"), Comparator.EQ, Json('{"a":1.500}')))
def test_what_is_pushed_down_chooses_the_rows_that_the_gateway_would(source: Source, where: Predicate) -> None:
    pushed = split((where,), DATASET, source.connector.capabilities(DATASET.table))
    rest = [compile_predicate(term, PLACES) for term in pushed.residual]
    found = [row for row in source.rows(pushed.pushed) if all(test(row) is True for test in rest)]
    whole = compile_predicate(where, PLACES)
    assert told(found) == told([row for row in CELLS if whole(row) is True])


@pytest.mark.parametrize("name", sorted(COLUMNS))
@pytest.mark.parametrize("comparator", [Comparator.EQ, Comparator.GT])
def test_most_comparisons_are_run_by_the_source(source: Source, name: str, comparator: Comparator) -> None:
    value = next(cell for _, cell in COLUMNS[name][2] if cell is not None)
    pushed = split((Compare(FieldName(name), comparator, value),), DATASET, source.connector.capabilities("values"))
    is_ordered = COLUMNS[name][1].is_scalar or COLUMNS[name][1].bound is not None
    assert pushed.is_whole is (comparator is Comparator.EQ or is_ordered)


def one_column(table: str, name: str, kind: FieldType, where: Predicate = EVERYTHING) -> Fetch:
    known = {FieldName(name): SourceColumn(field=FieldName(name), column=name, type=kind)}
    columns = (FetchColumn(source=known[FieldName(name)]),)
    return replace(kit.make_fetch(table=table, columns=(), where=where), known=known, columns=columns)


@pytest.mark.parametrize(
    ("stored", "is_plain"),
    [
        (StoredColumn("varchar", is_deterministic=True), True),
        (StoredColumn("varchar", is_deterministic=False), False),
        (StoredColumn("uuid", is_deterministic=True), False),
    ],
)
def test_plain_text_is_looked_for_as_it_stands_so_that_an_index_serves(stored: StoredColumn, is_plain: bool) -> None:
    fetch = one_column("big", "name", FieldType.TEXT, Compare(FieldName("name"), Comparator.EQ, "n77"))
    compiled = compile_fetch(fetch, POSTGRESQL, None, {"name": stored}).select.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]  # untyped in the library
    assert ('WHERE t."name" =' in str(compiled)) is is_plain


@pytest.mark.parametrize(
    "view",
    [
        "SELECT 1 / (1 - 1) AS n",
        "SELECT 'x'::text::bigint AS n",
        "SELECT 9223372036854775807 + g AS n FROM generate_series(1, 1) g",
    ],
)
def test_an_error_in_the_data_is_rubbish_and_says_nothing_of_it(source: Source, view: str) -> None:
    with source.server.connect(source.database) as connection:
        connection.execute("DROP VIEW IF EXISTS broken")
        connection.execute(f"CREATE VIEW broken AS {view}")
    fetch = one_column("broken", "n", FieldType.INTEGER)
    with pytest.raises(SourceRubbish) as refused:
        source.runner.run(kit.collect(source.connector, fetch))
    assert "22" in str(refused.value.operator)
    assert "x" not in refused.value.message("zh")


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("'infinity'::timestamptz", FieldType.TIMESTAMP),
        ("'10000-01-01'::date", FieldType.DATE),
        ("'0044-03-15 BC'::date", FieldType.DATE),
        ("'NaN'::float8", FieldType.NUMERIC),
        ("'infinity'::numeric", FieldType.NUMERIC),
        ("1.5::numeric", FieldType.INTEGER),
        ("'{{1},{2}}'::bigint[]", FieldType.INTEGER_ARRAY),
        ("'[-infinity,2026-01-01)'::daterange", FieldType.DATE_RANGE),
        ("now()", FieldType.DATE),
        ("'x'::text", FieldType.JSON),
        ('\'{"a":"\\u0000"}\'::json', FieldType.JSON),
    ],
)
def test_a_cell_that_is_no_value_here_is_rubbish(source: Source, cell: str, kind: FieldType) -> None:
    with source.server.connect(source.database) as connection:
        connection.execute("DROP VIEW IF EXISTS strange")
        connection.execute(f"CREATE VIEW strange AS SELECT {cell} AS n")
    forget(source.connector)
    with pytest.raises(SourceRubbish):
        source.runner.run(kit.collect(source.connector, one_column("strange", "n", kind)))


def test_the_connector_tells_the_kinds_of_columns(source: Source) -> None:
    (described,) = [one for one in source.runner.run(source.connector.describe()) if one.table == "values"]
    kinds = dict(described.columns)
    assert {name: kinds[name] for name in COLUMNS if name != "number"} == {
        name: kind for name, (_, kind, _) in COLUMNS.items() if name != "number"
    }


def test_a_column_that_changed_its_type_is_looked_at_again(source: Source) -> None:
    with source.server.connect(source.database) as connection:
        connection.execute("CREATE TABLE moved AS SELECT 'a'::text AS name")
    fetch = one_column("moved", "name", FieldType.TEXT, Compare(FieldName("name"), Comparator.EQ, "a"))
    assert source.runner.run(kit.collect(source.connector, fetch)) == [("a",)]
    with source.server.connect(source.database) as connection:
        connection.execute("ALTER TABLE moved ALTER name TYPE integer USING 7")
    with pytest.raises(SourceRubbish):
        source.runner.run(kit.collect(source.connector, fetch))
    assert source.runner.run(kit.collect(source.connector, fetch)) == []
