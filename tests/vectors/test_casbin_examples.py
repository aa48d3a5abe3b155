"""Casbin's own example models, decided as Casbin's own published tests document (casbin/README.md says where from).

The index decides each as documented and as the plain enforcer does; what it can't prove it refuses to index.
"""

from itertools import product
from pathlib import Path
from typing import Any

import casbin
import pytest
from casbin.util.builtin_operators import key_match2

from gateway.decision.rule_index import NotIndexable, RuleIndex

_EXAMPLES = Path(__file__).parent / "casbin"
_PEOPLE = ("alice", "bob")
_DATA = ("data1", "data2")
_ACTS = ("read", "write")

Table = dict[tuple[str, ...], bool]


def _table(allowed: str, *columns: tuple[str, ...]) -> Table:
    """All combinations; `allowed` lists those that Casbin's tests call true, all others are called false."""
    right = {tuple(each.split()) for each in allowed.split(";")}
    table = {values: values in right for values in product(*columns)}
    assert right <= table.keys()
    return table


_BASIC = _table("alice data1 read;bob data2 write", _PEOPLE, _DATA, _ACTS)
_RBAC = _table("alice data1 read;alice data2 read;alice data2 write;bob data2 write", _PEOPLE, _DATA, _ACTS)

DOCUMENTED: dict[tuple[str, str], Table] = {
    ("basic_model", "basic_policy"): _BASIC,
    ("basic_model_without_spaces", "basic_policy"): _BASIC,
    ("basic_with_root_model", "basic_policy"): _BASIC | _table(
        "root data1 read;root data1 write;root data2 read;root data2 write", ("root",), _DATA, _ACTS
    ) | {("root", "any", "any"): True},
    ("basic_without_users_model", "basic_without_users_policy"): _table("data1 read;data2 write", _DATA, _ACTS),
    ("basic_without_resources_model", "basic_without_resources_policy"): _table(
        "alice read;bob write", _PEOPLE, _ACTS
    ),
    ("rbac_model", "rbac_policy"): _RBAC | {("bogus", "data2", "write"): False},
    ("rbac_model", "rbac_with_hierarchy_policy"): _table(
        "alice data1 read;alice data1 write;alice data2 read;alice data2 write;bob data2 write", _PEOPLE, _DATA, _ACTS
    ),
    ("rbac_with_resource_roles_model", "rbac_with_resource_roles_policy"): _table(
        "alice data1 read;alice data1 write;alice data2 write;bob data2 write", _PEOPLE, _DATA, _ACTS
    ),
    ("rbac_with_deny_model", "rbac_with_deny_policy"): _table(
        "alice data1 read;alice data2 read;bob data2 write", _PEOPLE, _DATA, _ACTS
    ),
    ("rbac_with_not_deny_model", "rbac_with_deny_policy"): {("alice", "data2", "write"): False},
    ("keymatch_model", "keymatch_policy"): _table(
        "alice /alice_data/resource1 GET;alice /alice_data/resource1 POST;alice /alice_data/resource2 GET;"
        "bob /alice_data/resource2 GET;bob /bob_data/resource1 POST;bob /bob_data/resource2 POST",
        _PEOPLE,
        ("/alice_data/resource1", "/alice_data/resource2", "/bob_data/resource1", "/bob_data/resource2"),
        ("GET", "POST"),
    ) | {("cathy", "/cathy_data", "GET"): True, ("cathy", "/cathy_data", "POST"): True,
         ("cathy", "/cathy_data", "DELETE"): False, ("cathy", "/cathy_data/12", "POST"): False},
    ("ipmatch_model", "ipmatch_policy"): _table(
        "192.168.2.123 data1 read;10.0.0.5 data2 write",
        ("192.168.2.123", "192.168.0.123", "10.0.0.5", "192.168.0.1"), _DATA, _ACTS,
    ),
}  # fmt: skip

MATCHED: dict[tuple[str, str], dict[tuple[str, ...], tuple[int, ...]]] = {
    ("basic_model", "basic_policy"): {("alice", "data1", "read"): (0,), ("bob", "data1", "write"): ()},
    ("basic_with_root_model", "basic_policy"): {("root", "data2", "read"): (0, 1)},
    ("rbac_model", "rbac_with_hierarchy_policy"): {("alice", "data1", "read"): (0, 2)},
    ("rbac_with_deny_model", "rbac_with_deny_policy"): {("alice", "data2", "write"): (3, 4)},
    ("rbac_with_resource_roles_model", "rbac_with_resource_roles_policy"): {("alice", "data2", "write"): (2,)},
}

Case = tuple[str, str, tuple[str, ...], bool]
CASES: list[Case] = [
    (model, policy, asked, expected)
    for (model, policy), table in DOCUMENTED.items()
    for asked, expected in table.items()
]


