"""`langqiao audit`: the log and its proofs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration import archiving, open_ring, open_seals, redecide
from gateway.app import utc_now
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.cli.verifying import HELP, audit_verify
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings
from gateway.store import open_state_read_only

audit = typer.Typer(help=HELP, no_args_is_help=True)
audit.command("verify")(audit_verify)


@audit.command("redecide")
def audit_redecide(
    index: Annotated[int, typer.Argument(min=0, help="of the entry, as its receipt has it: origin#INDEX:leaf")],
    settings: SettingsPath = None,
) -> None:
    """Make an entry's decision again under the kept policy version. Exit status 1: not the same, or can't be told."""
    try:
        read = load_settings(settings)
        state = open_state_read_only(read.state_url)
        try:
            ring = open_ring(read.keys, state, utc_now)
            result = redecide(state, index, ring.subject_hash, open_seals(read.keys, state, utc_now).open)
        finally:
            state.close()
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)
    for line in (*result.lines("en"), *result.lines("zh")):
        out.print(line, style="green" if result.is_same else "bold red", highlight=False, soft_wrap=True, markup=False)
    raise typer.Exit(0 if result.is_same else 1)


@audit.command("archive")
def audit_archive(
    before: Annotated[str, typer.Option(help="a date (2025-01-01, UTC) or an index: entries before it")],
    to: Annotated[Path, typer.Option(help="a new folder; or one that was left half done, with --remove")],
    settings: SettingsPath = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="then take the bytes out of the database")] = False,
) -> None:
    """Write entries that are in no archive yet to Parquet, with the tree beside them, and verify them."""
    try:
        limit = int(before) if before.isdecimal() else datetime.fromisoformat(before).replace(tzinfo=UTC)
    except ValueError:
        err.print("--before is a date like 2025-01-01, or an index")
        raise typer.Exit(2) from None
    try:
        moved = archiving.archive(load_settings(settings), to, limit, utc_now, removes=remove)
    except GatewayError as error:
        stop(error)
    _say_moved(moved, "archived 已归档")


@audit.command("restore")
def audit_restore(
    folder: Annotated[Path, typer.Argument(help="an archive")],
    settings: SettingsPath = None,
) -> None:
    """Bring the bytes of an archive back into the database."""
    try:
        moved = archiving.restore(load_settings(settings), folder, utc_now)
    except GatewayError as error:
        stop(error)
    _say_moved(moved, "restored 已取回")


def _say_moved(moved: archiving.Moved, what: str) -> None:
    told = moved.manifest
    receipt = f"  [dim]receipt {moved.receipt}[/]" if moved.receipt else ""
    out.print(f"{what}: {told.first}-{told.end - 1}{receipt}", highlight=False, soft_wrap=True)
