"""`langqiao serve`: starts on real settings, takes SIGHUP, ends in order; what can't start says so in a sentence."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from gateway.catalog import archive_bundle, version_of_archive
from gateway.demo.prepare import Demo
from tests.town import build, edited_bundle

COMMAND = [sys.executable, "-m", "gateway.cli", "serve", "--settings"]


@contextmanager
def _running(demo: Demo, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([*COMMAND, str(demo.settings)], stdout=file, stderr=file)
        try:
            _until(lambda: _version(demo) is not None)
            yield process
        finally:
            process.terminate()
            process.wait(20)


def _version(demo: Demo) -> str | None:
    try:
        ready = httpx2.get(f"http://127.0.0.1:{demo.port}/readyz", trust_env=False, timeout=5)
    except httpx2.TransportError:
        return None
    return str(ready.json()["policy"]) if ready.status_code == 200 else None


def _until(holds: object) -> None:
    assert callable(holds)
    for _ in range(200):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it did not come about in twenty seconds")


def test_a_hangup_takes_a_sound_bundle_and_leaves_a_broken_one(tmp_path: Path, city: Demo) -> None:
    bundle = edited_bundle(tmp_path, {})
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=bundle)
    demo.settings.write_text(demo.settings.read_text(encoding="utf-8").replace("WARNING", "INFO"), encoding="utf-8")
    rules = bundle / "rules" / "health.csv"
    good = rules.read_text(encoding="utf-8")
    log = tmp_path / "log"
    with _running(demo, log) as process:
        first = _version(demo)
        rules.write_text(good + "p, X, bad\n", encoding="utf-8")
        os.kill(process.pid, signal.SIGHUP)
        _until(lambda: b"policy refused" in log.read_bytes())
        assert b"rules/health.csv" in log.read_bytes()
        assert _version(demo) == first
        rules.write_text(good + "# mended\n", encoding="utf-8")
        os.kill(process.pid, signal.SIGHUP)
        _until(lambda: _version(demo) not in {first, None})
    assert process.returncode == 0
    assert b"Traceback" not in log.read_bytes()
    mended = version_of_archive(archive_bundle(bundle))
    rules.write_text(good + "# begun anew\n", encoding="utf-8")
    with _running(demo, log):  # at once: a gateway that ended in order is no other process of the site
        assert _version(demo) == version_of_archive(archive_bundle(bundle)) != mended


def _refused(settings: Path) -> str:
    done = subprocess.run([*COMMAND, str(settings)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_without_keys_it_says_how_to_make_them(tmp_path: Path, city: Demo) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city")
    (demo.folder / "keys" / "root.key").unlink()
    assert "langqiao keys create" in _refused(demo.settings)


def test_a_broken_bundle_is_told_by_file_and_line(tmp_path: Path, city: Demo) -> None:
    demo = build(tmp_path / "town", city=city.folder / "city", bundle=edited_bundle(tmp_path, {}))
    (tmp_path / "policies" / "rules" / "health.csv").write_text("p, X, bad\n", encoding="utf-8")
    assert "rules/health.csv:1" in _refused(demo.settings)


def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    settings = tmp_path / "langqiao.toml"
    settings.write_text('state_url = ["postgresql+psycopg://u:hunter2@x/y"]\n', encoding="utf-8")
    told = _refused(settings)
    assert "state_url" in told
    assert "hunter2" not in told
