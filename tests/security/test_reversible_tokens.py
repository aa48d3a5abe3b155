"""Tokens and shifted dates over the whole road: what leaves, what the log keeps, and that no person leaks."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from gateway.demo.ask import get
from gateway.demo.prepare import Demo
from gateway.masks.token import Token
from gateway.model.ids import PurposeId
from gateway.settings import load_settings
from tests.key_rings import ring_of
from tests.town import Town, build, edited_bundle

_RULE = "field:public-security.resident.{}, show, pur:home-visit, cn, *, , , , allow, level={}"
ASK = "public-security.resident?select=id_number,phone,birth_date,name&order=name&limit=40"


@pytest.fixture
def tokens(tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]) -> Town:
    """The town with the grid worker's ID numbers, telephones and birth dates at the level `token`."""
    bundle = tmp_path / "bundle"
    edits = {}
    for number, field in ((13, "birth_date"), (14, "phone"), (16, "id_number")):
        old = f"C0{number}, role:community/grid-worker, app:any, " + _RULE.format(field, "partial")
        edits[field] = (old, old.replace("level=partial", "level=token"))
    edited = edited_bundle(bundle, {"rules/community.csv": edits["birth_date"]})
    rules = edited / "rules" / "community.csv"
    text = rules.read_text(encoding="utf-8")
    for old, new in (edits["phone"], edits["id_number"]):
        assert old in text
        text = text.replace(old, new)
    rules.write_text(text, encoding="utf-8")
    return serve(build(tmp_path / "town", city=city.folder / "city", bundle=edited))


def _texts(rows: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """The rows; a cell that is no text is NULL here."""
    return [{name: str(cell or "") for name, cell in row.items()} for row in rows]


def test_tokens_leave_and_turn_back_with_the_key_that_the_log_names(tokens: Town) -> None:
    answer = tokens.ask("grid-worker", ASK, "home-visit")
    rows = _texts(answer.rows())
    assert len(rows) > 20
    entry = tokens.entry_of(answer)
    assert entry["detail"] == "token key 1"
    keys = ring_of(load_settings(tokens.demo.settings))
    of_purpose = keys.mask_keys(PurposeId("home-visit"))
    assert of_purpose.token_version == 1
    log = tokens.log.read_bytes() + tokens.log.with_name(tokens.log.name + "-wal").read_bytes()
    for row in rows:
        token = row["id_number"]
        assert re.fullmatch(r"\d{17}[\dX]|\d{15}|\*\*\*", token)
        if token == "***":
            continue
        person = Token(shape="id_number").turn_back(token, of_purpose.token)
        assert person is not None
        assert person != token
        assert keys.subject_hash(person) in entry["subjects"]  # type: ignore[operator]
        assert token.encode() not in log
        assert person.encode() not in log
        assert row["phone"] == "" or re.fullmatch(r"1[3-9]\d{9}|\*\*\*", row["phone"])
        born = person[6:14] if len(person) == 18 else f"19{person[6:12]}"
        if row["birth_date"] not in {"", "***"}:
            moved = date.fromisoformat(row["birth_date"]) - date(int(born[:4]), int(born[4:6]), int(born[6:]))
            assert 0 < abs(moved.days) <= 180


def test_one_row_and_a_stream_give_the_tokens_of_the_list(tokens: Town) -> None:
    """Few values and many take two ways; the log of each batch names the key."""
    listed = {
        row["name"] + row["birth_date"]: row for row in _texts(tokens.ask("grid-worker", ASK, "home-visit").rows())
    }
    one = _texts(tokens.ask("grid-worker", ASK.replace("limit=40", "limit=1"), "home-visit").rows())
    assert [listed[row["name"] + row["birth_date"]] for row in one] == one
    headers = {**tokens.headers("grid-worker", "home-visit"), "accept": "application/x-ndjson"}
    streamed = tokens.get(f"/data/{ASK}", headers)
    assert _texts([json.loads(line) for line in streamed.text.splitlines()]) == list(listed.values())
    assert {entry["detail"] for entry in tokens.entries() if entry["outcome"] == "released"} == {"token key 1"}


def test_an_answer_without_tokens_names_no_key(town: Town) -> None:
    answer = town.ask("grid-worker", "public-security.resident?select=name&limit=1", "home-visit")
    assert town.entry_of(answer)["detail"] == ""


def test_a_token_can_not_be_filtered_sorted_or_grouped_by(tokens: Town) -> None:
    for query in (
        "select=name&id_number=like.33*",
        "select=name&order=id_number",
        "select=id_number,count()",
        "select=name&birth_date=gt.1990-01-01",
        "select=name&order=birth_date",
    ):
        answer = tokens.ask("grid-worker", f"public-security.resident?{query}", "home-visit")
        assert answer.status == 403, query


def test_what_a_token_key_takes_with_it_is_counted_in_the_log(tokens: Town) -> None:
    assert tokens.ask("grid-worker", ASK, "home-visit").status == 200
    told = get(tokens.askers["officer"], "/keys/token/1/loss", purpose="policy-administration")
    answers = [entry for entry in tokens.entries() if entry["detail"] == "token key 1"]
    assert len(answers) >= 1
    assert json.loads(told.text)["count"] == len(answers)
