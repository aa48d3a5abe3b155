"""A purpose's limits a day, asked for over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path

from gateway.demo.prepare import Demo
from tests.town import Town, build, edited_bundle

QUESTION = "community.need?select=name&limit=3"


def _limited(tmp_path: Path, city: Demo, limit: str, serve: Callable[[Demo], Town]) -> Town:
    bundle = edited_bundle(
        tmp_path,
        {"purposes.yaml": ('  matches_per_day: 50\n  obligations: ["max_rows=200"]', f"  {limit}")},
    )
    return serve(build(tmp_path / "town", city=city.folder / "city", bundle=bundle))


def test_rows_a_day_end_and_the_refused_answer_is_not_counted(
    tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]
) -> None:
    town = _limited(tmp_path, city, "rows_per_day: 5", serve)
    assert town.ask("grid-worker", QUESTION, "home-visit").status == 200
    refused = town.ask("grid-worker", QUESTION, "home-visit")
    assert refused.status == 429
    assert json.loads(refused.text)["gateway_code"] == "GW405"
    entry = town.entry_of(refused)
    assert (entry["rows"], entry["subjects"], entry["outcome"]) == (0, [], "refused")
    assert town.ask("grid-worker", QUESTION.replace("3", "2"), "home-visit").status == 200
    assert town.ask("grid-worker", QUESTION.replace("3", "1"), "home-visit").status == 429
    assert town.ask("transport-worker", QUESTION, "home-visit").status == 200


def test_the_same_people_again_are_not_more_people(tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]) -> None:
    town = _limited(tmp_path, city, "subjects_per_day: 3", serve)
    for _ in range(3):
        assert town.ask("grid-worker", QUESTION + "&order=need_no", "home-visit").status == 200
    other = town.ask("grid-worker", "community.need?select=name&order=need_no&limit=1&offset=5", "home-visit")
    assert other.status == 429
