"""Promise 3: each request names one purpose; rules, limits, pseudonyms and the log are bound to it."""

import pytest

from tests.town import Town

QUESTION = "community.need?select=name&limit=1"


def test_a_question_without_a_purpose_is_refused(town: Town) -> None:
    answer = town.ask("grid-worker", QUESTION, None)
    assert (answer.status, answer.code) == (400, "GW204")


@pytest.mark.parametrize("purpose", ["nosuch", "statistics", "any", "normal"])
def test_an_unknown_purpose_and_anothers_purpose_answer_alike(town: Town, purpose: str) -> None:
    answer = town.ask("grid-worker", QUESTION, purpose)
    assert (answer.status, answer.code) == (403, "GW203")


def test_two_purposes_in_one_request_are_none(town: Town) -> None:
    headers = [*town.headers("grid-worker").items(), ("purpose", "home-visit"), ("purpose", "break-glass")]
    answer = town.get("/data/" + QUESTION, headers)  # type: ignore[arg-type] # a list keeps both headers
    assert answer.status_code == 403


def test_the_entry_states_purpose_and_legal_basis(town: Town) -> None:
    entry = town.entry_of(town.ask("grid-worker", QUESTION, "home-visit"))
    assert entry["purpose"] == "home-visit"
    assert any("第" in str(basis) for basis in entry["legal_basis"])  # type: ignore[attr-defined]


def test_rules_of_one_purpose_do_not_serve_another(town: Town) -> None:
    visit = town.ask("grid-worker", "community.need?select=need_kind&limit=1", "home-visit")
    outreach = town.ask("grid-worker", "community.need?select=need_kind&limit=1", "vaccination-outreach")
    assert visit.status == 200
    assert outreach.status in {403, 404}
