"""What the index serves, what it leaves to Casbin's evaluator, and what it refuses to serve at all."""

from collections.abc import Callable

import casbin
import pytest
from casbin.persist.adapters import StringAdapter
from casbin.util import key_match_func

from gateway.decision.rule_index import NotIndexable, RuleIndex

MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
"""
POLICY = """
p, clerk, form, read, allow
p, clerk, form, write, deny
p, ann, form, write, allow
g, ann, clerk
g, clerk, staff
"""


def enforcer(model: str = MODEL, policy: str = POLICY) -> casbin.Enforcer:
    return casbin.Enforcer(casbin.Enforcer.new_model(text=model), StringAdapter(policy))


def test_matches_are_told_in_the_policys_order() -> None:
    index = RuleIndex(enforcer())
    assert index.matched("ann", "form", "write") == (1, 2)
    assert not index.allows("ann", "form", "write")
    assert index.allows("ann", "form", "read")
    assert not index.allows("staff", "form", "read")


def test_a_chain_ends_where_casbin_ends_it() -> None:
    chain = "".join(f"g, n{number}, n{number + 1}\n" for number in range(14))
    plain = enforcer(policy="p, n12, form, read, allow\n" + chain)
    index = RuleIndex(plain)
    for number in range(15):
        assert index.allows(f"n{number}", "form", "read") == plain.enforce(f"n{number}", "form", "read"), number


def test_a_cycle_of_roles_ends() -> None:
    plain = enforcer(policy="p, b, form, read, allow\ng, a, b\ng, b, c\ng, c, a\n")
    index = RuleIndex(plain)
    assert [index.allows(name, "form", "read") for name in "abcd"] == [True, True, True, False]


def test_names_that_nobody_declared_are_not_kept() -> None:
    plain = enforcer()
    index = RuleIndex(plain)
    known = len(plain.get_role_manager().all_roles)
    for number in range(100):
        assert not index.allows(f"stranger-{number}", "form", "read")
    assert len(plain.get_role_manager().all_roles) == known


def test_what_is_not_a_plain_comparison_is_left_to_casbins_evaluator() -> None:
    model = MODEL.replace("r.obj == p.obj", "keyMatch(r.obj, p.obj)")
    plain = enforcer(model, "p, clerk, /form/*, read, allow\ng, ann, clerk\n")
    index = RuleIndex(plain)
    assert index.allows("ann", "/form/7", "read")
    assert not index.allows("ann", "/from/7", "read")
    assert [one.column for one in index.served] != []


def test_alternatives_are_allowed_only_where_one_conjunct_reads_the_value() -> None:
    index = RuleIndex(enforcer())
    assert index.matched(frozenset({"ann", "clerk"}), "form", "read") == (0,)
    with pytest.raises(TypeError):
        RuleIndex(enforcer(MODEL.replace("r.act == p.act", "r.act == p.act && keyMatch(r.sub, p.sub)"))).matched(
            frozenset({"ann"}), "form", "read"
        )


def with_matching(plain: casbin.Enforcer) -> casbin.Enforcer:
    plain.add_named_matching_func("g", key_match_func)
    return plain


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: enforcer(MODEL.replace("r.act == p.act", "eval(p.act)")), "eval"),
        (lambda: enforcer(MODEL.replace("some(where (p.eft == allow)) && !some(where (p.eft == deny))",
                                        "priority(p.eft) || deny")), "order of rules"),
        (lambda: enforcer(MODEL.replace("g = _, _", "g = _, _, (_, _)"), "p, a, form, read, allow\n"), "conditions"),
        (lambda: with_matching(enforcer()), "matching function"),
        (lambda: enforcer(policy="g, ann, clerk\n"), "empty"),
        (lambda: enforcer(policy="p, clerk, form, read\n"), "columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_proved_is_refused_with_the_reason(build: Callable[[], casbin.Enforcer], why: str) -> None:
    with pytest.raises(NotIndexable, match=why):
        RuleIndex(build())
