"""One small bundle for each finding: told at its line, in both languages, with its fix; and its neighbour isn't."""

import re
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest

from gateway.administration import lint_bundle
from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine
from gateway.decision.lint import KINDS, lint_rules
from gateway.decision.lint.cover import Cover
from gateway.model.catalog import Catalog, LegalBasis, Role, Title
from gateway.model.ids import AppId, DepartmentName, PurposeId, RoleName, RuleId
from gateway.model.lint import Finding, Severity
from tests.unit.decision.small_city import NOW, catalog, line, write_bundle

POLICIES = Path(__file__).parents[3] / "policies"
HAN = re.compile(r"[\u4e00-\u9fff]")
RESIDENT, NAME, PHONE = "ds:police.resident", "field:police.resident.name", "field:police.resident.phone"
ROWS = line("W1", "allow", RESIDENT, act="rows")
COMMUNITY = "field:aid.allowance.community_code"
NEVER = "ctx.network = 'a' and ctx.network = 'b'"


def lint(folder: Path, *rules: str, city: Catalog | None = None, now: datetime = NOW) -> tuple[Finding, ...]:
    bundle = write_bundle(folder, *rules)
    engine = PolicyEngine.load(bundle, city or catalog())
    texts = {"rules/city.csv": (bundle / "rules" / "city.csv").read_text("utf-8")}
    return lint_rules(engine.judge.rules, engine.catalog, engine.hierarchies, now, places={}, texts=texts)


def show(rule_id: str, eft: str, obj: str = NAME, level: str = "", **columns: str) -> str:
    return line(rule_id, eft, obj, obl=f"level={level}" if level else "", **columns)


def open_rows(rule_id: str, eft: str, **columns: str) -> str:
    return line(rule_id, eft, RESIDENT, act="rows", **columns)


VERIFY_DIM = show("O1", "oblige", NAME, "dim", pur="pur:verify")
ID_DIM = show("O1", "oblige", "term:person.id_number", "dim")
VERIFY_ROWS = line("W2", "allow", "ds:aid.allowance", act="rows", pur="pur:verify")

RULES: list[tuple[str, str, tuple[str, ...]]] = [
    # finding, the rule that it names, the rules; beside them W1 opens the rows
    ("L01", "A1", (show("A1", "allow", pur="pur:visit"), show("D1", "deny", pur="pur:visit"))),
    ("L02", "A1", (show("A1", "allow", sub="role:worker", pur="pur:visit"), show("D1", "deny", "class:internal"))),
    ("L02", "A1", (show("A1", "allow", cond="subject.assurance > 1"), show("D1", "deny", RESIDENT))),
    ("L02", "A1", (open_rows("A1", "allow", reg="330102"), open_rows("D1", "deny", reg="3301"))),
    ("L03", "A1", (show("A1", "allow", exp="2025-12-31T00:00:00Z"),)),
    ("L03", "A1", (show("A1", "allow", nbf="2029-01-01T00:00:00Z"),)),
    ("L04", "A1", (show("A1", "allow", pur="pur:verify", app="app:closed"),)),
    ("L04", "A1", (show("A1", "deny", pur="pur:idle"),)),
    ("L05", "A1", (show("A1", "allow", "dep:empty"),)),
    ("L05", "A1", (show("A1", "oblige", "dep:empty", "dim"),)),
    ("L06", "A1", (show("A1", "allow", cond=NEVER),)),
    ("L06", "A1", (show("A1", "deny", cond="ctx.assurance < 2 and ctx.assurance >= 2"),)),
    ("L07", "A1", (line("A1", "allow", RESIDENT, act="rows", obl="where=age = 1 and age = 2"),)),
    ("L11", "A1", (show("A1", "allow", sub="role:vendor", pur="pur:verify"),)),
    ("L12", "A1", (show("A1", "deny", PHONE, case="C-7", pur="pur:visit"),)),
    ("L13", "A1", (show("A1", "deny", cond=NEVER),)),
    ("L21", "A2", (show("A1", "allow", PHONE, "dim"), show("A2", "allow", PHONE, "dim"))),
    ("L22", "A1", (show("A1", "allow", NAME, "dim", sub="role:worker"), show("A2", "allow", "term:person.name"))),
    ("L22", "A1", (show("A1", "deny", NAME, pur="pur:visit"), show("A2", "deny", "dep:police"))),
    ("L22", "A1", (line("A1", "allow", RESIDENT, act="rows", obl="where=age > 3"), show("A2", "allow"))),
    ("L22", "O1", (show("O1", "oblige", NAME, "dim"), show("O2", "oblige", RESIDENT, "dark"), show("A1", "allow"))),
    ("L23", "O1", (show("O1", "oblige", NAME, "dim"), show("A1", "allow", NAME, "dark"))),
    ("L23", "O1", (VERIFY_DIM, show("A1", "allow", NAME, "dim"), show("A2", "allow", NAME, pur="pur:visit"))),
    ("L24", "M1", (line("M1", "allow", PHONE, act="match"), show("A1", "allow"))),
    ("L24", "M1", (line("M1", "deny", PHONE, act="match"), show("A1", "allow", RESIDENT), show("D1", "deny", PHONE))),
    ("L25", "O1", (show("O1", "oblige", NAME, "dim"), show("A1", "allow", RESIDENT), show("D1", "deny"))),
    ("L31", "A1", (show("A1", "allow", RESIDENT),)),
    ("L31", "A1", (show("A1", "allow", PHONE, sub="role:any"),)),
    ("L31", "A1", (show("A1", "allow", "class:any", sub="role:worker", pur="pur:visit"),)),
    ("L31", "A1", (show("A1", "allow", "dep:police", sub="role:worker"), ID_DIM)),
    ("L41", "A1", (show("A1", "allow", exp="2026-11-30T00:00:00Z"),)),
    ("L42", "A1", (show("A1", "allow", exp="2026-12-30T00:00:00Z"),)),
    ("L63", "A1", (show("A1", "allow", COMMUNITY),)),
    ("L63", "A1", (show("A1", "allow", COMMUNITY, pur="pur:visit"), VERIFY_ROWS)),
    ("L64", "A1", (show("A2", "allow"), line("A1", "allow", "ds:aid.allowance", act="rows"))),
]  # fmt: skip


