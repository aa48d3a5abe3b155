"""Officers ask, over HTTP, what somebody else would meet and who can use a field; every answer is in the log first."""

from typing import Any

import httpx2
import pytest

from tests.town import Town

QUESTION = "/data/civil-affairs.assistance?select=*"
OFFICER_OF_STREET = {
    "roles": ["street/civil-officer"],
    "app": "street-desk",
    "purpose": "low-income-verification",
    "regions": ["330108001"],
    "assurance": 2,
}


def _explain(
    town: Town, somebody: dict[str, Any], question: str = QUESTION, *, person: str = "officer", **headers: str
) -> httpx2.Response:
    sent = town.headers(person, "policy-administration") | headers
    with httpx2.Client(base_url=town.url, timeout=60, trust_env=False) as client:
        return client.post("/explain", json={"question": question, "as": somebody}, headers=sent)


def _who_can(town: Town, query: str, person: str = "officer") -> httpx2.Response:
    return town.get(f"/who-can?{query}", town.headers(person, "policy-administration"))


def _entry(town: Town, response: httpx2.Response) -> dict[str, object]:
    return town.entries()[int(response.headers["langqiao-receipt"].partition("#")[2].partition(":")[0])]


def test_an_officer_is_told_outcomes_rules_and_where_they_stand(town: Town) -> None:
    response = _explain(town, OFFICER_OF_STREET)
    assert response.status_code == 200, response.text
    told = response.json()
    assert told["fields"]["monthly"]["level"] == "clear"
    # what grants it, and what keeps it from being taken away as a file
    assert told["fields"]["monthly"]["rules"] == ["A012", "G005"]
    assert told["rows"]["filter"] == "community_code under 330108001"
    assert "A003" in told["rows"]["rules"]
    assert "max_rows=100 (purpose:low-income-verification)" in told["obligations"]
    rule = told["rules"]["A012"]
    assert rule["file"] == "rules/civil-affairs.csv"
    assert rule["line"] > 1
    assert rule["text"].startswith("p, A012, role:street/civil-officer, app:any, ds:civil-affairs.assistance, show")
    assert told["refusal"] is None


def test_an_officer_is_told_what_nearly_matched_and_the_cell_that_failed(town: Town) -> None:
    told = _explain(town, OFFICER_OF_STREET).json()
    missed = {miss["rule"]: miss for miss in told["fields"]["monthly"]["near_misses"]}
    assert missed["O033"]["failed"] == "sub"
    assert missed["O033"]["because"] == "role:resident"
    assert missed.keys() <= told["rules"].keys()
    # nobody vouches for this officer's own number: the rule against verifying one's family doesn't apply
    of_rows = {miss["rule"]: miss for miss in told["rows"]["near_misses"]}
    assert of_rows["A005"] == {"rule": "A005", "failed": "cond", "because": "subject.id_number is not null"}
    with_number = _explain(town, OFFICER_OF_STREET | {"id_number": "330102194910010010"}).json()
    assert "A005" in with_number["rows"]["rules"]


def test_the_explanation_is_written_down_and_holds_no_persons_number(town: Town) -> None:
    before = len(town.entries())
    response = _explain(town, OFFICER_OF_STREET | {"id_number": "330102194910010010"})
    assert "330102194910010010" not in response.text
    (entry,) = town.entries()[before:]
    assert entry == _entry(town, response)
    assert entry["kind"] == "explain"
    assert entry["detail"] == (
        "explained civil-affairs.assistance as street/civil-officer in street-desk for low-income-verification"
    )
    assert entry["rows"] == 0
    assert "330102194910010010" not in str(entry)
    assert len(entry["subjects"]) == 1  # type: ignore[arg-type]


def test_several_roles_count_together(town: Town) -> None:
    both = OFFICER_OF_STREET | {"roles": ["resident", "street/civil-officer"]}
    assert _explain(town, both).json()["fields"]["monthly"]["level"] == "clear"
    only = OFFICER_OF_STREET | {"roles": ["resident"]}
    told = _explain(town, only).json()
    assert told["refusal"]["code"] == "GW203"
    assert told["refusal"]["because"] == ["none of the roles is, or is below, street/civil-officer"]
    assert told["fields"] == {}
    chinese = _explain(town, only, **{"accept-language": "zh"}).json()
    assert chinese["refusal"]["because"] == ["所持角色均不属于：street/civil-officer"]


def test_a_case_and_a_moment_can_be_supposed(town: Town) -> None:
    driver = {"roles": ["vendor/vehicles"], "app": "dispatch", "purpose": "vaccination-transport"}
    question = "/data/health.appointment?select=*"
    without = _explain(town, driver, question).json()
    assert without["refusal"]["code"] == "GW206"
    told = _explain(town, driver | {"case": {"subjects": ["330102194910010010"]}}, question).json()
    assert told["refusal"] is None, told["refusal"]
    assert told["rows"]["filter"] == "id_number in (?)"
    late = driver | {"case": {"subjects": ["330102194910010010"]}, "at": "2031-01-01T00:00:00Z"}
    for edge in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        assert _explain(town, late | {"at": edge}, question).json()["refusal"]["code"] == "GW203"
    refusal = _explain(town, late, question).json()["refusal"]
    assert refusal["because"] == ["the purpose stands from 2026-01-01T00:00:00+00:00 until 2029-01-01T00:00:00+00:00"]


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ({"roles": ["street/civil-oficer"]}, "street/civil-officer"),
        ({"app": "street_desk"}, "street-desk"),
        ({"purpose": "low-income-verfication"}, "low-income-verification"),
        ({"regions": ["3301080011"]}, "330108001"),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_probably_meant(
    town: Town, change: dict[str, object], meant: str
) -> None:
    response = _explain(town, OFFICER_OF_STREET | change)
    assert response.status_code == 422
    problem = response.json()
    assert problem["gateway_code"] == "GW210"
    assert meant in problem["hint"]
    assert _entry(town, response)["kind"] == "refusal"


