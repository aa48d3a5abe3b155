"""The command `langqiao`: demo, serve, token, query, explain, audit verify, catalog check, policy check, app key."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Never

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from gateway.administration import Apps, check_bundle
from gateway.app import Gateway, create_application, utc_now
from gateway.audit import verify_export, verify_log
from gateway.catalog import load_catalog
from gateway.demo.ask import Asker, ask
from gateway.demo.personas import PERSONA_NAMES
from gateway.errors import BundleInvalid, GatewayError
from gateway.keys import KeyRing
from gateway.settings import load_settings
from gateway.store import open_state

app = typer.Typer(
    help="廊桥 Langqiao: a city's data-sharing gateway.", no_args_is_help=True, pretty_exceptions_enable=False
)
audit = typer.Typer(help="The log and its proofs.", no_args_is_help=True)
catalog = typer.Typer(help="The catalogue.", no_args_is_help=True)
policy = typer.Typer(help="The policy bundle.", no_args_is_help=True)
app_keys = typer.Typer(help="Apps and their keys.", no_args_is_help=True)
keys = typer.Typer(help="The key ring.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(catalog, name="catalog")
app.add_typer(policy, name="policy")
app.add_typer(app_keys, name="app-key")

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


def _stop(error: GatewayError) -> Never:
    err.print(f"[bold red]{error.code}[/] {error.message('en')}\n[dim]{error.message('zh')}[/]")
    err.print(f"→ {error.hint('en')}\n[dim]→ {error.hint('zh')}[/]")
    raise typer.Exit(1)


def _stop_bundle(error: BundleInvalid) -> Never:
    for problem in error.problems:
        err.print(f"[red]{problem.file}:{problem.line}[/] {problem.fault}\n    → {problem.fix}", highlight=False)
    err.print(f"[bold red]{len(error.problems)} faults[/]")
    raise typer.Exit(1)


@app.command()
def demo(
    residents: Annotated[int, typer.Option(min=1_000, max=1_000_000, help="how many people live in the city")] = 50_000,
    seed: Annotated[int, typer.Option(help="one seed, one city")] = 2026,
    folder: DemoFolder = DEMO_FOLDER,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free port")] = 8000,
    once: Annotated[bool, typer.Option("--once", help="end after the last scene")] = False,
) -> None:
    """Show a day in the city, over real HTTP with real credentials; then stay up."""
    from gateway.demo.run import run_demo

    try:
        raise typer.Exit(run_demo(folder=folder, residents=residents, seed=seed, port=port, once=once, console=out))
    except BundleInvalid as error:
        _stop_bundle(error)
    except GatewayError as error:
        _stop(error)


@app.command()
def serve(settings: SettingsPath = None) -> None:
    """Run the gateway. SIGHUP takes the bundle's files again."""
    try:
        read = load_settings(settings)
        gateway = Gateway(settings=read)
        config = uvicorn.Config(
            create_application(gateway),
            host=read.host,
            port=read.port,
            lifespan="off",  # opened here, so that what can't start says so in a sentence and not in a traceback
            access_log=False,  # addresses hold filters; what was asked is in the audit log
            log_level=read.telemetry.log_level.lower(),
            server_header=False,
            h11_max_incomplete_event_size=read.limits.header_bytes + read.limits.url_bytes,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)

        async def run() -> None:
            async with gateway.open():
                await server.serve()

        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(run())
    except BundleInvalid as error:
        _stop_bundle(error)
    except GatewayError as error:
        _stop(error)
    if not server.started:
        raise typer.Exit(1)


@app.command()
def token(
    person: Annotated[str, typer.Argument(help=f"a person of the demo: {', '.join(PERSONA_NAMES)}")],
    folder: DemoFolder = DEMO_FOLDER,
    hours: Annotated[int, typer.Option(min=1, max=24)] = 8,
    headers: Annotated[bool, typer.Option("--headers", help="print both credentials as curl options")] = False,
) -> None:
    """Print a signed token of the demo's own issuer for one of its people."""
    asker = _asker(folder, person, None, hours=hours)
    if headers:
        out.print(f"-H 'apikey: {asker.app_key}' -H 'Authorization: Bearer {asker.token}'", soft_wrap=True)
    else:
        out.print(asker.token, soft_wrap=True)


