"""The log's desk over HTTP: compliance searches, each search is an entry, and a resident reads why."""

import base64
import json
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app as command
from gateway.demo.ask import Answer, get, post
from tests.town import Town

REVIEW = "compliance-review"
OWN_DATA = "public-security.resident?select=name,address"


@pytest.fixture(scope="module")
def desk(town: Town) -> Town:
    """A town in which something has happened: the resident read their own data, somebody was refused."""
    for _ in range(3):
        assert town.ask("resident", OWN_DATA, "own-data").status == 200
    assert town.ask("reviewer", OWN_DATA, REVIEW).status == 404
    return town


def search(
    town: Town, who: str = "reviewer", purpose: str = REVIEW, path: str = "/audit/search", **asked: Any
) -> Answer:
    return post(town.askers[who], path, asked, purpose=purpose)


def found(answer: Answer) -> Any:
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def resident_id(town: Town) -> str:
    """The resident's own number, as the demo's issuer vouches for it."""
    payload = town.askers["resident"].token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(next(value for value in claims.values() if isinstance(value, str) and len(value) == 18))


def test_a_search_tells_what_an_entry_tells_and_nobody_that_it_is_about(desk: Town) -> None:
    told = found(search(desk, dataset="public-security.resident", outcome=["released", "refused"], limit=2))
    assert len(told["entries"]) == 2
    one = told["entries"][0]
    bodies = desk.entries()
    body = bodies[one["index"]]
    for name in ("kind", "principal", "app", "organisation", "purpose", "case", "dataset", "rows", "outcome", "code"):
        assert one[name] == body[name], name
    assert one["fields"] == {each["field"]: each["level"] for each in body["fields"]}
    assert one["legal_basis"] == body["legal_basis"]
    assert one["receipt"].partition("#")[2].startswith(f"{one['index']}:")
    assert one["persons"] == len(body["subjects"])
    assert "same_person" not in one
    shown = found(search(desk, dataset="public-security.resident", limit=1, same_person=True))
    assert shown["entries"][0]["same_person"] == body["subjects"]


