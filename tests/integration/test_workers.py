"""`langqiao serve --workers 2`: real processes, one port, one PostgreSQL."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from gateway.administration import Apps, create_ring
from gateway.app import utc_now
from gateway.audit import verify_log
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.demo.serving import free_port
from gateway.settings import load_settings
from gateway.store import open_state
from tests.key_rings import ring_of
from tests.postgres_server import postgres_server
from tests.process_tree import is_alive, processes_of
from tests.town import build, edited_bundle, edited_settings

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    demo: Demo
    url: str
    bundle: Path
    log: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, city: Demo) -> Iterator[Site]:
    """A town with its state on PostgreSQL and a bundle of its own; not served."""
    folder = tmp_path_factory.mktemp("site")
    with postgres_server() as server:
        url = server.fresh_database()
        bundle = edited_bundle(folder, {})
        demo = build(folder / "town", city=city.folder / "city", bundle=bundle)
        text = demo.settings.read_text(encoding="utf-8").replace("WARNING", "INFO")
        line = next(line for line in text.splitlines() if line.startswith("state_url"))
        text = text.replace(line, f"state_url = {json.dumps(url)}")
        (folder / "metrics-token").write_text("m3trics", encoding="utf-8")
        told = f"[telemetry]\nmetrics_token_file = {json.dumps(str(folder / 'metrics-token'))}\n"
        demo.settings.write_text(text.replace("[telemetry]\n", told), encoding="utf-8")
        people = demo.folder / "people.json"
        content = json.loads(people.read_text(encoding="utf-8"))
        state = open_state(url)
        try:
            create_ring(load_settings(demo.settings).keys, state, utc_now)
            content["app_keys"] = {app: Apps(state).create_key(app, utc_now()) for app in content["app_keys"]}
        finally:
            state.close()
        people.write_text(json.dumps(content), encoding="utf-8")
        yield Site(demo, url, bundle, folder / "log")


@contextmanager
def serving(site: Site, settings: Path, port: int, workers: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gateway.cli", "serve", "--settings", str(settings), "--workers", str(workers)]
    with site.log.open("ab") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        until(lambda: version(port) is not None and (workers == 1 or len(children(process.pid)) == workers))
        if workers > 1:
            until(lambda: b'"event": "serving"' in site.log.read_bytes())
        yield process
    finally:
        process.terminate()
        process.wait(30)


def until(holds: Callable[[], bool], seconds: float = _PATIENCE) -> float:
    """How long it took to come about."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            pytest.fail("it did not come about")
        time.sleep(0.02)
    return time.monotonic() - began


