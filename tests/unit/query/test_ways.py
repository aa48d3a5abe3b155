"""Which links an embed's name may mean, and how many are tried."""

from dataclasses import replace

from gateway.model.catalog import Catalog, Link
from gateway.model.ids import DatasetName, FieldName
from gateway.model.query import BoundQuery
from gateway.query import bind
from gateway.query._links import MOST_WAYS_IN_ALL, ways_to
from tests.unit.query.small_town import CATALOG, DATASET, LIMITS, PURPOSE, read

_ON = ((FieldName("name"), FieldName("name")),)


def _linked(names: list[str]) -> Catalog:
    """The person's dataset with links to itself, each under a name of its own."""
    links = {name: Link(name=name, to=DATASET.name, on=_ON, one=False) for name in names}
    return replace(CATALOG, datasets={DatasetName(DATASET.name): replace(DATASET, links=links)})


def _levels(bound: BoundQuery) -> int:
    return 1 + sum(_levels(embed.question) for embed in bound.embeds)


def test_a_links_own_name_leaves_all_others_out() -> None:
    catalog = _linked(["person", "twin", "neighbour"])
    dataset = catalog.datasets[DATASET.name]
    assert [way.name for way in ways_to(dataset, "person", None, catalog)] == ["person"]
    assert len(ways_to(dataset, "aid.person", None, catalog)) == 3
    assert [way.name for way in ways_to(dataset, "aid.person", "twin", catalog)] == ["twin"]
    assert ways_to(dataset, "aid.person", "nobody", catalog) == ()


def test_ways_within_ways_do_not_multiply_without_end() -> None:
    catalog = _linked([f"l{number}" for number in range(8)])
    deep = "select=no," + "aid.person(no," * 4 + "aid.person(no)" + ")" * 4
    limits = LIMITS.model_copy(update={"select_items": 50})
    bound = bind(read(deep, limits=limits), catalog, PURPOSE, None)
    assert _levels(bound) <= 1 + MOST_WAYS_IN_ALL
