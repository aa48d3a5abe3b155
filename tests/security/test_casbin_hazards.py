"""The hazards of pycasbin that were reproduced (numbers of the design notes on Casbin): none can happen here."""

import ast
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import casbin
import pytest

import gateway.decision
from gateway.decision import PolicyEngine
from gateway.decision.hierarchy import build_hierarchies
from gateway.decision.libraries import check_libraries
from gateway.decision.model_conf import SUPPORTED
from gateway.errors import BundleInvalid, SettingsInvalid
from gateway.model.catalog import Catalog
from gateway.model.decision import Verdict
from gateway.model.ids import FieldName, PurposeId, RoleName
from tests.unit.decision.small_city import NOW, SOMEBODY, caller, catalog, engine, line, question, write_bundle

NAME = FieldName("name")
_LOGGERS = ("casbin", "casbin.enforcer", "casbin.policy", "casbin.role")


def verdict(pdp: PolicyEngine, *roles: str, now: datetime = NOW, purpose: str = "visit") -> Verdict:
    who = caller(*roles, purpose=purpose)
    return pdp.decide(question(pdp.catalog, who), who, None, now).fields[NAME].verdict


def with_chain(city: Catalog, length: int) -> Catalog:
    roles = dict(city.roles)
    for number in range(length):
        name = RoleName(f"r{number}")
        up = (RoleName(f"r{number + 1}"),) if number + 1 < length else ()
        roles[name] = replace(city.roles[RoleName("staff")], name=name, inherits=up)
    return replace(city, roles=roles)


def test_hazard_1_a_serving_engine_gives_no_wrong_answer_while_another_is_loaded(tmp_path: Path) -> None:
    rules = line("A", "allow", "class:any"), line("D", "deny", "class:any", sub="role:staff")
    serving = engine(tmp_path / "old", *rules)
    wrong: list[Verdict] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            found = verdict(serving, "worker")
            if found is not Verdict.DENY:
                wrong.append(found)

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(8):
        engine(tmp_path / f"new{number}", *rules)
    is_over.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_hazard_1_no_code_of_the_room_reloads_or_edits_a_policy() -> None:
    forbidden = {"load_policy", "clear_policy", "add_policy", "remove_policy", "save_policy", "build_role_links"}
    folder = Path(gateway.decision.__file__).parent
    called = {
        node.func.attr
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & (forbidden | {"enable_enforce", "add_named_matching_func", "set_model", "set_effector"})


def test_hazard_2_a_window_holds_after_every_load(tmp_path: Path) -> None:
    late = datetime(2026, 12, 31, tzinfo=UTC)
    for number in range(3):
        pdp = engine(tmp_path / str(number), line("A", "allow", "class:any", exp="2026-12-02T00:00:00Z"))
        assert verdict(pdp, "worker") is Verdict.ALLOW
        assert verdict(pdp, "worker", now=late) is Verdict.DENY
        # and the model has no conditional role definitions at all
        assert all(not assertion.params_tokens for assertion in pdp.judge.enforcer.model["g"].values())


@pytest.mark.parametrize("effect", ["Deny", "DENY", "denied", "deny;", ""])
def test_hazard_3_a_misspelt_deny_does_not_vanish(tmp_path: Path, effect: str) -> None:
    with pytest.raises(BundleInvalid) as refused:
        engine(tmp_path, line("A", "allow", "class:any"), line("B", effect, "class:any"))
    assert (refused.value.problems[0].file, refused.value.problems[0].line) == ("rules/city.csv", 2)


def test_hazard_3_an_unknown_kind_of_rule_is_not_dropped(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid) as refused:
        engine(tmp_path, line("A", "allow", "class:any"), "P" + line("B", "deny", "class:any")[1:])
    assert refused.value.problems[0].line == 2


def test_hazard_4_a_row_with_a_missing_column_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid) as refused:
        engine(tmp_path, line("A", "allow", "class:any"), "p, B, role:any, app:any, class:any, show, pur:any, cn, deny")
    assert "has 8 columns, not 13" in refused.value.problems[0].fault