def version(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return str(json.loads(answer.read())["policy"]) if answer.status == 200 else None
    return None


def answers_counted(port: int) -> dict[str, int]:
    """By worker, the questions that its sources answered: as any of the workers tells it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics", headers={"authorization": "Bearer m3trics"})
        text = connection.getresponse().read().decode()
    found: dict[str, int] = {}
    for worker, count in re.findall(
        r'questions_total\{outcome="answered",source="[^"]*",worker="(\d)"\} ([\d.]+)', text
    ):
        found[worker] = found.get(worker, 0) + int(float(count))
    return found


def changed_from(old: str | None, port: int) -> str:
    """The version that takes its place, as soon as any worker has it."""
    end = time.monotonic() + _PATIENCE
    while (found := version(port)) in {old, None}:
        assert time.monotonic() < end
        time.sleep(0.02)
    return str(found)


def children(pid: int) -> list[int]:
    """The workers of a supervisor; the process that keeps house beside them is none."""
    return sorted(child for child, command in processes_of(pid).items() if "gateway.cli.worker" in command)


def policy_entries(site: Site) -> int:
    with psycopg.connect(site.url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM audit_entry WHERE kind = 'policy'").fetchone()
    assert row is not None
    return int(row[0])


class Callers:
    """They ask on, each on a connection that is kept for as long as the server keeps it."""

    def __init__(self, site: Site, count: int) -> None:
        asker = Asker.from_demo(site.demo.folder, "grid-worker", utc_now())
        self._headers = {
            "apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit",
        }  # fmt: skip
        self._port = site.demo.port
        self._stop = threading.Event()
        self.good = 0
        self.bad: list[str] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> "Callers":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        while not self._stop.is_set():
            try:
                connection.request("GET", "/data/public-security.resident?select=name&limit=2", headers=self._headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.bad.append(type(error).__name__)
                connection.close()
            else:
                if answer.status == 200:
                    self.good += 1
                else:
                    self.bad.append(f"{answer.status} {body[:200]!r}")
        connection.close()


def test_a_site_of_two_workers_from_its_start_to_the_loss_of_its_supervisor(site: Site) -> None:
    demo, bundle = site.demo, site.bundle
    rules = bundle / "rules" / "health.csv"
    good = rules.read_text(encoding="utf-8")
    other_port = free_port()
    other = demo.settings.with_name("other.toml")
    text = demo.settings.read_text(encoding="utf-8")
    disk = edited_bundle(site.log.parent / "elsewhere", {"rules/health.csv": (good, good + "# another disk\n")})
    lines = [
        f"port = {other_port}" if line.startswith("port") and f"{demo.port}" in line
        else f"bundle = {json.dumps(str(disk))}" if line.startswith("bundle")
        else 'high_water = "other-high-water.json"' if line.startswith("high_water")
        else line
        for line in text.splitlines()
    ]  # fmt: skip
    other.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with serving(site, demo.settings, demo.port, 2) as supervisor:
        pids = children(supervisor.pid)
        first = version(demo.port)
        with serving(site, other, other_port, 1):
            # a replica that comes to a site takes the site's policy, not its own disk's
            assert version(other_port) == first
            before = policy_entries(site)
            rules.write_text(good + "# mended\n", encoding="utf-8")
            supervisor.send_signal(signal.SIGHUP)
            changed = changed_from(first, demo.port)
            took = until(lambda: all(version(port) == changed for port in [demo.port] * 8 + [other_port]))
            assert took < 5  # the machine may be busy: what is promised is one second
            assert policy_entries(site) == before + 1
        # one is killed: answers go on, and it comes back
        os.kill(pids[0], signal.SIGKILL)
        until(lambda: len(children(supervisor.pid)) == 2 and children(supervisor.pid) != pids)
        until(lambda: b"worker started again" in site.log.read_bytes())
        assert version(demo.port) == changed
        # all are replaced under load, and nobody notices
        kept = set(children(supervisor.pid))
        with Callers(site, 4) as callers:
            until(lambda: callers.good > 5)
            until(lambda: {*answers_counted(demo.port)} == {"1", "2"} and sum(answers_counted(demo.port).values()) > 5)
            supervisor.send_signal(signal.SIGUSR1)
            until(lambda: b"workers replaced" in site.log.read_bytes())
            until(lambda: not any(map(is_alive, kept)))
            had = callers.good
            until(lambda: callers.good > had + 5)
        assert callers.bad == []
        # the supervisor is killed: no worker stays
        left = children(supervisor.pid)
        assert len(left) == 2
        supervisor.kill()
        until(lambda: not any(map(is_alive, left)))
    settings = load_settings(demo.settings)
    result = verify_log(site.url, ring_of(settings).log_signer(settings.audit.origin).vkey)
    assert result.is_sound, result.text("en")
    told = site.log.read_bytes()
    assert b"Traceback" not in told
    assert b"policy of the site taken" in told


def test_what_can_not_be_shared_is_refused_in_a_sentence(fresh_demo: Demo) -> None:
    demo = edited_settings(replace(fresh_demo), "")
    command = [sys.executable, "-m", "gateway.cli", "serve", "--settings", str(demo.settings), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "PostgreSQL" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
