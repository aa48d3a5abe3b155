"""What the commands share: their options, and how they speak and stop."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Never

import typer
from rich.console import Console

from gateway.demo.personas import PERSONA_NAMES
from gateway.errors import BundleInvalid, GatewayError

if TYPE_CHECKING:  # an HTTP client, which `audit verify` does without
    from gateway.demo.ask import Answer

out = Console()
err = Console(stderr=True, soft_wrap=True)

SettingsPath = Annotated[
    Path | None, typer.Option("--settings", "-s", help="langqiao.toml", envvar="LANGQIAO_SETTINGS")
]
DemoFolder = Annotated[Path, typer.Option("--folder", help="where the demo keeps its city")]
As = Annotated[str | None, typer.Option("--as", help=f"a person of the demo: {', '.join(PERSONA_NAMES)}")]
PurposeName = Annotated[str | None, typer.Option("--purpose", "-p", help="the one purpose of the request")]
CaseName = Annotated[str | None, typer.Option("--case", help="the case, where the purpose needs one")]
Justification = Annotated[str | None, typer.Option("--because", help="reason in words, where the purpose needs one")]
Url = Annotated[str | None, typer.Option("--url", help="the gateway's address", envvar="LANGQIAO_URL")]
DEMO_FOLDER = Path(".langqiao/demo")
BundlePath = Annotated[Path, typer.Argument(help="folder of the bundle")]


def stop(error: GatewayError) -> Never:
    """Say what is wrong and how to mend it, and end with status 1."""
    err.print(f"[bold red]{error.code}[/] {error.message('en')}\n[dim]{error.message('zh')}[/]")
    err.print(f"→ {error.hint('en')}\n[dim]→ {error.hint('zh')}[/]")
    raise typer.Exit(1)


def stop_bundle(error: BundleInvalid) -> Never:
    """Say every problem of a bundle with its place, and end with status 1."""
    for problem in error.problems:
        err.print(f"[red]{problem.file}:{problem.line}[/] {problem.fault}\n    → {problem.fix}", highlight=False)
    err.print(f"[bold red]{len(error.problems)} faults[/]")
    raise typer.Exit(1)


def checked(check: Callable[[], str]) -> None:
    """Print what `check` says; end with every problem where the bundle can't be taken."""
    try:
        out.print(check(), highlight=False)
    except BundleInvalid as error:
        stop_bundle(error)


def went_well(answer: "Answer") -> "Answer":
    """The answer; a refusal is told, and ends with status 1."""
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    return answer
