"""`langqiao audit verify`, which is to take no longer than it must: here is only what it needs."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from gateway.audit.cosigned import read_witness_key
from gateway.audit.opening import open_entries, open_ring
from gateway.audit.proofs import LogProofs, check_cosignatures, check_export_witnessed, log_key
from gateway.audit.rows import Archived
from gateway.audit.sharing import Shares
from gateway.audit.verify import verify_export, verify_log
from gateway.cli.terminal import SettingsPath, err, out, stop
from gateway.clock import utc_now
from gateway.errors import GatewayError
from gateway.settings import load_settings
from gateway.store import open_state_read_only

HELP = "The log and its proofs."


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
    gc.disable()  # little here goes in circles, and looking for it among all rows takes its time
    try:
        witnesses = [read_witness_key(vkey) for vkey in witness or ()]
        if archive is not None and key is not None:
            from gateway.audit.archive import verify_archive  # reads Parquet, which takes its time to load

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
                bodies = _bodies_of(archive, vkey) if archive is not None else None
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


def _bodies_of(archive: Path, vkey: str) -> Archived:
    from gateway.audit.archive import archived_bodies

    return archived_bodies(archive, vkey)


app = typer.Typer(pretty_exceptions_enable=False)
_audit = typer.Typer(help=HELP)
_audit.command("verify")(audit_verify)
app.add_typer(_audit, name="audit")
