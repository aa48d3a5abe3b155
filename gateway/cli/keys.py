"""`langqiao app-key`, `keys`."""

from typing import Annotated

import typer

from gateway.administration import Apps
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.cli.terminal import SettingsPath, err, out, stop, stop_bundle
from gateway.errors import BundleInvalid, GatewayError
from gateway.keys import KeyRing
from gateway.settings import load_settings
from gateway.store import open_state

app_keys = typer.Typer(help="Apps and their keys.", no_args_is_help=True)
keys = typer.Typer(help="The key ring.", no_args_is_help=True)


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
        stop_bundle(error)
    except GatewayError as error:
        stop(error)


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
        stop(error)
