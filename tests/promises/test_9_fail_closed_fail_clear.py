"""Promise 9: bad input gets a 4xx that names fault and fix; a sick source a 502 or 504 naming the dataset."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from gateway.demo.prepare import Demo
from tests.town import Town, build, edited_bundle, edited_settings

MARKET = "market-regulation.business?select=name,capital&legal_person_id=eq."
PURPOSE = "low-income-verification"
NOTHING_SHOWN = ("Traceback", "sqlite", "SELECT", "/tmp", "127.0.0.1", 'File "')


def _problem(text: str) -> dict[str, str]:
    for word in NOTHING_SHOWN:
        assert word not in text
    problem: dict[str, str] = json.loads(text)
    assert problem["hint"]
    assert problem["receipt"]
    return problem


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("community.nosuch", 404, "GW202"),
        ("nosuch.nosuch", 404, "GW202"),
        ("community.need?select=nosuch", 403, "GW201"),
        ("community.need?need_kind=oops.x", 400, "GW110"),
        ("community.need?need_kind=eq", 400, "GW110"),
        ("community.need?or=(need_kind.eq.x", 400, "GW110"),
        ("community.need?lives_alone=is.maybe", 400, None),
        ("community.need?select=name&limit=-1", 400, None),
        ("community.need?select=name&limit=x", 400, None),
        ("community.need?select=name&order=name.sideways", 400, None),
        ("community.need?need_no=in.(" + ",".join(map(str, range(1001))) + ")", 400, "GW111"),
    ],
)
def test_bad_questions_are_told_what_is_wrong(town: Town, question: str, status: int, code: str | None) -> None:
    answer = town.ask("grid-worker", question, "home-visit")
    assert answer.status == status, answer.text
    problem = _problem(answer.text)
    assert code is None or problem["gateway_code"] == code


def _damaged(folder: Path, text: bytes) -> None:
    for name in ("ledger.db",):
        (folder / "city" / name).write_bytes(text)


def test_a_source_file_of_rubbish_is_named_by_dataset_only(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    _damaged(fresh_demo.folder, b"this is no database" * 1000)
    town = serve(fresh_demo)
    answer = town.ask("grid-worker", "community.need?select=name", "home-visit")
    assert answer.status == 502
    problem = _problem(answer.text)
    assert "community.need" in problem["message"]
    assert town.entry_of(answer)["outcome"] == "failed"


def test_a_missing_source_file_is_unavailable(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    (fresh_demo.folder / "city" / "ledger.db").unlink()
    town = serve(fresh_demo)
    answer = town.ask("grid-worker", "community.need?select=name", "home-visit")
    assert answer.status == 502
    _problem(answer.text)
    others = town.ask("grid-worker", "public-security.resident?select=name&limit=1", "home-visit")
    assert others.status == 200, "one sick source leaves the others alone"


@contextmanager
def _silent_server() -> Iterator[int]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.close()
        for connection in kept:
            connection.close()


def _point_market_to(demo: Demo, port: int) -> None:
    text = demo.settings.read_text(encoding="utf-8")
    demo.settings.write_text(text.replace(f"127.0.0.1:{demo.market_port}", f"127.0.0.1:{port}"), encoding="utf-8")


def test_a_source_that_never_answers_is_a_504_in_time(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    with _silent_server() as port:
        _point_market_to(fresh_demo, port)
        edited_settings(fresh_demo, "\n[timeouts]\nsource = 1.0\ntotal = 2.0\n")
        town = serve(fresh_demo)
        began = time.monotonic()
        answer = town.ask("civil-officer", MARKET + town.demo.summary.low_income_member.id_number, PURPOSE)
        assert answer.status == 504
        assert time.monotonic() - began < 5
        assert "market-regulation.business" in _problem(answer.text)["message"]


def test_a_source_that_is_down_is_a_502(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        _point_market_to(fresh_demo, probe.getsockname()[1])
        town = serve(fresh_demo)
        answer = town.ask("civil-officer", MARKET + town.demo.summary.low_income_member.id_number, PURPOSE)
    assert answer.status == 502
    _problem(answer.text)


def test_a_broken_bundle_is_refused_with_file_and_line_and_the_old_one_stays(
    tmp_path: Path, city: Demo, serve: Callable[[Demo], Town]
) -> None:
    bundle = edited_bundle(tmp_path, {})
    town = serve(build(tmp_path / "town", city=city.folder / "city", bundle=bundle))
    before = town.get("/readyz", {}).json()["policy"]
    rules = sorted((bundle / "rules").glob("*.csv"))[0]
    good = rules.read_text(encoding="utf-8")
    rules.write_text(
        good + "p, XX1, role:nobody-knows, app:any, ds:community.need, show, pur:home-visit, cn, *, , , , Deny,\n"
    )

    headers = town.headers("officer", "policy-administration")
    with httpx2.Client(base_url=town.url, trust_env=False) as client:
        refused = client.post("/policy/reload", headers=headers)
        assert refused.status_code == 422
        assert f"rules/{rules.name}:{good.count(chr(10)) + 1}" in refused.json()["message"]
        assert town.get("/readyz", {}).json()["policy"] == before
        assert town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").status == 200
        rules.write_text(good + "# mended\n", encoding="utf-8")
        taken = client.post("/policy/reload", headers=headers)
        assert taken.status_code == 200, taken.text
        assert client.post("/policy/reload", headers=town.headers("grid-worker", "home-visit")).status_code == 403
    assert town.get("/readyz", {}).json()["policy"] != before


def test_a_defect_says_nothing_but_that(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        msg = "the value was 13800001111"
        raise RuntimeError(msg)

    monkeypatch.setattr("gateway.pipeline.render", broken)
    answer = town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    assert answer.status == 500
    problem = _problem(answer.text)
    assert problem["gateway_code"] == "GW901"
    assert "13800001111" not in answer.text
    assert "13800001111" not in json.dumps(town.entry_of(answer))
