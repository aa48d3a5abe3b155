"""`langqiao audit report`, `report-verify`, `flags`, `sampling`: what the desk counts, and what anybody may check."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from gateway.administration import (
    PolicyVersions,
    Sampling,
    build_engine,
    check_sampling,
    open_entries,
    open_ring,
    reproduce_flag,
    verify_report,
)
from gateway.app import utc_now
from gateway.audit.ranges import head_of, read_range
from gateway.cli.asking import asker_of
from gateway.cli.audit import audit
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, SettingsPath, Url, err, out, stop, stop_bundle
from gateway.demo.ask import download
from gateway.errors import BundleInvalid, GatewayError, Language
from gateway.keys import KeyRing
from gateway.settings import Settings, load_settings
from gateway.store import State, open_state_read_only

_T = TypeVar("_T")
_KINDS = "accesses, break-glass, flags, refusals, resident, sampling"
_LANGUAGES: tuple[Language, ...] = ("en", "zh")


@audit.command("report")
def audit_report(
    kind: Annotated[str, typer.Argument(help=_KINDS)],
    since: Annotated[str, typer.Option("--from", help="first day, or moment with its time zone 起始日")],
    until: Annotated[str, typer.Option("--to", help="last day, included; or the moment before which 截止日（含）")],
    form: Annotated[str, typer.Option("--format", help="csv, html, pdf, xlsx")] = "html",
    language: Annotated[str, typer.Option(help="zh, en")] = "zh",
    resident: Annotated[str | None, typer.Option(help="an ID number, for the kind resident 居民身份证号")] = None,
    zone: Annotated[str, typer.Option(help="time zone of the days")] = "Asia/Shanghai",
    target: Annotated[Path | None, typer.Option("--out", help="file to write; its note lies beside it")] = None,
    purpose: Annotated[
        str, typer.Option("--purpose", "-p", help="the one purpose of the request")
    ] = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Have a signed report made of a time of the log. 生成带签名的报表."""
    if kind == "resident" and resident is None:
        # typed here it stands in no shell history
        resident = typer.prompt("ID number 身份证号", hide_input=True)
    order: dict[str, object] = {
        "kind": kind,
        "format": form,
        "language": language,
        "since": _moment(since, zone, is_end=False),
        "until": _moment(until, zone, is_end=True),
    }
    made = download(
        asker_of(folder, person, url),
        "/reports",
        order if resident is None else order | {"resident": resident},
        purpose=purpose,
    )
    if made.refused is not None:
        err.print(f"[bold red]{made.refused.status}[/] {made.refused.problem_text()}", highlight=False)
        raise typer.Exit(1)
    path = target or Path(made.name)
    path.write_bytes(made.content)
    note = path.with_name(f"{path.name}.note")
    note.write_text(made.note, encoding="utf-8")
    out.print(f"{path}  [dim]{note}  receipt {made.receipt}[/]", highlight=False, soft_wrap=True)


@audit.command("report-verify")
def audit_report_verify(
    report: Annotated[Path, typer.Argument(help="the report's file 报表文件")],
    note: Annotated[Path | None, typer.Option(help="its note; FILE.note where that is there")] = None,
    key: Annotated[str | None, typer.Option(help="the public key of reports (vkey); else that of the settings")] = None,
    settings: SettingsPath = None,
) -> None:
    """Hold a report against its signature, with the public key alone. Exit status 1: it doesn't fit. 核验报表."""
    beside = note or report.with_name(f"{report.name}.note")
    try:
        content = report.read_bytes()
        text = beside.read_text(encoding="utf-8") if note is not None or beside.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        err.print(f"[red]can't read {report} or its note[/]: {type(error).__name__}")
        raise typer.Exit(2) from None
    vkey = key or _with_ring(settings, lambda read, _, ring: ring.report_signer(read.audit.origin).vkey)
    result = verify_report(content, text, vkey)
    for language in _LANGUAGES:
        style = "green" if result.is_sound else "bold red"
        out.print(result.text(language), style=style, highlight=False, soft_wrap=True, markup=False)
    for name, value in result.facts:
        out.print(f"  {name} {value}", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(0 if result.is_sound else 1)


@audit.command("report-key")
def audit_report_key(settings: SettingsPath = None) -> None:
    """Print the public key of reports (vkey), to be given to who checks them. 报表签名公钥."""
    vkey = _with_ring(settings, lambda read, _, ring: ring.report_signer(read.audit.origin).vkey)
    out.print(vkey, highlight=False, soft_wrap=True, markup=False)


@audit.command("flags")
def audit_flags(
    reproduce: Annotated[str, typer.Option("--reproduce", help="a flag's id (f-…), or the index of its entry")],
    settings: SettingsPath = None,
) -> None:
    """Make a detector's flag again from the log's entries alone. Exit status 1: they don't show it. 复现告警."""
    result = _with_ring(
        settings, lambda read, state, _: reproduce_flag(state, reproduce, open_entries(read.keys, state, utc_now))
    )
    for language in _LANGUAGES:
        style = "green" if result.is_same else "bold red"
        out.print(result.text(language), style=style, highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(0 if result.is_same else 1)


@audit.command("sampling")
def audit_sampling(
    begin: Annotated[int, typer.Option("--begin", min=0, help="first entry 起始序号")] = 0,
    end: Annotated[int | None, typer.Option("--end", min=0, help="the entry before which; none: the last one")] = None,
    settings: SettingsPath = None,
) -> None:
    """Draw the sample again and hold it against the reviews that were opened. Exit status 1: not as drawn. 核验抽样."""

    def check(read: Settings, state: State, ring: KeyRing) -> tuple[bool, tuple[str, ...]]:
        engine = build_engine(read.bundle)
        sampling = Sampling(PolicyVersions(state), lambda: engine, ring.draw)
        size = head_of(state).size
        until = size if end is None else min(end, size)
        entries = read_range(state, min(begin, until), size, open_entries(read.keys, state, utc_now))
        result = check_sampling(sampling, entries, until)
        return result.is_sound, tuple(result.text(language) for language in _LANGUAGES)

    is_sound, lines = _with_ring(settings, check)
    for line in lines:
        out.print(line, style="green" if is_sound else "bold red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(0 if is_sound else 1)


def _with_ring(settings: Path | None, use: Callable[[Settings, State, KeyRing], _T]) -> _T:
    try:
        read = load_settings(settings)
        state = open_state_read_only(read.state_url)
        try:
            return use(read, state, open_ring(read.keys, state, utc_now))
        finally:
            state.close()
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)


def _moment(text: str, zone: str, *, is_end: bool) -> str:
    """A day as the moment at which it begins, or ends; a moment as it is."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2026-11-23"):
            moment = moment.replace(tzinfo=ZoneInfo(zone)) + timedelta(days=int(is_end))
    except (ValueError, OverflowError, KeyError, OSError):
        err.print("give a day such as 2026-11-23, or a moment such as 2026-11-23T10:00:00+08:00, and a time zone")
        raise typer.Exit(2) from None
    return moment.isoformat()
