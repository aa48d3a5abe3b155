"""docs/policy-guide.md against the linter: every finding is told, and each example of a rule is really found."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gateway.administration import lint_bundle, try_cases
from gateway.decision._case_question import _KEYS
from gateway.decision.lint import KINDS, Kind
from gateway.decision.model_conf import POLICY_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "policy-guide.md").read_text(encoding="utf-8")
DAY = datetime(2026, 12, 1, tzinfo=UTC)


def _sections() -> dict[str, str]:
    parts = re.split(r"^### (.+)$", TEXT, flags=re.MULTILINE)
    return {
        head: re.split(r"^## ", body, flags=re.MULTILINE)[0]
        for head, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_guide_tells_every_finding_and_no_other() -> None:
    assert list(_sections()) == [f"{kind.id} {kind.name}" for kind in KINDS.values()]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_a_findings_section_says_what_the_linter_says(kind: Kind) -> None:
    section = _sections()[f"{kind.id} {kind.name}"]
    assert section.strip().startswith(f"{kind.severity.value.capitalize()}. ")
    assert f"\n* fix: {kind.fix[0]}\n* 处理: {kind.fix[1]}\n" in section
    assert re.search(r"[\u4e00-\u9fff]", section.split("```")[0])
    assert "```" in section


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_an_example_of_a_rule_is_found_in_the_shipped_bundle(kind: Kind, tmp_path: Path) -> None:
    example = re.search(r"```csv\n(.+?)```", _sections()[f"{kind.id} {kind.name}"], re.DOTALL)
    if example is None:
        assert kind.id[1] in "456"  # about purposes, roles and data: tests/unit/decision/test_policy_lint.py
        return
    bundle = tmp_path / "bundle"
    shutil.copytree(ROOT / "policies", bundle)
    (bundle / "rules" / "zz-example.csv").write_text(example[1], encoding="utf-8")
    found = [each for each in lint_bundle(bundle, DAY) if each.file == "rules/zz-example.csv"]
    assert kind.id in {each.id for each in found}, found


def test_the_promise_of_idle_rules_names_the_ids_that_it_holds_for() -> None:
    assert "L01 to L07 and L21 to L25" in TEXT
    idle = {kind.id for kind in KINDS.values() if kind.is_idle}
    assert idle == {f"L0{n}" for n in range(1, 8)} | {f"L2{n}" for n in range(1, 6)}


def test_the_guide_tells_every_column_of_a_rule_in_order() -> None:
    table = TEXT.split("## Rules ")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z]+)`", table, re.MULTILINE)) == POLICY_COLUMNS


def test_the_guides_example_of_a_purpose_is_the_shipped_one() -> None:
    example = re.search(r"```yaml\n(home-visit:\n  title.+?)```", TEXT, re.DOTALL)
    assert example
    shipped = yaml.safe_load((ROOT / "policies" / "purposes.yaml").read_text(encoding="utf-8"))["home-visit"]
    told = yaml.safe_load(example[1])["home-visit"]
    assert told["legal_basis"][0] in shipped["legal_basis"]
    assert [key for key in told if key != "legal_basis" and told[key] != shipped[key]] == []


def test_the_guide_tells_every_key_of_a_case() -> None:
    table = TEXT.split("## Cases ")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([a-z.]+)`", table, re.MULTILINE)) | {"dataset"}
    assert {key.removeprefix("expect.") for key in told if key.startswith("expect.")} == _KEYS["expect"]
    assert {key for key in told if "." not in key} == _KEYS["case"] - {"title", "expect"}
    row = next(line for line in TEXT.splitlines() if line.startswith("| `who`"))
    assert set(re.findall(r"`([a-z_]+)`", row)) - {"who"} == _KEYS["who"]


def test_the_guides_example_of_a_case_is_one_that_comes_out(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(- title.+?)```", TEXT, re.DOTALL)
    assert example
    assert yaml.safe_load(example[1])
    bundle = tmp_path / "bundle"
    shutil.copytree(ROOT / "policies", bundle)
    for path in (bundle / "cases").iterdir():
        path.unlink()
    (bundle / "cases" / "example.yaml").write_text(example[1], encoding="utf-8")
    report = try_cases(bundle)
    assert (report.passed, report.failures) == (1, ())
