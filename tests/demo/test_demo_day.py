"""`make demo`: a day in the city, every scene as told, and an exit status that says so."""

import subprocess
import sys
from pathlib import Path


def _demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "demo", "--once", "--port", "0", "--residents", "3000",
         "--folder", str(folder), *more],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def test_every_scene_goes_as_told_and_nothing_is_left_running(tmp_path: Path) -> None:
    done = _demo(tmp_path / "demo")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "9 of 9 scenes went as told" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_scene_that_does_not_go_as_told_fails_the_demo(tmp_path: Path) -> None:
    # the same day under another policy would be told otherwise; here the city is not what the scenes were written for
    _demo(tmp_path / "demo")
    summary = next((tmp_path / "demo" / "city").glob("*.json"))
    text = summary.read_text(encoding="utf-8")
    start = text.index('"low_income_member"')
    digits = text.index('"id_number": "', start) + len('"id_number": "')
    summary.write_text(text[:digits] + "110101190001011009" + text[digits + 18 :], encoding="utf-8")
    done = _demo(tmp_path / "demo")
    assert done.returncode == 1
    assert "NOT AS TOLD" in done.stdout
