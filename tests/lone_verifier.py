"""deploy/verify_log.py, run for tests: as the program that it is, or in this process where it is asked very often."""

import contextlib
import importlib.util
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PROGRAM = Path(__file__).resolve().parents[1] / "deploy" / "verify_log.py"


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended."""

    status: int
    said: str
    fault: str


def run_verifier(*arguments: object) -> Ended:
    """In this process, as its command line would."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["verify_log.py", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                LONE.main()
            except SystemExit as end:
                return Ended(int(end.code or 0), out.getvalue(), err.getvalue())
    finally:
        sys.argv = before
    msg = "it did not end"
    raise AssertionError(msg)


def run_alone(folder: Path, *arguments: object) -> Ended:
    """As an outsider would: a copy of the one file, isolated from everything of ours."""
    copy = folder / "verify_log.py"
    copy.write_bytes(PROGRAM.read_bytes())
    command = [sys.executable, "-I", str(copy), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return Ended(done.returncode, done.stdout, done.stderr)


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_log", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LONE = _load()
