"""A question of a shape that is known gets the statement and the values that it would have been given anew."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from connectors._mariadb import MARIADB
from connectors._postgresql import POSTGRESQL
from connectors._sql_dialect import Dialect
from connectors._sql_kin import DM, MSSQL, ORACLE
from connectors._sql_text import Texts
from connectors.testing import make_fetch
from gateway.model.amending import amended
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.plan import Alike, Fetch
from gateway.model.predicate import EVERYTHING, AllOf, Comparator, Compare, Predicate, Under

STORED: Mapping[str, object] = {}
ROWS = Under(FieldName("region"), ("3301",))
texts = st.text(st.characters(codec="utf-8"), max_size=6)


def equal(field: str, text: str) -> Compare:
    return Compare(FieldName(field), Comparator.EQ, text)


def new() -> Texts:
    return Texts(POSTGRESQL, asyncpg_dialect(), None)  # type: ignore[no-untyped-call]  # untyped in the library


def asked(template: Fetch, *terms: Predicate) -> Fetch:
    where = (*((ROWS,) if template.rows != EVERYTHING else ()), *terms)
    return replace(template, where=where[0] if len(where) == 1 else AllOf(where))


@given(
    pairs=st.lists(st.tuples(texts, texts), min_size=2, max_size=6),
    is_filtered=st.booleans(),
    limit=st.sampled_from([None, 5]),
)
def test_the_same_as_a_first_time(pairs: list[tuple[str, str]], is_filtered: bool, limit: int | None) -> None:
    known = new()
    template = replace(make_fetch(where=EVERYTHING, limit=limit), rows=ROWS if is_filtered else EVERYTHING)
    for name, region in pairs:
        fetch = asked(template, equal("name", name), equal("region", region))
        text, bound = known.of(fetch, STORED)
        first, due = new().of(fetch, STORED)
        assert (text.sql, bound) == (first.sql, due)


def test_what_is_remembered_is_found_by_its_columns_and_holds_no_literal() -> None:
    known, template = new(), replace(make_fetch(where=EVERYTHING), rows=ROWS)
    for number in range(3):
        known.of(asked(template, equal("name", f"s3cret-{number}")), STORED)
    (before,) = known._before.values()
    assert "s3cret" not in repr(before)
    assert before.again(asked(template, equal("name", "x")), POSTGRESQL) is not None


@pytest.mark.parametrize(
    "changed",
    [
        lambda fetch: replace(fetch, limit=1),
        lambda fetch: replace(fetch, offset=1),
        lambda fetch: replace(fetch, rows=EVERYTHING),
        lambda fetch: replace(fetch, table="other"),
        lambda fetch: replace(fetch, where=AllOf((ROWS, equal("region", "x")))),
        lambda fetch: replace(fetch, where=AllOf((Under(FieldName("region"), ("99",)), equal("name", "x")))),
        lambda fetch: replace(fetch, where=AllOf((ROWS, Compare(FieldName("name"), Comparator.NEQ, "x")))),
        lambda fetch: replace(fetch, where=AllOf((ROWS, equal("name", "a"), equal("name", "b")))),
        lambda fetch: replace(fetch, where=equal("name", "x")),
    ],
)
def test_whatever_else_differs_is_compiled_for_itself(changed: object) -> None:
    known, template = new(), replace(make_fetch(where=EVERYTHING), rows=ROWS)
    for number in range(3):
        known.of(asked(template, equal("name", f"{number}")), STORED)
    (before,) = known._before.values()
    assert callable(changed)
    fetch = changed(asked(template, equal("name", "x")))
    assert before.again(fetch, POSTGRESQL) is None
    assert known.of(fetch, STORED)[1] == new().of(fetch, STORED)[1]


def test_another_question_beside_equalities_is_not_remembered() -> None:
    known, template = new(), make_fetch(where=EVERYTHING)
    for number in range(3):
        known.of(asked(template, Compare(FieldName("name"), Comparator.GT, f"{number}")), STORED)
    assert not known._before


@given(texts)
def test_a_text_is_bound_as_any_value_is(text: str) -> None:
    assert POSTGRESQL.always(Comparator.EQ, text, FieldType.TEXT) is None
    assert POSTGRESQL.text(text) == POSTGRESQL.encoded(text, FieldType.TEXT) == text
    for dialect in (MARIADB, ORACLE, DM, MSSQL):
        is_somewhere = dialect.always(Comparator.EQ, text, FieldType.TEXT) is None
        assert dialect.text(text) == (dialect.encoded(text, FieldType.TEXT) if is_somewhere else None)


def alike(template: Fetch, like: Alike, *pairs: tuple[str, str]) -> Fetch:
    """As the planner fills a plan that it keeps."""
    fetch = asked(template, *(equal(name, text) for name, text in pairs))
    return amended(fetch, like=like, literals=tuple(text for _, text in pairs))


@given(
    pairs=st.lists(st.tuples(texts, texts), min_size=3, max_size=8),
    is_filtered=st.booleans(),
    forgets=st.integers(0, 8),
    dialect=st.sampled_from([POSTGRESQL, MARIADB]),
)
def test_what_differs_in_literals_alone_is_found_by_what_it_is_like(
    pairs: list[tuple[str, str]], is_filtered: bool, forgets: int, dialect: Dialect
) -> None:
    engine = asyncpg_dialect()  # type: ignore[no-untyped-call]  # as above
    known, like = Texts(dialect, engine, None), Alike((1, 2) if is_filtered else (0, 1))
    template = replace(make_fetch(where=EVERYTHING), rows=ROWS if is_filtered else EVERYTHING)
    for number, (name, region) in enumerate(pairs):
        if number == forgets:
            known.forget()
        fetch = alike(template, like, ("name", name), ("region", region))
        text, bound = known.of(fetch, STORED)
        first, due = Texts(dialect, engine, None).of(replace(fetch), STORED)
        assert (text.sql, bound) == (first.sql, due)


def test_what_is_kept_for_the_like_holds_no_literal_and_serves_no_changed_fetch() -> None:
    known, like, template = new(), Alike((1,)), replace(make_fetch(where=EVERYTHING), rows=ROWS)
    for number in range(4):
        known.of(alike(template, like, ("name", f"s3cret-{number}")), STORED)
    (kept,) = known._alike.values()
    assert "s3cret" not in repr(kept)
    fetch = alike(template, like, ("name", "x"))
    for changed in (replace(fetch, limit=1), replace(fetch, where=AllOf((ROWS, equal("region", "x")))), replace(fetch)):
        assert changed.like is None
        assert known.of(changed, STORED)[1] == new().of(changed, STORED)[1]


def test_a_like_whose_literals_are_not_all_texts_bound_by_themselves_is_not_kept() -> None:
    known, template = new(), replace(make_fetch(where=EVERYTHING), rows=ROWS)
    for number in range(4):
        known.of(alike(template, Alike((0, 1)), ("name", f"{number}")), STORED)
    assert not known._alike
