"""Clients of PostgREST, unchanged: supabase's for JavaScript and for Python, on a discovered schema and on the city.

What must come is asked of the database itself, never of the gateway.
"""

import csv
import io
import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.city import CIVIL_FILE, LEDGER_FILE, POLICE_FILE
from tests.conformance import city_calls, embed_calls, staging_calls
from tests.conformance.calls import Call, Came, ask_javascript, ask_python, check_error, plain
from tests.conformance.staging import Staging
from tests.town import Town

STAGING_CALLS = (*staging_calls.CALLS, *embed_calls.CALLS)

FILES = {"police": POLICE_FILE, "civil": CIVIL_FILE, "ledger": LEDGER_FILE}


def _told(calls: tuple[Call, ...]) -> list[object]:
    assert len({call.id for call in calls}) == len(calls)
    return [pytest.param(call, id=call.id) for call in calls]


@pytest.fixture(scope="session")
def javascript_staging(staging_gateway: Staging) -> dict[str, Came]:
    """Every call, asked once by one process of Node."""
    return ask_javascript(staging_gateway.url, STAGING_CALLS, [staging_gateway.headers] * len(STAGING_CALLS))


def _check_staging(staging: Staging, call: Call, came: Came) -> None:
    if call.error is not None:
        check_error(came, call.error)
        return
    assert came.error is None, came.error
    if call.rows is not None:
        assert plain(came.data) == plain(staging.rows(call.rows))
    elif call.one is not None:
        assert plain(came.data) == plain(next(iter(staging.rows(call.one)), None))
    elif call.whole is not None:
        assert plain(came.data) == plain(staging.scalar(call.whole))
    elif call.text is not None:
        assert came.data == staging.csv(call.text)
    if call.count is not None:
        assert came.count == staging.scalar(call.count)
    if call.is_counted:
        assert isinstance(came.count, int)


@pytest.mark.parametrize("call", _told(STAGING_CALLS))
def test_javascript_on_a_discovered_schema(
    call: Call, staging_gateway: Staging, javascript_staging: dict[str, Came]
) -> None:
    _check_staging(staging_gateway, call, javascript_staging[call.id])


@pytest.mark.parametrize("call", _told(STAGING_CALLS))
def test_python_on_a_discovered_schema(call: Call, staging_gateway: Staging) -> None:
    _check_staging(staging_gateway, call, ask_python(staging_gateway.url, call, staging_gateway.headers))


# ------------------------------------------------------------------ the city
@pytest.fixture(scope="session")
def javascript_city(town: Town) -> dict[str, Came]:
    """Every call, asked once by one process of Node."""
    calls = [_placed(town, call) for call in city_calls.CALLS]
    headers = [town.headers(call.person, call.purpose) for call in calls]
    return ask_javascript(f"{town.url}/data", calls, headers)


def _placed(town: Town, call: Call) -> Call:
    """The call with the places of this city in its filters."""
    steps = json.loads(_there(town, json.dumps(call.steps, ensure_ascii=False)))
    return replace(call, steps=tuple(tuple(step) for step in steps))


def _there(town: Town, text: str) -> str:
    summary = town.demo.summary
    places = {"{home}": summary.lonely_elder.community_code, "{street}": summary.low_income_member.street_code}
    for mark, code in places.items():
        text = text.replace(mark, code)
    return text


def _asked_of_the_departments(town: Town, query: str) -> list[dict[str, Any]]:
    with sqlite3.connect(":memory:") as connection:
        for name, file in FILES.items():
            connection.execute(f"ATTACH ? AS {name}", [f"{town.demo.folder / 'city' / file}"])
        connection.row_factory = sqlite3.Row
        found = connection.execute(_there(town, query)).fetchall()
    connection.close()
    return [{name: _meant(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118 - a Row is no mapping


def _meant(cell: Any) -> Any:
    is_json = isinstance(cell, str) and (cell in {"true", "false"} or cell[:1] in {"{", "[", '"'})
    return json.loads(cell) if is_json else cell


def _check_city(town: Town, call: Call, came: Came) -> None:
    if call.error is not None:
        check_error(came, call.error)
        return
    assert came.error is None, came.error
    if call.rows is not None:
        assert came.data == _asked_of_the_departments(town, call.rows)
    elif call.one is not None:
        assert came.data == next(iter(_asked_of_the_departments(town, call.one)), None)
    elif call.text is not None:
        wanted = _asked_of_the_departments(town, call.text)
        assert list(csv.DictReader(io.StringIO(came.data))) == [
            {name: str(cell) for name, cell in row.items()} for row in wanted
        ]
    if call.count is not None:
        (row,) = _asked_of_the_departments(town, call.count)
        assert came.count == next(iter(row.values()))


@pytest.mark.parametrize("call", _told(city_calls.CALLS))
def test_javascript_on_the_city(call: Call, town: Town, javascript_city: dict[str, Came]) -> None:
    _check_city(town, call, javascript_city[call.id])


@pytest.mark.parametrize("call", _told(city_calls.CALLS))
def test_python_on_the_city(call: Call, town: Town) -> None:
    came = ask_python(f"{town.url}/data", _placed(town, call), town.headers(call.person, call.purpose))
    _check_city(town, call, came)
