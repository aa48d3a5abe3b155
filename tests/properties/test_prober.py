"""An asker who tries everything: any question of the grammar, of two towns that differ in one hidden thing only.

No question tells them apart. With a part of the guard switched off some question does, so the prober can see.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.model.catalog import FieldType
from gateway.planning import guard
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.properties.prober_town import APART, TOWN, Switches, told

_VALUES = {
    "no": ["1", "2", "3", "9"],
    "person_no": ["1", "2", "9"],
    "club_no": ["1", "2"],
    "phone": ["13812345678", "138****5678", "1389*", "13"],
    "born": ["1950-01-01", "1950-06-30", "1951-01-01"],
    "balance": ["1", "2", "1.5"],
    "amount": ["1", "500", "1000"],
    "data": ['{"a":"1"}', "1"],
    "tags": ["{a}", "{b}"],
    "id_number": ["id1", "id2", "id9"],
    "owner_id": ["id1", "id2", "id3"],
    "level": ["A", "hidden"],
    "title": ["chess", "hidden"],
    "district": ["1", "2", "9"],
}
_EVERY = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "isdistinct", "fts", "cs", "cd", "ov"]
_FIT = {
    FieldType.TEXT: _EVERY[:11],
    FieldType.TEXT_ARRAY: ["eq", "cs", "cd", "ov"],
    FieldType.JSON: ["eq", "cs", "cd"],
}
"""Mostly what fits a field's type is asked: what doesn't is refused before it could tell anything."""
_LISTS = ["in", "eq(any)", "like(any)", "gt(all)"]
_CASTS = ["::text", "::text", "::integer", "::json"]
_ACCEPTS = [
    "application/json",
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "application/vnd.pgrst.object+json",
]


@st.composite
def _fields(draw: st.DrawFn, dataset: str) -> str:
    if draw(st.integers(0, 39)) == 0:
        return "shoes"
    return draw(st.sampled_from([*TOWN[dataset].fields]))


def _type(dataset: str, field: str) -> FieldType:
    return TOWN[dataset].fields[field][0] if field in TOWN[dataset].fields else FieldType.TEXT


@st.composite
def _rarely(draw: st.DrawFn, parts: Sequence[str]) -> str:
    """Nothing, but now and then one of these."""
    return draw(st.sampled_from(parts)) if draw(st.integers(0, 9)) == 0 else ""


@st.composite
def _condition(draw: st.DrawFn, dataset: str, *, in_tree: bool) -> tuple[str, str]:
    """A field, perhaps with a path into it, and what stands behind it."""
    field = draw(_fields(dataset))
    values = _VALUES.get(field, ["a", "n1", "f1", "n*"])
    negated = draw(st.sampled_from(["", "", "not."]))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return field, f"{negated}is.{draw(st.sampled_from(['null', 'not_null']))}"
    if kind == 1:
        listed = ",".join(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
        operator = draw(st.sampled_from(_LISTS))
        return field, f"{negated}{operator}.({listed})" if operator == "in" else f"{negated}{operator}.{{{listed}}}"
    path = draw(st.sampled_from(["->>a", "->a", "->0"])) if field == "data" else draw(_rarely(["->>a"]))
    value = draw(st.sampled_from(values))
    quoted = '"' + value.replace('"', '\\"') + '"' if in_tree else value
    fit = _FIT.get(_type(dataset, field), _EVERY[:6])
    operator = draw(_rarely(_EVERY)) or draw(st.sampled_from(fit))
    return field + path, f"{negated}{operator}.{quoted}"


@st.composite
def _filters(draw: st.DrawFn, dataset: str, prefix: str, embeds: list[str]) -> list[str]:
    """Filters of a level."""
    found: list[str] = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        field, rest = draw(_condition(dataset, in_tree=False))
        found.append(f"{prefix}{field}={rest}")
    if draw(st.integers(0, 7)) == 0:
        terms = [".".join(draw(_condition(dataset, in_tree=True))) for _ in range(2)]
        terms += [f"{name}.{draw(st.sampled_from(['is.null', 'not.is.null']))}" for name in embeds[:1]]
        found.append(f"{prefix}{draw(st.sampled_from(['or', 'and', 'not.or', 'not.and']))}=({','.join(terms)})")
    asked_about = [name for name in embeds if draw(st.integers(0, 3)) == 0]
    found += [f"{prefix}{name}={draw(st.sampled_from(['is.null', 'not.is.null']))}" for name in asked_about]
    return found


@st.composite
def _page(draw: st.DrawFn, prefix: str, by: list[str]) -> list[str]:
    """Order and page of a level."""
    found: list[str] = []
    if len(by) > 0 and draw(st.integers(0, 2)) == 0:
        direction = draw(st.sampled_from(["", ".desc", ".nullsfirst"]))
        found.append(f"{prefix}order={draw(st.sampled_from(by))}{direction}")
    if draw(st.integers(0, 2)) == 0:
        found.append(f"{prefix}limit={draw(st.integers(0, 3))}")
        found.append(f"{prefix}offset={draw(st.integers(0, 2))}")
    return found


def _links(dataset: str) -> dict[str, str]:
    links = {link: to for link, (to, *_) in TOWN[dataset].links.items()}
    return links | {"club": "police.club"} if dataset == "police.person" else links  # over a junction


@st.composite
def _aggregate(draw: st.DrawFn, dataset: str) -> str:
    if draw(st.booleans()):
        return "count()"
    field = draw(_fields(dataset))
    sums = ["sum", "avg"] if _type(dataset, field) in {FieldType.INTEGER, FieldType.NUMERIC} else []
    return f"{field}.{draw(st.sampled_from(['count', 'min', 'max', *sums]))}()"


@st.composite
def _groups(draw: st.DrawFn, dataset: str, prefix: str) -> tuple[str, list[str]]:
    """Groups and aggregates, perhaps over fields of an embed."""
    keys = [draw(_fields(dataset)) for _ in range(draw(st.integers(0, 2)))]
    items = [f"g{at}:{key}" for at, key in enumerate(keys)]
    items += [f"a{at}:{draw(_aggregate(dataset))}" for at in range(draw(st.integers(1, 2)))]
    parameters: list[str] = []
    links = _links(dataset)
    if draw(st.integers(0, 2)) == 0:
        link = draw(st.sampled_from(sorted(links)))
        taken = draw(st.sampled_from([f"t:{draw(_fields(links[link]))}", f"t:{draw(_aggregate(links[link]))}"]))
        items.append(f"...e:{link}{draw(st.sampled_from(['', '!inner']))}({taken})")
        parameters += draw(_filters(links[link], f"{prefix}e.", []))
    parameters += draw(_filters(dataset, prefix, []))
    return ",".join(items), parameters + draw(_page(prefix, keys))


@st.composite
def _level(draw: st.DrawFn, dataset: str, prefix: str, depth: int) -> tuple[str, list[str]]:
    """What a level selects, and the parameters of it and of all below."""
    if draw(st.integers(0, 4)) == 0:
        return draw(_groups(dataset, prefix))
    items: list[str] = ["*"] if draw(st.integers(0, 3)) == 0 else []
    embeds: list[str] = []
    parameters: list[str] = []
    by = [draw(_fields(dataset))]
    for at in range(draw(st.integers(0 if depth or items else 1, 3))):
        if draw(st.integers(0, 2)) == 0 and depth < 3:
            link = draw(_rarely(["lost"])) or draw(st.sampled_from(sorted(_links(dataset))))
            to = _links(dataset).get(link, "aid.grant")
            name = f"e{depth}{at}"
            inner, below = draw(_level(to, f"{prefix}{name}.", depth + 1))
            spread = draw(_rarely(["..."])) if depth == 0 else ""
            items.append(f"{spread}{name}:{link}{draw(st.sampled_from(['', '', '!inner', '!left']))}({inner})")
            embeds.append(name)
            by.append(f"{name}({draw(_fields(to))})")
            parameters += below
        else:
            field = draw(_fields(dataset))
            path = draw(st.sampled_from(["", "->>a", "->0"])) if field == "data" else ""
            items.append(f"f{depth}{at}:{field}{path}{draw(_rarely(_CASTS))}")
    parameters += draw(_filters(dataset, prefix, embeds))
    return ",".join(items), parameters + draw(_page(prefix, by))


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """Any question: its address and headers."""
    dataset = draw(st.sampled_from(sorted(TOWN)))
    select, parameters = draw(_level(dataset, "", 0))
    headers = {"accept": draw(st.sampled_from(_ACCEPTS))}
    if draw(st.booleans()):
        headers["prefer"] = f"count={draw(st.sampled_from(['exact', 'planned', 'estimated']))}"
    return f"{dataset}?" + "&".join([f"select={select}", *parameters]), headers


class Prober(RuleBasedStateMachine):
    """Asks both towns the same, and goes on from the last question."""

    switches = Switches()
    differences: tuple[str, ...] = tuple(APART)

    @initialize(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        self.towns = APART[data.draw(st.sampled_from(self.differences), label="what differs")]
        self.claims: Capabilities = data.draw(st.sampled_from([ALL, NONE]), label="what sources can do")
        self.last: tuple[str, dict[str, str]] | None = None

    def _ask(self, question: str, headers: dict[str, str]) -> None:
        one, other = (told(town, question, headers, self.claims, self.switches) for town in self.towns)
        assert one == other, question
        self.last = question, headers

    @rule(asked=questions())
    def ask(self, asked: tuple[str, dict[str, str]]) -> None:
        self._ask(*asked)

    @rule(offset=st.integers(0, 3))
    def page(self, offset: int) -> None:
        assume(self.last is not None)
        question, headers = self.last or ("", {})
        assume("&limit=" not in question and len(question) < 4000)
        self._ask(f"{question}&limit=1&offset={offset}", headers)

    @rule(data=st.data())
    def narrow(self, data: st.DataObject) -> None:
        assume(self.last is not None)
        question, headers = self.last or ("", {})
        assume(len(question) < 4000)
        field, rest = data.draw(_condition(question.partition("?")[0], in_tree=False))
        self._ask(f"{question}&{field}={rest}", headers)


_EXAMPLES = settings(max_examples=250, stateful_step_count=8, deadline=None, derandomize=True, database=None)
TestProber = Prober.TestCase
TestProber.settings = _EXAMPLES


def _notices(machine: type[Prober]) -> bool:
    blind = settings(_EXAMPLES, max_examples=600, phases=[Phase.generate], print_blob=False, report_multiple_bugs=False)
    try:
        run_state_machine_as_test(machine, settings=blind)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("switches", "differences"),
    [
        (Switches(shows_masked=True), ("masked text", "masked date")),
        (Switches(shows_masked=True), ("masked number elsewhere",)),
        (Switches(shows_denied=True), ("denied number", "denied array")),
        (Switches(shows_denied=True), ("denied text elsewhere", "denied text over a junction")),
        (Switches(shows_hidden_rows=True), ("hidden row",)),
        (Switches(shows_hidden_rows=True), ("hidden row elsewhere",)),
        (Switches(shows_hidden_rows=True), ("hidden row over a junction",)),
    ],
    ids=str,
)
def test_the_prober_sees_what_a_decision_would_show(switches: Switches, differences: tuple[str, ...]) -> None:
    assert _notices(type("Seeing", (Prober,), {"switches": switches, "differences": differences}))


@pytest.mark.parametrize("differences", [("masked text", "masked date"), ("masked key without match",)], ids=str)
def test_the_prober_sees_what_the_guard_keeps_back(
    monkeypatch: pytest.MonkeyPatch, differences: tuple[str, ...]
) -> None:
    def yes(*_: Any) -> guard.Ruling:
        return guard.Ruling.YES

    monkeypatch.setattr(guard, "_ruling", yes)
    monkeypatch.setattr(guard, "_tells_more", lambda *_: False)
    monkeypatch.setattr("gateway.planning.read_plan.check_groups", lambda plan: None)
    assert _notices(type("Unguarded", (Prober,), {"differences": differences}))
