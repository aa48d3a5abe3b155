"""`langqiao query`: the gateway as an app sees it."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.app import utc_now
from gateway.cli.terminal import DEMO_FOLDER, As, CaseName, DemoFolder, Justification, PurposeName, Url, err, out
from gateway.demo.ask import Asker, ask


def asker_of(folder: Path, person: str | None, url: str | None, *, hours: int = 1) -> Asker:
    """Who asks: a person of the demo, or the credentials of the environment."""
    if person is not None:
        try:
            return Asker.from_demo(folder, person, utc_now(), hours=hours, url=url)
        except (OSError, KeyError):
            err.print(f"[red]no demo person `{person}` in {folder}[/]: run `langqiao demo` first")
            raise typer.Exit(1) from None
    key, signed = os.environ.get("LANGQIAO_APP_KEY"), os.environ.get("LANGQIAO_TOKEN")
    if not key or not signed:
        err.print("say who asks: [bold]--as PERSON[/] of the demo, or LANGQIAO_APP_KEY and LANGQIAO_TOKEN")
        raise typer.Exit(2)
    return Asker(url=url or "http://127.0.0.1:8000", app_key=key, token=signed)


def query(
    question: Annotated[str, typer.Argument(help="e.g. 'civil-affairs.assistance?select=*&level=eq.甲&limit=5'")],
    purpose: PurposeName = None,
    case: CaseName = None,
    because: Justification = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="the answer as it came")] = False,
) -> None:
    """Ask the gateway and show the answer with its receipt."""
    answer = ask(asker_of(folder, person, url), question, purpose=purpose, case=case, justification=because)
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    if as_json:
        sys.stdout.write(answer.text + "\n")
    else:
        out.print(_table(answer.rows()))
    err.print(f"[dim]{answer.content_range}  receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table(show_lines=False, header_style="bold")
    for name in rows[0] if rows else ["(no rows)"]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row.values()))
    return table
