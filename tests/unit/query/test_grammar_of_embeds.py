"""Embeds, paths, casts and what belongs to an embed's level: read as PostgREST documents them."""

from dataclasses import replace

import pytest

from gateway.errors import QueryMalformed, QueryTooComplex
from gateway.model.query import (
    AggregateFunction,
    Embed,
    FilterTerm,
    Join,
    JsonStep,
    Level,
    Operator,
    OrderTerm,
    SelectItem,
)
from tests.unit.query.small_town import LIMITS, read


def field(name: str, alias: str | None = None, **more: object) -> SelectItem:
    return replace(SelectItem(field=name, alias=alias, aggregate=None), **more)  # type: ignore[arg-type]  # handed on as they are


def embed(target: str, *items: SelectItem | Embed, **more: object) -> Embed:
    plain = Embed(target=target, alias=None, hint=None, join=Join.LEFT, is_spread=False, level=Level(items=items))
    return replace(plain, **more)  # type: ignore[arg-type]  # handed on as they are


def steps(*keys: str | int, as_text: bool = False) -> tuple[JsonStep, ...]:
    return tuple(JsonStep(key=key, as_text=as_text and at == len(keys) - 1) for at, key in enumerate(keys))


A = field("a")


@pytest.mark.parametrize(
    ("select", "items"),
    [
        ("a,resident(a)", [A, embed("resident", A)]),
        ("resident(*)", [embed("resident", field("*"))]),
        ("who:resident(a)", [embed("resident", A, alias="who")]),
        ("resident!by_id(a)", [embed("resident", A, hint="by_id")]),
        ("resident!inner(a)", [embed("resident", A, join=Join.INNER)]),
        ("resident!left(a)", [embed("resident", A)]),
        ("resident!by_id!inner(a)", [embed("resident", A, hint="by_id", join=Join.INNER)]),
        ("resident!inner!by_id(a)", [embed("resident", A, hint="by_id", join=Join.INNER)]),
        ("...resident(a)", [embed("resident", A, is_spread=True)]),
        ("...who:resident!inner(a)", [embed("resident", A, alias="who", is_spread=True, join=Join.INNER)]),
        ("a,resident()", [A, embed("resident")]),
        ("resident( a , household( a ) )", [embed("resident", A, embed("household", A))]),
        ("civil-affairs.assistance(a)", [embed("civil-affairs.assistance", A)]),
        ("x:civil-affairs.assistance!inner(a)", [embed("civil-affairs.assistance", A, alias="x", join=Join.INNER)]),
        ('"odd name"("odd field")', [embed("odd name", field("odd field"))]),
        ("resident(count)", [embed("resident", replace(field(""), field=None, aggregate=AggregateFunction.COUNT))]),
        ("a->b", [field("a", path=steps("b"))]),
        ("a->b->0->>c", [field("a", path=steps("b", 0, "c", as_text=True))]),
        ("a->-1", [field("a", path=steps(-1))]),
        ('a->>"0"', [field("a", path=steps("0", as_text=True))]),
        ("x:a->>b", [field("a", "x", path=steps("b", as_text=True))]),
        ("a::text", [field("a", cast="text")]),
        ("a->>b::integer", [field("a", path=steps("b", as_text=True), cast="integer")]),
        ("a::double precision", [field("a", cast="double precision")]),
        ("a.sum()", [field("a", aggregate=AggregateFunction.SUM)]),
        ("a::numeric.sum()::text", [field("a", cast="numeric", aggregate=AggregateFunction.SUM, result_cast="text")]),
        ("a->b::numeric.avg()", [field("a", path=steps("b"), cast="numeric", aggregate=AggregateFunction.AVG)]),
        ("n:count()::text", [field("", "n", aggregate=AggregateFunction.COUNT, result_cast="text")]),
    ],
)
def test_select(select: str, items: list[SelectItem | Embed]) -> None:
    wanted = [replace(item, field=None) if isinstance(item, SelectItem) and not item.field else item for item in items]
    assert list(read(f"select={select}").root.items) == wanted


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("resident(a", "ends where `)`"),
        ("resident(a))", "no `,`"),
        ("resident!(a)", "no field before"),
        ("resident!x!y(a)", "second hint"),
        ("resident!inner!left(a)", "second hint"),
        ("...a", "no embed"),
        ("a->", "ends where a field"),
        ("a->>b->c", "nothing can follow"),
        ("a::", "ends where a field"),
        ("a.upper", "no aggregate"),
        ("a::text.upper()", "no aggregate"),
        ("sum()", "of no field"),
        ("resident(a),resident(b)", "one name"),
        ("a,a:resident(b)", "one name"),
        ("a,...resident(a)", "one name"),
        ("resident(*,*)", "stands there twice"),
        ("resident(*,count())", "beside an aggregate"),
    ],
)
def test_a_wrong_select_says_what_is_wrong(select: str, told: str) -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read(f"select={select}")
    assert told in refusal.value.message("en")
    assert refusal.value.message("zh")


