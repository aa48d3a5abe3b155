"""`langqiao explain --bundle` and `langqiao who-can`: an officer's questions at the desk, without a gateway."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.demo.prepare import bundle_folder
from tests.town import edited_bundle

STREET = ("--role", "street/civil-officer", "--app", "street-desk", "--purpose", "low-income-verification")


def _run(*words: str, bundle: Path | None = None) -> Result:
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, [*words, "--bundle", str(bundle or bundle_folder())], env=environment)


def test_explain_prints_fields_rules_near_misses_rows_and_obligations() -> None:
    told = _run("explain", "civil-affairs.assistance?select=*", *STREET, "--region", "330108001")
    assert told.exit_code == 0, told.output
    monthly = next(line for line in told.output.splitlines() if "monthly" in line)
    assert "clear" in monthly
    assert "A012" in monthly
    assert "rows: community_code under 330108001  (A003)" in told.output
    assert "obligation: max_rows=100 (purpose:low-income-verification)" in told.output
    assert "nearly: O033 failed at sub: role:resident" in told.output
    assert "nearly: A005 failed at cond: subject.id_number is not null" in told.output
    assert "rules/civil-affairs.csv:" in told.output
    assert "p, A012, role:street/civil-officer" in told.output


def test_explain_takes_several_roles_and_a_case_and_tells_machines() -> None:
    told = _run(
        "explain", "civil-affairs.assistance?select=monthly", *STREET, "-r", "staff", "--id-number",
        "330102194910010010", "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    answer = json.loads(told.output)
    assert answer["fields"]["monthly"]["level"] == "clear"
    assert "A005" in answer["rows"]["rules"]
    assert "330102194910010010" not in told.output


def test_explain_says_which_term_of_the_purpose_is_not_met() -> None:
    question = "civil-affairs.assistance?select=*"
    told = _run("explain", question, "-r", "resident", "-a", "resident-portal", "-p", "low-income-verification")
    assert told.exit_code == 1
    assert "would be refused: GW203" in told.output
    assert "the purpose doesn't name the app `resident-portal`" in told.output
    assert "none of the roles is, or is below, street/civil-officer" in told.output
    late = _run("explain", question, *STREET, "--at", "2031-01-01T00:00:00Z")
    assert "the purpose stands from" in late.output


def test_explain_needs_a_justification_where_the_purpose_does() -> None:
    doctor = ("-r", "emergency/doctor", "-a", "street-desk", "-p", "break-glass")
    without = _run("explain", "public-security.resident?select=*", *doctor)
    assert "GW207" in without.output
    told = _run(
        "explain", "public-security.resident?select=*", *doctor, "--because", "昏迷老人急救需要联系家属和既往病史"
    )
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (
            ("explain", "civil-affairs.assistance?select=*", *STREET, "-r", "street/civil-oficer"),
            "street/civil-officer",
        ),
        (("explain", "civil-affairs.asistance?select=*", *STREET), "civil-affairs.assistance"),
        (("who-can", "civil-affairs.assistance.montly"), "monthly"),
        (("who-can", "civil-affairs.assistance.monthly", "--use", "agregate"), "aggregate"),
    ],
)
def test_an_unknown_name_ends_with_what_was_probably_meant(words: tuple[str, ...], meant: str) -> None:
    told = _run(*words)
    assert told.exit_code == 1
    assert "GW210" in told.output
    assert f"probably meant: {meant}" in told.output


def test_the_words_for_somebody_else_go_with_a_bundle() -> None:
    alone = CliRunner().invoke(app, ["explain", "civil-affairs.assistance?select=*", "--role", "staff"])
    assert alone.exit_code == 2
    assert "--bundle" in alone.output
    assert _run("explain", "civil-affairs.assistance?select=*", "--role", "staff").exit_code == 2


def test_who_can_prints_every_grant_with_its_rules() -> None:
    told = _run("who-can", "civil-affairs.assistance.monthly")
    assert told.exit_code == 0, told.output
    for words in ("low-income-verification", "street/civil-officer", "district/analyst", "redact", "resident-portal"):
        assert words in told.output
    assert "on condition: A005 oblige if subject.id_number is not null" in told.output
    assert "3 grants" in told.output


def test_who_can_tells_a_grant_on_condition_as_possible(tmp_path: Path) -> None:
    grant = "term:aid.amount, show, pur:statistics, cn, *, , , , allow, level=redact"
    conditional = grant.replace(", , , , allow", ", , , ctx.network = 'gov-vpn' and ctx.time >= '08:00', allow")
    bundle = edited_bundle(tmp_path, {"rules/statistics.csv": (grant, conditional)})
    answer = json.loads(
        _run("who-can", "civil-affairs.assistance.monthly", "-p", "statistics", "--json", bundle=bundle).output
    )
    (found,) = answer["grants"]
    assert (found["certain"], found["exact"]) == (False, True)
    assert {"rule": "S030", "on": "allow if ctx.network = 'gov-vpn' and ctx.time >= '08:00'"} in found["conditions"]


def test_who_can_says_that_nobody_can() -> None:
    told = _run("who-can", "public-security.resident.ethnicity")
    assert told.exit_code == 0
    assert "0 grants" in told.output
