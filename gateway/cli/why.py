"""`langqiao explain`, `who-can`: why, asked of a serving gateway or of a bundle at an officer's desk."""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from gateway.administration import (
    CaseTold,
    Grant,
    OfficerExplanation,
    PolicyEngine,
    RuleText,
    Somebody,
    WhoCan,
    build_engine,
    explain_as,
    find_who_can,
    rule_texts,
)
from gateway.api.why import write_officer_explanation, write_who_can
from gateway.app import utc_now
from gateway.cli.asking import asker_of
from gateway.cli.terminal import (
    DEMO_FOLDER,
    As,
    CaseName,
    DemoFolder,
    Justification,
    PurposeName,
    Url,
    err,
    out,
    stop,
    stop_bundle,
)
from gateway.demo.ask import ask
from gateway.errors import BundleInvalid, GatewayError
from gateway.model.decision import NearMiss
from gateway.model.explanation import Explanation
from gateway.model.ids import RuleId

Bundle = Annotated[Path | None, typer.Option("--bundle", "-b", help="ask this bundle, without a gateway")]
At = Annotated[str | None, typer.Option("--at", help="the moment, e.g. 2026-12-01T09:00:00+08:00; left out: now")]
AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
_Told = TypeVar("_Told")
_SHOWN = 8
"""Groups of roles that one line of a table names."""