def _level(question: str, *path: str) -> Level:
    level = read(question).root
    for name in path:
        (level,) = (item.level for item in level.items if isinstance(item, Embed) and item.name == name)
    return level


def test_parameters_belong_to_the_embed_that_they_name() -> None:
    question = (
        "select=a,who:resident(b,household(c))&who.b=eq.1&who.order=b.desc&who.limit=2&who.offset=1"
        "&who.household.c=gt.3&who.household.not.or=(c.eq.1,c.eq.2)&who.and=(b.lt.9)&a=eq.x&limit=5"
    )
    root, who, household = _level(question), _level(question, "who"), _level(question, "who", "household")
    assert [term.field for term in root.where if isinstance(term, FilterTerm)] == ["a"]
    assert (root.limit, root.offset) == (5, 0)
    assert len(who.where) == 2
    assert who.order == (OrderTerm(field="b", is_descending=True, nulls_first=True),)
    assert (who.limit, who.offset) == (2, 1)
    assert len(household.where) == 2


def test_a_full_name_is_named_with_its_point() -> None:
    question = "select=civil-affairs.assistance(level)&civil-affairs.assistance.level=eq.A"
    (term,) = _level(question, "civil-affairs.assistance").where
    assert isinstance(term, FilterTerm)
    assert term.field == "level"


def test_an_embed_is_tested_for_rows_and_ordered_by() -> None:
    root = read("select=a,resident()&resident=not.is.null&order=resident(name).desc.nullslast,a").root
    assert root.where == (FilterTerm(field="resident", operator=Operator.IS, is_negated=True, values=("null",)),)
    assert root.order[0] == OrderTerm(field="name", is_descending=True, nulls_first=False, embed="resident")


def test_a_range_header_pages_the_root_only() -> None:
    query = read("select=resident(a)", headers={"range": "5-9"})
    assert (query.root.limit, query.root.offset) == (5, 5)
    (inner,) = query.root.items
    assert isinstance(inner, Embed)
    assert (inner.level.limit, inner.level.offset) == (None, 0)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("resident.a=eq.1", "no embed of this question"),
        ("select=resident(a)&other.a=eq.1", "no embed of this question"),
        ("select=resident(a)&resident.other.a=eq.1", "no embed of this question"),
        ("select=resident(a)&resident.limit=1&resident.limit=2", "twice"),
        ("select=resident(a)&resident.limit=x", "no count"),
        ("order=resident(a)", "no embed of this question"),
        ("select=resident(a)&resident.order=x(b)", "no embed of this question"),
        ("select=resident(a,count())&resident.order=b", "grouped by"),
    ],
)
def test_a_parameter_that_belongs_to_nothing_is_refused(question: str, told: str) -> None:
    with pytest.raises(QueryMalformed) as refusal:
        read(question)
    assert told in refusal.value.message("en")


@pytest.mark.parametrize(
    ("name", "most", "question"),
    [
        ("embeds", 3, lambda n: "select=" + ",".join(f"e{at}(a)" for at in range(n))),
        ("embeds", 3, lambda n: "select=x(" + ",".join(f"e{at}(a)" for at in range(n - 1)) + ")"),
        ("embed_depth", 3, lambda n: "select=" + "e(" * n + "a" + ")" * n),
        ("select_items", 5, lambda n: "select=e(" + ",".join(f"a{at}" for at in range(n - 1)) + ")"),
        ("order_terms", 2, lambda n: "select=e(a)&e.order=" + ",".join(["a"] * n)),
        ("filter_terms", 4, lambda n: "select=e(a)&a=eq.1&" + "&".join(["e.a=eq.1"] * (n - 1))),
    ],
)
def test_each_limit_holds_at_its_number(name: str, most: int, question: object) -> None:
    limits = LIMITS.model_copy(update={"select_items": 50} | {name: most})
    assert callable(question)
    read(question(most), limits=limits)
    with pytest.raises(QueryTooComplex) as refusal:
        read(question(most + 1), limits=limits)
    assert (refusal.value.limit, refusal.value.status) == (most, 400)
