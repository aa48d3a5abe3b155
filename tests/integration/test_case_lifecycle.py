"""The life of a case over HTTP: opened, approved by somebody else, used, extended, read, closed."""

import sqlite3
from typing import Any

import httpx2

from tests.town import Town

PURPOSE = "vaccination-transport"
QUESTION = "health.appointment?select=name,pickup_address"


def _call(town: Town, person: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        return client.request(method, path, json=body, headers=town.headers(person, PURPOSE))


def _passenger(town: Town) -> str:
    with sqlite3.connect(f"file:{town.demo.folder / 'city' / 'health.db'}?mode=ro", uri=True) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            if len(columns) > 9:
                row = connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
                return next(cell for cell in row if isinstance(cell, str) and len(cell) == 18 and cell[:17].isdigit())
    raise AssertionError


def _opened(town: Town, subject: str, hours: int = 24) -> str:
    opened = _call(
        town, "transport-worker", "POST", "/cases", {"subjects": [subject], "app": "dispatch", "hours": hours}
    )
    assert opened.status_code == 201, opened.text
    return str(opened.json()["case"])


def test_a_case_is_opened_approved_read_extended_used_and_closed(town: Town) -> None:
    subject = _passenger(town)
    case = _opened(town, subject)
    assert town.ask("driver", QUESTION, PURPOSE, case=case).code == "GW205"
    assert _call(town, "health-officer", "POST", f"/cases/{case}/extend", {"hours": 1}).status_code == 409
    assert _call(town, "health-officer", "POST", f"/cases/{case}/approve").status_code == 200
    assert town.ask("driver", QUESTION, PURPOSE, case=case).status == 200

    for person in ("transport-worker", "health-officer", "driver"):
        read = _call(town, person, "GET", f"/cases/{case}")
        assert read.status_code == 200, read.text
        assert subject not in read.text
        assert read.json()["state"] == "approved"
        assert read.json()["subjects"]["count"] == 1
    assert case in _call(town, "transport-worker", "GET", "/cases").text
    assert case not in _call(town, "driver", "GET", "/cases").text
    assert _call(town, "grid-worker", "GET", f"/cases/{case}").json()["gateway_code"] == "GW205"

    before = _call(town, "driver", "GET", f"/cases/{case}").json()["expires_at"]
    assert _call(town, "transport-worker", "POST", f"/cases/{case}/extend", {"hours": 1}).status_code == 403
    assert _call(town, "driver", "POST", f"/cases/{case}/extend", {"hours": 1}).status_code == 403
    assert _call(town, "health-officer", "POST", f"/cases/{case}/extend", {"hours": 2160}).status_code == 409
    assert _call(town, "health-officer", "POST", f"/cases/{case}/extend", {"hours": 5}).status_code == 200
    assert _call(town, "driver", "GET", f"/cases/{case}").json()["expires_at"] > before

    assert _call(town, "health-officer", "POST", f"/cases/{case}/close").status_code == 200
    assert town.ask("driver", QUESTION, PURPOSE, case=case).code == "GW205"
    assert _call(town, "health-officer", "POST", f"/cases/{case}/extend", {"hours": 1}).status_code == 409
    details = [entry["detail"] for entry in town.entries() if entry["case"] == case and entry["kind"] == "case"]
    assert {"case approved", "case read", "case extended by 5 h", "case closed"} <= set(details)