def test_hazard_5_a_chain_over_nine_steps_is_refused_and_one_of_nine_reaches_its_far_deny(tmp_path: Path) -> None:
    rules = line("A", "allow", "class:any", sub="role:r0"), line("D", "deny", "class:any", sub="role:r8")
    city = with_chain(catalog(), 9)  # r0 -> … -> r8 -> any: nine steps
    pdp = PolicyEngine.load(write_bundle(tmp_path, *rules), city)
    assert verdict(pdp, "r0") is Verdict.DENY
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(write_bundle(tmp_path, *rules), with_chain(catalog(), 10))
    assert "more than 9 steps" in str(refused.value.problems)


def test_hazard_5_a_cycle_is_refused(tmp_path: Path) -> None:
    city = catalog()
    staff = replace(city.roles[RoleName("staff")], inherits=(RoleName("chief"),))
    looped = replace(city, roles={**city.roles, RoleName("staff"): staff})
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(write_bundle(tmp_path, line("A", "allow", "class:any")), looped)
    assert "is above itself" in str(refused.value.problems)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_hazard_6_an_empty_policy_is_refused(tmp_path: Path, text: str) -> None:
    bundle = write_bundle(tmp_path, text)
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(bundle, catalog())
    assert "empty" in refused.value.problems[0].fault


def test_hazard_6_plain_casbin_would_match_an_empty_policy_on_empty_strings() -> None:
    model = casbin.Enforcer.new_model(text=SUPPORTED)
    plain = casbin.Enforcer(model)
    plain.add_function("within", lambda *_: True)
    plain.add_function("cond", lambda *_: True)
    assert plain.enforce("", "", "", "", "", "", "", "", "") is True


