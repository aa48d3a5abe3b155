"""The read grammar, part by part: what is read, and what is refused with its fault and fix named."""

import pytest

from gateway.errors import NotAcceptable, QueryMalformed, QueryTooComplex, RequestInvalid, UriTooLong
from gateway.model.query import (
    AggregateFunction,
    FilterGroup,
    FilterTerm,
    MediaType,
    Operator,
    OrderTerm,
    SelectItem,
)
from gateway.settings import Limits
from tests.unit.query.small_town import LIMITS, read


def _item(field: str | None, alias: str | None = None, aggregate: str | None = None) -> SelectItem:
    return SelectItem(field=field, alias=alias, aggregate=AggregateFunction(aggregate) if aggregate else None)


def _term(field: str, operator: str, *values: str, is_negated: bool = False) -> FilterTerm:
    return FilterTerm(field=field, operator=Operator(operator), is_negated=is_negated, values=values)


# ------------------------------------------------------------------ select
@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", [_item("*")]),
        ("select=*", [_item("*")]),
        ("select=name", [_item("name")]),
        ("select=name,%20phone", [_item("name"), _item("phone")]),
        ("select=who:name,phone", [_item("name", "who"), _item("phone")]),
        ("select=*,who:name", [_item("*"), _item("name", "who")]),
        ("select=count()", [_item(None, None, "count")]),
        ("select=n:count()", [_item(None, "n", "count")]),
        ("select=count", [_item("count")]),
        ("select=street,monthly.sum()", [_item("street"), _item("monthly", None, "sum")]),
        ("select=a:monthly.avg(),b:monthly.min()", [_item("monthly", "a", "avg"), _item("monthly", "b", "min")]),
        ("select=%22odd.name%22", [_item("odd.name")]),
        ("select=%E5%A7%93%E5%90%8D", [_item("姓名")]),
    ],
)
def test_select_is_read(text: str, items: list[SelectItem]) -> None:
    assert list(read(text).root.items) == items


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("select=", "names no field"),
        ("select=,", "no field before"),
        ("select=name,", "ends where a field should be"),
        ("select=name,name", "one name"),
        ("select=name,name:phone", "one name"),
        ("select=monthly.sum(),no.sum()", "one name"),
        ("select=*,count()", "can't stand beside"),
        ("select=*,*", "twice"),
        ("select=sum()", "of no field"),
        ("select=name.sum", "no aggregate"),
        ("select=%22name", "not closed"),
        ("select=%22%22", "empty"),
        ("select='", "no field before"),
        ("select=" + "a" * 101, "too long"),
        ("select=name&select=phone", "twice"),
    ],
)
def test_a_wrong_select_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read(text)
    assert told in refusal.value.message("en")
    assert refusal.value.hint("en")


# ------------------------------------------------------------------ filters
@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("name=eq.x", _term("name", "eq", "x")),
        ("name=eq.", _term("name", "eq", "")),
        ("name=eq.a.b,c)", _term("name", "eq", "a.b,c)")),
        ('name=eq."x"', _term("name", "eq", '"x"')),
        ("name=eq.a+b%2Bc", _term("name", "eq", "a b+c")),
        ("name=not.eq.x", _term("name", "eq", "x", is_negated=True)),
        ("name=neq.x", _term("name", "neq", "x")),
        ("no=gte.5", _term("no", "gte", "5")),
        ("name=like.*x*", _term("name", "like", "*x*")),
        ("name=ilike.x%25", _term("name", "ilike", "x%")),
        ("name=in.(a,b)", _term("name", "in", "a", "b")),
        ("name=in.()", _term("name", "in")),
        ('name=in.("")', _term("name", "in", "")),
        ('name=in.("a,b","c)")', _term("name", "in", "a,b", "c)")),
        (r'name=in.("say \"hi\"","back\\slash")', _term("name", "in", 'say "hi"', "back\\slash")),
        ("name=not.in.(a)", _term("name", "in", "a", is_negated=True)),
        ("name=is.null", _term("name", "is", "null")),
        ("name=is.NOT_NULL", _term("name", "is", "not_null")),
        ("alone=not.is.true", _term("alone", "is", "true", is_negated=True)),
        ("%22odd.name%22=eq.1", _term("odd.name", "eq", "1")),
        ("Unit Price=lt.200", _term("Unit Price", "lt", "200")),
    ],
)
def test_a_filter_is_read(text: str, term: FilterTerm) -> None:
    assert read(text).root.where == (term,)


