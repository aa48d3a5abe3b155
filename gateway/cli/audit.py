"""`langqiao audit`: the log and its proofs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration import archiving, open_entries, open_ring, open_seals, redecide
from gateway.app import utc_now
from gateway.audit import LogProofs, verify_export, verify_log
from gateway.audit.archive import archived_bodies, verify_archive
from gateway.audit.cosigned import read_witness_key
from gateway.audit.proofs import check_cosignatures, check_export_witnessed, log_key
from gateway.audit.sharing import Shares
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings
from gateway.store import open_state_read_only

audit = typer.Typer(help="The log and its proofs.", no_args_is_help=True)


@audit.command("verify")
def audit_verify(
    settings: SettingsPath = None,
    export: Annotated[Path | None, typer.Option(help="an exported log instead of the live one")] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="an archive: alone with --key, or beside the live log"),
    ] = None,
    key: Annotated[str | None, typer.Option(help="the log's public key (vkey), for an export")] = None,
    witness: Annotated[list[str] | None, typer.Option(help="a witness's public key that must have signed")] = None,
) -> None:
    """Recompute every leaf, tile, root, signature and search column; names the first bad entry. Exit status 1: bad."""
    try:
        witnesses = [read_witness_key(vkey) for vkey in witness or ()]
        if archive is not None and key is not None:
            found = verify_archive(archive, key)
            said = f"sound: entries {found.first} to {found.end - 1} of {found.origin}, size {found.size}"
            out.print(f"{said}  归档完好", style="green", highlight=False, soft_wrap=True)
            raise typer.Exit(0)
        if export is not None:
            if key is None:
                err.print("an export is verified with the log's public key: give --key")
                raise typer.Exit(2)
            result = verify_export(export, key)
            if result.is_sound:
                check_export_witnessed(export, log_key(key), witnesses)
        else:
            read = load_settings(settings)
            state = open_state_read_only(read.state_url)
            try:
                vkey = open_ring(read.keys, state, utc_now).log_signer(read.audit.origin).vkey
                opener = open_entries(read.keys, state, utc_now)
                witnessed = LogProofs(state).newest_witnessed()
                bodies = archived_bodies(archive, vkey) if archive is not None else None
                # every connection is closed again, and nothing here has another thread
                result = verify_log(
                    read.state_url,
                    vkey,
                    opener=opener,
                    high_water=read.high_water,
                    kept=witnessed,
                    archived=bodies,
                    shares=Shares(forks=True),
                )
                if result.is_sound:
                    check_cosignatures(witnessed, witnesses)
            finally:
                state.close()
    except GatewayError as error:
        stop(error)
    for line in (result.text("en"), result.text("zh")):
        out.print(line, style="green" if result.is_sound else "bold red", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if result.is_sound else 1)


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
