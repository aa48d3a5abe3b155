"""A condition that is called impossible holds for no row and no request: tried on every one of a small world."""

from itertools import product

from hypothesis import event, given, settings
from hypothesis import strategies as st

from gateway.catalog.condition import AttributeMissing, bind_condition, parse_condition
from gateway.decision.lint.impossible import never_holds
from gateway.disclosure.residual import compile_predicate
from gateway.model.condition import AttributeValue
from gateway.model.ids import FieldName
from tests.properties.test_conditions import DATASET

_CODES = (None, "33", "3301", "3302", "330102")
_DOSES = (None, 0, 1, 2, 3)
_PLACES = {FieldName("code"): 0, FieldName("dose"): 1}
_TESTS = [
    *(f"dose {sign} {number}" for sign in ("=", "<>", "<", "<=", ">", ">=") for number in (1, 2)),
    *(f"ctx.assurance {sign} {number}" for sign in ("=", "<>", "<", ">=") for number in (1, 2)),
    *(f"code {test}" for test in ("under '3301'", "under '3302'", "not under '33'", "= '33'", "<> '33'", "is null")),
    *("dose in (1, 2)", "dose not in (1, 2)", "dose in (3)", "dose is not null", "dose = ctx.assurance"),
    *("dose <> ctx.assurance", "code like '33%'", "code not like '33%'", "ctx.network = 'a'", "ctx.network is null"),
    *("ctx.network in ('b', 'c')", "dose between 1 and 2", "code in subject.regions", "code not in subject.regions"),
]
_REQUESTS: list[dict[str, AttributeValue]] = [
    {"ctx.assurance": assurance, "ctx.network": network, "subject.regions": regions}
    for assurance in (None, 0, 1, 2, 3)
    for network in (None, "a", "b")
    for regions in ((), ("33",), ("3301", "3302"))
]


@st.composite
def texts(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(_TESTS))
    for _ in range(draw(st.integers(1, 4))):
        other = draw(st.sampled_from(_TESTS))
        text = draw(
            st.sampled_from([f"({text}) and {other}", f"({text}) and {other}", f"({text}) or {other}", f"not ({text})"])
        )
    return text


@settings(max_examples=400, deadline=None)
@given(text=texts())
def test_what_is_called_impossible_is_never_true(text: str) -> None:
    condition = parse_condition(text, dataset=DATASET)
    if not never_holds(condition):
        return
    event("impossible")
    for request in _REQUESTS:
        try:
            test = compile_predicate(bind_condition(condition, request), _PLACES)
        except AttributeMissing:
            continue
        assert [row for row in product(_CODES, _DOSES) if test(row) is True] == [], request
