"""Two cities that differ in one hidden value give one answer, to the byte, whatever is asked.

The questions are texts of the read grammar, the sources real SQLite files; a question may be refused, but then in both
cities alike. With any line of the guard switched off, the same search finds a question that tells the cities apart.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from gateway.model.decision import Decision
from gateway.model.ids import FieldName
from gateway.model.predicate import EVERYTHING, Under
from gateway.model.query import FieldUse
from gateway.planning import guard
from tests.unit.query.small_town import FIELDS
from tests.unit.query.whole_road import ROWS, City, Stored, decide, run

# Each hidden value of the first row, and another that looks the same behind the mask `partial`.
OTHER: Final[dict[str, Any]] = {
    "name": "李四",
    "phone": "13899995678",
    "level": "2",
    "monthly": 43050,
    "since": "20201231",
    "alone": "N",
    "seen": "2025-06-01 12:00:00",
}
_LITERALS: Final[dict[str, list[str]]] = {
    "no": ["1", "3"],
    "name": ["张三", "李四", "*三"],
    "phone": ["13812345678", "13899995678", "138*", "*99*", "1385"],
    "street": ["330102001", "3301*"],
    "level": ["甲", "乙", "*"],
    "monthly": ["650", "430.50", "500"],
    "since": ["2020-01-01", "2020-12-31", "2020-06-01"],
    "alone": ["true", "false"],
    "seen": ["2026-01-01", "2025-06-01T12:00:00Z", "2025-09-01"],
    "shoes": ["1"],
}
_COMPARED: Final = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "isdistinct", "eq(any)", "gt(all)"]
_TEXTS: Final = {"name", "phone", "street", "level"}


@st.composite
def conditions(draw: st.DrawFn, field: str) -> str:
    """`[not.]operator.value`, now and then one that doesn't fit the type."""
    fit = ["eq", "in"] if field == "alone" else [*_COMPARED, "like", "ilike"] if field in _TEXTS else _COMPARED
    operator = draw(st.sampled_from([*fit * 3, "is", "like"]))
    literals = st.sampled_from([*_LITERALS[field] * 5, "x"])
    match operator:
        case "in":
            value = f"({draw(literals)},{draw(literals)})"
        case "eq(any)" | "gt(all)":
            value = f"{{{draw(literals)},{draw(literals)}}}"
        case "is":
            value = draw(st.sampled_from(["null", "not_null", "true"] if field == "alone" else ["null", "not_null"]))
        case _:
            value = draw(literals)
    return f"{draw(st.sampled_from(['', '', 'not.']))}{operator}.{value}"


@st.composite
def questions(draw: st.DrawFn, hidden: str, weight: int = 6) -> str:
    """A text of the grammar that likes to speak of the hidden field, the more the greater the weight."""
    fields = st.sampled_from([*[hidden] * weight, *["no", "street"] * 4, *FIELDS, "shoes"])
    member = fields.flatmap(lambda field: conditions(field).map(lambda condition: f"{field}.{condition}"))
    trees = st.recursive(
        member,
        lambda inner: st.builds(
            lambda word, terms: f"{word}({','.join(terms)})",
            st.sampled_from(["and", "or", "not.and", "not.or"]),
            st.lists(inner, min_size=1, max_size=2),
        ),
        max_leaves=3,
    )
    parts: list[str] = []
    if draw(st.booleans()):
        added = draw(st.sampled_from([hidden, hidden, "no"]))
        functions = [f"b:{added}.sum()", f"c:{added}.avg()"] * 2 if added in {"no", "monthly"} else []
        functions += ["count()", f"a:{added}.count()", f"d:{added}.min()", f"e:{added}.max()"]
        keys = draw(st.sampled_from([[], [hidden], ["street"], ["street", hidden], [draw(fields)]]))
        wanted = draw(st.lists(st.sampled_from(functions), min_size=1, max_size=2, unique=True))
        parts.append("select=" + ",".join([*keys, *wanted]))
        orders = draw(st.sampled_from([[], keys]))
    else:
        chosen = draw(st.lists(fields, min_size=1, max_size=3, unique=True))
        parts.append("select=" + draw(st.sampled_from(["*", ",".join(chosen), "*,x:" + chosen[0]])))
        orders = draw(st.lists(fields, max_size=2, unique=True))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        if draw(st.booleans()):
            field = draw(fields)
            parts.append(f"{field}={draw(conditions(field))}")
        else:
            tree = draw(st.lists(trees, min_size=1, max_size=2))
            parts.append(f"{draw(st.sampled_from(['and', 'or', 'not.and', 'not.or']))}=({','.join(tree)})")
    if orders:
        parts.append(
            "order=" + ",".join(field + draw(st.sampled_from(["", ".desc", ".nullsfirst"])) for field in orders)
        )
    page = draw(st.sampled_from(["", "limit=1", "limit=2&offset=1", "offset=3"]))
    return "&".join([*parts, page]) if page else "&".join(parts)