def test_filters_on_one_field_stand_side_by_side() -> None:
    assert read("no=gt.1&no=lt.9").root.where == (_term("no", "gt", "1"), _term("no", "lt", "9"))


def test_a_tree_is_read() -> None:
    asked = read('or=(no.gt.1,and(name.eq."a,b",not.or(alone.is.true,street.not.in.(1,2)) ), name.like.x*)')
    inner = FilterGroup(
        is_or=True,
        is_negated=True,
        terms=(_term("alone", "is", "true"), _term("street", "in", "1", "2", is_negated=True)),
    )
    group = FilterGroup(is_or=False, is_negated=False, terms=(_term("name", "eq", "a,b"), inner))
    assert asked.root.where == (
        FilterGroup(is_or=True, is_negated=False, terms=(_term("no", "gt", "1"), group, _term("name", "like", "x*"))),
    )


@pytest.mark.parametrize(
    ("name", "is_or", "is_negated"),
    [("and", False, False), ("or", True, False), ("not.and", False, True), ("not.or", True, True)],
)
def test_trees_stand_at_the_top_too(name: str, is_or: bool, is_negated: bool) -> None:
    (group,) = read(f"{name}=(no.eq.1)").root.where
    assert group == FilterGroup(is_or=is_or, is_negated=is_negated, terms=(_term("no", "eq", "1"),))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name", "without `=`"),
        ("name=x", "operator"),
        ("name=eq", "operator"),
        ("name=eql.x", "operator"),
        ("name=EQ.x", "operator"),
        ("name=not.not.eq.x", "operator"),
        ("name=neq(any).{a,b}", "operator"),
        ("name=in.a,b", "no `(`"),
        ("name=in.(a,b", "ends where `)`"),
        ("name=in.(a)b", "follows the list"),
        ('name=in.("a"b)', "follows a closing"),
        ('name=in.("a', "not closed"),
        ('name=in.("a\\', "backslash"),
        ("name=is.maybe", "takes null"),
        ("name=is.", "takes null"),
        ("or=", "ends where `(`"),
        ("or=()", "no field before"),
        ("or=(no.eq.1", "ends where `)`"),
        ("or=(no.eq.1))", "follows the last"),
        ("or=(no.eq.1,)", "no field before"),
        ("or=(no)", "no `.`"),
        ("or=(no.eq)", "operator"),
        ("a;b=eq.1", "no field's name"),
        ("=eq.1", "ends where a field"),
    ],
)
def test_a_wrong_filter_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read(text)
    assert told in refusal.value.message("en")


def test_an_unknown_operator_names_those_that_are_offered() -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read("name=eql.x")
    for language in ("en", "zh"):
        assert "eq, neq, gt, gte, lt, lte, like, ilike, in, is" in refusal.value.hint(language)


def test_a_fault_in_a_filter_does_not_repeat_its_value() -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read("id_number=330102194910010010")
    assert "3301" not in str(refusal.value)


# ------------------------------------------------------------------ order, pages
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("order=no", [("no", False, False)]),
        ("order=no.asc", [("no", False, False)]),
        ("order=no.desc", [("no", True, True)]),
        ("order=no.desc.nullslast,name", [("no", True, False), ("name", False, False)]),
        ("order=no.nullsfirst", [("no", False, True)]),
    ],
)
def test_order_is_read_with_postgresqls_place_of_null(text: str, terms: list[tuple[str, bool, bool]]) -> None:
    assert [(term.field, term.is_descending, term.nulls_first) for term in read(text).root.order] == terms


@pytest.mark.parametrize(
    "text",
    [
        "order=",
        "order=no.up",
        "order=no.desc.asc",
        "order=no.nullslast.desc",
        "order=no,",
        "order=.desc",
        "order=resident(name).desc",
        "order=no&order=name",
        "select=street,count()&order=no",
        "select=count()&order=count",
    ],
)
def test_a_wrong_order_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(text)


