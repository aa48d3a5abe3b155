"""Names become fields with their uses, literals become values; faults wait for the guard."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import DatasetUnavailable, FieldUnavailable, OperatorUnfit, ValueMalformed
from gateway.model.ids import CaseId, DatasetName, DepartmentName, FieldName
from gateway.model.predicate import (
    NOTHING,
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
)
from gateway.model.query import AggregateFunction, FieldUse
from gateway.query import bind
from tests.unit.query.small_town import CATALOG, DATASET, FIELDS, PURPOSE, bound, read
from tests.unit.query.whole_road import ROWS, City, decide

NO, NAME, PHONE, STREET, MONTHLY = (FieldName(name) for name in ("no", "name", "phone", "street", "monthly"))


def _only(text: str) -> Predicate:
    asked = bound(text)
    assert not asked.faults
    assert isinstance(asked.where, AllOf)
    (term,) = asked.where.terms
    return term


# ------------------------------------------------------------------ datasets
def test_a_dataset_is_found_by_its_full_name_or_by_department() -> None:
    assert bound().dataset is DATASET
    assert bound(path="/data/person", headers={"accept-profile": "aid"}).dataset is DATASET
    assert bound(headers={"accept-profile": "aid"}).dataset is DATASET
    assert bound(headers={"accept-profile": "public"}).dataset is DATASET  # what clients send by themselves


@pytest.mark.parametrize("profile", [None, "public"])
def test_a_short_name_means_the_default_department(profile: str | None) -> None:
    headers = {} if profile is None else {"accept-profile": profile}
    query = read(path="/data/person", headers=headers)
    assert bind(query, CATALOG, PURPOSE, None).dataset is DATASET  # the only one that has data
    assert bind(query, CATALOG, PURPOSE, None, default=DepartmentName("aid")).dataset is DATASET
    with pytest.raises(DatasetUnavailable):
        bind(query, CATALOG, PURPOSE, None, default=DepartmentName("other"))
    two = {**CATALOG.datasets, DatasetName("other.person"): replace(DATASET, department=DepartmentName("other"))}
    with pytest.raises(DatasetUnavailable):
        bind(query, replace(CATALOG, datasets=two), PURPOSE, None)


@pytest.mark.parametrize(
    ("path", "profile"),
    [
        ("/data/aid.nothing", None),
        ("/data/nothing", None),
        ("/data/person", "other"),
        ("/data/aid.person", "other"),
        ("/data/aid.case", None),  # permissions only: it has no source
        ("/data/AID.PERSON", None),
    ],
)
def test_an_unknown_dataset_is_unavailable(path: str, profile: str | None) -> None:
    with pytest.raises(DatasetUnavailable):
        bound(path=path, headers={} if profile is None else {"accept-profile": profile})


def test_the_context_is_handed_on() -> None:
    asked = bound("limit=3&offset=2", method="HEAD", headers={"prefer": "count=exact"})
    assert (asked.catalog, asked.purpose, asked.case) == (CATALOG, PURPOSE, CaseId("c1"))
    assert (asked.limit, asked.offset, asked.is_head, asked.wants_count) == (3, 2, True, True)


# ------------------------------------------------------------------ columns and uses
def test_a_star_is_every_field_in_the_catalogues_order() -> None:
    asked = bound()
    assert [column.field for column in asked.columns] == list(FIELDS)
    assert asked.starred == frozenset(FIELDS)
    assert asked.uses == {(name, FieldUse.SHOW) for name in FIELDS}


def test_what_is_named_anywhere_does_not_come_from_the_star() -> None:
    asked = bound("select=*,who:name&phone=eq.1&order=street&no=is.null")
    assert asked.starred == frozenset(FIELDS) - {NAME, PHONE, STREET, NO}
    assert len(asked.columns) == len(FIELDS) + 1


def test_an_item_of_its_own_takes_the_stars_column_of_that_name() -> None:
    asked = bound("select=*,phone:name")
    names = [column.name for column in asked.columns]
    assert len(set(names)) == len(names)
    assert [column.field for column in asked.columns if column.name == "phone"] == [NAME]
    assert (PHONE, FieldUse.SHOW) not in asked.uses
    assert not asked.faults  # a fault would tell that `phone` exists


def test_uses_follow_the_place() -> None:
    asked = bound("select=name,street&phone=eq.1&no=gt.5&order=monthly")
    assert asked.uses == {
        (NAME, FieldUse.SHOW),
        (STREET, FieldUse.SHOW),
        (PHONE, FieldUse.MATCH),
        (NO, FieldUse.FILTER),
        (MONTHLY, FieldUse.SORT),
    }


def test_aggregates_group_by_the_plain_columns() -> None:
    asked = bound("select=street,n:count(),monthly.sum()")
    assert asked.is_aggregate
    assert [(column.name, column.field, column.aggregate) for column in asked.columns] == [
        ("street", STREET, None),
        ("n", None, AggregateFunction.COUNT),
        ("sum", MONTHLY, AggregateFunction.SUM),
    ]
    assert asked.uses == {
        (STREET, FieldUse.SHOW),
        (STREET, FieldUse.GROUP),
        (MONTHLY, FieldUse.AGGREGATE),
    }


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("phone=eq.1", FieldUse.MATCH),
        ("phone=in.(1,2)", FieldUse.MATCH),
        ("and=(phone.eq.1,no.gt.2)", FieldUse.MATCH),
        ("and=(no.gt.2,and(phone.in.(1)))", FieldUse.MATCH),
        ("phone=neq.1", FieldUse.FILTER),
        ("phone=not.eq.1", FieldUse.FILTER),
        ("phone=not.in.(1)", FieldUse.FILTER),
        ("phone=gt.1", FieldUse.FILTER),
        ("phone=like.1", FieldUse.FILTER),
        ("phone=is.null", FieldUse.FILTER),
        ("phone=eq(any).{1}", FieldUse.FILTER),
        ("phone=eq(all).{1}", FieldUse.FILTER),
        ("phone=isdistinct.1", FieldUse.FILTER),
        ("phone=not.isdistinct.1", FieldUse.FILTER),
        ("or=(phone.eq.1,no.gt.2)", FieldUse.FILTER),
        ("or=(phone.eq.1)", FieldUse.FILTER),
        ("not.and=(phone.eq.1)", FieldUse.FILTER),
        ("not.or=(phone.eq.1,no.eq.2)", FieldUse.FILTER),
        ("and=(no.gt.2,or(phone.eq.1,no.eq.9))", FieldUse.FILTER),
        ("and=(not.and(phone.eq.1))", FieldUse.FILTER),
    ],
)
def test_only_a_whole_value_that_narrows_the_answer_is_a_match(text: str, use: FieldUse) -> None:
    assert {found for field, found in bound("select=name&" + text).uses if field == PHONE} == {use}


# ------------------------------------------------------------------ values
@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("no=eq.5", Compare(NO, Comparator.EQ, 5)),
        ("no=gt.-9223372036854775808", Compare(NO, Comparator.GT, -(2**63))),
        ("monthly=lte.650.50", Compare(MONTHLY, Comparator.LTE, Decimal("650.50"))),
        ("monthly=neq.1", Compare(MONTHLY, Comparator.NEQ, Decimal(1))),
        ("alone=eq.TRUE", Compare(FieldName("alone"), Comparator.EQ, True)),
        ("since=gte.2020-02-29", Compare(FieldName("since"), Comparator.GTE, date(2020, 2, 29))),
        (
            "seen=lt.2026-01-01T08:00:00%2B08:00",
            Compare(FieldName("seen"), Comparator.LT, datetime(2026, 1, 1, tzinfo=UTC)),
        ),
        ("seen=lt.2026-01-01T00:00Z", Compare(FieldName("seen"), Comparator.LT, datetime(2026, 1, 1, tzinfo=UTC))),
        ("seen=lt.2026-01-01", Compare(FieldName("seen"), Comparator.LT, datetime(2026, 1, 1, tzinfo=UTC))),
        ("name=eq.x", Compare(NAME, Comparator.EQ, "x")),
        ("level=eq.甲", Compare(FieldName("level"), Comparator.EQ, "甲")),  # in catalogue form: no source code here
        ("name=like.*x_", Like(NAME, "%x_", ignores_case=False)),
        ("name=ilike.X%25", Like(NAME, "X%", ignores_case=True)),
        ("no=in.(1,2,1)", OneOf(NO, (1, 2))),
        ("no=in.()", OneOf(NO, ())),
        ("no=not.in.(1)", Not(OneOf(NO, (1,)))),
        ("no=is.null", IsNull(NO)),
        ("no=is.not_null", Not(IsNull(NO))),
        ("no=not.is.null", Not(IsNull(NO))),
        ("alone=is.false", IsTruth(FieldName("alone"), False)),
        ("alone=is.unknown", IsNull(FieldName("alone"))),
        ("no=isdistinct.1", AnyOf((IsNull(NO), Not(Compare(NO, Comparator.EQ, 1))))),
        ("no=eq(any).{1,2,1}", AnyOf((Compare(NO, Comparator.EQ, 1), Compare(NO, Comparator.EQ, 2)))),
        ("no=not.gt(all).{1}", Not(AllOf((Compare(NO, Comparator.GT, 1),)))),
        ("name=like(any).{*x,y}", AnyOf((Like(NAME, "%x", ignores_case=False), Like(NAME, "y", ignores_case=False)))),
        ("no=eq(any).{}", AnyOf(())),
        ("no=eq(all).{}", AllOf(())),
        ("or=(no.eq.1,name.eq.x)", AnyOf((Compare(NO, Comparator.EQ, 1), Compare(NAME, Comparator.EQ, "x")))),
        ("not.and=(no.eq.1)", Not(AllOf((Compare(NO, Comparator.EQ, 1),)))),
    ],
)
def test_a_literal_takes_its_fields_type(text: str, predicate: Predicate) -> None:
    found = _only(text.replace("甲", "%E7%94%B2"))
    assert found == predicate
    value: Any = getattr(predicate, "value", None)
    assert type(getattr(found, "value", None)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no=eq.x", "no=eq.", "no=eq.1.5", "no=eq.%2B1", "no=eq.１", "no=eq.9223372036854775808", "no=eq.1_000",
        "no=eq. 1", "no=eq.0x1", "no=in.(1,x)", "no=eq.٣",
        "monthly=eq.1e3", "monthly=eq.NaN", "monthly=eq.Infinity", "monthly=eq..5", "monthly=eq.1,5",
        "monthly=eq.１.5", "monthly=eq." + "9" * 27, "monthly=eq.0." + "0" * 13,
        "alone=eq.yes", "alone=eq.1", "alone=eq.ｔrue",
        "since=eq.2020-02-30", "since=eq.20200229", "since=eq.2020-2-9", "since=eq.2020-02-29T00:00:00",
        "since=eq.٢٠٢٠-01-01", "since=eq.2020-W01-1",
        "seen=eq.2026-01-01T25:00:00Z", "seen=eq.2026-01-01T00:00:00 08:00", "seen=eq.now",
        "seen=eq.0001-01-01T00:00:00%2B08:00", "seen=eq.2026-01-01T00:00:00.1234567Z",
        "seen=eq.2026-01-01T24:00:00Z",
    ],
)  # fmt: skip
def test_a_literal_of_another_type_is_a_fault_with_an_example(text: str) -> None:
    asked = bound(text)
    ((field, fault),) = asked.faults
    assert isinstance(fault, ValueMalformed)
    assert fault.field == field == text.partition("=")[0]
    assert fault.example in fault.hint()
    assert asked.where == AllOf((NOTHING,))  # whoever forgets the fault finds no rows


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("no=like.1*", "like"),
        ("since=ilike.2020*", "ilike"),
        ("alone=gt.true", "gt"),
        ("no=is.true", "is.true"),
        ("name=not.is.false", "is.false"),
        ("select=name.sum()", "sum()"),
        ("select=alone.max()", "max()"),
        ("select=since.avg()", "avg()"),
    ],
)
def test_an_operator_that_does_not_fit_the_type_is_a_fault_that_says_what_does(text: str, operator: str) -> None:
    ((_, fault),) = bound(text).faults
    assert isinstance(fault, OperatorUnfit)
    assert f"`{operator}`" in fault.message()
    assert fault.offered in fault.hint()


@pytest.mark.parametrize(
    "text",
    ["select={}", "select=*&{}=eq.1", "select=name&order={}", "select={}.sum()", "or=({}.eq.1,no.eq.1)", "select=a:{}"],
)
def test_an_unknown_field_is_a_fault_not_an_error(text: str) -> None:
    asked = bound(text.format("shoe_size"))
    ((field, fault),) = asked.faults
    assert field == "shoe_size"
    assert isinstance(fault, FieldUnavailable)
    assert all(name != "shoe_size" for name, _ in asked.uses)


# ------------------------------------------------------------------ the shape for the log
@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", ""),
        ("phone=eq.13812345678", "phone=eq.?"),
        ("level=in.(A,B)&name=not.like.*x*", "level=in.(?,?)&name=not.like.?"),
        ("no=is.null", "no=is.null"),
        ("alone=is.unknown", "alone=is.unknown"),
        ("name=not.like(any).{a*,b}&no=isdistinct.5", "name=not.like(any).{?,?}&no=isdistinct.?"),
        ("or=(no.gt.5,and(name.eq.x,not.or(no.not.in.(1))))", "or=(no.gt.?,and(name.eq.?,not.or(no.not.in.(?))))"),
        ("330102194910010010=eq.1", "?=eq.?"),
        ("or=(330102194910010010.eq.1)", "or=(?.eq.?)"),
    ],
)
def test_the_shape_hides_literals_and_unknown_names(text: str, shape: str) -> None:
    assert bound(text).filter_shape == shape


@pytest.mark.parametrize("is_pushed", [True, False])
@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("monthly=isdistinct.650", "M IS DISTINCT FROM 65000"),
        ("monthly=not.isdistinct.650", "M IS NOT DISTINCT FROM 65000"),
        ("name=eq(any).{张三,李四}", "N IN ('张三', '李四')"),
        ("name=not.eq(any).{张三,李四}", "NOT N IN ('张三', '李四')"),
        ("monthly=gt(all).{100,430}", "M > 10000 AND M > 43000"),
        ("monthly=gt(any).{100,430}", "M > 10000 OR M > 43000"),
        ("name=like(any).{*三,王*}", "N LIKE '%三' OR N LIKE '王%'"),
        ("name=like(all).{*三,张*}", "N LIKE '%三' AND N LIKE '张%'"),
        ("alone=is.unknown", "A IS NULL"),
        ("alone=not.is.unknown", "A IS NOT NULL"),
        ("name=eq(any).{}", "1 = 0"),
        ("name=eq(all).{}", "1 = 1"),
        ("name=not.eq(all).{}", "1 = 0"),
    ],
)
async def test_rows_are_those_that_plain_sql_finds(tmp_path: Path, text: str, sql: str, *, is_pushed: bool) -> None:
    with closing(sqlite3.connect(":memory:")) as plain:
        plain.execute("CREATE TABLE t (I INTEGER, N TEXT, M INTEGER, A TEXT)")
        plain.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(row[0], row[1], row[5], row[7]) for row in ROWS])
        expected = [row[0] for row in plain.execute(f"SELECT I FROM t WHERE {sql} ORDER BY I")]
    city = City(tmp_path, "city")
    try:
        told = await city.ask(f"select=no&order=no&{text}", decide(), is_pushed=is_pushed)
    finally:
        await city.source.close()
    assert [row[0] for row in told.rows] == expected
