"""The gateway's own state on a real PostgreSQL: the same road, the same log, read as a dataset and verified."""

import json
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from gateway.administration import Apps, create_ring
from gateway.app import utc_now
from gateway.audit import verify_log
from gateway.demo.prepare import Demo
from gateway.demo.scenes import transport
from gateway.demo.telling import Teller
from gateway.settings import load_settings
from gateway.store import open_state
from tests.key_rings import ring_of
from tests.postgres_server import postgres_server
from tests.town import Town


@pytest.fixture
def moved(fresh_demo: Demo) -> Iterator[tuple[Demo, str]]:
    """A town whose state is on PostgreSQL instead of SQLite."""
    with postgres_server() as server:
        url = server.fresh_database()
        text = fresh_demo.settings.read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("state_url"))
        fresh_demo.settings.write_text(text.replace(line, f"state_url = {json.dumps(url)}"), encoding="utf-8")
        people = fresh_demo.folder / "people.json"
        content = json.loads(people.read_text(encoding="utf-8"))
        state = open_state(url)
        try:
            create_ring(load_settings(fresh_demo.settings).keys, state, utc_now)
            content["app_keys"] = {app: Apps(state).create_key(app, utc_now()) for app in content["app_keys"]}
        finally:
            state.close()
        people.write_text(json.dumps(content), encoding="utf-8")
        yield fresh_demo, url


def test_the_whole_road_runs_on_postgresql(moved: tuple[Demo, str], serve: Callable[[Demo], Town]) -> None:
    demo, url = moved
    town = serve(demo)
    person = demo.summary.lonely_elder.id_number
    asked = town.ask("grid-worker", f"community.need?select=name,phone&id_number=eq.{person}", "home-visit")
    assert len(asked.rows()) >= 1
    assert town.ask("grid-worker", "community.need?select=name&phone=like.1*", "home-visit").code == "GW401"
    transport(1, Teller(Console(quiet=True), town.askers, {name: name for name in town.askers}), demo)
    seen = town.ask(
        "reviewer", f"langqiao.access?select=entry,principal,at,dataset&subject=eq.{person}", "compliance-review"
    )
    assert [row["principal"] for row in seen.rows()] == ["grid-worker"]
    settings = load_settings(demo.settings)
    vkey = ring_of(settings).log_signer(settings.audit.origin).vkey
    result = verify_log(url, vkey)
    assert result.is_sound, result.text("en")
    assert result.size >= 8
