"""parse_condition: what is a condition, what is refused, and what the refusal says."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from gateway.catalog.condition import ATTRIBUTES, ConditionInvalid, parse_condition
from gateway.model.catalog import Catalog, Dataset
from gateway.model.condition import (
    AttributeOperand,
    AttributeType,
    Comparison,
    Conjunction,
    Cover,
    FieldOperand,
    LiteralOperand,
    Membership,
)
from gateway.model.ids import DatasetName
from gateway.model.predicate import Comparator


@pytest.fixture
def assistance(small: Catalog) -> Dataset:
    return small.datasets[DatasetName("civil-affairs.assistance")]


RIGHT = [
    "community_code under subject.regions",
    "community_code under '330102'",
    "not community_code under subject.regions",
    "community_code not under subject.regions",
    "id_number = subject.id_number",
    "subject.id_number = id_number",
    "id_number in case.subjects",
    "id_number not in case.subjects",
    "subject.id_number in case.subjects",
    "status = '在保' and monthly >= 100",
    "status in ('在保', '停保')",
    "monthly between 100 and 200.50",
    "monthly > -1.5",
    "100 < monthly",
    "needy = true",
    "needy in (true, false)",
    "since < '2026-01-01'",
    "since is null or since is not null",
    "case_no like 'A%'",
    "case_no = 'it''s'",
    "case_no = '; drop table t_dibao; --'",
    "NOT (needy = TRUE OR status = '停保') AND case_no IS NOT NULL",
    "subject.assurance >= 2 and community_code under subject.regions",
    "ctx.network = 'gov-vpn'",
    "ctx.network like 'gov-%'",
    "ctx.time between '08:00' and '18:00'",
    "ctx.case_state = 'approved'",
    "ctx.approved_by <> subject.principal",
    "ctx.approved_by <> '' and ctx.assurance >= 2",
    "ctx.justification is not null",
    "now < '2027-01-01T00:00:00+08:00'",
    "(" * 19 + "needy = true" + ")" * 19,
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_condition_of_the_language_is_read(assistance: Dataset, text: str) -> None:
    condition = parse_condition(text, dataset=assistance)
    assert condition.text == text
    assert condition.fields or condition.attributes
    assert condition.fields <= set(assistance.fields)
    assert condition.attributes <= set(ATTRIBUTES)


WRONG = [
    ("", "empty", ""),
    ("   ", "empty", ""),
    ("1 = 1", "two literals", "always or never"),
    ("'a' = 'a'", "two literals", "always or never"),
    ("needy = true or 1 = 1", "two literals", ""),
    ("true", "", ""),
    ("needy", "no comparison", ""),
    ("not", "missing", ""),
    ("case_no = case_no", "both fields", ""),
    ("ctx.assurance = ctx.assurance", "compared with itself", ""),
    ("case_no = id_number", "both fields", "attribute"),
    ("case_nr = 'x'", "`case_nr` at character 1 is neither a field", "probably meant: case_no"),
    ("subject.region = 'x'", "`subject.region`", "probably meant: subject.regions"),
    ("subject.__class__ = 'x'", "neither a field", ""),
    ("needy = 'true'", "no boolean", "without quotes"),
    ("needy > true", "no order", ""),
    ("monthly = '100'", "no numeric", "without quotes"),
    ("monthly = 0.001", "more than 2 decimals", ""),
    ("monthly = 1234567890123456789", "more than 18 digits", ""),
    ("monthly = 1e5", "", ""),
    ("ctx.assurance = 1.5", "no integer", ""),
    ("status = '在宝'", "never has the value", "probably meant: 在保"),
    ("status in ('在保', '1')", "never has the value", ""),
    ("status < '在保'", "no order", ""),
    ("status like '在%'", "can't be matched", ""),
    ("since = '20260101'", "no date", "'2026-01-31'"),
    ("since = '2026-02-30'", "no date", ""),
    ("since = 20260101", "no date", ""),
    ("since = now", "is date and `now` is timestamp", ""),
    ("now < '2026-01-01'", "no timestamp", "offset"),
    ("now < '2026-01-01T00:00:00'", "no timestamp", "offset"),
    ("now < '0001-01-01T00:00:00+08:00'", "no timestamp", ""),
    ("ctx.time > '8:00'", "no time of day", "'08:00'"),
    ("ctx.time > '24:00'", "no time of day", ""),
    ("ctx.time between '22:00' and '06:00'", "nothing is between", "over midnight"),
    ("monthly between 200 and 100", "nothing is between", "smaller first"),
    ("ctx.case_state = 'aproved'", "never has the value", "probably meant: approved"),
    ("subject.regions = '330102'", "is a list", "in subject.regions"),
    ("id_number = case.subjects", "is a list", "in case.subjects"),
    ("id_number in subject.id_number", "is no list", ""),
    ("id_number in (subject.id_number)", "no literal", ""),
    ("id_number in ()", "missing", ""),
    ("monthly in case.subjects", "is numeric", ""),
    ("community_code under case.subjects", "holds no regions", ""),
    ("community_code under '33010'", "no region code", ""),
    ("community_code under ''", "no region code", ""),
    ("community_code under '%'", "no region code", ""),
    ("monthly under subject.regions", "no region field", ""),
    ("ctx.network under '33'", "no region field", ""),
    ("case_no = null", "can't be compared", "is null"),
    ("case_no is 'x'", "`null` is missing", ""),
    ("case_no != 'x'", "not understood", "`<>`"),
    ("case_no == 'x'", "", ""),
    ('case_no = "x"', "not understood", "single quotes"),
    ("case_no = 'x", "not understood", "close the text"),
    ("case_no = ‘x’", "U+2018", "ASCII"),
    ("case_no ＝ 'x'", "U+FF1D", "ASCII"),
    ("саse_no = 'x'", "U+0441", "ASCII"),
    ("case_no = 'a\x00b'", "control characters", "remove"),
    ("case_no = 'x'; drop table t", "not understood", "one expression"),
    ("case_no = 'x' -- and", "not understood", "no comments"),
    ("case_no = 'x' /* */", "not understood", "no comments"),
    ("case_no = 'x' # y", "not understood", "no comments"),
    ("case_no = 'x' case_no = 'y'", "one too many", "`and` or `or`"),
    ("case_no = 'x')", "one too many", ""),
    ("(case_no = 'x'", "`)` is missing", ""),
    ("upper(case_no) = 'X'", "", ""),
    ("case_no(1)", "no comparison", "no functions"),
    ("case_no = upper('x')", "`upper`", ""),
    ("case_no in (select sfzhm from t)", "", ""),
    ("exists (select 1)", "`exists`", ""),
    ("eval('x') = 1", "`eval`", ""),
    ("__import__('os').system('id') = 0", "not understood", ""),
    ("__import__('os') = 0", "`__import__`", ""),
    ("monthly + 1 = 2", "not understood", ""),
    ("monthly = :amount", "not understood", "bare"),
    ("case_no = 'x' && needy = true", "not understood", "`and`"),
    ("not " * 20 + "needy = true", "nested deeper", "split"),
    ("(" * 20 + "needy = true" + ")" * 20, "nested deeper", "split"),
    ("(" * 1900, "nested deeper", ""),
    ("needy = true or " * 200 + "needy = true", "longer than 2000", "split"),
    ("case_no like subject.principal", "a pattern is missing", ""),
    ("case_no like '" + "%a" * 60 + "'", "a pattern is missing", "at most 100"),
]


@pytest.mark.parametrize(("text", "fault", "fix"), WRONG, ids=[wrong[0][:40] for wrong in WRONG])
def test_anything_else_is_refused_with_its_mending(assistance: Dataset, text: str, fault: str, fix: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse_condition(text, dataset=assistance)
    assert fault in caught.value.fault
    assert fix in caught.value.fix
    assert caught.value.fix
    assert len(caught.value.fault) < 300


def test_a_condition_without_a_dataset_reads_attributes_only() -> None:
    with pytest.raises(ConditionInvalid, match="not an attribute"):
        parse_condition("status = '在保'", dataset=None)


def test_literals_take_the_type_of_the_other_side(assistance: Dataset) -> None:
    def value(text: str) -> object:
        root = parse_condition(text, dataset=assistance).root
        assert isinstance(root, Comparison)
        assert isinstance(root.right, LiteralOperand)
        return root.right.value

    assert (type(value("monthly = 5")), value("monthly = 5")) == (Decimal, Decimal(5))
    assert (type(value("ctx.assurance = 5")), value("ctx.assurance = 5")) == (int, 5)
    assert value("needy = false") is False
    assert value("since = '2026-01-31'") == date(2026, 1, 31)
    assert value("now = '2026-01-31T08:00:00+08:00'") == datetime(2026, 1, 31, tzinfo=UTC)
    assert value("case_no = 'it''s'") == "it's"


def test_a_field_always_stands_on_the_left(assistance: Dataset) -> None:
    turned = parse_condition("100 < monthly", dataset=assistance).root
    assert turned == parse_condition("monthly > 100", dataset=assistance).root
    owner = parse_condition("subject.id_number = id_number", dataset=assistance).root
    assert owner == parse_condition("id_number = subject.id_number", dataset=assistance).root
    assert isinstance(owner, Comparison)
    assert isinstance(owner.left, FieldOperand)
    assert owner.comparator is Comparator.EQ


def test_and_binds_tighter_than_or_and_not_tighter_than_and(assistance: Dataset) -> None:
    def tree(text: str) -> object:
        return parse_condition(text, dataset=assistance).root

    assert tree("needy = true or needy = false and status = '在保'") == tree(
        "needy = true or (needy = false and status = '在保')"
    )
    assert tree("not needy = true and status = '在保'") == tree("(not (needy = true)) and status = '在保'")
    assert tree("monthly between 1 and 2 and needy = true") == tree("(monthly between 1 and 2) and needy = true")


def test_it_is_told_what_a_condition_reads(assistance: Dataset) -> None:
    condition = parse_condition(
        "community_code under subject.regions and (id_number in case.subjects or ctx.assurance >= 2)",
        dataset=assistance,
    )
    assert condition.fields == {"community_code", "id_number"}
    assert condition.attributes == {"subject.regions", "case.subjects", "ctx.assurance"}
    assert isinstance(condition.root, Conjunction)
    cover, _ = condition.root.terms
    assert isinstance(cover, Cover)
    assert cover.regions == AttributeOperand("subject.regions", AttributeType.TEXT_LIST)


def test_a_list_holds_each_value_once(assistance: Dataset) -> None:
    root = parse_condition("status in ('在保', '在保')", dataset=assistance).root
    assert isinstance(root, Membership)
    assert root.among == ("在保",)
