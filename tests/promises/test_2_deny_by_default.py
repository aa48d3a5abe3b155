"""Promise 2: a field that no rule allows does not exist for the asker."""

import json
from collections.abc import Callable
from pathlib import Path

from gateway.demo.prepare import Demo
from tests.town import Town, build, edited_bundle


def test_a_new_column_without_a_rule_is_neither_shown_nor_named(
    tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]
) -> None:
    # the same source column under a new name, class and term that no rule speaks of
    bundle = edited_bundle(
        tmp_path,
        {
            "catalog/community.yaml": (
                "    fields:\n",
                "    fields:\n      secret: {column: LXDH, type: text, class: core, title: {zh: 秘, en: Secret}}\n",
            )
        },
    )
    column = _phone_column(bundle)
    path = bundle / "catalog" / "community.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("column: LXDH", f"column: {column}", 1), encoding="utf-8")
    town = serve(build(tmp_path / "town", city=city.folder / "city", bundle=bundle))
    everything = town.ask("grid-worker", "community.need?select=*&limit=1", "home-visit")
    assert everything.status == 200
    assert "secret" not in everything.rows()[0]
    named = town.ask("grid-worker", "community.need?select=secret&limit=1", "home-visit")
    unknown = town.ask("grid-worker", "community.need?select=nosuch&limit=1", "home-visit")
    assert named.status == unknown.status == 403
    assert _body(named.text, "secret") == _body(unknown.text, "nosuch")


def test_a_role_without_rules_for_a_dataset_finds_it_as_absent_as_an_unknown_one(town: Town) -> None:
    hidden = town.ask("grid-worker", "environment.complaint?select=*", "home-visit")
    unknown = town.ask("grid-worker", "environment.nothing?select=*", "home-visit")
    assert hidden.status == unknown.status == 404
    assert _body(hidden.text, "environment.complaint") == _body(unknown.text, "environment.nothing")


def test_an_explanation_does_not_tell_of_a_dataset_that_is_not_the_askers(town: Town) -> None:
    hidden = town.ask("grid-worker", "environment.complaint?select=*", "home-visit", explain=True)
    unknown = town.ask("grid-worker", "environment.nothing?select=*", "home-visit", explain=True)
    assert hidden.status == unknown.status == 404
    assert _body(hidden.text, "environment.complaint") == _body(unknown.text, "environment.nothing")


def test_an_explanation_does_not_tell_a_denied_field_from_an_unknown_one(town: Town) -> None:
    denied = town.ask("grid-worker", "public-security.resident?select=name,ethnicity", "home-visit", explain=True)
    unknown = town.ask("grid-worker", "public-security.resident?select=name,shoe_size", "home-visit", explain=True)
    assert denied.text.replace("ethnicity", "NAME") == unknown.text.replace("shoe_size", "NAME")


def test_the_catalogue_lists_only_what_the_asker_may_use(town: Town) -> None:
    told = town.get("/catalog", town.headers("grid-worker", "home-visit")).json()
    names = {dataset["dataset"] for dataset in told["datasets"]}
    assert "community.need" in names
    assert not any(name.startswith(("environment.", "langqiao.")) for name in names)


def _phone_column(bundle: Path) -> str:
    text = (bundle / "catalog" / "community.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("phone:"))
    return line.split("column:")[1].split(",")[0].strip()


def _body(text: str, name: str) -> dict[str, object]:
    problem: dict[str, object] = json.loads(text.replace(name, "NAME"))
    return {key: value for key, value in problem.items() if key not in {"trace_id", "receipt"}}
