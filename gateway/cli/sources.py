"""`langqiao source test`: what works of a department's source, what doesn't, and how to mend it."""

import asyncio
from contextlib import aclosing
from typing import Annotated, Any, cast

import typer
from rich.markup import escape

from gateway.catalog import load_catalog
from gateway.catalog.storage import stored_type
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.errors import BundleInvalid, SettingsInvalid
from gateway.model.catalog import Catalog
from gateway.model.ids import SourceName
from gateway.model.plan import SourceColumn
from gateway.settings import Settings, load_settings
from gateway.sources import Credentials, open_source, open_stores, try_source
from gateway.spi import Finding, Outcome, PromisedTable

source = typer.Typer(help="the departments' systems", no_args_is_help=True)
_MARKS = {Outcome.GOOD: "[green]✓[/]", Outcome.DOUBTFUL: "[yellow]![/]", Outcome.BAD: "[red]✗[/]"}


@source.callback()
def _group() -> None:
    """The departments' systems."""


@source.command("test")
def try_sources(
    names: Annotated[list[str] | None, typer.Argument(help="names of sources in the settings; none: all")] = None,
    settings: SettingsPath = None,
    strict: Annotated[bool, typer.Option("--strict", help="what is doubtful fails too")] = False,
) -> None:
    """Try each source step by step (逐项检查来源). Shows no data. Status 1: something doesn't work."""
    try:
        read = load_settings(settings)
        catalog = load_catalog(read.bundle)
    except BundleInvalid as error:
        stop_bundle(error)
    except SettingsInvalid as error:
        stop(error)
    chosen = names or sorted(read.sources)
    unknown = [name for name in chosen if name not in read.sources]
    if unknown:
        err.print(f"[red]✗[/] no source {', '.join(map(escape, unknown))} in the settings 配置中没有此来源")
        err.print(f"→ {escape(', '.join(sorted(read.sources)) or '-')}")
        raise typer.Exit(2)
    worst = {asyncio.run(_try(read, catalog, SourceName(name))) for name in chosen}
    if Outcome.BAD in worst or (strict and Outcome.DOUBTFUL in worst):
        raise typer.Exit(1)


async def _try(settings: Settings, catalog: Catalog, name: SourceName) -> Outcome:
    configured = settings.sources[name]
    out.print(f"[bold]{escape(name)}[/] ({escape(configured.kind)})", highlight=False)
    try:
        credentials = Credentials(name=name, given=configured.options(), stores=open_stores(settings))
        try:
            connector = open_source(name, configured.kind, credentials.options())
        finally:
            credentials.close()
    except SettingsInvalid as error:
        fix = (error.hint("en"), error.hint("zh"))
        return _say(
            Finding(step="settings", outcome=Outcome.BAD, told=(error.message("en"), error.message("zh")), fix=fix)
        )
    good = ("settings readable, secret found", "配置可读，凭据已找到")
    worst = _say(Finding(step="settings", outcome=Outcome.GOOD, told=good))
    try:
        async with aclosing(cast("Any", try_source(connector, promised_of(catalog, name)))) as findings:
            async for finding in findings:
                worst = max(worst, _say(finding), key=list(Outcome).index)
    finally:
        await connector.close()
    return worst


def promised_of(catalog: Catalog, name: SourceName) -> list[PromisedTable]:
    """What the bundle says of the source's tables."""
    return [
        PromisedTable(
            dataset=dataset.name,
            table=dataset.table,
            columns=tuple(
                SourceColumn(field=field.name, column=field.column, type=stored_type(field))
                for field in dataset.fields.values()
            ),
        )
        for dataset in catalog.datasets.values()
        if dataset.source == name
    ]


def _say(finding: Finding) -> Outcome:
    en, zh = map(escape, finding.told)
    out.print(f"  {_MARKS[finding.outcome]} {finding.step}: {en}\n    [dim]{zh}[/]", highlight=False, soft_wrap=True)
    if finding.outcome is not Outcome.GOOD and any(finding.fix):
        en, zh = map(escape, finding.fix)
        out.print(f"    → {en}\n    [dim]→ {zh}[/]", highlight=False, soft_wrap=True)
    return finding.outcome
