"""Who can, asked backwards, is what the engine decides over every combination and circumstance."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision import PolicyEngine
from gateway.decision.who_can import ALWAYS, NEVER, SOMETIMES, Entitlement, who_can
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Dataset, Field
from gateway.model.decision import Decision, Verdict
from gateway.model.ids import AppId, CaseId, PrincipalId, RegionCode, RoleName
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, question
from tests.unit.decision.worlds import World, build_engine, worlds

ROLES = ("staff", "worker", "officer", "chief", "vendor")
PURPOSES = ("visit", "verify", "pickup", "rescue")
REASON = "an elderly person does not answer the door"
Combination = tuple[str, str, str]


def circumstances(who: Caller, *, of_rows: bool) -> Iterator[tuple[Caller, CaseFacts | None]]:
    """All that the worlds' conditions (and, `of_rows`, their filters) can tell apart, where the purpose stands."""
    cases = (["C-1", "C-2", "C-9"]) if who.purpose == "pickup" else [None, "C-1", "C-2", "C-9"]
    numbers = (None, SOMEBODY) if of_rows else (None,)
    territories: tuple[tuple[RegionCode, ...], ...] = ((), (RegionCode("330102001002"),)) if of_rows else ((),)
    for network, assurance, case, number, regions in product(
        ("", "gov-vpn", "internet"), (1, 2), cases, numbers, territories
    ):
        asks = replace(
            who,
            network=network,
            assurance=assurance,
            id_number=number,
            regions=regions,
            case=CaseId(case) if case else None,
            justification=REASON if who.purpose == "rescue" else None,
        )
        facts = replace(case_of(SOMEBODY, purpose=str(who.purpose)), id=CaseId(case)) if case else None
        yield asks, facts


def decisions(engine: PolicyEngine, dataset: Dataset, combination: Combination, *, of_rows: bool) -> Iterator[Decision]:
    role, app, purpose = combination
    who = replace(caller(role, purpose=purpose), app=AppId(app), principal=PrincipalId("p"))
    for asks, facts in circumstances(who, of_rows=of_rows):
        uses = [(name, use) for name in dataset.fields for use in (FieldUse.MATCH, FieldUse.AGGREGATE)]
        yield engine.decide(question(engine.catalog, asks, dataset.name, uses=uses), asks, facts, NOW)


def is_open(decision: Decision, field: Field, use: FieldUse) -> bool:
    verdict = decision.fields[field.name]
    return verdict.verdict is Verdict.ALLOW or (
        verdict.verdict is Verdict.MASK and (use is FieldUse.SHOW or use in verdict.granted)
    )


def listed(engine: PolicyEngine, dataset: Dataset, field: Field, use: FieldUse) -> dict[Combination, Entitlement]:
    told: dict[Combination, Entitlement] = {}
    for grant in who_can(engine, dataset, field, use, NOW).grants:
        for role in grant.roles:
            combination = (str(role), str(grant.app), str(grant.purpose))
            assert combination not in told
            told[combination] = grant.outcome
    return told


@settings(max_examples=25, deadline=None)
@given(world=worlds(), roles=st.sets(st.sampled_from(ROLES), min_size=2, max_size=2))
def test_who_can_lists_exactly_what_the_engine_gives_in_some_circumstances(world: World, roles: set[str]) -> None:
    engine = build_engine(world)
    for dataset in engine.catalog.datasets.values():
        uses = (FieldUse.SHOW, FieldUse.MATCH)
        told = {
            (name, use): listed(engine, dataset, field, use) for name, field in dataset.fields.items() for use in uses
        }
        for combination in product(sorted(roles), ("desk", "dim-desk"), PURPOSES):
            made = list(decisions(engine, dataset, combination, of_rows=False))
            for (name, use), grants in told.items():
                field = dataset.fields[name]
                opens = [is_open(decision, field, use) for decision in made]
                outcome = grants.get(combination)
                assert (outcome is not None) == any(opens), (combination, name, use)
                if outcome is None:
                    continue
                assert outcome.is_exact
                assert outcome.is_certain == all(opens), (combination, name, use)
                seen = [decision.fields[name] for decision in made if is_open(decision, field, use)]
                assert set(outcome.levels) == {str(each.mask or "clear") for each in seen}
                by_name = set[str]().union(*(decision.fields[name].rules for decision in made))
                # `rules` of a decision also tells those of the other use that was asked
                assert set(outcome.rules) <= by_name or use is not FieldUse.SHOW


@settings(max_examples=25, deadline=None)
@given(
    world=worlds(),
    role=st.sampled_from(ROLES),
    app=st.sampled_from(("desk", "dim-desk")),
    purpose=st.sampled_from(PURPOSES),
)
def test_who_can_tells_whether_there_are_rows_where_the_field_is(
    world: World, role: str, app: str, purpose: str
) -> None:
    engine = build_engine(world)
    for dataset in engine.catalog.datasets.values():
        made = list(decisions(engine, dataset, (role, app, purpose), of_rows=True))
        for field in dataset.fields.values():
            outcome = listed(engine, dataset, field, FieldUse.SHOW).get((role, app, purpose))
            rows = [decision.rows.is_allowed for decision in made if is_open(decision, field, FieldUse.SHOW)]
            assert (outcome is not None) == bool(rows)
            if outcome is not None:
                assert outcome.rows == (ALWAYS if all(rows) else SOMETIMES if any(rows) else NEVER)


@settings(max_examples=50, deadline=None)
@given(world=worlds())
def test_the_words_for_roles_mean_exactly_the_roles(world: World) -> None:
    engine = build_engine(world)
    above = engine.hierarchies.roles.above
    for dataset in engine.catalog.datasets.values():
        for field in dataset.fields.values():
            found = who_can(engine, dataset, field, FieldUse.SHOW, NOW)
            for grant in found.grants:
                meant: set[RoleName] = set()
                for group in found.cover.groups(grant.roles):
                    below = {role for role in engine.catalog.roles if f"role:{group.role}" in above[f"role:{role}"]}
                    if group.role == "any":
                        below = set(engine.catalog.roles)
                    meant |= below if group.below else {group.role}
                assert meant == grant.roles
