"""`langqiao discover`: a department's source -> what its columns are, a bundle that serves it, or its drift."""

import asyncio
import csv
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration.discovery import (
    Drift,
    Labels,
    Limits,
    Places,
    Surveyed,
    Wanted,
    check_wanted,
    datasets_of,
    find_drift,
    proposed_file,
    survey,
    write_bundle,
)
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.cli.addresses import Address, address_of, settings_lines
from gateway.cli.discovered import Shown, print_drift, print_drift_json, print_summary
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.demo.prepare import bundle_folder
from gateway.errors import (
    BundleInvalid,
    CatalogDrifted,
    GatewayError,
    SettingsInvalid,
    SourceFailed,
    SourceNotCatalogued,
)
from gateway.model.ids import SourceName
from gateway.sources import open_source
from gateway.spi import Connector, TableDescription

_DRIFTED = 3
_NOWHERE = Places(codes=frozenset(), names=frozenset())


def discover(
    target: Annotated[
        str,
        typer.Argument(
            help="postgresql://reader@host/database, mysql://…, sqlite:///file, file:///folder, or a source's name",
            envvar="LANGQIAO_DISCOVER_URL",
            show_envvar=True,
        ),
    ],
    department: Annotated[str | None, typer.Option(help="what the department is called here")] = None,
    bundle: Annotated[Path | None, typer.Option(help="folder to write, new or empty")] = None,
    grant: Annotated[str | None, typer.Option(help="the role that may read it all; without it nobody may")] = None,
    against: Annotated[
        Path | None, typer.Option(help="a bundle: tell the drift, end with 3 where there is any")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="no drift: TABLE or TABLE.COLUMN, * for any")] = None,
    only: Annotated[list[str] | None, typer.Option(help="only tables of this name, * for any")] = None,
    schema: Annotated[str | None, typer.Option(help="of the database; PostgreSQL: public")] = None,
    source: Annotated[str | None, typer.Option(help="name of the source in the settings; the department's")] = None,
    rows: Annotated[int, typer.Option(help="most rows of a table to look at", min=1, max=10_000)] = 200,
    seconds: Annotated[float, typer.Option(help="most seconds for all samples together", min=0.1)] = 120.0,
    sample: Annotated[bool, typer.Option(help="look at rows; else names and comments alone speak")] = True,
    sample_views: Annotated[bool, typer.Option("--sample-views", help="look at rows of views too")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="print the department's catalogue file")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    language: Annotated[str, typer.Option(help="of the reasons: zh or en")] = "zh",
    force: Annotated[bool, typer.Option("--force", help="overwrite what is in the folder")] = False,
    settings: SettingsPath = None,
) -> None:
    """Read a source, propose terms and classes, write a bundle or tell drift (识别来源并建议标准元与分级)."""
    try:
        if language not in {"zh", "en"}:
            raise SettingsInvalid(fault="--language: neither zh nor en", fix="write zh or en")
        address = address_of(target, schema, settings)
        name = source or (address.name if address.is_configured else None) or department or "discovered"
        wanted = Wanted(
            department=department or name,
            source=name,
            role=grant,
            now=utc_now(),
            language="zh" if language == "zh" else "en",
        )
        check_wanted(wanted)
        limits = Limits(rows=rows, total_seconds=seconds, views=sample_views) if sample else None
        shown = Shown(wanted.language, as_json=as_json, is_quiet=as_yaml or against is not None)
        places = _places(against or bundle_folder()) if sample else _NOWHERE
        surveyed = asyncio.run(_survey(address, wanted.source, places, limits, only or [], shown))
        if against is not None:
            is_named = source is not None or address.is_configured
            drift = _drift(against, surveyed, department, name if is_named else None, address, ignore or [])
            (print_drift_json if as_json else print_drift)(drift, wanted.language)
            if drift:
                raise CatalogDrifted(count=len(drift))
            return
        _write(surveyed, wanted, bundle, address, as_yaml=as_yaml, as_json=as_json, is_forced=force)
    except BundleInvalid as error:
        stop_bundle(error)
    except SourceFailed as error:
        err.print(f"[bold red]{error.code}[/] the database can't be read with this address and account")
        err.print("[dim]无法以该地址和账号读取数据库[/]")
        err.print("→ check host, port, database, user and password\n[dim]→ 请检查主机、端口、库名、用户与口令[/]")
        raise typer.Exit(1) from None
    except CatalogDrifted as error:
        err.print(f"[bold red]{error.code}[/] {error.message('en')}\n[dim]{error.message('zh')}[/]")
        raise typer.Exit(_DRIFTED) from None
    except GatewayError as error:
        stop(error)


def _places(bundle: Path) -> Places:
    """The divisions of the bundle compared with, else of the bundle that comes with the program."""
    try:
        return Places.of((bundle / "regions.csv").read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return _NOWHERE  # a bundle that is broken is told when it is compared with


async def _survey(
    address: Address, name: str, places: Places, limits: Limits | None, only: Sequence[str], shown: Shown
) -> list[Surveyed]:
    found: list[Surveyed] = []
    async with _opened(address, name) as source:
        tables = [table for table in await source.describe() if _is_wanted(table, only)]
        async for table in survey(source, tables, places, limits, time.monotonic):
            shown.table(table)
            found.append(table)
    return found


@asynccontextmanager
async def _opened(address: Address, name: str) -> AsyncIterator[Connector]:
    connector = open_source(SourceName(name), address.kind, address.options)
    try:
        yield connector
    finally:
        await connector.close()


def _is_wanted(table: TableDescription, only: Sequence[str]) -> bool:
    return not only or any(fnmatchcase(table.table, pattern) for pattern in only)


def _drift(
    against: Path,
    surveyed: Sequence[Surveyed],
    department: str | None,
    source: str | None,
    address: Address,
    ignored: Sequence[str],
) -> tuple[Drift, ...]:
    datasets = datasets_of(load_catalog(against), department, source)
    if not datasets:
        raise SourceNotCatalogued
    return find_drift(surveyed, datasets, is_typed=address.is_typed, ignored=ignored)


def _write(
    surveyed: Sequence[Surveyed],
    wanted: Wanted,
    bundle: Path | None,
    address: Address,
    *,
    as_yaml: bool,
    as_json: bool,
    is_forced: bool,
) -> None:
    tables = [table.described for table in surveyed]
    labels: Labels = {table.described.table: table.proposals for table in surveyed}
    if as_yaml:
        typer.echo(proposed_file(tables, wanted, labels), nl=False)
    if bundle is None:
        if not tables:
            raise SettingsInvalid(
                fault="the source has no table that this account may read 来源中没有该账号可读的表",
                fix="name another with --schema, or grant the account USAGE and SELECT 请指定 --schema 或授予读权限",
            )
        if not (as_yaml or as_json):
            print_summary(surveyed, wanted.language)
        return
    found = write_bundle(bundle, tables, wanted, labels, is_forced=is_forced)
    for note in found.notes:
        err.print("  ".join(note), style="yellow", highlight=False, markup=False)
    if as_json or as_yaml:
        return
    print_summary(surveyed, wanted.language)
    out.print(
        f"{found.datasets} datasets, {found.fields} fields, {found.links} links in {bundle}\n"
        f"{found.datasets} 个数据集、{found.fields} 个字段、{found.links} 条链接\n",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    if not address.is_configured:
        out.print(settings_lines(address, wanted.source), highlight=False, markup=False, soft_wrap=True)
