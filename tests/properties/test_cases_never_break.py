"""Whatever stands in a case file: each case passes or is told with its line; nothing is raised."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalog import load_catalog
from gateway.decision import PolicyEngine, run_cases
from tests.unit.decision.test_real_policies import passes

POLICIES = Path(__file__).parents[2] / "policies"
GOOD: dict[str, Any] = {
    "title": {"zh": "测试"},
    "who": {"roles": ["resident"], "app": "resident-portal", "id_number": "330102194910010010", "assurance": 2},
    "purpose": "own-data",
    "at": "2026-12-01T04:00:00Z",
    "case": {"subjects": ["330102194910010010"], "state": "approved", "app": "", "expires": "2027-01-01"},
    "dataset": "public-security.resident",
    "expect": {
        "fields": {"name": "clear"},
        "others": "denied",
        "rows": "id_number = subject.id_number",
        "visible": [{"id_number": "330102194910010010", "birth_date": "1949-10-01"}],
        "hidden": [{"id_number": None}],
        "granted": ["match id_number"],
        "obligations": ["review"],
        "actions": {"name": "denied"},
    },
}
_TEXT = st.text(st.characters(max_codepoint=0xD7FF, exclude_categories=["Cc"]), max_size=12)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT | st.sampled_from(["all", "0001-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def broken(draw: st.DrawFn, told: Any = GOOD) -> Any:
    """The good case with something else in one or two places."""
    if not isinstance(told, dict) or draw(st.integers(0, 9)) == 0:
        return draw(_ANYTHING)
    changed = dict(told)
    for key in draw(st.sets(st.sampled_from(sorted(told)), min_size=1, max_size=2)):
        if draw(st.integers(0, 5)) == 0:
            del changed[key]
        else:
            changed[key] = draw(broken(told[key]))
    return changed


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load(POLICIES, load_catalog(POLICIES))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(broken(), min_size=1, max_size=4))
def test_a_broken_case_is_told_and_never_raises(engine: PolicyEngine, tmp_path: Path, cases: list[Any]) -> None:
    folder = tmp_path / "cases"
    folder.mkdir(exist_ok=True)
    text = "".join(f"- {json.dumps(case)}\n" for case in cases)  # JSON is YAML
    (folder / "x.yaml").write_text(text, encoding="utf-8")
    run = run_cases(tmp_path, engine, passes)
    assert {each.file for each in run.failures} <= {"cases/x.yaml"}
    assert run.passed + run.failed == len(cases)
    assert {each.line for each in run.failures} <= set(range(1, len(cases) + 1))
