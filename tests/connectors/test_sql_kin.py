"""Engines that can't be asked here: each predicate, page, aggregate and mask compiles, and another parser reads it."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mssql, oracle
from sqlglot import exp
from trino.sqlalchemy.dialect import TrinoDialect as TrinoEngine

from connectors._dm import DmDialect as DmEngine
from connectors._sql_claims import EVERYTHING, ON_MSSQL
from connectors._sql_dialect import Dialect
from connectors._sql_kin import DM, MSSQL, ORACLE, TRINO
from connectors.sql import CLAIMS, DIALECTS, SqlConnector
from connectors.testing import FIELDS, HOSTILE, KNOWN, aggregates, make_fetch
from gateway.errors import Defect, SettingsInvalid
from gateway.model.ids import FieldName, SourceName
from gateway.model.plan import Fetch, FetchColumn
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    IsNull,
    IsTruth,
    Like,
    Not,
    OneOf,
    Predicate,
    Under,
)
from gateway.model.query import AggregateFunction
from gateway.model.sqlform import Column, Concat, Constant, IfShape, Left, Right, Shape, SqlForm
from tests.connectors import kit
from tests.connectors.compiled import compile_fetch
from tests.properties.test_masks_sql_form import FORMS

Engine = tuple[Dialect, Callable[[], Any], str]


def sql_server() -> Any:
    engine = mssql.dialect()  # type: ignore[no-untyped-call]  # untyped in the library
    engine._supports_offset_fetch = True  # as it finds on a server of 2012 or later
    return engine


ENGINES: dict[str, Engine] = {
    "oracle": (ORACLE, oracle.dialect, "oracle"),
    "dm": (DM, DmEngine, "oracle"),
    "mssql": (MSSQL, sql_server, "tsql"),
    "trino": (TRINO, TrinoEngine, "trino"),
}
ROW = kit.ROWS[5]
PREDICATES: dict[str, Predicate] = {
    **{
        f"{field} {comparator}": Compare(FieldName(field), comparator, next(r[field] for r in kit.ROWS if r[field]))
        for field in FIELDS
        for comparator in Comparator
    },
    "list": OneOf(FieldName("name"), ("张三", "", HOSTILE[0])),
    "numbers": OneOf(FieldName("amount"), (kit.Decimal("1.5"), kit.Decimal(2))),
    "no list": OneOf(FieldName("name"), ()),
    "null": IsNull(FieldName("born")),
    "true": IsTruth(FieldName("active"), truth=True),
    "not false": Not(IsTruth(FieldName("active"), truth=False)),
    "under": Under(FieldName("region"), ("3301", "44")),
    "beyond the type": Compare(FieldName("id"), Comparator.LT, 2**70),
    "empty": Not(Compare(FieldName("name"), Comparator.EQ, "")),
    "combined": AllOf((AnyOf((IsNull(FieldName("name")), Not(Under(FieldName("region"), ("1",))))), AnyOf(()))),
}
SHAPED = IfShape((Shape(("1", "35", "0123456789")),), Concat((Left(1), Constant("**"), Right(1))), Constant("***"))
MASKS: list[SqlForm] = [form for _, form in FORMS] + [SHAPED, Column(), Constant(HOSTILE[0])]


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def compiled(fetch: Fetch, engine: Engine) -> str:
    """The statement; parsed by another's parser as one SELECT, in which every value is a parameter."""
    dialect, make, language = engine
    statement = compile_fetch(fetch, dialect, "my schema")
    made: Any = statement.select.compile(dialect=make(), compile_kwargs={"render_postcompile": True})
    sql = str(made)
    for hostile in HOSTILE:
        assert len(hostile) < 3 or hostile not in sql
    (parsed,) = sqlglot.parse(sql, dialect=language)
    assert isinstance(parsed, exp.Select)
    assert not list(parsed.find_all(exp.Drop, exp.Union, exp.Insert, exp.Command))
    assert {str(one.this) for one in parsed.find_all(exp.Literal) if one.is_string} <= {""}
    tables = {(table.name, table.db) for table in parsed.find_all(exp.Table)}
    assert (fetch.table, "my schema") in tables
    assert {column.name for column in parsed.find_all(exp.Column) if column.table == "t"} <= {
        column for column, _ in FIELDS.values()
    }
    return sql


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_every_predicate_compiles(engine: Engine, name: str) -> None:
    compiled(make_fetch(where=PREDICATES[name]), engine)