def _asker(folder: Path, person: str | None, url: str | None, *, hours: int = 1) -> Asker:
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


@app.command()
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
    answer = ask(_asker(folder, person, url), question, purpose=purpose, case=case, justification=because)
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


@app.command()
def explain(
    question: Annotated[str, typer.Argument(help="as for `query`")],
    purpose: PurposeName = None,
    case: CaseName = None,
    because: Justification = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Say what a question would meet, field by field and rule by rule, without touching data."""
    asker = _asker(folder, person, url)
    answer = ask(asker, question, purpose=purpose, case=case, justification=because, explain=True)
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    told = json.loads(answer.text)
    table = Table("field", "outcome", "rules", "granted", "ceiling", header_style="bold")
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


@audit.command("verify")
def audit_verify(
    settings: SettingsPath = None,
    export: Annotated[Path | None, typer.Option(help="an exported log instead of the live one")] = None,
    key: Annotated[str | None, typer.Option(help="the log's public key (vkey), for an export")] = None,
) -> None:
    """Recompute every leaf, tile, root, signature and search column; names the first bad entry. Exit status 1: bad."""
    try:
        if export is not None:
            if key is None:
                err.print("an export is verified with the log's public key: give --key")
                raise typer.Exit(2)
            result = verify_export(export, key)
        else:
            read = load_settings(settings)
            ring = KeyRing.open(read.keys, create=False)
            result = verify_log(read.state_url, ring.log_signer(read.audit.origin).vkey, high_water=read.high_water)
    except GatewayError as error:
        _stop(error)
    for line in (result.text("en"), result.text("zh")):
        out.print(line, style="green" if result.is_sound else "bold red", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if result.is_sound else 1)


@catalog.command("check")
def catalog_check(bundle: Annotated[Path, typer.Argument(help="folder of the bundle")] = Path("policies")) -> None:
    """Read the catalogue; every fault with file, line and fix."""

    def check() -> str:
        read = load_catalog(bundle)
        fields = sum(len(dataset.fields) for dataset in read.datasets.values())
        return f"{len(read.departments)} departments, {len(read.datasets)} datasets, {fields} fields: sound"

    _checked(check)


@policy.command("check")
def policy_check(bundle: Annotated[Path, typer.Argument(help="folder of the bundle")] = Path("policies")) -> None:
    """Read the whole bundle and run its decision cases; every fault with file, line and fix."""

    def check() -> str:
        report = check_bundle(bundle)
        for failure in report.failures:
            err.print(f"[red]{failure}[/]", highlight=False)
        if report.failures:
            raise typer.Exit(1)
        return (
            f"{report.rules} rules, {report.purposes} purposes, {report.datasets} datasets, {report.fields} fields, "
            f"decision cases of {report.case_files} files: sound\npolicy {report.version}"
        )

    _checked(check)


def _checked(check: Callable[[], str]) -> None:
    try:
        out.print(check(), highlight=False)
    except BundleInvalid as error:
        _stop_bundle(error)


@app_keys.command("create")
def app_key_create(
    name: Annotated[str, typer.Argument(help="an app of apps.yaml")], settings: SettingsPath = None
) -> None:
    """Make an API key for an app. It is shown once and kept hashed."""
    try:
        read = load_settings(settings)
        if name not in load_catalog(read.bundle).apps:
            err.print(f"[red]no app `{name}` in {read.bundle / 'apps.yaml'}[/]")
            raise typer.Exit(1)
        state = open_state(read.state_url)
        try:
            out.print(Apps(state).create_key(name, utc_now()), soft_wrap=True)
        finally:
            state.close()
    except BundleInvalid as error:
        _stop_bundle(error)
    except GatewayError as error:
        _stop(error)


@keys.command("create")
def keys_create(settings: SettingsPath = None) -> None:
    """Make the key ring of a new gateway. Back it up: lost keys can't be made again."""
    try:
        read = load_settings(settings)
        ring = KeyRing.open(read.keys, create=True)
        out.print(
            f"keys in {read.keys}\nthe log's public key: {ring.log_signer(read.audit.origin).vkey}", soft_wrap=True
        )
    except GatewayError as error:
        _stop(error)


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
