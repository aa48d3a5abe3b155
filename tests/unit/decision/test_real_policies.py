"""The bundle that ships: it loads, its cases come out, and a case that doesn't is told with file and line."""

import shutil
from pathlib import Path

import pytest

from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine, run_cases

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load(POLICIES, load_catalog(POLICIES))


def test_every_case_of_the_shipped_bundle_comes_out(engine: PolicyEngine) -> None:
    assert run_cases(POLICIES, engine) == []


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
        ("{feilds: {}}", "unknown key of expect `feilds`; did you mean `fields`?"),
    ],
)
def test_a_case_that_comes_out_otherwise_is_told(engine: PolicyEngine, tmp_path: Path, expect: str, fault: str) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "x.yaml").write_text(CASE % expect, encoding="utf-8")
    failures = run_cases(tmp_path, engine)
    assert any(fault in each.fault for each in failures), failures
    assert {(each.file, each.line, each.title) for each in failures} == {("cases/x.yaml", 2, "测试")}


@pytest.mark.parametrize("text", ["a: 1", "- 1", "- {title: x}", "[", "- {who: {app: x}}"])
def test_a_malformed_case_file_is_a_failure_and_not_a_traceback(
    engine: PolicyEngine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "x.yaml").write_text(text, encoding="utf-8")
    assert len(run_cases(tmp_path, engine)) == 1


def test_the_shipped_bundle_still_loads_from_another_place(tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(POLICIES, copy)
    assert PolicyEngine.load(copy, load_catalog(copy)).version == load_catalog(POLICIES).version
