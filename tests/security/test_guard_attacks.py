"""Ways to learn a value that is masked or denied, each from the text of the question to the answer; all must fail."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import (
    DatasetUnavailable,
    ExportNotAllowed,
    FieldUnavailable,
    GatewayError,
    GroupTooSmall,
    OnlyAggregates,
    UseNotAllowed,
    ValueMalformed,
)
from gateway.model.ids import FieldName
from gateway.model.predicate import Under
from gateway.model.query import FieldUse
from tests.unit.query.whole_road import City, decide, plan

PHONE = "13812345678"
MATCH = {"phone": frozenset({FieldUse.MATCH})}
AGGREGATE = {"monthly": frozenset({FieldUse.AGGREGATE})}

PROBES = [  # {} is the field that is hidden
    "select=name&{}=neq.1",
    "select=name&{}=gt.1",
    "select=name&{}=gte.1",
    "select=name&{}=lt.1",
    "select=name&{}=lte.1",
    "select=name&{}=like.1*",
    "select=name&{}=ilike.1*",
    "select=name&{}=is.null",
    "select=name&{}=is.not_null",
    "select=name&{}=not.eq.1",
    "select=name&{}=not.in.(1,2)",
    "select=name&{}=not.is.null",
    "select=name&{}=is.unknown",
    "select=name&{}=isdistinct.1",
    "select=name&{}=not.isdistinct.1",
    "select=name&{}=eq(any).{{1,2}}",
    "select=name&{}=eq(all).{{1}}",
    "select=name&{}=gt(any).{{1,2}}",
    "select=name&{}=like(any).{{1*,2*}}",
    "select=name&{}=eq(all).{{}}",
    "select=name&or=({}.not.lt(all).{{1,2}},no.gt.0)",
    "select=name&{}=eq.1",
    "select=name&{}=in.(1,2)",
    "select=name&or=({}.eq.1,no.gt.0)",
    "select=name&or=({}.eq.1)",
    "select=name&not.or=({}.eq.1)",
    "select=name&not.and=({}.eq.1,no.gt.0)",
    "select=name&and=(no.gt.0,or({}.like.1*,no.lt.0))",
    "select=name&and=(no.gt.0,not.and({}.eq.1))",
    "select=*&{}=gt.1",
    "select=name&order={}",
    "select=name&order=no,{}.desc.nullsfirst",
    "select={},count()",
    "select=x:{},count()",
    "select={}.count()",
    "select=x:{}.min()",
    "select={}.max()",
    "select=street,{}.count()",
    "select=count()&{}=gt.1",
]


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    found = City(tmp_path, "city")
    yield found
    await found.source.close()


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("field", ["phone", "monthly", "level", "since", "alone", "seen"])
async def test_a_masked_field_is_shown_masked_and_nothing_else(city: City, probe: str, field: str) -> None:
    with pytest.raises(UseNotAllowed) as refusal:
        await city.ask(probe.format(field), decide({field: "partial"}))
    assert refusal.value.field == field


@pytest.mark.parametrize("probe", [*PROBES, "select={}", "select=name,x:{}", "select=*,{}", "select=*,x:{}"])
@pytest.mark.parametrize("field", ["phone", "monthly", "level", "since", "alone", "seen"])
async def test_a_denied_field_answers_as_one_that_does_not_exist(city: City, probe: str, field: str) -> None:
    decision = decide({field: "denied"})
    with pytest.raises(FieldUnavailable) as denied:
        await city.ask(probe.format(field), decision)
    with pytest.raises(FieldUnavailable) as unknown:
        await city.ask(probe.format("shoes"), decision)
    for language in ("en", "zh"):
        said = denied.value.message(language).replace(field, "shoes")
        assert (said, denied.value.hint(language)) == (unknown.value.message(language), unknown.value.hint(language))


@pytest.mark.parametrize(
    "rest",
    [
        "{}=eq.not-a-number",  # a literal that fits no type but text
        "{}=like.x*",  # an operator that fits text only
        "{}=is.true",  # one that fits booleans only
        "select={}.sum()",
        "select={}.avg()",
        "select=alone.max(),x:{}.max()",
        "{}=eq.x&no=eq.x",  # beside another field's fault
        "{}=in.(1,x,2020-01-01)",
    ],
)
async def test_no_error_of_a_denied_field_tells_its_type(city: City, rest: str) -> None:
    for field in ("no", "name", "phone", "level", "monthly", "since", "alone", "seen"):
        if field in rest.replace("{}", ""):
            continue
        decision = decide({field: "denied"})
        answers = set()
        for asked in (field, "shoes"):
            told = await city.answer(rest.format(asked), decision)
            answers.add(tuple(str(part).replace(f"`{asked}`", "`x`") for part in told))
        assert len(answers) == 1


async def test_which_of_two_bad_names_is_blamed_does_not_tell_which_one_exists(city: City) -> None:
    decision = decide({"phone": "denied"})
    for other in ("aaa", "zzz"):
        for texts in (("select=phone,{}", "select=shoes,{}"), ("select={},phone", "select={},shoes")):
            exists, does_not = [await city.answer(text.format(other), decision) for text in texts]
            blamed = "aaa" if other == "aaa" else None
            if blamed:
                assert exists == does_not
            else:
                assert [str(part).replace("phone", "shoes") for part in exists] == [str(part) for part in does_not]


async def test_a_masked_fields_refusal_does_not_overtake_an_unavailable_name(city: City) -> None:
    decision = decide({"level": "partial", "phone": "denied"})
    for name in ("phone", "shoes"):
        with pytest.raises(FieldUnavailable):
            await city.ask(f"select={name}&level=gt.1", decision)


async def test_an_alias_does_not_collide_with_a_field_that_is_denied(city: City) -> None:
    denied = await city.ask("select=*,phone:name", decide({"phone": "denied"}))
    unknown = await city.ask("select=*,shoes:name", decide({"phone": "denied"}))
    assert [name.replace("phone", "shoes") for name in denied.columns] == list(unknown.columns)
    assert denied.rows == unknown.rows


async def test_a_star_leaves_out_what_is_denied_without_a_word(city: City) -> None:
    told = await city.ask("", decide({"phone": "denied", "monthly": "denied"}))
    assert not {"phone", "monthly"} & set(told.columns)
    assert PHONE not in str(told.rows)


async def test_a_dataset_of_which_nothing_is_seen_answers_as_one_that_does_not_exist(city: City) -> None:
    nothing = decide(default="denied", rows=None)
    for text in ("", "select=name", "select=shoes", "name=eq.1", "no=eq.x", "no=like.x", "select=count()", "order=no"):
        with pytest.raises(DatasetUnavailable) as refusal:
            await city.ask(text, nothing)
        assert refusal.value.dataset == "aid.person"


async def test_a_dataset_without_rows_for_the_asker_does_not_exist_whatever_its_fields_show(city: City) -> None:
    for text in (
        "",
        "select=name",
        "select=shoes",
        "select=count()",
        "no=eq.x",
        "select=name.sum()",
        "select=*&no=gt.x",
    ):
        with pytest.raises(DatasetUnavailable) as refusal:
            await city.ask(text, decide(rows=None))
        assert refusal.value.dataset == "aid.person"


@pytest.mark.parametrize("is_pushed", [True, False])
async def test_counts_count_visible_rows_only(city: City, is_pushed: bool) -> None:
    visible = decide(rows=Under(FieldName("street"), ("330102001",)))
    counted = await city.ask("select=no&limit=1", visible, headers={"prefer": "count=exact"}, is_pushed=is_pushed)
    assert counted.total == 2
    assert (await city.ask("select=count()", visible, is_pushed=is_pushed)).rows == ((2,),)
    for text in ("street=eq.330102002", "or=(street.eq.330102002,no.eq.5)", "not.and=(street.eq.330102001)"):
        assert (await city.ask("select=no&" + text, visible, is_pushed=is_pushed)).rows == ()


# ------------------------------------------------------------------ what a rule grants by name
async def test_a_granted_match_finds_by_the_whole_value_and_shows_the_mask(city: City) -> None:
    decision = decide({"phone": "partial"}, granted=MATCH)
    told = await city.ask(f"select=no,phone&phone=eq.{PHONE}", decision)
    assert told.rows == ((1, "138****5678"),)
    both = await city.ask(f"select=no&and=(phone.in.({PHONE},13912345678),no.gt.1)", decision)
    assert both.rows == ((2,),)


@pytest.mark.parametrize("probe", [probe for probe in PROBES if "{}=eq." not in probe and "{}=in." not in probe])
async def test_a_granted_match_grants_nothing_else(city: City, probe: str) -> None:
    if "and=(no" in probe and "or(" not in probe and "not." not in probe:
        pytest.fail("a probe that is a match")
    with pytest.raises(UseNotAllowed):
        await city.ask(probe.format("phone"), decide({"phone": "partial"}, granted=MATCH))


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("phone=eq.1", 1),
        ("phone=in.(1,2,3)", 3),
        ("phone=in.(1,1,1)", 1),
        ("phone=in.()", 0),
        ("phone=eq.1&phone=in.(1,2)", 3),
        ("and=(phone.eq.1,and(phone.eq.2))", 2),
        ("no=eq.1", 0),
    ],
)
def test_every_guess_is_charged(text: str, matches: int) -> None:
    assert plan("select=no&" + text, decide({"phone": "partial"}, granted=MATCH)).matches == matches
    assert plan("select=no&" + text, decide()).matches == 0  # of a clear field nobody needs to guess


async def test_a_masked_amount_is_added_up_only_in_groups_that_an_obligation_holds_large(city: City) -> None:
    masked = {"monthly": "redact"}
    with pytest.raises(UseNotAllowed):
        await city.ask("select=monthly.sum()", decide(masked, granted=AGGREGATE))
    held = decide(masked, granted=AGGREGATE, obligations=["k=2"])
    assert str((await city.ask("select=monthly.sum()", held)).rows[0][0]) == "2381.50"
    for text in ("select=no,monthly.sum()", "select=monthly.sum()&no=eq.1", "select=street,monthly.sum()&no=lt.3"):
        if "street" in text:
            assert len((await city.ask(text, held)).rows) == 1
        else:
            with pytest.raises(GroupTooSmall):
                await city.ask(text, held)
    for text in ("select=monthly.max()", "select=monthly.min()"):
        with pytest.raises(OnlyAggregates):
            await city.ask(text, held)
    with pytest.raises(OnlyAggregates):
        await city.ask("select=no", held)


async def test_pages_neither_hide_nor_find_a_small_group(city: City) -> None:
    held = decide(obligations=["k=3"])
    for text in ("", "&limit=1", "&limit=1&offset=1", "&order=street.desc&limit=1", "&offset=5"):
        with pytest.raises(GroupTooSmall):
            await city.ask("select=street,count()" + text, held)


# ------------------------------------------------------------------ what errors and answers hold
@pytest.mark.parametrize("text", ["no=eq.330102194910010010x", "since=eq.13812345678", "seen=in.(13812345678)"])
async def test_an_error_echoes_the_askers_own_literal_and_nothing_else(city: City, text: str) -> None:
    with pytest.raises(ValueMalformed) as refusal:
        await city.ask(text, decide())
    assert "张三" not in str(refusal.value)
    assert refusal.value.value in text


async def test_no_export_holds_for_files(city: City) -> None:
    with pytest.raises(ExportNotAllowed):
        await city.ask("select=name", decide(obligations=["no_export"]), headers={"accept": "text/csv"})


async def test_an_obligation_that_nobody_knows_means_no(city: City) -> None:
    with pytest.raises(GatewayError) as refusal:
        await city.ask("select=name", decide(obligations=["dance"]))
    assert refusal.value.code == "GW407"


async def test_hidden_values_stay_out_of_reprs(city: City) -> None:
    told = await city.ask("", decide())
    assert PHONE not in repr(told)
    assert PHONE not in str(plan("select=name", decide()).fetch)


async def test_the_plan_asks_for_no_column_that_is_neither_shown_nor_needed(city: City) -> None:
    planned = plan("select=name", decide({"phone": "denied"}))
    assert {column.source.field for column in planned.fetch.columns} == {"name"}
    assert set(planned.fetch.known) == {"name"}
