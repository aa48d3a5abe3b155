"""What the tests of deploy/ share: its files, the tools that know their formats, the program's own commands."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from gateway.cli.commands import app as cli
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
EXAMPLE = DEPLOY / "langqiao.toml.example"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end with its output kept."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def need(tool: str) -> str:
    """Where the tool is; without it the test is skipped, and fails in CI."""
    beside = Path(sys.executable).with_name(tool)
    found = str(beside) if beside.exists() else shutil.which(tool)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{tool} is not installed")
    return found


def strings(folder: str) -> set[str]:
    """Every string in the code of a room."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def setting_of(variable: str) -> type[BaseModel] | Any:
    """The annotation of the setting that an environment variable means; fails where there is none."""
    model: Any = Settings
    for part in variable.removeprefix("LANGQIAO_").lower().split("__"):
        assert isinstance(model, type), variable
        assert issubclass(model, BaseModel), variable
        assert part in model.model_fields, variable
        model = model.model_fields[part].annotation
    return model


def assert_command(words: list[str]) -> None:
    """`langqiao …` is a command that exists, with options that it has."""
    command: Any = typer.main.get_command(cli)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), f"no such command: {words}"
    options = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        assert not word.startswith("-") or word in options, word


def example_as_written() -> dict[str, Any]:
    """The example as it is written, without the environment."""
    return tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