def explain(
    question: Annotated[str, typer.Argument(help="as for `query`")],
    purpose: PurposeName = None,
    case: CaseName = None,
    because: Justification = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    bundle: Bundle = None,
    role: Annotated[list[str] | None, typer.Option("--role", "-r", help="with --bundle: a role of the asker")] = None,
    app: Annotated[str | None, typer.Option("--app", "-a", help="with --bundle: the app")] = None,
    region: Annotated[list[str] | None, typer.Option("--region", help="with --bundle: a territory")] = None,
    organisation: Annotated[str, typer.Option("--organisation", help="with --bundle")] = "",
    assurance: Annotated[int, typer.Option("--assurance", min=1, max=3, help="with --bundle: how signed in")] = 1,
    network: Annotated[str, typer.Option("--network", help="with --bundle: the network they come from")] = "",
    id_number: Annotated[str | None, typer.Option("--id-number", help="with --bundle: a resident's own")] = None,
    case_subject: Annotated[
        list[str] | None, typer.Option("--case-subject", help="with --bundle: an ID number that the case is about")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say what a question would meet, field by field and rule by rule, without touching data.

    With --bundle it is asked of the files, as anybody (--role, --app, --purpose); else of a gateway, as yourself.
    """
    if bundle is None:
        if role or app or region or case_subject or at:
            err.print("[bold]--role[/], --app and what else describes somebody goes with [bold]--bundle[/]")
            raise typer.Exit(2)
        _explain_online(question, purpose, case, because, person, url, folder, as_json=as_json)
        return
    if not role or app is None or purpose is None:
        err.print("say who asks: [bold]--role[/], [bold]--app[/] and [bold]--purpose[/]")
        raise typer.Exit(2)
    somebody = Somebody(
        roles=tuple(role),
        app=app,
        purpose=purpose,
        organisation=organisation,
        regions=tuple(region or ()),
        assurance=assurance,
        network=network,
        id_number=id_number,
        case=CaseTold(id=case or "case", subjects=tuple(case_subject or ())) if case or case_subject else None,
        justification=because,
        at=_moment(at),
    )
    address = question if question.startswith("/data/") else f"/data/{question}"
    told = _asked(bundle, lambda engine: explain_as(engine, address, somebody, utc_now()))
    if as_json:
        _print_json(write_officer_explanation(told))
    else:
        _print_officer(told)
    if told.explanation is None:
        raise typer.Exit(1)


def who_can(
    field: Annotated[str, typer.Argument(help="DATASET.FIELD, e.g. civil-affairs.assistance.monthly")],
    use: Annotated[str, typer.Option("--use", help="show, match, aggregate, export or write")] = "show",
    purpose: PurposeName = None,
    bundle: Annotated[Path, typer.Option("--bundle", "-b", help="folder of the bundle")] = Path("policies"),
    at: At = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many grants to tell")] = 100,
    offset: Annotated[int, typer.Option("--offset", min=0, help="how many to pass over")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say who can use a field: for which purposes, in which apps, how much of it, through which rules."""
    now = _moment(at) or utc_now()

    def find(engine: PolicyEngine) -> tuple[PolicyEngine, WhoCan]:
        return engine, find_who_can(engine, field, use, now, purpose=purpose)

    engine, found = _asked(bundle, find)
    if as_json:
        _print_json(write_who_can(engine, found, field=field, use=use, now=now, offset=offset, limit=limit))
        return
    grants = found.grants
    page = grants[offset : offset + limit]
    table = _table("purpose", "app", "roles", "level", "certain", "rows", "rules")
    for grant in page:
        told = grant.outcome
        levels = " or ".join(told.levels) or "granted"
        certain = "yes" if told.is_certain else "possible" if told.is_exact else "can't be ruled out"
        if told.needs:
            certain += f" (needs {', '.join(told.needs)})"
        table.add_row(
            grant.purpose,
            grant.app,
            _roles(grant, found),
            levels,
            certain,
            told.rows,
            " ".join((*told.rules, *told.row_rules)),
        )
    out.print(table)
    conditions = sorted({pair for grant in page for pair in grant.outcome.conditions})
    for rule_id, text in conditions:
        out.print(f"on condition: {rule_id} {text}", highlight=False, markup=False)
    named = {rule for grant in page for rule in (*grant.outcome.rules, *grant.outcome.row_rules)}
    _print_rules(rule_texts(engine, named).items())
    shown = f"{offset + 1} to {offset + len(page)} of " if len(page) < len(grants) else ""
    out.print(f"[dim]{shown}{len(grants)} grants, policy {engine.version}[/]", highlight=False)


# ------------------------------------------------------------------ asking
def _asked(bundle: Path, question: Callable[[PolicyEngine], _Told]) -> _Told:
    try:
        return question(build_engine(bundle))
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        err.print("[bold]--at[/] is no time like 2026-12-01T09:00:00+08:00")
        raise typer.Exit(2) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _explain_online(
    question: str,
    purpose: str | None,
    case: str | None,
    because: str | None,
    person: str | None,
    url: str | None,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    asker = asker_of(folder, person, url)
    answer = ask(asker, question, purpose=purpose, case=case, justification=because, explain=True)
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    told = json.loads(answer.text)
    if as_json:
        _print_json(told)
        return
    table = _table("field", "outcome", "rules", "granted", "ceiling")
    for name, field in told["fields"].items():
        table.add_row(
            name, field["level"], " ".join(field["rules"]), " ".join(field["granted"]), field["ceiling"] or ""
        )
    out.print(table)
    out.print(f"rows: {told['rows']['filter']}  [dim]({' '.join(told['rows']['rules'])})[/]", highlight=False)
    for obligation in told["obligations"]:
        out.print(f"obligation: {obligation}", highlight=False)
    if told["refusal"]:
        out.print(f"[red]would be refused: {told['refusal']['code']} {told['refusal']['message']}[/]", highlight=False)
    out.print(f"[dim]policy {told['policy']}[/]", highlight=False)


# ------------------------------------------------------------------ telling
def _table(*columns: str) -> Table:
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut names nothing
    return table


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _print_officer(told: OfficerExplanation) -> None:
    found = told.explanation
    if found is not None:
        _print_fields(found)
        for link, inner in found.embeds:
            out.print(f"[bold]{link}[/]: {inner.dataset}", highlight=False)
            _print_fields(inner)
        _print_rules(told.rules.items())
    if told.refusal is not None:
        out.print(f"[red]would be refused: {told.refusal.code} {told.refusal.message()}[/]", highlight=False)
        for english, _ in told.because:
            out.print(f"  {english}", highlight=False, markup=False)
    out.print(f"[dim]policy {told.policy_version}[/]", highlight=False)


def _print_fields(found: Explanation) -> None:
    """Fields, rows and obligations of one dataset of the question."""
    table = _table("field", "outcome", "rules", "granted", "ceiling", "nearly")
    for field in found.fields:
        table.add_row(
            field.field,
            field.level,
            " ".join(field.rules),
            " ".join(field.granted),
            field.ceiling or "",
            " ".join(miss.rule for miss in field.near_misses),
        )
    out.print(table)
    out.print(f"rows: {found.rows}  ({' '.join(found.row_rules)})", highlight=False, markup=False)
    for obligation in found.obligations:
        out.print(f"obligation: {obligation}", highlight=False, markup=False)
    missed: dict[NearMiss, None] = dict.fromkeys(
        miss for misses in (*(field.near_misses for field in found.fields), found.row_near_misses) for miss in misses
    )
    for miss in sorted(missed, key=lambda each: (each.rule, each.failed)):
        out.print(
            f"nearly: {miss.rule} failed at {miss.failed}: {miss.because}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _print_rules(rules: Iterable[tuple[RuleId, RuleText]]) -> None:
    for _, rule in rules:
        out.print(f"{rule.file}:{rule.line}: {rule.text}", highlight=False, markup=False, soft_wrap=True)


def _roles(grant: Grant, found: WhoCan) -> str:
    told: list[str] = []
    groups = found.cover.groups(grant.roles)
    for group in groups[:_SHOWN]:
        if group.role == "any":
            told.append(f"any role ({group.below})")
        else:
            told.append(f"{group.role} and {group.below} below it" if group.below else str(group.role))
    more = len(groups) - _SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")