def test_groups_are_ordered_by_their_keys() -> None:
    assert read("select=street,count()&order=street.desc").root.order == (
        OrderTerm(field="street", is_descending=True, nulls_first=True),
    )


@pytest.mark.parametrize(
    ("text", "range_", "page"),
    [
        ("", None, (None, 0)),
        ("limit=10", None, (10, 0)),
        ("limit=0", None, (0, 0)),
        ("offset=5", None, (None, 5)),
        ("", "0-24", (25, 0)),
        ("", "10-", (None, 10)),
        ("limit=10&offset=5", "7-8", (2, 7)),
        ("limit=10", "0-99", (10, 0)),
        ("limit=3", "5-9", (0, 5)),
    ],
)
def test_pages_are_what_parameters_and_header_have_in_common(
    text: str, range_: str | None, page: tuple[int | None, int]
) -> None:
    query = read(text, headers={} if range_ is None else {"range": range_, "range-unit": "items"})
    assert (query.root.limit, query.root.offset) == page


@pytest.mark.parametrize(
    "text", ["limit=-1", "limit=x", "limit=", "limit=1e3", "limit=１", "offset=+5", "limit=" + "9" * 13]
)
def test_a_wrong_page_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(text)


@pytest.mark.parametrize("value", ["5", "9-3", "a-b", "-5", "0-24,30-40", "bytes=0-1", "０-９"])
def test_a_wrong_range_is_refused(value: str) -> None:
    with pytest.raises(QueryMalformed):
        read(headers={"range": value})


def test_only_items_are_counted() -> None:
    with pytest.raises(QueryMalformed):
        read(headers={"range": "0-1", "range-unit": "bytes"})


# ------------------------------------------------------------------ headers, path, method
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, MediaType.JSON),
        ("", MediaType.JSON),
        ("*/*", MediaType.JSON),
        ("application/*", MediaType.JSON),
        ("application/json", MediaType.JSON),
        ("application/json; charset=utf-8", MediaType.JSON),
        ("text/csv", MediaType.CSV),
        ("TEXT/CSV", MediaType.CSV),
        ("text/*", MediaType.CSV),
        ("application/vnd.pgrst.object+json", MediaType.OBJECT),
        ("application/vnd.pgrst.object", MediaType.OBJECT),
        ("text/csv;q=0.5, application/json;q=0.4", MediaType.CSV),
        ("text/html, application/xhtml+xml, */*;q=0.8", MediaType.JSON),
        ("text/csv, application/json", MediaType.CSV),
        ("application/json, text/csv", MediaType.JSON),
        ("application/json;q=0, */*", MediaType.CSV),
        ("application/vnd.pgrst.object+json;q=1.0, application/json;q=0.1", MediaType.OBJECT),
    ],
)
def test_the_media_type_is_negotiated(accept: str | None, media_type: MediaType) -> None:
    assert read(headers={} if accept is None else {"accept": accept}).media_type is media_type


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/json;q=0",
        "*/*;q=0",
        "application/json;q=x",
        "application/json;nulls=stripped",
        ";;,",
        "json",
    ],
)
def test_what_is_not_offered_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        read(headers={"accept": accept})
    assert "text/csv" in refusal.value.hint()


def test_the_dataset_stands_in_the_path_or_its_department_in_a_header() -> None:
    assert (read().dataset, read().profile) == ("aid.person", None)
    short = read(path="/data/person", headers={"accept-profile": "aid"})
    assert (short.dataset, short.profile) == ("person", "aid")


@pytest.mark.parametrize(
    "path", ["/data/", "/data", "/", "/data/a/b", "/data/a b", "/data/" + "a" * 129, "/other/x", "/data/x'"]
)
def test_a_path_without_a_dataset_is_refused(path: str) -> None:
    with pytest.raises(QueryMalformed):
        read(path=path)


@pytest.mark.parametrize("profile", ["", "\x00", "a b", "a,b"])
def test_a_wrong_profile_is_refused(profile: str) -> None:
    with pytest.raises(QueryMalformed):
        read(headers={"accept-profile": profile})


