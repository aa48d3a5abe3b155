"""`langqiao discover`: a department's database -> a bundle that serves it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration.discovery import Wanted, check_wanted, write_bundle
from gateway.app import utc_now
from gateway.cli.terminal import err, out, stop, stop_bundle
from gateway.errors import BundleInvalid, GatewayError, SettingsInvalid, SourceFailed
from gateway.model.ids import SourceName
from gateway.sources import open_source
from gateway.spi import TableDescription

_SCHEMES = ("postgresql+psycopg://", "postgresql://", "postgres://")


def discover(
    url: Annotated[
        str, typer.Argument(help="postgresql://reader@host/database", envvar="LANGQIAO_DISCOVER_URL", show_envvar=True)
    ],
    department: Annotated[str, typer.Option(help="what the department is called here")],
    bundle: Annotated[Path, typer.Option(help="folder to write, new or empty")],
    grant: Annotated[str, typer.Option(help="the role that may read it all")],
    schema: Annotated[str, typer.Option(help="of the database")] = "public",
    source: Annotated[str | None, typer.Option(help="name of the source in the settings; the department's")] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite what is in the folder")] = False,
) -> None:
    """Read a PostgreSQL schema and write a bundle that serves it (读取数据库结构，生成可用的策略包)."""
    wanted = Wanted(department=department, source=source or department, role=grant, now=utc_now())
    try:
        check_wanted(wanted)
        tables = asyncio.run(_describe(url, wanted.source, schema))
        found = write_bundle(bundle, tables, wanted, is_forced=force)
    except BundleInvalid as error:
        stop_bundle(error)
    except SourceFailed as error:
        err.print(f"[bold red]{error.code}[/] the database can't be read with this address and account")
        err.print("[dim]无法以该地址和账号读取数据库[/]")
        err.print("→ check host, port, database, user and password\n[dim]→ 请检查主机、端口、库名、用户与口令[/]")
        raise typer.Exit(1) from None
    except GatewayError as error:
        stop(error)
    for note in found.notes:
        err.print("  ".join(note), style="yellow", highlight=False, markup=False)
    out.print(
        f"{found.datasets} datasets, {found.fields} fields, {found.links} links in {bundle}\n"
        f"{found.datasets} 个数据集、{found.fields} 个字段、{found.links} 条链接\n",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    secret = f"{wanted.source.upper().replace('-', '_')}_URL"
    out.print(
        f"# in langqiao.toml; the address itself stays out of it 写入 langqiao.toml，地址本身不写入\n"
        f"[sources.{wanted.source}]\n"
        'kind = "sql"\n'
        f'url_env = "{secret}"    # or url_file = "/run/secrets/{wanted.source}"; postgresql+psycopg://…\n'
        f"schema = {_toml(schema)}\n",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


async def _describe(url: str, name: str, schema: str) -> tuple[TableDescription, ...]:
    scheme = next((scheme for scheme in _SCHEMES if url.startswith(scheme)), None)
    if scheme is None:
        raise SettingsInvalid(
            fault="the address is none of a PostgreSQL database 不是 PostgreSQL 地址",
            fix="write postgresql://user:password@host:port/database",
        )
    options: dict[str, object] = {"url": _SCHEMES[0] + url.removeprefix(scheme), "connections": 1, "schema": schema}
    connector = open_source(SourceName(name), "sql", options)
    try:
        return await connector.describe()
    finally:
        await connector.close()


def _toml(text: str) -> str:
    escaped = "".join(f"\\u{ord(sign):04x}" if sign in '"\\' or not sign.isprintable() else sign for sign in text)
    return f'"{escaped}"'
