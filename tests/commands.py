"""The command `langqiao` within the test's own process: a process of its own takes seconds to begin."""

import os
import subprocess
import sys
from dataclasses import dataclass

from typer.testing import CliRunner

from gateway.cli.commands import app


@dataclass(frozen=True, slots=True)
class Done:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, **variables: str) -> Done:
    """As `langqiao WORDS` in an environment without a setting but these."""
    kept = {name: None for name in os.environ if name.startswith("LANGQIAO_")}
    done = CliRunner().invoke(app, list(words), env={**kept, **variables})
    return Done(done.exit_code, done.stdout, done.stderr)


def process(*words: str, **variables: str) -> Done:
    """The same in a process of its own."""
    environment = {"PATH": os.defpath, "COLUMNS": "200", "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | variables
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *words], capture_output=True, text=True, check=False, env=environment
    )
    return Done(done.returncode, done.stdout, done.stderr)