@pytest.mark.parametrize(
    ("prefer", "wants_count"),
    [
        ("count=exact", True),
        ("return=representation, count=exact", True),
        ("handling=strict; Count=Exact", True),
        ("count=none", False),
        ("x", False),
    ],
)
def test_a_count_is_preferred(prefer: str, wants_count: bool) -> None:
    assert read(headers={"prefer": prefer}).counting == ("exact" if wants_count else None)


def test_head_is_a_question_too() -> None:
    assert read(method="HEAD").is_head
    assert not read().is_head


# ------------------------------------------------------------------ bytes
@pytest.mark.parametrize("text", ["name=eq.%", "name=eq.%4", "name=eq.%zz", "%g1=eq.1", "name=eq.%+1"])
def test_a_bad_escape_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(text)


@pytest.mark.parametrize("escaped", ["%ff%fe", "%c0%80", "%ed%a0%80", "%f5%80%80%80", "%e4%bd", "\xff", "\ud800"])
def test_bytes_that_are_not_utf8_are_refused(escaped: str) -> None:
    with pytest.raises(QueryMalformed):
        read(f"name=eq.{escaped}")


@pytest.mark.parametrize("text", ["name=eq.%00", "na%00me=eq.1", "select=%00", "name=eq.\x00"])
def test_the_character_zero_is_refused(text: str) -> None:
    with pytest.raises(QueryMalformed):
        read(text)


def test_raw_bytes_and_characters_are_read_as_utf8() -> None:
    wanted = (_term("name", "eq", "张"),)
    assert read("name=eq.%E5%BC%A0").root.where == wanted
    assert read("name=eq." + "张".encode().decode("latin-1")).root.where == wanted
    assert read("name=eq.张").root.where == wanted


# ------------------------------------------------------------------ limits
@pytest.mark.parametrize(
    ("within", "over"),
    [
        ("select=a,b,c,d,e", "select=a,b,c,d,e,f"),
        ("&".join(f"a=eq.{n}" for n in range(6)), "&".join(f"a=eq.{n}" for n in range(7))),
        ("and=(a.eq.1,b.eq.2)&c=eq.3&d=eq.4&e=eq.5&f=eq.6", "and=(a.eq.1,b.eq.2)&c=eq.3&d=eq.4&e=eq.5&f=eq.6&g=eq.7"),
        ("or=(and(or(a.eq.1)))", "or=(and(or(and(a.eq.1))))"),
        ("a=in.(1,2,3,4)", "a=in.(1,2,3,4,5)"),
        ("order=a,b,c", "order=a,b,c,d"),
    ],
)
def test_every_limit_is_held(within: str, over: str) -> None:
    read(within)
    with pytest.raises(QueryTooComplex) as refusal:
        read(over)
    assert refusal.value.limit in {5, 6, 3, 4}


def test_the_length_of_the_question_is_held() -> None:
    with pytest.raises(UriTooLong):
        read("name=eq." + "x" * 100, limits=Limits(url_bytes=50))


def test_brackets_a_thousand_deep_are_refused_at_the_limit() -> None:
    with pytest.raises(QueryTooComplex):
        read("or=" + "(and" * 2_000 + "(a.eq.1" + ")" * 2_000, limits=Limits())


def test_texts_are_in_both_languages_and_name_the_part() -> None:
    with pytest.raises(RequestInvalid) as refusal:
        read("select=a,")
    error = refusal.value
    assert isinstance(error, QueryMalformed)
    assert error.part == "select"
    assert "无法解析 `select`" in error.message("zh")
    assert error.hint("zh") != error.hint("en")


def test_an_echo_is_short_and_printable() -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read("%1b" + "a" * 500 + ";=eq.1")
    assert len(refusal.value.part) <= 61
    assert refusal.value.part.isprintable()


def test_the_limits_of_the_settings_are_those_that_are_held() -> None:
    read("&".join(f"a=eq.{n}" for n in range(7)), limits=Limits(filter_terms=7))
    assert LIMITS.filter_terms == 6