def test_names_in_the_question_are_checked_too(town: Town) -> None:
    dataset = _explain(town, OFFICER_OF_STREET, "/data/civil-affairs.asistance?select=*")
    assert (dataset.status_code, dataset.json()["gateway_code"]) == (422, "GW210")
    assert "civil-affairs.assistance" in dataset.json()["hint"]
    field = _explain(town, OFFICER_OF_STREET, "/data/civil-affairs.assistance?select=montly")
    assert "monthly" in field.json()["hint"]
    assert _explain(town, OFFICER_OF_STREET, "/data/civil-affairs.assistance?select=((").status_code == 400
    assert _explain(town, OFFICER_OF_STREET | {"height": 3}).json()["gateway_code"] == "GW115"


def test_who_can_tells_roles_purposes_levels_and_rules(town: Town) -> None:
    response = _who_can(town, "field=civil-affairs.assistance.monthly")
    assert response.status_code == 200, response.text
    told = response.json()
    assert {(grant["purpose"], grant["app"]) for grant in told["grants"]} == {
        ("low-income-verification", "street-desk"),
        ("own-data", "resident-portal"),
        ("statistics", "statistics-desk"),
    }
    statistics = next(grant for grant in told["grants"] if grant["purpose"] == "statistics")
    assert statistics["levels"] == ["redact"]
    assert statistics["roles"]["groups"] == [{"role": "district/analyst", "below": 0}]
    assert statistics["certain"] is True
    assert statistics["rows"] == "sometimes"
    assert told["rules"]["S030"]["file"] == "rules/statistics.csv"
    entry = _entry(town, response)
    assert (entry["kind"], entry["detail"]) == ("explain", "who can show civil-affairs.assistance.monthly: 3 grants")
    named = _who_can(town, "field=civil-affairs.assistance.monthly&purpose=statistics&use=aggregate").json()
    assert [grant["purpose"] for grant in named["grants"]] == ["statistics"]


def test_who_can_agrees_with_the_explanation_of_the_same_person(town: Town) -> None:
    """Each listed grant, asked as somebody with it, sees the field at a listed level."""
    told = _who_can(town, "field=public-security.resident.phone").json()
    assert told["count"] == len(told["grants"]) > 3
    for grant in told["grants"]:
        somebody = {
            "roles": [grant["roles"]["groups"][0]["role"]],
            "app": grant["app"],
            "purpose": grant["purpose"],
            "regions": ["330108001"],
            "assurance": 3,
            "id_number": "330102194910010010",
            "justification": "an elderly person does not answer the door",
        }
        if "case" in grant["needs"]:
            somebody["case"] = {"subjects": ["330102194910010010"]}
        explained = _explain(town, somebody, "/data/public-security.resident?select=*").json()
        assert explained["fields"]["phone"]["level"] in grant["levels"]


def test_who_can_is_paged_with_a_count(town: Town) -> None:
    whole = _who_can(town, "field=public-security.resident.phone").json()
    page = _who_can(town, "field=public-security.resident.phone&offset=1&limit=2").json()
    assert page["count"] == whole["count"]
    assert page["grants"] == whole["grants"][1:3]
    assert page["rules"].keys() < whole["rules"].keys()


@pytest.mark.parametrize(
    ("query", "status", "hint"),
    [
        ("field=civil-affairs.assistance.montly", 422, "monthly"),
        ("field=civil-affairs.asistance.monthly", 422, "civil-affairs.assistance"),
        ("field=civil-affairs.assistance.monthly&purpose=statistic", 422, "statistics"),
        ("field=civil-affairs.assistance.monthly&use=look", 422, ""),
        ("field=monthly", 422, ""),
        ("", 422, ""),
    ],
)
def test_who_can_refuses_what_it_does_not_know(town: Town, query: str, status: int, hint: str) -> None:
    response = _who_can(town, query)
    assert response.status_code == status
    assert hint in response.json()["hint"]


def test_who_may_explain_is_itself_asked_backwards(town: Town) -> None:
    (grant,) = _who_can(town, "field=langqiao.policy.explanation&use=write").json()["grants"]
    assert grant["purpose"] == "policy-administration"
    assert grant["app"] == "admin-desk"
    assert grant["roles"]["groups"] == [{"role": "security/officer", "below": 0}]
    assert grant["rules"] == ["O013"]


EMBEDDING = "/data/public-security.resident?select=name,needs(phone,visits:shoes())"


def test_embeds_are_explained_with_the_question(town: Town) -> None:
    somebody = {
        "roles": ["community/grid-worker"],
        "app": "community-desk",
        "purpose": "home-visit",
        "regions": ["3301"],
    }
    question = "/data/public-security.resident?select=name,household(address),needs(phone)"
    told = _explain(town, somebody, question).json()
    assert told["refusal"] is None
    assert {link: inner["dataset"] for link, inner in told["embeds"].items()} == {
        "household": "public-security.household",
        "needs": "community.need",
    }
    assert told["embeds"]["needs"]["fields"]["phone"]["level"] == "partial"
    assert _explain(town, somebody, EMBEDDING).json()["embeds"] == {}  # what is refused explains no more
