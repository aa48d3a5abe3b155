"""`langqiao audit`: the log and its proofs."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.administration import open_entries, open_ring, open_seals, redecide
from gateway.app import utc_now
from gateway.audit import LogProofs, verify_export, verify_log
from gateway.audit.cosigned import read_witness_key
from gateway.audit.proofs import check_cosignatures, check_export_witnessed, log_key
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings
from gateway.store import open_state_read_only

audit = typer.Typer(help="The log and its proofs.", no_args_is_help=True)


@audit.command("verify")
def audit_verify(
    settings: SettingsPath = None,
    export: Annotated[Path | None, typer.Option(help="an exported log instead of the live one")] = None,
    key: Annotated[str | None, typer.Option(help="the log's public key (vkey), for an export")] = None,
    witness: Annotated[list[str] | None, typer.Option(help="a witness's public key that must have signed")] = None,
) -> None:
    """Recompute every leaf, tile, root, signature and search column; names the first bad entry. Exit status 1: bad."""
    try:
        witnesses = [read_witness_key(vkey) for vkey in witness or ()]
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
            finally:
                state.close()
            result = verify_log(read.state_url, vkey, opener=opener, high_water=read.high_water, kept=witnessed)
            if result.is_sound:
                check_cosignatures(witnessed, witnesses)
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