@st.composite
def decisions(draw: st.DrawFn, hidden: str, *, is_plain: bool = False) -> Decision:
    """Anything may be granted of the other fields; of the hidden one its mask, or nothing.

    `is_plain`: all of the others is clear, the hidden one is masked.
    """
    others = st.sampled_from(["clear"] if is_plain else [*["clear"] * 10, "partial", "denied"])
    levels = {str(name): draw(others) for name in FIELDS}
    levels[hidden] = draw(st.sampled_from(["partial", "partial", "partial", "denied"][: 1 if is_plain else 4]))
    grants = {
        str(name): draw(st.frozensets(st.sampled_from([FieldUse.MATCH, FieldUse.AGGREGATE])))
        for name in FIELDS
        if name != hidden
    }
    return decide(
        levels,
        granted=grants,
        rows=draw(st.sampled_from([*[EVERYTHING] * 5, *[Under(FieldName("street"), ("330102001",))] * 5, None])),
        obligations=draw(st.sampled_from([[], [], [], ["k=2"], ["k=2"], ["k=2"], ["max_rows=2"]])),
    )


@dataclass(frozen=True, slots=True)
class Probe:
    hidden: str
    text: str
    decision: Decision
    is_pushed: bool


probes = st.sampled_from(sorted(OTHER)).flatmap(
    lambda hidden: st.builds(Probe, st.just(hidden), questions(hidden), decisions(hidden), st.booleans())
)


class Cities:
    """A city, and for each field its twin with another value there."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.first = City(folder, "first")
        self.twins = {name: City(folder, f"other-{name}", [_changed(name), *ROWS[1:]]) for name in OTHER}

    def are_told_apart(self, probe: Probe) -> bool:
        answers = [
            run(self.runner, city, probe.text, probe.decision, is_pushed=probe.is_pushed)
            for city in (self.first, self.twins[probe.hidden])
        ]
        return answers[0] != answers[1]

    def close(self) -> None:
        for city in (self.first, *self.twins.values()):
            self.runner.run(city.source.close())
        self.runner.close()


def _changed(name: str) -> Stored:
    cells: list[Any] = list(ROWS[0])
    cells[list(FIELDS).index(FieldName(name))] = OTHER[name]
    return cast("Stored", tuple(cells))


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cities]:
    found = Cities(tmp_path_factory.mktemp("cities"))
    yield found
    found.close()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(probe=probes)
def test_a_hidden_value_never_changes_the_answer(cities: Cities, probe: Probe) -> None:
    assert not cities.are_told_apart(probe)


@pytest.mark.parametrize("hidden", sorted(OTHER))
def test_the_cities_do_differ_for_whoever_may_see(cities: Cities, hidden: str) -> None:
    assert cities.are_told_apart(Probe(hidden, f"select={hidden}&no=eq.1", decide(), is_pushed=True))


@pytest.mark.parametrize("hidden", sorted(OTHER))
def test_the_two_values_look_alike_behind_the_mask(cities: Cities, hidden: str) -> None:
    probe = Probe(hidden, "select=*&no=eq.1", decide({hidden: "partial"}), is_pushed=True)
    assert not cities.are_told_apart(probe)


@pytest.mark.parametrize("use", [FieldUse.MATCH, FieldUse.FILTER, FieldUse.SORT, FieldUse.GROUP, FieldUse.AGGREGATE])
def test_with_one_line_of_the_guard_switched_off_the_search_finds_a_difference(
    cities: Cities, monkeypatch: pytest.MonkeyPatch, use: FieldUse
) -> None:
    line = guard.TABLE[use]._replace(masked=guard.Ruling.YES)
    monkeypatch.setattr(guard, "TABLE", MappingProxyType({**guard.TABLE, use: line}))
    searching = settings(
        max_examples=3_000, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    # one field, of which most can be asked, so that the test is quick
    hidden = "monthly"
    asking = st.builds(Probe, st.just(hidden), questions(hidden, 2), decisions(hidden, is_plain=True), st.booleans())
    # raises NoSuchExample where the search is blind and would not notice a guard that fails
    assert cities.are_told_apart(find(asking, cities.are_told_apart, settings=searching))
