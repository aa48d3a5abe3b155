"""Sick sources seen from outside: answers, readiness, metrics and `source test`, over the town's own gateway."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from gateway.cli.commands import app
from gateway.demo.prepare import Demo
from tests.town import Town, edited_settings

MARKET = "market-regulation.business?select=name&legal_person_id=eq."
LIMITS = """
[sources.market-api.resilience]
failures = 2
window = 2
open_seconds = 60
"""


def test_a_source_that_is_down_is_left_alone_told_everywhere_and_does_not_turn_the_gateway_unready(
    fresh_demo: Demo, serve: Callable[[Demo], Town], tmp_path: Path
) -> None:
    token = tmp_path / "metrics-token"
    token.write_text("m3trics\n")
    demo = edited_settings(fresh_demo, LIMITS)
    text = demo.settings.read_text(encoding="utf-8")
    demo.settings.write_text(
        text.replace("[telemetry]\n", f'[telemetry]\nmetrics_token_file = "{token}"\n'), encoding="utf-8"
    )
    town = serve(replace(demo, market_token="no longer"))
    question = MARKET + demo.summary.low_income_member.id_number
    found = [town.ask("civil-officer", question, "low-income-verification") for _ in range(4)]
    assert [answer.status for answer in found] == [502, 502, 503, 503]
    assert ["GW507" in answer.text for answer in found] == [True, True, False, False]
    assert "GW506" in found[3].text
    assert "market-regulation.business" in found[3].text
    assert "127.0.0.1" not in found[3].text
    ready = town.get("/readyz", {})
    assert ready.status_code == 200
    told = ready.json()
    assert told["sources"]["market-api"] == "GW506"
    assert told["sources"]["civil-db"] == "ok"
    assert told["circuits"]["market-api"]["circuit"] == "open"
    assert set(told["circuits"]) == {"market-api"}
    for sent in ({}, {"authorization": "Bearer wrong"}, {"authorization": "m3trics"}):
        assert town.get("/metrics", sent).status_code == 404
    metrics = town.get("/metrics", {"authorization": "Bearer m3trics"})
    assert metrics.status_code == 200
    assert 'langqiao_source_circuit{circuit="open",source="market-api"} 1.0' in metrics.text
    assert 'langqiao_source_circuit{circuit="closed",source="civil-db"} 1.0' in metrics.text
    assert 'langqiao_source_questions_total{outcome="failed",source="market-api"} 2.0' in metrics.text
    assert not re.search(r"127\.0\.0\.1|3301", metrics.text)


def test_source_test_tells_an_administrator_in_both_languages(town: Town) -> None:
    settings = str(town.demo.settings)
    found = CliRunner().invoke(app, ["source", "test", "market-api", "civil-db", "-s", settings])
    assert found.exit_code == 0, found.output
    assert "a row reads as promised" in found.output
    assert "可连接" in found.output
    assert "done at the source" in found.output
    strict = CliRunner().invoke(app, ["source", "test", "market-api", "-s", settings, "--strict"])
    assert strict.exit_code == 1  # plain HTTP
    unknown = CliRunner().invoke(app, ["source", "test", "nosuch", "-s", settings])
    assert unknown.exit_code == 2
    assert "市" not in re.sub(r"数据|配置", "", unknown.output)


def test_source_test_ends_with_1_where_something_does_not_work(fresh_demo: Demo) -> None:
    text = fresh_demo.settings.read_text(encoding="utf-8")
    fresh_demo.settings.write_text(text.replace('\nfile = "', '\nfile = "gone-', 1), encoding="utf-8")
    found = CliRunner().invoke(app, ["source", "test", "police-db", "-s", str(fresh_demo.settings)])
    assert found.exit_code == 1
    assert "can't be opened as a database" in found.output
    assert "→" in found.output
    fresh_demo.settings.write_text(text.replace("token_file", "token_env", 1), encoding="utf-8")
    found = CliRunner().invoke(app, ["source", "test", "market-api", "-s", str(fresh_demo.settings)])
    assert found.exit_code == 1
    assert "does not lead to a readable" in found.output
