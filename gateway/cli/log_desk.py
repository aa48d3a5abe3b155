"""`langqiao audit search|timeline|heatmap|who-looked|own`: the log as compliance and residents read it."""

import json
import sys
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.audit import audit
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, PurposeName, Url, err, out
from gateway.demo.ask import Answer, get, post

Several = list[str] | None
Principal = Annotated[Several, typer.Option("--principal", help="who looked; each may be given more than once")]
AppOption = Annotated[Several, typer.Option("--app")]
Organisation = Annotated[Several, typer.Option("--organisation")]
DatasetOption = Annotated[Several, typer.Option("--dataset")]
FieldOption = Annotated[Several, typer.Option("--field", help="dataset.field, or dataset.field=level")]
FoundPurpose = Annotated[Several, typer.Option("--for", help="the purpose that the entry was made for")]
CaseOption = Annotated[Several, typer.Option("--case")]
Outcome = Annotated[Several, typer.Option("--outcome", help="released, refused, failed, done")]
Code = Annotated[Several, typer.Option("--code", help="of a refusal: GW401")]
Kind = Annotated[Several, typer.Option("--kind", help="read, refusal, log-read, case, …")]
Since = Annotated[str | None, typer.Option("--since", help="the first moment: 2026-11-23T08:00:00+08:00")]
Until = Annotated[str | None, typer.Option("--until", help="the first moment after")]
Resident = Annotated[bool, typer.Option("--resident", help="about one person: asks for the ID number, or reads a line")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="where the page before ended")]
Raw = Annotated[bool, typer.Option("--json", help="the answer as it came")]
Offset = Annotated[int, typer.Option("--offset-hours", help="how far the clock is ahead of UTC")]
REVIEW = "compliance-review"
_ENTRY = (
    "index", "at", "kind", "principal", "app", "purpose", "case", "dataset", "fields", "rows", "outcome", "code",
)  # fmt: skip