def _enforcer(model: str, policy: str) -> Any:
    enforcer = casbin.Enforcer(str(_EXAMPLES / f"{model}.conf"), str(_EXAMPLES / f"{policy}.csv"))
    assert enforcer.get_policy(), "an example without rules would show nothing"
    return enforcer


@pytest.mark.parametrize(("model", "policy", "asked", "expected"), CASES)
def test_plain_casbin_decides_its_examples_as_documented(
    model: str, policy: str, asked: tuple[str, ...], expected: bool
) -> None:
    assert _enforcer(model, policy).enforce(*asked) is expected


@pytest.mark.parametrize(("model", "policy", "asked", "expected"), CASES)
def test_the_index_decides_casbins_examples_as_documented(
    model: str, policy: str, asked: tuple[str, ...], expected: bool
) -> None:
    assert RuleIndex(_enforcer(model, policy)).allows(*asked) is expected


@pytest.mark.parametrize(("model", "policy"), DOCUMENTED)
def test_one_index_asked_everything_twice_equals_the_plain_enforcer(model: str, policy: str) -> None:
    plain, index = _enforcer(model, policy), RuleIndex(_enforcer(model, policy))
    width = len(plain.model["r"]["r"].tokens)
    names = sorted({cell for asked in DOCUMENTED[model, policy] for cell in asked} | {"nobody", ""})
    for asked in 2 * list(product(names, repeat=width)):
        if model == "ipmatch_model" and not asked[0][:1].isdigit():
            continue  # ipMatch raises for what is no address
        assert index.allows(*asked) is plain.enforce(*asked), asked


@pytest.mark.parametrize(
    ("model", "policy", "asked", "rows"),
    [(*names, asked, rows) for names, table in MATCHED.items() for asked, rows in table.items()],
)
def test_the_index_tells_every_policy_row_that_matches(
    model: str, policy: str, asked: tuple[str, ...], rows: tuple[int, ...]
) -> None:
    assert RuleIndex(_enforcer(model, policy)).matched(*asked) == rows


# ---------------------------------------------------------------------- what can't be indexed
class _Person:
    def __init__(self, name: str, age: int) -> None:
        self.name = name
        self.age = age


def _patterned() -> Any:
    enforcer = _enforcer("rbac_with_pattern_model", "rbac_with_pattern_policy")
    enforcer.add_named_matching_func("g2", key_match2)
    return enforcer


def test_plain_casbin_decides_as_documented_what_is_not_indexed() -> None:
    rules = _enforcer("abac_rule_model", "abac_rule_policy")
    allowed = [
        (age, obj, act)
        for age, obj, act in product((16, 20, 65), ("/data1", "/data2"), _ACTS)
        if rules.enforce(_Person("alice", age), obj, act)
    ]
    assert allowed == [(16, "/data2", "write"), (20, "/data1", "read"), (20, "/data2", "write"), (65, "/data1", "read")]
    priority = _enforcer("priority_model", "priority_policy")
    assert {asked for asked in product(_PEOPLE, _DATA, _ACTS) if priority.enforce(*asked)} == {
        ("alice", "data1", "read"),
        ("bob", "data2", "read"),
    }
    domains = _enforcer("rbac_with_domains_model", "rbac_with_domains_policy")
    assert {asked for asked in product(_PEOPLE, ("domain1", "domain2"), _DATA, _ACTS) if domains.enforce(*asked)} == {
        *product(("alice",), ("domain1",), ("data1",), _ACTS),
        *product(("bob",), ("domain2",), ("data2",), _ACTS),
    }
    patterned = _patterned()
    books = [
        (who, path)
        for who, path in product(_PEOPLE, ("/book/1", "/book/2", "/pen/1", "/pen/2"))
        if patterned.enforce(who, path, "GET")
    ]
    assert books == [
        ("alice", "/book/1"),
        ("alice", "/book/2"),
        ("alice", "/pen/1"),
        ("bob", "/pen/1"),
        ("bob", "/pen/2"),
    ]


@pytest.mark.parametrize(
    ("enforcer", "reason"),
    [
        (lambda: _enforcer("abac_rule_model", "abac_rule_policy"), "eval"),
        (lambda: _enforcer("priority_model", "priority_policy"), "priority"),
        (lambda: _enforcer("rbac_with_domains_model", "rbac_with_domains_policy"), "domain"),
        (_patterned, "matching"),
    ],
    ids=["eval() of a rule's text", "priority effect", "g with a domain", "names matched by a function"],
)
def test_what_cannot_be_proved_is_refused_with_its_reason(enforcer: Any, reason: str) -> None:
    with pytest.raises(NotIndexable, match=f"(?i){reason}"):
        RuleIndex(enforcer())
