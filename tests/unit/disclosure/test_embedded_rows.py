"""Rows within rows: keys of several parts, in batches; and obligations that bind an embed's dataset."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation, Decision
from gateway.spi import Capabilities
from tests.memory_connector import ALL, NONE
from tests.properties import prober_town
from tests.properties.prober_town import PLAIN, Switches, told


def ask(question: str, claims: Capabilities = ALL, accept: str = "application/json") -> tuple[object, ...]:
    return told(PLAIN, question, {"accept": accept}, claims, Switches())


def rows(question: str, claims: Capabilities = ALL) -> object:
    body = ask(question, claims)[0]
    assert isinstance(body, bytes), body
    return json.loads(body)


def bind(monkeypatch: pytest.MonkeyPatch, dataset: str, obligations: Sequence[str]) -> None:
    """Obligations on everything that is asked of the dataset."""
    plain = prober_town.decision_on

    def decided(name: str, switches: Switches) -> Decision:
        specs = [ObligationSpec(name=text.partition("=")[0], value=text.partition("=")[2]) for text in obligations]
        bound = tuple(BoundObligation(spec=spec, origin="T1") for spec in specs)
        decision = plain(name, switches)
        return replace(decision, obligations=bound) if name == dataset else decision

    monkeypatch.setattr(prober_town, "decision_on", decided)


@pytest.mark.parametrize("claims", [ALL, NONE], ids=["pushed", "here"])
def test_keys_of_several_parts_join_whole_in_every_batch(claims: Capabilities) -> None:
    # two keys a batch; the parts of three keys mixed would find rows that belong to none
    assert rows("police.member?select=person_no,club_no,visits(no)&order=person_no,club_no", claims) == [
        {"person_no": 1, "club_no": 1, "visits": [{"no": 1}, {"no": 4}]},
        {"person_no": 1, "club_no": 2, "visits": [{"no": 2}]},
        {"person_no": 2, "club_no": 2, "visits": []},
        {"person_no": 9, "club_no": 1, "visits": []},
    ]
    assert rows("police.member?select=person_no,visits(count())&order=person_no,club_no", claims) == [
        {"person_no": 1, "visits": [{"count": 2}]},
        {"person_no": 1, "visits": [{"count": 1}]},
        {"person_no": 2, "visits": [{"count": 0}]},
        {"person_no": 9, "visits": [{"count": 0}]},
    ]


@pytest.mark.parametrize("claims", [ALL, NONE], ids=["pushed", "here"])
def test_null_belongs_to_nothing(claims: Capabilities) -> None:
    assert rows("police.visit?select=no,member(person_no)&no=gte.3&order=no", claims) == [
        {"no": 3, "member": None},
        {"no": 4, "member": {"person_no": 1}},
        {"no": 5, "member": None},
    ]
    assert rows("police.visit?select=no,member()&member=is.null&order=no", claims) == [{"no": 3}, {"no": 5}]
    assert rows("police.visit?select=no,member!inner()&order=no.desc", claims) == [{"no": 4}, {"no": 2}, {"no": 1}]


def test_an_embed_is_cut_for_each_row() -> None:
    question = "police.person?select=no,grants(no)&grants.order=no.desc&grants.limit=1&order=no&limit=2"
    assert rows(question) == [{"no": 1, "grants": [{"no": 2}]}, {"no": 2, "grants": [{"no": 3}]}]
    assert rows(question + "&grants.offset=1") == [{"no": 1, "grants": [{"no": 1}]}, {"no": 2, "grants": []}]


def test_groups_within_rows_are_of_k_and_not_found_by_paging(monkeypatch: pytest.MonkeyPatch) -> None:
    bind(monkeypatch, "aid.grant", ["k=2"])
    of_one = "police.person?select=no,grants(count())&no=eq.1"
    assert rows(of_one) == [{"no": 1, "grants": [{"count": 2}]}]
    assert ask("police.person?select=no,grants(count())&no=eq.2")[0] == "GW402"  # a group of one
    assert ask("police.person?select=no,grants(count())&no=eq.3")[0] == "GW402"  # and one of none
    assert ask("police.person?select=no,grants(no)&no=eq.1")[0] == "GW403"  # rows themselves
    small = "police.person?select=no,grants(level,count())&no=eq.1"
    refused = {ask(small)[0], *(ask(f"{small}&grants.limit={limit}")[0] for limit in (0, 1))}
    assert refused == {"GW402"}


def test_the_most_rows_bind_an_embed_over_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bind(monkeypatch, "aid.grant", ["max_rows=2"])
    assert len(str(rows("police.person?select=no,grants(no)&order=no&limit=1"))) > 2
    for accept in ("application/json", "application/x-ndjson"):  # in batches of two rows
        assert ask("police.person?select=no,grants(no)&order=no", accept=accept)[0] == "GW405"