def a_wider_city() -> Catalog:
    """The city with an app and a purpose that nobody can use, and a department without data."""
    city = catalog()
    empty = DepartmentName("empty")
    apps = {**city.apps, AppId("closed"): replace(city.apps[AppId("desk")], id=AppId("closed"))}
    idle = replace(city.purposes[PurposeId("visit")], id=PurposeId("idle"), apps=())
    department = replace(city.departments[DepartmentName("police")], name=empty)
    return replace(
        city,
        apps=apps,
        purposes={**city.purposes, idle.id: idle},
        departments={**city.departments, empty: department},
    )


@pytest.mark.parametrize(("finding", "rule", "rules"), RULES, ids=[f"{row[0]}-{at}" for at, row in enumerate(RULES)])
def test_a_rule_is_found_at_its_line(tmp_path: Path, finding: str, rule: str, rules: tuple[str, ...]) -> None:
    lines = ("# a comment", ROWS, *rules)
    found = [each for each in lint(tmp_path, *lines, city=a_wider_city()) if each.id == finding]
    assert [each.rule for each in found] == [rule]
    told = found[0]
    wanted = next(number for number, text in enumerate(lines, start=1) if text.startswith(f"p, {rule},"))
    assert (told.file, told.line) == ("rules/city.csv", wanted)
    assert (told.name, told.severity) == (KINDS[finding].name, KINDS[finding].severity)
    for english, chinese in (told.fault, told.fix):
        assert english
        assert not HAN.search(english)
        assert HAN.search(chinese)
    assert all(rule in text for text in told.fault)


