"""`langqiao policy versions` and `policy export` beside a running gateway: start, reload by API and by hand."""

import json
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from gateway.catalog import bundle_version
from gateway.demo.prepare import Demo
from gateway.settings import load_settings
from tests.commands import process, run
from tests.policies import mark_serving
from tests.town import Town, build, edited_bundle


def test_the_version_of_the_start_and_that_of_a_reload_are_listed_and_come_out_again(
    city: Demo, tmp_path: Path, serve: Callable[[Demo], Town]
) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=edited_bundle(tmp_path, {}))
    town = serve(demo)
    bundle = load_settings(demo.settings).bundle
    first = bundle_version(bundle)
    with (bundle / "terms.yaml").open("a", encoding="utf-8") as file:
        file.write("# another word\n")
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        taken = client.post("/policy/reload", headers=town.headers("officer", "policy-administration"))
    assert taken.status_code == 200, taken.text

    settings = ("--settings", str(demo.settings))
    listed = run("policy", "versions", *settings)
    assert listed.returncode == 0, listed.stderr
    assert re.findall(r"[0-9a-f]{64}", listed.stdout) == [bundle_version(bundle), first]
    for version in (first, bundle_version(bundle)):
        out = tmp_path / version[:8]
        assert run("policy", "export", version, str(out), *settings).returncode == 0
        checked = run("policy", "check", str(out))
        assert checked.returncode == 0, checked.stderr
        assert f"policy {version}" in checked.stdout

    again = run("policy", "export", first, str(tmp_path / first[:8]), *settings)
    assert (again.returncode, "GW703" in again.stderr) == (1, True)
    unknown = run("policy", "export", "f" * 64, str(tmp_path / "none"), *settings)
    assert (unknown.returncode, "GW722" in unknown.stderr) == (1, True)


def test_a_policy_that_cannot_be_kept_is_refused_by_name_and_the_old_one_serves(
    city: Demo, tmp_path: Path, serve: Callable[[Demo], Town]
) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=edited_bundle(tmp_path, {}))
    town = serve(demo)
    before = town.get("/readyz", {}).json()["policy"]
    with sqlite3.connect(town.log) as beside:
        beside.execute("DROP TABLE policy_versions")
    bundle = load_settings(demo.settings).bundle
    with (bundle / "terms.yaml").open("a", encoding="utf-8") as file:
        file.write("# another word\n")
    with httpx2.Client(base_url=town.url, timeout=30, trust_env=False) as client:
        refused = client.post("/policy/reload", headers=town.headers("officer", "policy-administration"))
    assert (refused.status_code, refused.json()["gateway_code"]) == (503, "GW721")
    assert town.get("/readyz", {}).json()["policy"] == before
    assert town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").status == 200
    assert town.entries()[-2]["code"] == "GW721"
    assert all(entry["policy_version"] == before for entry in town.entries())
    beside_it = process("serve", "--settings", str(demo.settings))
    assert (beside_it.returncode, "GW703" in beside_it.stderr) == (1, True), "what serves can't be read"
    with sqlite3.connect(town.log) as beside:
        # the one that serves says again and again that it does
        beside.execute("CREATE TRIGGER silent BEFORE INSERT ON serving_process BEGIN SELECT RAISE(IGNORE); END")
        beside.execute("DELETE FROM serving_process")
    alone = process("serve", "--settings", str(demo.settings))
    assert (alone.returncode, "GW721" in alone.stderr) == (1, True)


def test_a_gateway_that_can_not_load_what_serves_answers_nobody_until_it_can(
    city: Demo, tmp_path: Path, serve: Callable[[Demo], Town]
) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=edited_bundle(tmp_path, {}))
    town = serve(demo)
    url = load_settings(demo.settings).state_url
    before = town.get("/readyz", {}).json()["policy"]
    mark_serving(url, "f" * 64)  # another process took a policy that is not kept here
    until(lambda: town.get("/readyz", {}).status_code == 503)
    refused = town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    assert (refused.status, json.loads(refused.text)["gateway_code"]) == (503, "GW724")
    mark_serving(url, before)
    until(lambda: town.get("/readyz", {}).status_code == 200)
    assert town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").status == 200


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
