"""The bundle that ships: it loads, its cases come out, and a case that doesn't is told with file and line."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.administration import try_cases
from gateway.catalog import load_catalog
from gateway.decision import CaseFailure, PolicyEngine, run_cases
from gateway.disclosure.residual import compile_predicate
from gateway.model.ids import FieldName
from gateway.model.predicate import Predicate
from gateway.model.rows import Cell

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load(POLICIES, load_catalog(POLICIES))


def passes(predicate: Predicate, row: Mapping[FieldName, Cell]) -> bool:
    return compile_predicate(predicate, {name: at for at, name in enumerate(row)})(tuple(row.values())) is True


def failures_of(bundle: Path, engine: PolicyEngine) -> list[CaseFailure]:
    return list(run_cases(bundle, engine, passes).failures)


def test_every_case_of_the_shipped_bundle_comes_out(engine: PolicyEngine) -> None:
    assert failures_of(POLICIES, engine) == []


def test_every_rule_of_the_shipped_bundle_is_exercised_by_a_case() -> None:
    report = try_cases(POLICIES)
    assert report.unexercised == ()
    assert report.coverage == 100
    assert [rule.id for rule in report.guards] == ["G004"]  # nothing is labelled core yet


def test_every_shipped_purpose_and_role_has_a_case() -> None:
    cases = "".join(path.read_text("utf-8") for path in sorted((POLICIES / "cases").glob("*.yaml")))
    catalog = load_catalog(POLICIES)
    for purpose in catalog.purposes.values():
        assert purpose.is_abstract or f"purpose: {purpose.id}" in cases
        for role in purpose.roles:
            assert role in cases


CASE = """
- title: {zh: 测试, en: test}
  who: {roles: [community/grid-worker], app: community-desk, regions: ["330102001051"]}
  purpose: home-visit
  dataset: public-security.resident
  expect: %s
"""


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        ("{fields: {name: partial}}", "name: expected partial, came clear by C010"),
        ("{fields: {resident_no: clear}}", "resident_no: expected clear, came denied by no rule"),
        ("{others: clear}", "phone: expected clear, came partial by"),
        ("{rows: all}", "rows are not `all`; rules that took part: C001"),
        ("{rows: none}", "rows are not `none`"),
        ("{rows: \"community_code under '330102001052'\"}", "rows are not"),
        ("{rows: communty_code under subject.regions}", "`rows` can't be taken"),
        ("{granted: []}", "granted by name: expected [], came ['match id_number']"),
        ("{obligations: [review]}", "the obligation `review` does not bind"),
        ("{fields: {nmae: clear}}", "unknown field `nmae`; did you mean `name`?"),
        ("{fields: {name: cleer}}", "unknown level `cleer`; did you mean `clear`?"),
        (
            "{visible: [{community_code: '330102001052'}]}",
            "`visible` row 1 came out otherwise; rules that took part: C001",
        ),
        ("{visible: [{community_code: null}]}", "`visible` row 1 came out otherwise"),
        ("{hidden: [{name: x}, {community_code: '330102001051'}]}", "`hidden` row 2 came out otherwise"),
        ("{hidden: [{name: x}]}", "`hidden` row 1 says nothing of `community_code`"),
        ("{visible: [{community_code: 330102001051}]}", "`community_code` is no text: write a text in quotes"),
        ("{visible: [{sex: 女性}]}", "`sex` never has that value: write one of 男, 女"),
        ("{visible: [{birth_date: soon}]}", "the value of `birth_date` is no date: write a date"),
        ("{visible: [{comunity_code: x}]}", "unknown field `comunity_code`; did you mean `community_code`?"),
        ("{visible: {name: x}}", "`visible` is no list of rows"),
        ("{actions: {name: allowed}}", "write name: came denied by no rule"),
        ("{actions: {name: yes}}", "unknown outcome"),
        ("{}", "`expect` expects nothing"),
        ("{feilds: {}}", "unknown key of expect `feilds`; did you mean `fields`?"),
    ],
)
def test_a_case_that_comes_out_otherwise_is_told(engine: PolicyEngine, tmp_path: Path, expect: str, fault: str) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "x.yaml").write_text(CASE % expect, encoding="utf-8")
    failures = failures_of(tmp_path, engine)
    assert any(fault in each.fault for each in failures), failures
    assert {(each.file, each.line, each.title) for each in failures} == {("cases/x.yaml", 2, "测试")}


def test_a_case_is_told_with_its_own_line(engine: PolicyEngine, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    text = CASE % "{fields: {name: clear}}" + CASE % "{fields: {name: partial}}" + "\n- {title: x, dataset: nowhere}\n"
    (tmp_path / "cases" / "x.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "cases" / "y.yaml").write_text("- a\n- [", encoding="utf-8")
    run = run_cases(tmp_path, engine, passes)
    assert [(each.file, each.line) for each in run.failures] == [
        ("cases/x.yaml", 8),
        ("cases/x.yaml", 14),
        ("cases/y.yaml", 2),
    ]
    assert (run.passed, run.failed) == (1, 3)


def test_a_rule_is_exercised_only_by_a_case_that_would_notice_its_loss(engine: PolicyEngine, tmp_path: Path) -> None:
    def exercised(expect: str) -> frozenset[str]:
        (tmp_path / "cases").mkdir(exist_ok=True)
        (tmp_path / "cases" / "x.yaml").write_text(CASE % expect, encoding="utf-8")
        run = run_cases(tmp_path, engine, passes)
        assert run.failures == ()
        return frozenset(run.exercised)

    assert exercised("{fields: {name: clear}}") == {"C010"}
    assert exercised("{fields: {phone: partial}}") == {"C014", "G011"}
    assert exercised("{granted: [match id_number]}") == {"C034", "G005", "G006"}
    assert exercised("{visible: [{community_code: '330102001051'}]}") == {"C001"}


@pytest.mark.parametrize(
    "text", ["a: 1", "- 1", "- x", "- {title: x}", "[", "- {who: {app: x}}", "- {at: 2026-13-01}", "[" * 2000]
)
def test_a_malformed_case_file_is_a_failure_and_not_a_traceback(
    engine: PolicyEngine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "x.yaml").write_text(text, encoding="utf-8")
    assert len(failures_of(tmp_path, engine)) == 1


def test_the_shipped_bundle_still_loads_from_another_place(tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(POLICIES, copy)
    assert PolicyEngine.load(copy, load_catalog(copy)).version == load_catalog(POLICIES).version