SOUND: list[tuple[str, tuple[str, ...]]] = [
    # a deny that doesn't cover: another purpose, a window, a case, a condition, a part of the object
    ("L02", (show("A1", "allow"), show("D1", "deny", pur="pur:visit"))),
    ("L02", (show("A1", "allow"), show("D1", "deny", exp="2027-01-01T00:00:00Z"))),
    ("L02", (show("A1", "allow"), show("D1", "deny", case="C-1"))),
    ("L02", (show("A1", "allow"), show("D1", "deny", cond="subject.assurance > 1"))),
    ("L02", (show("A1", "allow", RESIDENT), show("D1", "deny"))),
    ("L02", (show("A1", "allow"), line("D1", "deny", NAME, act="match"))),
    # its obligations bind, rows or none
    ("L02", (line("A1", "allow", RESIDENT, act="rows", obl="review"), line("D1", "deny", RESIDENT, act="rows"))),
    ("L03", (show("A1", "allow", exp="2026-02-01T00:00:00Z"),)),
    # a guard for the day that a field is labelled core
    ("L05", (show("A1", "deny", "class:core"),)),
    ("L06", (show("A1", "allow", cond="ctx.network = 'a' or ctx.network = 'b'"),)),
    ("L06", (show("A1", "deny", cond=NEVER),)),
    ("L11", (show("A1", "allow", sub="role:chief", pur="pur:verify"),)),
    ("L12", (show("A1", "allow", case="C-7", pur="pur:pickup"),)),
    # shows less, or for fewer, or binds to more
    ("L22", (show("A1", "allow", NAME), show("A2", "allow", RESIDENT, "dim"))),
    ("L22", (show("A1", "allow", NAME, sub="role:vendor"), show("A2", "allow", sub="role:worker"))),
    ("L22", (line("A1", "allow", NAME, obl="level=dim; review"), show("A2", "allow", RESIDENT))),
    ("L22", (show("O1", "oblige", NAME, "dark"), show("O2", "oblige", RESIDENT, "dim"), show("A1", "allow"))),
    # a ceiling that lowers one grant, or that waits for the first
    ("L23", (show("O1", "oblige", NAME, "dim"), show("A1", "allow", NAME, "dark"), show("A2", "allow", RESIDENT))),
    ("L23", (show("O1", "oblige", NAME, "dim"),)),
    ("L23", (line("O1", "oblige", NAME, obl="level=dim; review"), show("A1", "allow", NAME, "dark"))),
    ("L24", (line("M1", "allow", PHONE, act="match"), show("A1", "allow", RESIDENT, "dark"))),
    ("L24", (line("M1", "deny", PHONE, act="match"),)),
    ("L31", (show("A1", "allow", RESIDENT, "dim"),)),
    ("L31", (show("A1", "allow", PHONE, sub="role:worker", pur="pur:visit"),)),
    ("L31", (show("A1", "allow", RESIDENT, pur="pur:verify"),)),  # the purpose's own ceiling
    ("L31", (show("A1", "allow", RESIDENT), show("D1", "deny", PHONE), ID_DIM)),
    ("L42", (show("A1", "allow", exp="2027-01-01T00:00:00Z"),)),
    ("L63", (show("A1", "allow", "term:region.community", sub="role:worker"),)),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "rules"), SOUND, ids=[f"{row[0]}-{at}" for at, row in enumerate(SOUND)])
def test_a_rule_that_is_as_it_should_be_is_left_alone(tmp_path: Path, finding: str, rules: tuple[str, ...]) -> None:
    assert [each for each in lint(tmp_path, ROWS, *rules, city=a_wider_city()) if each.id == finding] == []


# ---------------------------------------------------------------------- what isn't a rule
def test_purposes_and_roles_that_nothing_stands_behind(tmp_path: Path) -> None:
    city = catalog()
    law = LegalBasis(law=Title(zh="统计法", en="Statistics Law"), article=Title(zh="第二条", en="Article 2"))
    blank = LegalBasis(law=law.law, article=Title(zh=" ", en=""))
    purposes = {
        name: replace(purpose, legal_basis=() if name == "visit" else (law, blank) if name == "verify" else (law,))
        for name, purpose in city.purposes.items()
    }
    purposes[PurposeId("rescue")] = replace(purposes[PurposeId("rescue")], valid_until=NOW)
    purposes[PurposeId("pickup")] = replace(purposes[PurposeId("pickup")], valid_until=NOW + timedelta(days=30))
    nobody = RoleName("nobody")
    roles = {**city.roles, nobody: Role(name=nobody, title=law.law, inherits=())}
    city = replace(city, purposes=purposes, roles=roles)
    found = lint(tmp_path, ROWS.replace("pur:any", "pur:visit"), show("A1", "allow", sub="role:chief"), city=city)
    told = {(each.id, each.fault[0]) for each in found if each.rule is None and each.file != "catalog"}
    assert told == {
        ("L43", "purpose `rescue` ended on 2026-12-01"),
        ("L44", "purpose `pickup` ends on 2026-12-31"),
        ("L51", "purpose `visit` names no law or article"),
        ("L51", "purpose `verify` names no law or article"),
        ("L53", "no rule and no purpose names the role `nobody`"),
        ("L53", "no rule and no purpose names the role `vendor`"),
    }


def test_a_purpose_that_no_rule_grants_anything_for(tmp_path: Path) -> None:
    found = lint(tmp_path, show("A1", "allow", pur="pur:visit"), show("D1", "deny", PHONE))
    assert {each.fault[0].split("`")[1] for each in found if each.id == "L52"} == {"verify", "pickup", "rescue"}


def test_datasets_nobody_can_read_and_fields_nobody_can_see(tmp_path: Path) -> None:
    found = lint(
        tmp_path,
        ROWS,
        show("A1", "allow"),
        show("A2", "allow", "term:region.community", pur="pur:visit"),
        line("W2", "allow", "ds:aid.allowance", act="rows", pur="pur:verify"),
        show("D1", "deny", PHONE),
    )
    told = {(each.id, each.fault[0].split("`")[1]) for each in found if each.id in {"L61", "L62"}}
    assert told == {
        ("L61", "aid.allowance"),  # rows for one purpose, fields for another
        ("L61", "aid.office"),
        ("L62", "police.resident.id_number"),
        ("L62", "police.resident.age"),  # the phone is denied by name: nobody is meant to see it
    }


