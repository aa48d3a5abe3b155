"""What was decided before is found again: the same, bounded, and nobody else's."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gateway.decision import PolicyEngine
from gateway.decision.outcome_cache import MOST_COMBINATIONS, OutcomeCache
from gateway.model.ids import FieldName, PurposeId, RegionCode, RoleName
from gateway.model.query import FieldUse
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, case_of, catalog, engine, line, question, write_bundle
from tests.unit.decision.worlds import levels_of

NAME = FieldName("name")


def test_a_question_asked_again_gets_the_very_same_decision(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"), line("R", "allow", "ds:police.resident", act="rows"))
    who = caller()
    asked = question(pdp.catalog, who)
    assert pdp.decide(asked, who, None, NOW) is pdp.decide(asked, who, None, NOW)
    assert len(pdp.outcomes) == 1


def test_a_question_with_other_uses_or_roles_or_app_or_purpose_is_another_question(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"), line("M", "allow", "class:any", act="match"))
    who = caller()
    others = (
        caller("worker", "officer"),
        caller(app="dim-desk"),
        caller(purpose="rescue", justification="the door stays shut"),
    )
    for each in (who, *others):
        pdp.decide(question(pdp.catalog, each), each, None, NOW)
    decision = pdp.decide(question(pdp.catalog, who, uses=[("name", FieldUse.MATCH)]), who, None, NOW)
    assert decision.fields[NAME].granted == {FieldUse.MATCH}
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).fields[NAME].granted == frozenset()
    assert len(pdp.outcomes) == 5


def test_a_decision_kept_before_a_window_opens_is_not_given_after(tmp_path: Path) -> None:
    edge = NOW.replace(microsecond=0)
    pdp = engine(tmp_path, line("A", "allow", "class:any", nbf=edge.strftime("%Y-%m-%dT%H:%M:%SZ")))
    who = caller()
    asked = question(pdp.catalog, who)
    for step, level in ((-1, "denied"), (0, "clear"), (1, "clear"), (-1, "denied")):
        decision = pdp.decide(asked, who, None, edge + timedelta(microseconds=step))
        assert levels_of(decision)["name"] == level


def test_conditions_that_come_into_play_later_are_not_answered_from_what_was_kept(tmp_path: Path) -> None:
    # the grant by name is asked for only once the field is shown: its demand is unknown to the first answer
    pdp = engine(
        tmp_path,
        line("S", "allow", "class:any", cond="subject.assurance >= 2"),
        line("M", "allow", "class:any", act="match", cond="ctx.network = 'gov-vpn'"),
    )
    for _ in range(2):
        for assurance, network, granted in ((1, "gov-vpn", 0), (2, "internet", 0), (2, "gov-vpn", 1), (2, "", 0)):
            who = replace(caller(network=network), assurance=assurance)
            asked = question(pdp.catalog, who, uses=[("name", FieldUse.MATCH)])
            decision = pdp.decide(asked, who, None, NOW)
            assert levels_of(decision)["name"] == ("clear" if assurance == 2 else "denied")
            assert len(decision.fields[NAME].granted) == granted


def test_colleagues_with_other_regions_or_numbers_or_cases_never_get_each_others_rows(tmp_path: Path) -> None:
    pdp = engine(
        tmp_path,
        line("A", "allow", "class:any"),
        line("R", "allow", "ds:police.resident", act="rows", obl="where=community_code under subject.regions"),
        line("N", "allow", "ds:police.resident", act="rows", obl="where=id_number = subject.id_number"),
    )
    first = caller(regions=("330102001002",), id_number=SOMEBODY)
    second = replace(first, regions=(RegionCode("330106001001"),))
    third = replace(first, id_number="330102194910010029")
    fourth = replace(first, purpose=PurposeId("pickup"), case=case_of().id)
    asked = {who: question(pdp.catalog, who) for who in (first, second, third, fourth)}
    for _ in range(2):
        found = [
            pdp.decide(asked[who], who, case_of(SOMEBODY) if who.case else None, NOW).rows.filter
            for who in (first, second, third, fourth)
        ]
        assert len(set(map(repr, found))) == 4
        for who, predicate in zip((first, second, third, fourth), found, strict=True):
            fresh = engine(
                tmp_path,
                line("A", "allow", "class:any"),
                line("R", "allow", "ds:police.resident", act="rows", obl="where=community_code under subject.regions"),
                line("N", "allow", "ds:police.resident", act="rows", obl="where=id_number = subject.id_number"),
            )
            alone = fresh.decide(question(fresh.catalog, who), who, case_of(SOMEBODY) if who.case else None, NOW)
            assert predicate == alone.rows.filter


def test_no_number_of_a_person_is_kept_with_an_outcome(tmp_path: Path) -> None:
    pdp = engine(
        tmp_path,
        line("A", "allow", "class:any", cond="subject.id_number <> '330102194910010029'"),
        line("N", "allow", "ds:police.resident", act="rows", obl="where=id_number = subject.id_number"),
    )
    who = caller(id_number=SOMEBODY)
    assert SOMEBODY in repr(pdp.decide(question(pdp.catalog, who), who, None, NOW).rows.filter)
    kept = [outcome for known in pdp.outcomes._young.values() for outcome in known.outcomes.values()]
    assert kept
    assert all(not outcome.decisions for outcome in kept)
    assert SOMEBODY not in repr(pdp.outcomes._young)


def test_the_cache_is_bounded_whatever_is_asked(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any", cond="subject.assurance >= 2"))
    pdp.outcomes = OutcomeCache(most=10)
    fields = sorted(pdp.catalog.datasets[question(pdp.catalog, caller()).dataset.name].fields)
    for number in range(2 ** len(fields[:5])):
        uses = [(name, FieldUse.MATCH) for place, name in enumerate(fields[:5]) if number >> place & 1]
        for assurance in (1, 2):
            who = replace(caller(), assurance=assurance)
            pdp.decide(question(pdp.catalog, who, uses=uses), who, None, NOW)
            assert len(pdp.outcomes) <= 2 * 10


def test_combinations_of_demands_under_one_question_are_bounded(tmp_path: Path) -> None:
    conditions = [f"subject.assurance >= {number}" for number in range(2, 2 + MOST_COMBINATIONS + 8)]
    rules = [line(f"A{number}", "allow", "class:any", cond=text) for number, text in enumerate(conditions)]
    pdp = engine(tmp_path, *rules)
    for assurance in range(1, MOST_COMBINATIONS + 12):
        who = replace(caller(), assurance=assurance)
        pdp.decide(question(pdp.catalog, who), who, None, NOW)
        assert len(pdp.outcomes) <= MOST_COMBINATIONS


def test_a_role_that_nobody_declared_is_kept_nowhere(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    for number in range(50):
        who = replace(caller("worker"), roles=(RoleName("worker"), RoleName(f"made-up-{number}")))
        pdp.decide(question(pdp.catalog, who), who, None, NOW)
    assert len(pdp.outcomes) == 1


def test_an_explanation_is_never_answered_from_what_was_kept(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, line("A", "allow", "class:any"), line("V", "allow", "class:any", sub="role:vendor"))
    pdp = PolicyEngine.load(bundle, catalog())
    who = caller()
    asked = question(pdp.catalog, who)
    pdp.decide(asked, who, None, NOW)
    assert pdp.decide(asked, who, None, NOW, explain=True).near_misses
    assert not pdp.decide(asked, who, None, NOW).near_misses


def test_what_no_moment_changes_is_found_by_its_question_and_its_caller(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"), line("R", "allow", "ds:police.resident", act="rows"))
    who = caller()
    asked = question(pdp.catalog, who)
    first = pdp.decide_again(asked, who, NOW)
    pdp.outcomes = OutcomeCache()  # nothing is looked up there any more
    assert pdp.decide_again(asked, who, NOW + timedelta(days=1)) is first
    assert len(pdp.outcomes) == 0
    # another person, and the same question asked anew, are looked up
    pdp.decide_again(asked, caller(), NOW)
    assert len(pdp.outcomes) == 1


def test_it_is_denied_from_the_moment_at_which_the_purpose_is_over(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    who = caller()
    asked, until = question(pdp.catalog, who), pdp.catalog.purposes[PurposeId("visit")].valid_until
    for step, level in ((-1, "clear"), (0, "denied"), (-1, "clear"), (1, "denied")):
        assert levels_of(pdp.decide_again(asked, who, until + timedelta(microseconds=step)))["name"] == level
    since = pdp.catalog.purposes[PurposeId("visit")].valid_from
    assert levels_of(pdp.decide_again(asked, who, since - timedelta(microseconds=1)))["name"] == "denied"


def test_what_has_a_window_or_a_condition_is_looked_up_each_time(tmp_path: Path) -> None:
    edge = NOW.replace(microsecond=0)
    window = line("A", "allow", "class:any", nbf=edge.strftime("%Y-%m-%dT%H:%M:%SZ"))
    pdp, who = engine(tmp_path, window), caller()
    asked = question(pdp.catalog, who)
    for step, level in ((-1, "denied"), (0, "clear"), (1, "clear"), (-1, "denied")):
        decision = pdp.decide_again(asked, who, edge + timedelta(microseconds=step))
        assert levels_of(decision)["name"] == level