def test_pages_follow_one_another_in_both_orders(desk: Town) -> None:
    until = desk.entries()[min(150, len(desk.entries()) - 1)]["at"]  # others may have written hundreds to this log
    asked: dict[str, Any] = {"kind": ["read", "refusal"], "until": until}
    for order in ("newest", "oldest"):
        whole = [each["index"] for each in found(search(desk, **asked, order=order, limit=200))["entries"]]
        assert whole
        paged: list[int] = []
        cursor: str | None = None
        while True:
            page = found(search(desk, **asked, order=order, limit=1, cursor=cursor))
            paged += [each["index"] for each in page["entries"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert paged == whole
        assert whole == sorted(whole, reverse=order == "newest")


def test_each_search_is_an_entry_with_its_literals_hidden(desk: Town) -> None:
    number = resident_id(desk)
    answer = search(desk, principal="worker-of-whom-nobody-knows", resident=number, since="2020-01-01T00:00:00Z")
    entry = desk.entry_of(answer)
    assert (entry["kind"], entry["outcome"], entry["purpose"]) == ("log-read", "done", REVIEW)
    assert entry["detail"] == "log search: principal=? resident=? since=?; newest first: 0 shown"
    assert len(entry["subjects"]) == 1  # type: ignore[arg-type]
    raw = json.dumps(desk.entries(), ensure_ascii=False)
    assert number not in raw
    assert "worker-of-whom-nobody-knows" not in raw


def test_everyone_who_looked_at_a_resident(desk: Town) -> None:
    told = found(search(desk, path="/audit/who-looked", resident=resident_id(desk), kind="read"))
    mine = [each for each in told["lookers"] if each["purpose"]["id"] == "own-data"]
    assert len(mine) == 1
    assert mine[0]["entries"] >= 3
    assert mine[0]["first"] < mine[0]["last"]
    assert {"field": "public-security.resident.name", "levels": ["clear"]} in mine[0]["fields"]
    assert mine[0]["purpose"]["title"]["zh"]
    assert mine[0]["legal_basis"]
    # the question is an entry about the same person, so that they find it as well
    again = found(search(desk, path="/audit/who-looked", resident=resident_id(desk), kind="log-read"))
    assert any(each["purpose"]["id"] == REVIEW for each in again["lookers"])


def test_timeline_and_heat_map_count_what_a_search_finds(desk: Town) -> None:
    principal = found(search(desk, dataset="public-security.resident", kind="read", limit=1))["entries"][0]["principal"]
    asked = {"principal": principal, "kind": "read"}
    listed = found(search(desk, **asked, limit=200))["entries"]
    for by in ("hour", "day"):
        told = found(search(desk, path="/audit/timeline", by=by, **asked))
        assert told["entries"] == len(listed) == sum(part["entries"] for part in told["parts"])
    for columns in ("hour", "weekday", "day"):
        heat = found(search(desk, path="/audit/heatmap", columns=columns, **asked))
        assert [row["principal"] for row in heat["rows"]] == [principal]
        assert sum(heat["rows"][0]["entries"]) == heat["entries"] == len(listed)


def test_a_resident_reads_who_looked_and_why_and_no_workers_name(desk: Town) -> None:
    found(search(desk, path="/audit/who-looked", resident=resident_id(desk)))
    answer = get(desk.askers["resident"], "/audit/own", purpose="own-data")
    entries = found(answer)["entries"]
    assert entries
    assert {"principal", "case", "subject", "roles"}.isdisjoint(entries[0])
    own = next(each for each in entries if each["dataset"]["id"] == "public-security.resident")
    assert own["purpose"]["title"] == {"zh": own["purpose"]["title"]["zh"], "en": own["purpose"]["title"]["en"]}
    assert own["purpose"]["controller"]["zh"]
    assert own["purpose"]["legal_basis"][0]["en"]
    assert own["dataset"]["department"]["zh"]
    assert own["fields"][0]["title"]["zh"]
    assert own["fields"][0]["level_title"]["zh"]
    assert any(each["purpose"]["id"] == REVIEW for each in entries)
    reviewer = desk.entry_of(search(desk, limit=1))["principal"]
    assert str(reviewer) not in answer.text
    entry = desk.entry_of(answer)
    assert (entry["kind"], entry["dataset"]) == ("log-read", "langqiao.access")
    last = entries[-1]["entry"]
    older = get(desk.askers["resident"], f"/audit/own?before={last}", purpose="own-data")
    assert all(each["entry"] < last for each in found(older)["entries"])


@pytest.mark.parametrize("path", ["/audit/search", "/audit/timeline", "/audit/heatmap", "/audit/who-looked"])
@pytest.mark.parametrize(("who", "purpose"), [("officer", "policy-administration"), ("resident", "own-data")])
def test_nobody_else_searches_the_log(desk: Town, path: str, who: str, purpose: str) -> None:
    answer = search(desk, who, purpose, path, resident=resident_id(desk))
    assert answer.status == 403
    entry = desk.entry_of(answer)
    assert entry["outcome"] == "refused"


def test_without_credentials_nothing_is_told(desk: Town) -> None:
    with httpx2.Client(base_url=desk.url, trust_env=False) as client:
        for path in ("/audit/search", "/audit/timeline", "/audit/heatmap", "/audit/who-looked"):
            assert client.post(path, json={}).status_code == 401
        assert client.get("/audit/own").status_code == 401


BAD: list[tuple[dict[str, Any], str]] = [
    ({"cursor": "A" * 32}, "GW615"),
    ({"cursor": ""}, "GW615"),
    ({"cursor": "é" * 32}, "GW615"),
    ({"cursor": "A" * 33}, "GW615"),
    ({"since": "2026-11-24T00:00:00Z", "until": "2026-11-23T00:00:00Z"}, "GW614"),
    ({"since": "2026-11-24T00:00:00Z", "until": "2026-11-24T00:00:00Z"}, "GW614"),
    ({"principal": ["x"] * 51}, "GW614"),
    ({"principal": ["x"] * 25, "app": ["y"] * 26}, "GW614"),
    ({"principal": "x" * 1_001}, "GW614"),
    ({"principal": "x" * 10_000}, "GW614"),
    ({"field": "no-field"}, "GW614"),
    ({"field": "a.b.c=d=e"}, "GW614"),
    ({"limit": 0}, "GW614"),
    ({"limit": 201}, "GW614"),
    ({"resident": "330102"}, "GW614"),
    ({"resident": "330102194910010011"}, "GW614"),
    ({"principal": "11010519491231002X"}, "GW614"),
    ({"case": "c-１１０１０５１９４９１２３１００２ｘ"}, "GW614"),
    ({"nothing": "x"}, "GW115"),
    ({"since": "2026-11-24T00:00:00"}, "GW115"),
    ({"principal": 7}, "GW115"),
    ({"order": "sideways"}, "GW115"),
]


@pytest.mark.parametrize(("asked", "code"), BAD, ids=[json.dumps(asked)[:60] for asked, _ in BAD])
def test_bad_input_is_refused_and_never_repeated(desk: Town, asked: dict[str, Any], code: str) -> None:
    answer = search(desk, **asked)
    assert (answer.status, answer.code) == (422 if code == "GW115" else 400, code)
    for value in asked.values():
        if isinstance(value, str) and len(value) > 17:
            assert value not in answer.text


def test_limits_are_what_they_say(desk: Town) -> None:
    assert search(desk, principal=["x"] * 50, limit=200).status == 200
    assert search(desk, principal="x" * 1_000, limit=1).status == 200
    limits: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("/audit/heatmap", {"top": 50, "offset_hours": 14}, 200),
        ("/audit/heatmap", {"top": 51}, 400),
        ("/audit/heatmap", {"offset_hours": 15}, 400),
        ("/audit/timeline", {"offset_hours": -12}, 200),
        ("/audit/timeline", {"offset_hours": -13}, 400),
        ("/audit/who-looked", {}, 400),
    )
    for path, asked, status in limits:
        assert search(desk, path=path, **asked).status == status, (path, asked)


def test_odd_text_finds_nothing_and_breaks_nothing(desk: Town) -> None:
    for odd in ("a\x00b", "'; DROP TABLE audit_entry; --", "%", "_", "\u2028", "😀", ""):
        told = found(search(desk, case=odd, principal="nobody"))
        assert told == {"entries": [], "cursor": None}
    headers = desk.headers("reviewer", REVIEW) | {"content-type": "application/json"}
    with httpx2.Client(base_url=desk.url, trust_env=False) as client:
        lone = client.post("/audit/search", headers=headers, content=b'{"principal": "\\ud800"}')
        assert lone.status_code == 400
        twice = client.post("/audit/search", headers=headers, content=b'{"principal": "a", "principal": {}}')
        assert twice.status_code == 422


def test_a_cursor_serves_its_own_search_only(desk: Town) -> None:
    cursor = found(search(desk, kind="read", limit=1))["cursor"]
    assert search(desk, kind="read", limit=2, cursor=cursor).status == 200
    others: tuple[dict[str, Any], ...] = (
        {"kind": "refusal"},
        {"kind": "read", "order": "oldest"},
        {"kind": "read", "until": "2090-01-01T00:00:00Z"},
        {"kind": "read", "resident": resident_id(desk)},
        {},
    )
    for other in others:
        assert search(desk, **other, limit=1, cursor=cursor).code == "GW615"
    for at in range(0, 32, 5):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        assert search(desk, kind="read", limit=1, cursor=changed).code == "GW615", at


def test_nothing_is_asked_in_the_address(desk: Town) -> None:
    answer = post(desk.askers["reviewer"], "/audit/search?resident=x", {}, purpose=REVIEW)
    assert answer.code == "GW614"


def test_the_commands(desk: Town) -> None:
    common = ["--as", "reviewer", "--folder", str(desk.demo.folder)]
    run = CliRunner()

    def told(*words: str, typed: str | None = None) -> Any:
        done = run.invoke(command, ["audit", *words, *common, "--json"], input=typed)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert told("search", "--kind", "read", "--limit", "1")["entries"][0]["kind"] == "read"
    assert told("timeline", "--kind", "read", "--by", "hour")["entries"] >= 3
    assert told("heatmap", "--kind", "read", "--columns", "weekday")["columns"] == [str(day) for day in range(7)]
    number = resident_id(desk)
    assert told("who-looked", typed=f"{number}\n")["lookers"]
    assert told("search", "--resident", "--kind", "read", typed=f"{number}\n")["entries"]
    shown = run.invoke(command, ["audit", "search", "--kind", "read", "--limit", "1", *common])
    assert shown.exit_code == 0
    assert "more: --cursor" in shown.stderr
    own = run.invoke(command, ["audit", "own", "--as", "resident", "--folder", str(desk.demo.folder)])
    assert own.exit_code == 0, own.output
    assert run.invoke(command, ["audit", "search", "--limit", "1", "--cursor", "x", *common]).exit_code == 1
