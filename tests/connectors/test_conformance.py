"""Every connector gives exactly what the kit's naive evaluator gives, for all that it claims."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.files import FilesConnector
from connectors.rest import RestConnector
from connectors.sql import SqlConnector
from gateway.errors import Defect
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import FetchColumn
from gateway.model.predicate import AllOf, Comparator, Compare, Like, Predicate
from gateway.model.query import AggregateFunction
from gateway.model.sqlform import Column, Concat, Constant, Left
from gateway.spi import Connector
from tests.connectors import kit
from tests.connectors.sources import (
    Business,
    serving,
    without_what_excel_loses,
    write_csv,
    write_excel,
    write_parquet,
    write_postgresql,
    write_sqlite,
)
from tests.postgres_server import postgres_server

QUICK = settings(max_examples=35, deadline=None, suppress_health_check=list(HealthCheck))
REST_FILTERS = {kit.FIELDS[field][0]: f"q_{field}" for field in ("id", "name", "region", "members", "active", "born")}


@dataclass
class Source:
    connector: Connector
    table: str
    runner: asyncio.Runner
    rows: Sequence[Mapping[str, Any]] = kit.ROWS

    def check(self, fetch: kit.Fetch, *, ordered: bool = False) -> None:
        found = self.runner.run(kit.collect(self.connector, fetch))
        kit.assert_same(found, kit.expected(fetch, self.rows), ordered=ordered)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "csv", "gb18030", "excel", "parquet"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """Sources that claim everything."""
    folder: Path = tmp_path_factory.mktemp("source")
    name = SourceName("kit")
    with ExitStack() as stack, asyncio.Runner() as runner:
        connector: Connector
        rows: Sequence[Mapping[str, Any]] = kit.ROWS
        match request.param:
            case "sqlite":
                write_sqlite(folder / "it's; 库.db")
                connector = SqlConnector.open(name, {"folder": str(folder), "file": "it's; 库.db"})
                table = kit.TABLE
            case "postgresql":
                server = stack.enter_context(postgres_server())
                connector = SqlConnector.open(name, {"url": write_postgresql(server)})
                table = kit.TABLE
            case "csv":  # two files, the second with its columns the other way round
                write_csv(folder / "表" / "a'1.csv", kit.ROWS[:15])
                write_csv(folder / "表" / "b;2.csv", kit.ROWS[15:], tuple(reversed(kit.FIELDS)))
                connector = FilesConnector.open(name, {"folder": str(folder)})
                table = "表/*.csv"
            case "gb18030":
                write_csv(folder / "t" / "one.csv")
                text = (folder / "t" / "one.csv").read_text(encoding="utf-8")
                (folder / "t" / "one.csv").write_text(text, encoding="gb18030", newline="")
                connector = FilesConnector.open(name, {"folder": str(folder), "encoding": "gb18030"})
                table = "t/*.csv"
            case "excel":
                rows = without_what_excel_loses()
                write_excel(folder / "台账" / "一月.xlsx", rows[:15], sheet="台账 1", header_row=3)
                write_excel(folder / "台账" / "二月.xlsx", rows[15:], sheet="台账 1", header_row=3)
                (folder / "台账" / "~$二月.xlsx").write_bytes(b"somebody has it open")
                connector = FilesConnector.open(name, {"folder": str(folder), "sheet": "台账 1", "header_row": 3})
                table = "台账/*.xlsx"
            case _:
                write_parquet(folder / "t" / "one.parquet")
                connector = FilesConnector.open(name, {"folder": str(folder)})
                table = "t/*.parquet"
        yield Source(connector, table, runner, rows)
        runner.run(connector.close())


@QUICK
@given(where=kit.predicates)
def test_every_predicate_chooses_the_reference_rows(source: Source, where: Predicate) -> None:
    source.check(kit.make_fetch(table=source.table, where=where))


@QUICK
@given(
    where=kit.leaves,
    order=kit.orders,
    limit=st.none() | st.integers(0, 45),
    offset=st.integers(0, 45),
    columns=st.lists(st.sampled_from(sorted(kit.FIELDS)), min_size=1, max_size=4),
    batch_rows=st.integers(1, 50),
)
def test_order_page_and_projection_are_the_reference(
    source: Source,
    where: Predicate,
    order: list[tuple[str, bool, bool]],
    limit: int | None,
    offset: int,
    columns: list[str],
    batch_rows: int,
) -> None:
    total = [term for term in order if term[0] != "id"] + [("id", False, False)]
    fetch = kit.make_fetch(
        table=source.table,
        where=where,
        order=total,
        limit=limit,
        offset=offset,
        columns=columns,
        batch_rows=batch_rows,
    )
    source.check(fetch, ordered=True)


@QUICK
@given(where=kit.leaves, keys=st.lists(st.sampled_from(sorted(kit.FIELDS)), max_size=2, unique=True))
def test_aggregates_are_exact(source: Source, where: Predicate, keys: list[str]) -> None:
    order = [(key, True, False) for key in keys]
    fetch = kit.make_fetch(
        table=source.table, where=where, columns=keys, aggregates=tuple(kit.aggregates()), order=order
    )
    source.check(fetch, ordered=True)


def test_a_masked_column_can_be_a_group_key(source: Source) -> None:
    form = Concat((Left(1), Constant("**")))
    fetch = kit.make_fetch(
        table=source.table,
        columns=[FetchColumn(source=kit.KNOWN[FieldName("name")], form=form)],
        aggregates=[(AggregateFunction.COUNT, None)],
    )
    source.check(fetch)


def test_the_same_column_can_be_shown_raw_and_masked(source: Source) -> None:
    name = kit.KNOWN[FieldName("name")]
    source.check(
        kit.make_fetch(table=source.table, columns=["name", FetchColumn(source=name, form=Column()), "name", "id"])
    )


def test_a_pattern_that_ignores_case_is_neither_claimed_nor_run(source: Source) -> None:
    assert not source.connector.capabilities(source.table).ignores_case
    fetch = kit.make_fetch(table=source.table, where=Like(FieldName("name"), "a%", ignores_case=True))
    with pytest.raises(Defect):
        source.runner.run(kit.collect(source.connector, fetch))


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """A service that filters by equality only."""
    token = tmp_path_factory.mktemp("secret") / "token"
    token.write_text("s3cret\n")
    with serving(Business(REST_FILTERS)) as host, asyncio.Runner() as runner:
        connector = RestConnector.open(SourceName("kit"), rest_options(host, str(token)))
        yield Source(connector, kit.TABLE, runner)
        runner.run(connector.close())


def rest_options(host: str, token: str) -> dict[str, object]:
    return {
        "base_url": f"http://{host}/",
        "host_allow": [host],
        "token_file": token,
        "tables": {
            kit.TABLE: {
                "path": "/v1/enterprises",
                "rows": "data.records",
                "total": "data.total",
                "page_size": 9,
                "filters": REST_FILTERS,
            }
        },
    }


equalities = kit.compares.filter(
    lambda compare: compare.comparator is Comparator.EQ and kit.FIELDS[compare.field][0] in REST_FILTERS
)


@QUICK
@given(
    terms=st.lists(equalities, max_size=2),
    limit=st.none() | st.integers(0, 45),
    offset=st.integers(0, 20),
    columns=st.lists(st.sampled_from(sorted(kit.FIELDS)), min_size=1, max_size=4),
)
def test_a_service_gives_the_reference_for_what_it_claims(
    rest: Source, terms: list[Predicate], limit: int | None, offset: int, columns: list[str]
) -> None:
    claimed = rest.connector.capabilities(kit.TABLE)
    assert claimed.comparators == {Comparator.EQ}
    assert claimed.columns == frozenset(REST_FILTERS)
    rest.check(kit.make_fetch(where=AllOf(tuple(terms)), limit=limit, offset=offset, columns=columns), ordered=True)


def test_a_column_that_the_service_has_no_parameter_for_is_held_against_the_rows(rest: Source) -> None:
    rest.check(kit.make_fetch(where=Compare(FieldName("amount"), Comparator.GT, kit.Decimal(1))), ordered=True)


def test_the_kit_itself_can_fail(source: Source) -> None:
    fetch = kit.make_fetch(table=source.table, columns=["id"])
    other = kit.make_fetch(table=source.table, columns=["id"], limit=39)
    found = source.runner.run(kit.collect(source.connector, fetch))
    with pytest.raises(AssertionError):
        kit.assert_same(found, kit.expected(other), ordered=False)
