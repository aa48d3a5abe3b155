"""`langqiao policy lint` and `policy test` as an officer runs them: what is printed, and the exit status."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app

POLICIES = Path(__file__).parents[2] / "policies"
GRANT = (
    "role:community/grid-worker, app:any, field:public-security.resident.{0}, show, pur:home-visit, cn, *, , , , allow"
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    copy = tmp_path / "bundle"
    shutil.copytree(POLICIES, copy)
    return copy


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", *words], terminal_width=200)


def add(bundle: Path, *rules: str) -> None:
    (bundle / "rules" / "zz.csv").write_text("\n".join(rules) + "\n", encoding="utf-8")


def test_the_shipped_bundle_passes_what_make_check_runs() -> None:
    makefile = (POLICIES.parent / "Makefile").read_text(encoding="utf-8")
    assert "langqiao policy lint --strict policies\n" in makefile
    assert "langqiao policy test --min-coverage 100 policies\n" in makefile
    linted, tested = run("lint", "--strict", str(POLICIES)), run("test", "--min-coverage", "100", str(POLICIES))
    assert (linted.exit_code, tested.exit_code) == (0, 0), linted.output + tested.output
    assert "0 errors, 0 warnings" in linted.output
    assert "(100.0 %)" in tested.output


def test_a_warning_is_told_in_both_languages_and_fails_only_where_that_is_asked(bundle: Path) -> None:
    add(bundle, f"p, X01, {GRANT.format('name')}, level=partial")
    plain, strict = run("lint", str(bundle)), run("lint", "--strict", str(bundle))
    assert (plain.exit_code, strict.exit_code) == (0, 1)
    assert "rules/zz.csv:1: warning L22 covered" in plain.output
    assert "→ take the rule out" in plain.output
    assert "→ 请删除该规则" in plain.output
    assert "0 errors, 1 warnings" in plain.output


def test_an_error_always_fails_and_json_tells_it_to_programs(bundle: Path) -> None:
    add(bundle, f"p, X01, {GRANT.format('ethnicity')}, level=partial")
    done = run("lint", "--json", str(bundle))
    assert done.exit_code == 1
    told = [each for each in json.loads(done.stdout) if each["waived"] is None]
    assert [(each["id"], each["severity"], each["file"], each["line"], each["rule"]) for each in told] == [
        ("L02", "error", "rules/zz.csv", 1, "X01")
    ]
    assert set(told[0]["fault"]) == set(told[0]["fix"]) == {"en", "zh"}


def test_a_rule_that_no_case_exercises_is_told_with_its_line(bundle: Path) -> None:
    add(bundle, "# new", f"p, X01, {GRANT.format('registered_on')}, level=clear")
    # the cases of the shipped bundle say that this field is denied: they would notice
    (bundle / "cases" / "community.yaml").unlink()
    plain, all_of_it = run("test", str(bundle)), run("test", "--min-coverage", "100", str(bundle))
    assert (plain.exit_code, all_of_it.exit_code) == (0, 1)
    assert "rules/zz.csv:2: no case exercises X01" in plain.output
    told = json.loads(run("test", "--json", str(bundle)).stdout)
    assert {"id": "X01", "file": "rules/zz.csv", "line": 2} in told["unexercised"]
    assert told["failed"] == 0
    assert told["coverage"] < 100


def test_a_case_that_comes_out_otherwise_fails(bundle: Path) -> None:
    add(bundle, f"p, X01, {GRANT.format('registered_on')}, level=clear")
    done = run("test", str(bundle))
    assert done.exit_code == 1
    assert "cases/community.yaml:2: 网格员入户走访" in done.output
    assert "registered_on: expected denied, came clear by X01" in done.output
    assert "1 failed" in done.output


@pytest.mark.parametrize("command", ["lint", "test"])
def test_a_bundle_that_cannot_be_taken_is_told_and_not_examined(bundle: Path, command: str) -> None:
    add(bundle, "p, X01, role:nobody")
    done = run(command, str(bundle))
    assert done.exit_code == 1
    assert "rules/zz.csv:1" in done.output