@audit.command("search")
def audit_search(
    principal: Principal = None,
    app: AppOption = None,
    organisation: Organisation = None,
    dataset: DatasetOption = None,
    field: FieldOption = None,
    found_purpose: FoundPurpose = None,
    case: CaseOption = None,
    outcome: Outcome = None,
    code: Code = None,
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    *,
    resident: Resident = False,
    oldest: Annotated[bool, typer.Option("--oldest", help="oldest first")] = False,
    same_person: Annotated[bool, typer.Option("--same-person", help="with keyed hashes of the people")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    cursor: Cursor = None,
    purpose: PurposeName = REVIEW,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Raw = False,
) -> None:
    """Search the log by anything it tells, in any combination (检索日志)."""
    asked = _asked(
        principal=principal, app=app, organisation=organisation, dataset=dataset, field=field, purpose=found_purpose,
        case=case, outcome=outcome, code=code, kind=kind, since=since, until=until,
    )  # fmt: skip
    asked |= _resident(named=resident) | {"order": "oldest" if oldest else "newest", "limit": limit}
    asked |= {"same_person": same_person} | ({"cursor": cursor} if cursor is not None else {})
    answer = post(asker_of(folder, person, url), "/audit/search", asked, purpose=purpose or "")
    found = _told(answer, as_json=as_json)
    if found is None:
        return
    names = (
        "index",
        "at",
        "kind",
        "principal",
        "app",
        "purpose",
        "case",
        "dataset",
        "fields",
        "rows",
        "outcome",
        "code",
    )
    _show(names, found["entries"])
    if found["cursor"] is not None:
        err.print(f"[dim]more: --cursor {found['cursor']}[/]", highlight=False)


@audit.command("timeline")
def audit_timeline(
    principal: Principal = None,
    app: AppOption = None,
    organisation: Organisation = None,
    dataset: DatasetOption = None,
    field: FieldOption = None,
    found_purpose: FoundPurpose = None,
    case: CaseOption = None,
    outcome: Outcome = None,
    code: Code = None,
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    *,
    resident: Resident = False,
    by: Annotated[Literal["hour", "day"], typer.Option(help="hour, or day")] = "day",
    offset_hours: Offset = 8,
    purpose: PurposeName = REVIEW,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Raw = False,
) -> None:
    """Count the entries of a search by hour or day (时间线)."""
    asked = _asked(
        principal=principal, app=app, organisation=organisation, dataset=dataset, field=field, purpose=found_purpose,
        case=case, outcome=outcome, code=code, kind=kind, since=since, until=until,
    )  # fmt: skip
    asked |= _resident(named=resident) | {"by": by, "offset_hours": offset_hours}
    answer = post(asker_of(folder, person, url), "/audit/timeline", asked, purpose=purpose or "")
    found = _told(answer, as_json=as_json)
    if found is not None:
        _show(("begin", "entries"), found["parts"])


@audit.command("heatmap")
def audit_heat_map(
    principal: Principal = None,
    app: AppOption = None,
    organisation: Organisation = None,
    dataset: DatasetOption = None,
    field: FieldOption = None,
    found_purpose: FoundPurpose = None,
    case: CaseOption = None,
    outcome: Outcome = None,
    code: Code = None,
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    *,
    resident: Resident = False,
    columns: Annotated[
        Literal["hour", "weekday", "day"], typer.Option(help="hour of the day, weekday, or day")
    ] = "hour",
    top: Annotated[int, typer.Option(min=1, max=50, help="how many persons")] = 20,
    offset_hours: Offset = 8,
    purpose: PurposeName = REVIEW,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    as_json: Raw = False,
) -> None:
    """Show who, and when, for a search (谁在何时)."""
    asked = _asked(
        principal=principal, app=app, organisation=organisation, dataset=dataset, field=field, purpose=found_purpose,
        case=case, outcome=outcome, code=code, kind=kind, since=since, until=until,
    )  # fmt: skip
    asked |= _resident(named=resident) | {"columns": columns, "top": top, "offset_hours": offset_hours}
    answer = post(asker_of(folder, person, url), "/audit/heatmap", asked, purpose=purpose or "")
    found = _told(answer, as_json=as_json)
    if found is not None:
        rows = [
            {"principal": row["principal"]} | dict(zip(found["columns"], row["entries"], strict=True))
            for row in found["rows"]
        ]
        _show(("principal", *found["columns"]), rows)


@audit.command("who-looked")
def audit_who_looked(
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    purpose: PurposeName = REVIEW,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """Everyone who looked at one resident, and why (谁看过这位居民). Asks for the ID number, or reads a line."""
    asked = _asked(since=since, until=until, cursor=cursor) | _resident(named=True)
    answer = post(asker_of(folder, person, url), "/audit/who-looked", asked, purpose=purpose or "")
    found = _told(answer, as_json=as_json)
    if found is not None:
        for one in found["lookers"]:
            one["purpose"] = one["purpose"]["id"]
            one["fields"] = {each["field"]: "/".join(each["levels"]) for each in one["fields"]}
        names = ("principal", "app", "organisation", "purpose", "case", "first", "last", "entries", "fields")
        _show(names, found["lookers"])


@audit.command("own")
def audit_own(
    before: Annotated[int | None, typer.Option(min=0, help="only entries with a lower index")] = None,
    purpose: PurposeName = "own-data",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """Who looked at my data: the office, and why (谁看过我的信息)."""
    path = "/audit/own" if before is None else f"/audit/own?before={before}"
    found = _told(get(asker_of(folder, person, url), path, purpose=purpose), as_json=as_json)
    if found is None:
        return
    for one in found["entries"]:
        why = one["purpose"]["title"]
        one["why"] = f"{why['zh']} {why['en']}" if why else one["purpose"]["id"]
        where = one["dataset"]["title"]
        one["what"] = f"{where['zh']} {where['en']}" if where else one["dataset"]["id"]
        one["fields"] = {each["field"]: each["level"] for each in one["fields"]}
    _show(("entry", "at", "organisation", "why", "legal_basis", "what", "fields", "outcome"), found["entries"])


def _asked(**told: object) -> dict[str, object]:
    return {name: value for name, value in told.items() if value}


def _resident(*, named: bool) -> dict[str, object]:
    """An ID number is typed unseen or comes on standard input: a command line is read by others."""
    if not named:
        return {}
    if sys.stdin.isatty():
        return {"resident": typer.prompt("ID number", hide_input=True)}
    return {"resident": sys.stdin.readline().strip()}


def _told(answer: Answer, *, as_json: bool) -> dict[str, Any] | None:
    """The answer, where it is to be shown; ends where it is a refusal."""
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    if as_json:
        sys.stdout.write(answer.text + "\n")
        return None
    err.print(f"[dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)
    found: dict[str, Any] = json.loads(answer.text)
    return found


def _show(names: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(*names, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    out.print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}:{level}" for name, level in value.items())
    return "" if value is None else str(value)
