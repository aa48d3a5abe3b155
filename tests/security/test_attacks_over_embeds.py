"""Each way in which a hidden value could be learned over an embed, a cast, a path or a long answer: none tells it.

Two towns differ in one hidden thing (tests/properties/prober_town.py); an attack is a question whose answers would
differ if it worked. What is refused must be refused alike in both, and for the same reason as without the difference.
"""

import pytest

from gateway.planning import guard
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.properties.prober_town import APART, PLAIN, Switches, told

_ATTACKS = {
    "filter by a masked field of an embed": (
        "masked number elsewhere", "police.person?select=no,grants(no)&grants.amount=gt.10",
    ),
    "negated filter": ("masked number elsewhere", "police.person?select=no,grants(no)&grants.amount=not.eq.1"),
    "bisection": ("masked number elsewhere", "police.person?select=no,grants!inner(no)&grants.amount=lt.500"),
    "having by inner embed": (
        "masked number elsewhere", "police.person?select=no,grants!inner()&grants.or=(amount.lt.10,no.eq.99)",
    ),
    "order of embedded rows": (
        "masked number elsewhere", "police.person?select=no,grants(no)&grants.order=amount.desc&grants.limit=1",
    ),
    "order by an embedded field": ("masked text", "aid.grant?select=no,person(no)&order=person(phone)"),
    "group within an embed": ("masked number elsewhere", "police.person?select=no,grants(amount,count())"),
    "extreme within an embed": ("masked number elsewhere", "police.person?select=no,grants(amount.max())"),
    "count of hidden embedded rows": ("hidden row elsewhere", "police.person?select=no,grants(count())"),
    "hidden embedded rows as null": ("hidden row elsewhere", "police.person?select=no,grants()&grants=is.null"),
    "hidden row behind an inner embed": ("hidden row", "aid.grant?select=no,person!inner(no)"),
    "hidden row behind a count": ("hidden row", "aid.grant?select=no,person()&person=not.is.null"),
    "hidden row over a junction": ("hidden row over a junction", "police.person?select=no,club(title)"),
    "hidden row counted over a junction": (
        "hidden row over a junction", "police.person?select=no,club!inner()&order=no",
    ),
    "hidden row behind a junction's own rows": (
        "hidden row over a junction", "police.member?select=person_no,club_no,club()&club=is.null",
    ),
    "masked key without match": ("masked key without match", "police.person?select=no,firms(code)"),
    "masked key the other way": ("masked key without match", "market.firm?select=code,owner(no)"),
    "masked key as null filter": ("masked key without match", "police.person?select=no,firms()&firms=is.null"),
    "denied field of an embed": ("denied text elsewhere", "police.person?select=no,grants(note)"),
    "denied field of a spread embed": ("denied number", "aid.grant?select=no,...person(balance)"),
    "everything of an embed": ("denied text elsewhere", "police.person?select=no,grants(*)"),
    "everything of a spread embed": ("denied number", "aid.grant?select=*,...person(*)"),
    "denied field in an embed's tree": (
        "denied text elsewhere", "police.person?select=no,grants(no)&grants.or=(note.eq.a,no.eq.3)",
    ),
    "cast of a masked value": ("masked JSON", "police.person?select=no,data::text"),
    "cast error of a masked value": ("masked text", "police.person?select=no,phone::integer"),
    "cast error within an aggregate": ("masked text", "police.person?select=phone::integer.sum()"),
    "path into a masked value": ("masked JSON", "police.person?select=no,x:data->>a"),
    "path cast within a masked value": ("masked JSON", "police.person?select=no,x:data->>a::integer"),
    "filter by a path": ("masked JSON", "police.person?select=no&data->>a=eq.1"),
    "order by a path": ("masked JSON", "police.person?select=no&order=data->>a"),
    "containment": ("denied array", "police.person?select=no&tags=cs.{a}"),
    "pattern": ("masked text", "police.person?select=no&phone=match.^1381"),
    "search": ("masked text", "police.person?select=no&phone=plfts.13812345678"),
    "list of patterns": ("masked text", "police.person?select=no&phone=like(any).{1381*,x}"),
    "distinct": ("masked text", "police.person?select=no&phone=isdistinct.13812345678"),
    "empty versus missing": ("denied number", "police.person?select=no&balance=eq.1"),
}  # fmt: skip


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
@pytest.mark.parametrize("claims", [ALL, NONE], ids=["pushed", "here"])
@pytest.mark.parametrize("attack", _ATTACKS)
def test_an_attack_learns_nothing(attack: str, claims: Capabilities, accept: str) -> None:
    difference, question = _ATTACKS[attack]
    headers = {"accept": accept, "prefer": "count=exact"}
    one, other = (told(town, question, headers, claims, Switches()) for town in APART[difference])
    assert one == other


@pytest.mark.parametrize("attack", _ATTACKS)
def test_the_attack_would_learn_it_without_the_guard(monkeypatch: pytest.MonkeyPatch, attack: str) -> None:
    monkeypatch.setattr(guard, "_ruling", lambda *_: guard.Ruling.YES)
    monkeypatch.setattr(guard, "_tells_more", lambda *_: False)
    monkeypatch.setattr("gateway.planning.read_plan.check_groups", lambda plan: None)
    seeing = Switches(shows_masked=True, shows_denied=True, shows_hidden_rows=True)
    difference, question = _ATTACKS[attack]
    one, other = (told(town, question, {"prefer": "count=exact"}, ALL, seeing) for town in APART[difference])
    assert one != other


def test_a_hidden_link_and_an_unknown_one_answer_alike() -> None:
    answers = {
        str(told(PLAIN, f"police.person?select=no,{name}(code)", {}, ALL, Switches())).replace(name, "x")
        for name in ("shoes", "nothing")
    }
    assert len(answers) == 1


@pytest.mark.parametrize("offset", range(5))
def test_paging_around_a_limit_counts_no_hidden_row(offset: int) -> None:
    question = f"police.person?select=no&order=no&limit=1&offset={offset}"
    one, other = (told(town, question, {"prefer": "count=exact"}, ALL, Switches()) for town in APART["hidden row"])
    assert one == other
