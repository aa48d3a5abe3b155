"""Turns over HTTP: an app whose questions hang fills its own row, and every other app is answered."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from gateway.demo.prepare import Demo
from tests.town import Town, edited_settings

PURPOSE = "low-income-verification"
MARKET = "/data/market-regulation.business?select=name&legal_person_id=eq."


def test_an_app_that_asks_too_much_at_once_is_refused_and_keeps_nobody_waiting(
    fresh_demo: Demo, serve: Callable[[Demo], Town]
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent, ThreadPoolExecutor(3) as pool:
        text = fresh_demo.settings.read_text(encoding="utf-8")
        port = silent.getsockname()[1]
        text = text.replace(f"127.0.0.1:{fresh_demo.market_port}", f"127.0.0.1:{port}")
        fresh_demo.settings.write_text(text, encoding="utf-8")
        edited_settings(fresh_demo, "\n[turns]\nat_once = 1\nshared = 1\nwaiting = 1\n")
        town = serve(fresh_demo)
        headers = town.headers("civil-officer", PURPOSE)
        question = MARKET + town.demo.summary.low_income_member.id_number
        asked = [pool.submit(town.get, question, headers) for _ in range(3)]
        first, others = wait(asked, timeout=60, return_when=FIRST_COMPLETED)  # one has the place, and one waits for it
        (refused,) = [one.result() for one in first]
        elsewhere = town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
        assert elsewhere.status == 200, "another app"
        silent.close()  # nobody has to wait for the source's own limit
        hung = [one.result() for one in others]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "5"
    problem = refused.json()
    assert problem["gateway_code"] == "GW118"
    assert problem["receipt"], "it is in the log"
    assert [answer.status_code for answer in hung] in ([502, 502], [504, 502], [502, 504], [504, 504])
    codes = [entry["code"] for entry in town.entries() if entry["dataset"] or entry["code"]]
    assert codes.count("GW118") == 1
    assert json.dumps(town.entries()[-1])  # the log goes on