def test_hazard_6_an_empty_name_matches_no_rule(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    for who in (replace(caller(), roles=(RoleName(""),)), replace(caller(), purpose=PurposeId(""))):
        bound = question(pdp.catalog, caller())
        assert pdp.decide(bound, who, None, NOW).fields[NAME].verdict is Verdict.DENY


@pytest.mark.parametrize(
    "model",
    [
        SUPPORTED.replace("cond(r.ctx, p.cond, p.eft)", "eval(p.cond)"),
        SUPPORTED.replace("r.act == p.act && ", ""),
        SUPPORTED.replace("r.act == p.act", "keyMatch(r.act, p.act)"),
        SUPPORTED.replace(" && !some(where (p.eft == deny))", ""),
        SUPPORTED.replace("g2 = _, _", "g2 = _, _, (_, _)"),
        SUPPORTED + "m2 = true\n",
        SUPPORTED.replace("[matchers]\n", "[matchers]\nm = true\n"),
        SUPPORTED.partition("[matchers]")[0],
        "",
        "\x00",
    ],
)  # fmt: skip
def test_hazard_7_a_model_of_another_shape_is_refused(tmp_path: Path, model: str) -> None:
    bundle = write_bundle(tmp_path, line("A", "allow", "class:any"), model=model)
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(bundle, catalog())
    assert {each.file for each in refused.value.problems} == {"model.conf"}


def test_hazard_7_a_model_may_be_commented_and_laid_out_freely(tmp_path: Path) -> None:
    text = "# why\n\n" + SUPPORTED.replace("g = _, _", "  g   =  _, _   # people, and _ roles")
    PolicyEngine.load(write_bundle(tmp_path, line("A", "allow", "class:any"), model=text), catalog())


def test_hazard_7_operators_inside_a_literal_stay_text(tmp_path: Path) -> None:
    text = "subject.principal <> 'a && b || !c) or (1 = 1'"
    pdp = engine(tmp_path, line("A", "allow", "class:any", cond=text))
    assert pdp.judge.rules[0].cond == text
    assert verdict(pdp, "worker") is Verdict.ALLOW


def test_hazard_8_names_match_by_equality_only(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    for manager in pdp.judge.enforcer.rm_map.values():
        assert (manager.matching_func, manager.domain_matching_func) == (None, None)
    assert type(pdp.judge.enforcer) is casbin.Enforcer


def test_hazard_9_unknown_names_are_not_kept(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"))
    sizes = [len(manager.all_roles) for manager in pdp.judge.enforcer.rm_map.values()]
    for number in range(50):
        who = replace(caller("worker", f"ghost{number}"), purpose=PurposeId("visit"))
        pdp.decide(question(pdp.catalog, who), who, None, NOW, explain=True)
        nobody = caller(app=f"ghost{number}")
        pdp.decide(question(pdp.catalog, caller()), nobody, None, NOW)
    assert [len(manager.all_roles) for manager in pdp.judge.enforcer.rm_map.values()] == sizes


def test_hazard_10_switching_casbin_off_allows_nothing_here(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any", sub="role:vendor"))
    pdp.judge.enforcer.enable_enforce(False)
    assert pdp.judge.enforcer.enforce(*[""] * 9)
    assert verdict(pdp, "worker") is Verdict.DENY


def test_hazard_10_every_matched_rule_is_told(tmp_path: Path) -> None:
    pdp = engine(tmp_path, line("A", "allow", "class:any"), line("B", "allow", "ds:police.resident"))
    who = caller()
    assert pdp.decide(question(pdp.catalog, who), who, None, NOW).fields[NAME].rules == ("A", "B")


@pytest.mark.parametrize("function", ["keyMatch", "regexMatch", "timeMatch", "globMatch", "ipMatch"])
def test_hazard_10_the_matcher_calls_none_of_casbins_matching_functions(function: str) -> None:
    assert function not in SUPPORTED


@pytest.mark.parametrize(
    ("simpleeval", "is_good"), [("1.0.8", True), ("1.1.0", True), ("1.0.7", False), ("0.9.13", False)]
)
def test_hazard_11_an_evaluator_with_known_holes_is_refused(simpleeval: str, is_good: bool) -> None:
    versions = {"simpleeval": simpleeval}
    if is_good:
        check_libraries(versions.get)
    else:
        with pytest.raises(SettingsInvalid, match="simpleeval"):
            check_libraries(versions.get)


def test_hazard_11_an_evaluator_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsInvalid):
        check_libraries(lambda _name: None)


def test_hazard_12_a_second_casbin_beside_pycasbin_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="overwrites its files"):
        check_libraries({"casbin": "1.43.0", "simpleeval": "1.0.8"}.get)
    check_libraries()


def test_hazard_13_no_value_of_a_request_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rules = line("A", "allow", "class:any", cond="subject.id_number <> '1'"), line("B", "deny", "term:person.phone")
    pdp = engine(tmp_path, *rules)
    for name in _LOGGERS:
        logging.getLogger(name).disabled = False  # noqa: TID251 - pycasbin's own
    who = caller(id_number=SOMEBODY)
    pdp.decide(question(pdp.catalog, who), who, None, NOW, explain=True)
    assert SOMEBODY not in caplog.text
    assert caplog.text == ""
    for name in _LOGGERS:
        logging.getLogger(name).disabled = True  # noqa: TID251 - pycasbin's own


def test_the_hierarchies_are_below_their_any_whatever_the_files_say() -> None:
    city = catalog()
    orphan = replace(city.purposes[PurposeId("visit")], parents=())
    built, _ = build_hierarchies(replace(city, purposes={**city.purposes, PurposeId("visit"): orphan}))
    assert "pur:any" in built.purposes.above["pur:visit"]
    assert all("role:any" in names for names in built.roles.above.values())
    assert all("app:any" in names for names in built.apps.above.values())
