"""Every set of circumstances that conditions tell apart, and grants that hold in some, all or none of them."""

from pathlib import Path

import pytest

from gateway.catalog.condition import evaluate_condition, parse_condition
from gateway.decision.role_cover import RoleCover
from gateway.decision.situations import situations
from gateway.decision.who_can import Grant, who_can
from gateway.model.condition import AttributeMissing
from gateway.model.ids import DatasetName, FieldName, PurposeId, RoleName
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, catalog, engine, line

ROWS = line("R0", "allow", "ds:police.resident", act="rows")
NAME = "field:police.resident.name"


def _truths(*texts: str, purpose: str = "visit") -> set[tuple[bool | None, ...]]:
    """The combinations of truths (None: an attribute is missing) that some situation gives."""
    conditions = [parse_condition(text, dataset=None) for text in texts]
    found = situations(catalog().purposes[PurposeId(purpose)], conditions, (), NOW)
    assert found is not None
    truths = set()
    for situation in found:
        told: list[bool | None] = []
        for condition in conditions:
            try:
                told.append(evaluate_condition(condition, situation.attributes))
            except AttributeMissing:
                told.append(None)
        truths.add(tuple(told))
    return truths


def _grants(folder: Path, *rules: str, use: FieldUse = FieldUse.SHOW, purpose: str = "visit") -> list[Grant]:
    made = engine(folder, ROWS, *rules)
    dataset = made.catalog.datasets[DatasetName("police.resident")]
    found = who_can(made, dataset, dataset.fields[FieldName("name")], use, NOW, purpose=PurposeId(purpose))
    return [grant for grant in found.grants if grant.app == "desk"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("subject.assurance >= 2",), {(True,), (False,)}),
        (("subject.assurance >= 2", "subject.assurance < 2"), {(True, False), (False, True)}),
        (("subject.assurance = 2", "ctx.assurance = 2"), {(True, True), (False, False)}),
        (("ctx.network = 'vpn'", "ctx.network = 'lan'"), {(True, False), (False, True), (False, False), (None, None)}),
        (("ctx.network < 'b'", "ctx.network > 'a'"), {(True, False), (True, True), (False, True), (None, None)}),
        (("ctx.time >= '08:00'", "ctx.time < '08:00'"), {(True, False), (False, True)}),
        (("ctx.network like 'a%'", "ctx.network like '%b'"),
         {(True, True), (True, False), (False, True), (False, False), (None, None)}),
        (("subject.principal = ctx.approved_by",), {(True,), (False,), (None,)}),
        (("subject.id_number in case.subjects",), {(True,), (False,), (None,)}),
        (("ctx.justification is null",), {(True,), (False,)}),
        (("case.state = 'approved'",), {(True,), (None,)}),
        (("case.state = 'closed'",), {(False,), (None,)}),
        (("now < '2026-12-02T00:00:00Z'",), {(True,)}),
    ],
)  # fmt: skip
def test_every_truth_that_can_be_is_among_the_situations(
    texts: tuple[str, ...], expected: set[tuple[bool | None, ...]]
) -> None:
    assert _truths(*texts) == expected


def test_what_the_purpose_demands_is_there_in_every_situation() -> None:
    assert _truths("ctx.justification is null", purpose="rescue") == {(False,)}
    assert _truths("case.state is null", purpose="pickup") == {(False,)}


def test_too_many_situations_are_not_looked_through_and_nothing_is_called_certain(tmp_path: Path) -> None:
    names = [f"'n{number}'" for number in range(40)]
    broad = " and ".join(
        f"{attribute} in ({', '.join(names)})"
        for attribute in ("ctx.network", "subject.organisation", "subject.principal")
    )
    (grant,) = _grants(tmp_path / "a", line("A", "allow", NAME), line("B", "deny", NAME, cond=broad))
    assert not grant.outcome.is_exact
    assert not grant.outcome.is_certain
    assert _grants(tmp_path / "b", line("A", "allow", NAME, cond=broad), line("B", "deny", NAME)) == []


def test_conditions_that_exclude_one_another_give_nothing(tmp_path: Path) -> None:
    rules = (
        line("A", "allow", NAME, cond="ctx.network = 'vpn'"),
        line("B", "deny", NAME, cond="not ctx.network = 'lan'"),
    )
    assert _grants(tmp_path, *rules) == []


def test_conditions_that_together_cover_everything_are_certain(tmp_path: Path) -> None:
    rules = (
        line("A", "allow", NAME, cond="subject.assurance >= 2", obl="level=clear"),
        line("B", "allow", NAME, cond="subject.assurance < 2", obl="level=dim"),
    )
    (grant,) = _grants(tmp_path, *rules)
    assert grant.outcome.is_certain
    assert grant.outcome.levels == ("clear", "dim")
    assert [rule for rule, _ in grant.outcome.conditions] == ["A", "B"]


def test_a_rule_outside_its_window_does_not_count(tmp_path: Path) -> None:
    assert _grants(tmp_path / "a", line("A", "allow", NAME, exp="2026-11-30T00:00:00Z")) == []
    assert _grants(tmp_path / "b", line("A", "allow", NAME, nbf="2026-12-02T00:00:00Z")) == []
    lapsed = line("B", "deny", NAME, exp="2026-11-30T00:00:00Z")
    (grant,) = _grants(tmp_path / "c", line("A", "allow", NAME), lapsed)
    assert grant.outcome.is_certain


def test_a_field_without_rows_is_told_as_such(tmp_path: Path) -> None:
    made = engine(tmp_path, line("A", "allow", NAME))
    dataset = made.catalog.datasets[DatasetName("police.resident")]
    found = who_can(made, dataset, dataset.fields[FieldName("name")], FieldUse.SHOW, NOW)
    assert {grant.outcome.rows for grant in found.grants} == {"never"}


def test_a_masked_field_is_matched_only_where_that_is_granted_by_name(tmp_path: Path) -> None:
    shown = line("A", "allow", NAME, obl="level=dim")
    assert _grants(tmp_path / "a", shown, use=FieldUse.MATCH) == []
    named = line("B", "allow", NAME, act="match", sub="role:officer")
    (grant,) = _grants(tmp_path / "b", shown, named, use=FieldUse.MATCH)
    assert grant.roles == {"officer", "chief"}
    assert grant.outcome.rules == ("A", "B")


def test_roles_are_told_in_groups(tmp_path: Path) -> None:
    made = engine(tmp_path, ROWS)
    cover = RoleCover(made.hierarchies.roles, made.catalog.roles)

    def told(*roles: str) -> list[tuple[str, int]]:
        return [(group.role, group.below) for group in cover.groups(frozenset(RoleName(role) for role in roles))]

    assert told("staff", "worker", "officer", "chief", "vendor") == [("any", 5)]
    assert told("staff", "worker", "officer", "chief") == [("staff", 3)]
    assert told("staff", "worker", "officer") == [("officer", 0), ("staff", 0), ("worker", 0)]
    assert told("worker", "chief", "vendor") == [("worker", 1), ("vendor", 0)]


def test_a_role_below_that_is_barred_is_left_out(tmp_path: Path) -> None:
    barred = line("B", "deny", NAME, sub="role:chief")
    (grant,) = _grants(tmp_path, line("A", "allow", NAME, sub="role:staff"), barred)
    assert grant.roles == {"staff", "worker", "officer"}