def test_every_kind_of_finding_is_tried_here() -> None:
    tried = {row[0] for row in RULES} | {"L43", "L44", "L51", "L52", "L53", "L61", "L62", "L71"}
    assert tried == set(KINDS)


# ---------------------------------------------------------------------- many rules
def test_thousands_of_rules_on_one_field_are_not_compared_each_with_each(tmp_path: Path) -> None:
    engine = PolicyEngine.load(write_bundle(tmp_path, ROWS, show("A1", "allow", sub="role:worker")), catalog())
    rows, grant = engine.judge.rules
    many = tuple(
        grant._replace(id=RuleId(f"A{at}"), cond=f"ctx.network = '{at}'", sub=sub)
        for at in range(2_000)
        for sub in ("role:worker", "role:chief", "role:vendor")
    )
    twin = many[-1]._replace(id=RuleId("twin"))
    calls = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is Cover._includes.__code__

    sys.setprofile(profile)
    try:
        found = lint_rules((rows, *many, twin), engine.catalog, engine.hierarchies, NOW, places={}, texts={})
    finally:
        sys.setprofile(None)
    assert calls < 250 * len(many)  # each with each would be 6,000 times as many
    assert [each.rule for each in found if each.id == "L21"] == ["twin"]  # however many stand between
    assert {each.rule for each in found if each.id == "L22"} < {rule.id for rule in many if rule.sub == "role:chief"}


# ---------------------------------------------------------------------- meant so
def test_a_warning_that_is_meant_says_why_and_an_error_cannot_be(tmp_path: Path) -> None:
    found = lint(
        tmp_path,
        ROWS,
        "# lint: L31 the whole record is compared 须比对完整登记信息",
        show("A1", "allow", RESIDENT, sub="role:worker"),
        "# lint: L02 on purpose",
        show("A2", "allow", "field:aid.office.note"),
        show("D1", "deny", "ds:aid.office"),
        "# lint: L31",
        show("A3", "allow", PHONE, pur="pur:rescue"),
        "# lint: L63 there used to be one",
        show("A4", "allow", "field:police.resident.age"),
    )
    told = {(each.id, each.line, each.waived) for each in found if each.file == "rules/city.csv"}
    assert ("L31", 3, "the whole record is compared 须比对完整登记信息") in told
    assert ("L02", 5, None) in told
    assert ("L71", 4, None) in told
    assert ("L71", 7, None) in told  # no reason, no waiver
    assert ("L31", 8, None) in told
    assert ("L71", 9, None) in told


# ---------------------------------------------------------------------- the bundle that ships
def test_the_shipped_bundle_has_nothing_that_isnt_meant() -> None:
    found = lint_bundle(POLICIES, datetime(2026, 12, 1, tzinfo=UTC))
    assert [each for each in found if each.waived is None] == []
    assert all(HAN.search(each.waived or "") for each in found)


def test_purposes_datasets_and_fields_are_found_at_their_line(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(POLICIES, bundle)
    rules = bundle / "rules"
    for name in ("statistics.csv", "environment.csv"):
        (rules / name).unlink()
    (rules / "civil-affairs.csv").write_text(
        (rules / "civil-affairs.csv").read_text("utf-8").replace("\np, A013,", "\n# p, A013,"), encoding="utf-8"
    )
    found = lint_bundle(bundle, datetime(2028, 12, 15, tzinfo=UTC))
    told = {(each.id, each.fault[0].split("`")[1]): (each.file, each.line) for each in found if each.rule is None}

    def at(file: str, text: str) -> tuple[str, int]:
        return file, (bundle / file).read_text("utf-8").split("\n").index(text) + 1

    assert told["L44", "home-visit"] == at("purposes.yaml", "home-visit:")
    assert told["L52", "statistics"] == at("purposes.yaml", "statistics:")
    assert told["L61", "environment.violation"] == at("catalog/environment.yaml", "  violation:")
    assert told["L61", "market-regulation.business"] == at("catalog/market-regulation.yaml", "  business:")
    rows = next(each for each in found if each.id == "L64")
    assert (rows.rule, rows.severity) == ("A004", Severity.WARNING)


def test_a_bundle_is_linted_as_it_was_loaded() -> None:
    catalogue = load_catalog(POLICIES)
    engine = PolicyEngine.load(POLICIES, catalogue)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    found = lint_rules(engine.judge.rules, catalogue, engine.hierarchies, now, places={}, texts={})
    assert {each.id for each in found} == {"L31"}
