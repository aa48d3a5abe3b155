"""`langqiao audit retention`: what the log says of people, until when, and erasing it."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.audit import audit
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, PurposeName, Url, err, out
from gateway.demo.ask import Answer, get, post

retention = typer.Typer(help="How long the log knows people. 日志留存", no_args_is_help=True)
audit.add_typer(retention, name="retention")
_PURPOSE = "policy-administration"
OfPurpose = Annotated[str, typer.Argument(help="the purpose of the entries; `*`: without one")]


@retention.command("due")
def retention_due(
    purpose: PurposeName = _PURPOSE, person: As = None, url: Url = None, folder: DemoFolder = DEMO_FOLDER
) -> None:
    """Count what falls due, and what can then never be read again: who asked, about whom, why. Changes nothing."""
    answer = json.loads(_went_well(get(asker_of(folder, person, url), "/retention", purpose=purpose)).text)
    table = Table("key", "due", "entries", "first", "last", "held by", header_style="bold")
    for month in answer["months"]:
        table.add_row(
            month["key"],
            f"[red]{month['due_at'][:10]}[/]" if month["is_due"] else month["due_at"][:10],
            *("" if month[name] is None else str(month[name]) for name in ("entries", "first", "last")),
            "; ".join(f"{words['en']} {words['zh']}" for words in month["held_by"]),
        )
    out.print(table)
    for of, count in answer["unsealed"].items():
        out.print(f"{of or '*'}: {count} entries of versions 1 and 2 can't be erased 旧版条目未封存，无法销毁")
    for asked in answer["requests"]:
        out.print(f"{asked['id']}: {asked['purpose']} {asked['through']}  asked by {asked['requested_by']}")
    for hold in answer["holds"]:
        out.print(f"{hold['id']}: {hold['purpose']} {hold['case_id']}  {hold['reason']}", markup=False)


@retention.command("request")
def retention_request(
    of: OfPurpose,
    through: Annotated[str, typer.Argument(help="the last month, 2025-11")],
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Ask for the erasure of all months of a purpose up to one. Somebody else makes it."""
    content: dict[str, object] = {"purpose": of, "through": through}
    _step(post(asker_of(folder, person, url), "/retention/erasures", content, purpose=purpose or ""), "erasure")


@retention.command("erase")
def retention_erase(
    erasure: Annotated[str, typer.Argument(help="what was asked for: erasure-…")],
    yes: Annotated[str | None, typer.Option("--yes", help="the confirmation, for scripts")] = None,
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Erase what somebody else asked for, for good: the keys are destroyed, every proof stays."""
    confirm = yes if yes is not None else typer.prompt("type purpose and last month to erase 输入用途与末月以确认")
    path, content = f"/retention/erasures/{erasure}", {"confirm": confirm}
    _step(post(asker_of(folder, person, url), path, content, purpose=purpose or ""), "erasure")


@retention.command("hold")
def retention_hold(
    of: OfPurpose,
    reason: Annotated[str, typer.Option("--reason", help="why, in words")],
    case: Annotated[str, typer.Option("--case", help="only what belongs to this case")] = "",
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Keep a purpose, or one case, from being erased until the hold is lifted."""
    content: dict[str, object] = {"purpose": of, "case": case, "reason": reason}
    _step(post(asker_of(folder, person, url), "/retention/holds", content, purpose=purpose or ""), "hold")


@retention.command("lift")
def retention_lift(
    hold: Annotated[str, typer.Argument(help="hold-…")],
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Lift a hold."""
    _step(post(asker_of(folder, person, url), f"/retention/holds/{hold}/lift", None, purpose=purpose or ""), "hold")


def _step(answer: Answer, what: str) -> None:
    _went_well(answer)
    out.print(f"{json.loads(answer.text)[what]}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


def _went_well(answer: Answer) -> Answer:
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    return answer
