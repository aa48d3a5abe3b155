"""Aggregates with embeds: within each row, and groups made of a to-one embed's fields; pushed down or not."""

import json

import pytest

from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.properties.prober_town import PLAIN, Switches, told

_ANSWERS = {
    "aid.grant?select=count(),...person(district)": [
        {"count": 2, "district": "1"},
        {"count": 1, "district": "2"},
        {"count": 1, "district": None},
    ],
    "aid.grant?select=level,no.sum(),...person!inner(district)&order=level.desc": [
        {"level": "B", "sum": 2, "district": "1"},
        {"level": "A", "sum": 1, "district": "1"},
        {"level": "A", "sum": 3, "district": "2"},
    ],
    "aid.grant?select=...person(no.sum())": [{"sum": 4}],
    "aid.grant?select=...person(n:no::text,count())&person.district=eq.1": [
        {"n": "1", "count": 2},
        {"n": None, "count": 2},
    ],
    "police.person?select=no,grants(count(),no.max())&order=no&limit=2": [
        {"no": 1, "grants": [{"count": 2, "max": 2}]},
        {"no": 2, "grants": [{"count": 1, "max": 3}]},
    ],
    "police.person?select=no,grants(count)&order=no.desc&limit=1": [{"no": 4, "grants": [{"count": 0}]}],
    "police.person?select=no,grants(level,count())&grants.order=level.desc&grants.limit=1&limit=1": [
        {"no": 1, "grants": [{"level": "B", "count": 1}]}
    ],
    "police.person?select=no,club(title,count())&limit=2": [
        {"no": 1, "club": [{"title": "chess", "count": 1}]},
        {"no": 2, "club": []},
    ],
    "police.person?select=no,club(count())&limit=2": [
        {"no": 1, "club": [{"count": 1}]},
        {"no": 2, "club": [{"count": 0}]},
    ],
}


@pytest.mark.parametrize("claims", [ALL, NONE], ids=["pushed", "here"])
@pytest.mark.parametrize(("question", "wanted"), list(_ANSWERS.items()))
def test_groups(question: str, wanted: list[object], claims: Capabilities) -> None:
    body = told(PLAIN, question, {}, claims, Switches())[0]
    assert isinstance(body, bytes), body
    assert json.loads(body) == wanted


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("aid.grant?select=count(),person(district)", "GW110"),  # not spread
        ("aid.grant?select=count(),...person(*)", "GW110"),
        ("aid.grant?select=count(),...person(district)&person.limit=1", "GW110"),
        ("aid.grant?select=count(),...person(district)&order=person(district)", "GW110"),
        ("aid.grant?select=count(),...person(district)&order=district", "GW110"),  # no key of this level
        ("police.person?select=no,club(count())&club.order=title", "GW110"),
        ("police.person?select=count(),...grants(level)", "GW213"),  # several for each
        ("aid.grant?select=count(),...person(phone)", "GW401"),  # masked
        ("aid.grant?select=...person(phone.max())", "GW401"),
        ("aid.grant?select=count(),...person(x:data->>a)", "GW401"),
        ("aid.grant?select=count(),...person(balance)", "GW201"),  # denied
        ("aid.grant?select=count(),...person(shoes)", "GW201"),  # unknown
    ],
)
def test_what_groups_are_not_made_of(question: str, code: str) -> None:
    assert told(PLAIN, question, {}, ALL, Switches())[0] == code
