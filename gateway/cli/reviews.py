"""`langqiao notices`, `reviews`: break-glass as a supervisor and a reviewer see it."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, PurposeName, Url, err, out
from gateway.demo.ask import Answer, get, post

After = Annotated[int, typer.Option(min=-1, help="only entries with a higher index")]
Raw = Annotated[bool, typer.Option("--json", help="the answer as it came")]
_COLUMNS = ("index", "at", "principal", "app", "dataset", "rows", "justification", "due", "verdict")


def notices(
    purpose: PurposeName = "policy-administration",
    after: After = -1,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List break-glass answers, as they happened (紧急访问通知)."""
    _show(get(asker_of(folder, person, url), f"/notices?after={after}", purpose=purpose), as_json=as_json)


reviews = typer.Typer(help="Break-glass answers that wait for a review. 紧急访问复核", no_args_is_help=True)


@reviews.command("list")
def reviews_list(
    purpose: PurposeName = "compliance-review",
    after: After = -1,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List what waits for a decision, the oldest first."""
    _show(get(asker_of(folder, person, url), f"/reviews?after={after}", purpose=purpose), as_json=as_json)


@reviews.command("decide")
def reviews_decide(
    index: Annotated[int, typer.Argument(min=0, help="the entry's index")],
    verdict: Annotated[str, typer.Argument(help="justified, or not-justified")],
    note: Annotated[str, typer.Option("--note", help="why, in words")],
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Decide a review, for good. Nobody decides their own."""
    content: dict[str, object] = {"verdict": verdict, "note": note}
    answer = post(asker_of(folder, person, url), f"/reviews/{index}", content, purpose=purpose or "")
    _stop_where_refused(answer)
    out.print(f"entry {index}: {verdict}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


def _show(answer: Answer, *, as_json: bool) -> None:
    _stop_where_refused(answer)
    if as_json:
        out.print(answer.text, soft_wrap=True, highlight=False, markup=False)
        return
    table = Table(*_COLUMNS, header_style="bold")
    for entry in json.loads(answer.text)["entries"]:
        table.add_row(
            *("" if entry[name] is None else str(entry[name]) for name in _COLUMNS),
            style="red" if entry["is_overdue"] else None,
        )
    out.print(table)


def _stop_where_refused(answer: Answer) -> None:
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