@pytest.mark.parametrize(("limit", "offset"), [(None, 0), (5, 0), (5, 7), (None, 7)])
@pytest.mark.parametrize("order", [(), (("name", True, False), ("id", False, True))])
def test_every_page_compiles(
    engine: Engine, limit: int | None, offset: int, order: tuple[tuple[str, bool, bool], ...]
) -> None:
    sql = compiled(make_fetch(limit=limit, offset=offset, order=order), engine)
    assert ("ORDER BY" in sql) is (bool(order) or (engine[0] is MSSQL and bool(offset)))


@pytest.mark.parametrize("form", MASKS, ids=range(len(MASKS)))
def test_every_mask_compiles_and_the_raw_column_is_not_selected(engine: Engine, form: SqlForm) -> None:
    masked = FetchColumn(source=KNOWN[FieldName("name")], form=form)
    sql = compiled(make_fetch(columns=["id", masked]), engine)
    (parsed,) = sqlglot.parse(sql, dialect=engine[2])
    assert parsed is not None
    shown = parsed.find(exp.Select).expressions[1].this  # type: ignore[union-attr]  # as asserted above
    assert isinstance(shown, exp.Case)  # NULL stays NULL, and the rest is the mask
    compiled(make_fetch(columns=[masked], aggregates=[(AggregateFunction.COUNT, None)]), engine)


def test_aggregates_compile(engine: Engine) -> None:
    compiled(
        make_fetch(columns=["name", "active"], aggregates=tuple(aggregates()), order=[("name", True, True)]), engine
    )


def test_a_pattern_compiles_where_it_is_claimed(engine: Engine) -> None:
    fetch = make_fetch(where=Like(FieldName("name"), HOSTILE[0], ignores_case=False))
    name = next(name for name, known in DIALECTS.items() if known is engine[0])
    if Like in CLAIMS.get(name, EVERYTHING).predicates:
        assert "LIKE" in compiled(fetch, engine)
    else:
        assert ON_MSSQL is CLAIMS[name]


def test_the_empty_text_is_in_no_cell_of_oracle(engine: Engine) -> None:
    """There it is NULL: a comparison with it would be unknown where the model says false."""
    fetch = make_fetch(columns=["id"], where=OneOf(FieldName("name"), ("", "a")))
    made = compile_fetch(fetch, engine[0], None).select.compile()
    assert (["a"] in made.params.values()) is (engine[0] is ORACLE)


def test_a_mask_that_is_null_within_a_text_is_refused_where_null_is_the_empty_text() -> None:
    form = Concat((Left(1), IfShape((Shape(("1",)),), Constant(None), Constant("x"))))
    fetch = make_fetch(columns=[FetchColumn(source=KNOWN[FieldName("name")], form=form)])
    with pytest.raises(Defect):
        compile_fetch(fetch, ORACLE, None)
    compile_fetch(fetch, TRINO, None)


def test_a_marked_mask_is_read_back() -> None:
    fetch = make_fetch(columns=[FetchColumn(source=KNOWN[FieldName("name")], form=Constant(""))])
    reading = compile_fetch(fetch, ORACLE, None).reading
    assert reading.rows([("=", 1), ("=张", 1), (None, 1)]) == [("",), ("张",), (None,)]


@pytest.mark.parametrize(
    "url", ["oracle+oracledb://u:hunter2@h/x", "dm://u:hunter2@h:5236", "mssql+pymssql://u:hunter2@h/d"]
)
def test_a_driver_that_is_not_installed_is_named_as_the_fault(url: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        SqlConnector.open(SourceName("s"), {"url": url})
    assert "driver" in refused.value.message()
    assert "hunter2" not in str(refused.value) + repr(refused.value)
