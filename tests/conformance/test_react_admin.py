"""react-admin's data provider for PostgREST, unchanged, on a discovered schema: the four ways in which it reads."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.calls import plain, run_node
from tests.conformance.staging import DEPARTMENT, Staging

_KEYS = {
    "roles": ["film_id", "actor_id"],
    "nominations": ["film_id", "competition_id"],
    "technical_specs": ["film_id"],
    "screenings": ["cinema", "hall", "begins_at"],
}
_FIRST = {"page": 1, "perPage": 3}
_BY_ID = {"field": "id", "order": "ASC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`rows` is SQL of what comes (for getOne the only row), `total` of how many there are."""

    id: str
    method: str
    resource: str
    parameters: dict[str, Any]
    rows: str
    total: str | None = None


READINGS = (
    Reading(
        id="list",
        method="getList",
        resource="actors",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {}},
        rows="SELECT * FROM actors ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM actors",
    ),
    Reading(
        id="list-second-page",
        method="getList",
        resource="actors",
        parameters={"pagination": {"page": 2, "perPage": 3}, "sort": _BY_ID, "filter": {}},
        rows="SELECT * FROM actors ORDER BY id LIMIT 3 OFFSET 3",
        total="SELECT count(*) FROM actors",
    ),
    Reading(
        id="list-descending",
        method="getList",
        resource="directors",
        parameters={"pagination": _FIRST, "sort": {"field": "born", "order": "DESC"}, "filter": {}},
        rows="SELECT * FROM directors ORDER BY born DESC LIMIT 3",
        total="SELECT count(*) FROM directors",
    ),
    Reading(
        id="list-filter",
        method="getList",
        resource="addresses",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {"city": "Hangzhou"}},
        rows="SELECT * FROM addresses WHERE city = 'Hangzhou' ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM addresses WHERE city = 'Hangzhou'",
    ),
    Reading(
        id="list-filter-with-operator",
        method="getList",
        resource="orders",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {"amount@gt": 75, "name@like": "ee"}},
        rows="SELECT * FROM orders WHERE amount > 75 AND name LIKE '%ee%' ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM orders WHERE amount > 75 AND name LIKE '%ee%'",
    ),
    Reading(
        id="list-words",
        method="getList",
        resource="actors",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {"last_name@ilike": "a"}},
        rows="SELECT * FROM actors WHERE last_name ILIKE '%a%' ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM actors WHERE last_name ILIKE '%a%'",
    ),
    Reading(
        id="list-columns",
        method="getList",
        resource="films",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {}, "meta": {"columns": ["id", "title"]}},
        rows="SELECT id, title FROM films ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM films",
    ),
    Reading(
        id="list-embed",
        method="getList",
        resource="films",
        parameters={
            "pagination": _FIRST,
            "sort": _BY_ID,
            "filter": {},
            "meta": {"columns": ["id", "directors(last_name)"]},
        },
        rows="SELECT id, (SELECT json_build_object('last_name', d.last_name) FROM directors d "
        "WHERE d.id = f.director_id) AS directors FROM films f ORDER BY id LIMIT 3",
        total="SELECT count(*) FROM films",
    ),
    Reading(
        id="list-nulls-last",
        method="getList",
        resource="orders",
        parameters={
            "pagination": _FIRST,
            "sort": {"field": "amount", "order": "DESC"},
            "filter": {},
            "meta": {"nullslast": True},
        },
        rows="SELECT * FROM orders ORDER BY amount DESC NULLS LAST LIMIT 3",
        total="SELECT count(*) FROM orders",
    ),
    Reading(
        id="list-two-part-key",
        method="getList",
        resource="roles",
        parameters={"pagination": _FIRST, "sort": _BY_ID, "filter": {}},
        rows="SELECT json_build_array(film_id, actor_id)::text AS id, * FROM roles ORDER BY film_id, actor_id LIMIT 3",
        total="SELECT count(*) FROM roles",
    ),
    Reading(
        id="one", method="getOne", resource="actors", parameters={"id": 2}, rows="SELECT * FROM actors WHERE id = 2"
    ),
    Reading(
        id="one-two-part-key",
        method="getOne",
        resource="roles",
        parameters={"id": "[3,4]"},
        rows="SELECT json_build_array(film_id, actor_id)::text AS id, * FROM roles WHERE film_id = 3 AND actor_id = 4",
    ),
    Reading(
        id="one-other-key",
        method="getOne",
        resource="technical_specs",
        parameters={"id": 2},
        rows="SELECT film_id AS id, * FROM technical_specs WHERE film_id = 2",
    ),
    Reading(
        id="many",
        method="getMany",
        resource="directors",
        parameters={"ids": [1, 3, 5]},
        rows="SELECT * FROM directors WHERE id IN (1, 3, 5) ORDER BY id",
    ),
    Reading(
        id="many-two-part-key",
        method="getMany",
        resource="roles",
        parameters={"ids": ["[1,1]", "[8,5]"]},
        rows="SELECT json_build_array(film_id, actor_id)::text AS id, * FROM roles "
        "WHERE (film_id, actor_id) IN ((1, 1), (8, 5)) ORDER BY film_id",
    ),
    Reading(
        id="many-reference",
        method="getManyReference",
        resource="orders",
        parameters={
            "target": "billing_address_id",
            "id": 1,
            "pagination": _FIRST,
            "sort": {"field": "amount", "order": "DESC"},
            "filter": {},
        },
        rows="SELECT * FROM orders WHERE billing_address_id = 1 ORDER BY amount DESC LIMIT 3",
        total="SELECT count(*) FROM orders WHERE billing_address_id = 1",
    ),
    Reading(
        id="many-reference-filter",
        method="getManyReference",
        resource="roles",
        parameters={
            "target": "film_id",
            "id": 3,
            "pagination": _FIRST,
            "sort": {"field": "actor_id", "order": "ASC"},
            "filter": {"character@not.is": "null"},
        },
        rows="SELECT json_build_array(film_id, actor_id)::text AS id, * FROM roles "
        "WHERE film_id = 3 AND character IS NOT NULL ORDER BY actor_id LIMIT 3",
        total="SELECT count(*) FROM roles WHERE film_id = 3 AND character IS NOT NULL",
    ),
)


@pytest.fixture(scope="session")
def read(staging_gateway: Staging) -> dict[str, dict[str, Any]]:
    """Every reading, by one process of Node."""
    told = [
        {
            "url": staging_gateway.url,
            "headers": staging_gateway.headers,
            "schema": DEPARTMENT,
            "keys": _KEYS,
            "method": reading.method,
            "resource": reading.resource,
            "parameters": reading.parameters,
        }
        for reading in READINGS
    ]
    return {reading.id: came for reading, came in zip(READINGS, run_node("react_admin.mjs", told), strict=True)}


@pytest.mark.parametrize("reading", [pytest.param(reading, id=reading.id) for reading in READINGS])
def test_the_provider_reads(reading: Reading, staging_gateway: Staging, read: dict[str, dict[str, Any]]) -> None:
    came = read[reading.id]
    assert came["error"] is None, came["error"]
    wanted = staging_gateway.rows(reading.rows)
    for row in wanted:
        if isinstance(row.get("id"), str):
            row["id"] = row["id"].replace(" ", "")
    assert plain(came["data"]) == plain(wanted[0] if reading.method == "getOne" else wanted)
    if reading.total is not None:
        assert came["total"] == staging_gateway.scalar(reading.total)
