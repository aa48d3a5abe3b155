"""`langqiao app-key`, `keys`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.administration import Apps, create_ring, rewrap_ring
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.cli.asking import asker_of
from gateway.cli.terminal import (
    DEMO_FOLDER,
    As,
    DemoFolder,
    PurposeName,
    SettingsPath,
    Url,
    err,
    out,
    stop,
    stop_bundle,
    went_well,
)
from gateway.demo.ask import Asker, get, post
from gateway.errors import BundleInvalid, GatewayError
from gateway.keys import open_root
from gateway.settings import load_settings
from gateway.store import open_state

app_keys = typer.Typer(help="Apps and their keys.", no_args_is_help=True)
keys = typer.Typer(help="The key ring. 密钥环", no_args_is_help=True)
UseName = Annotated[str, typer.Argument(help="pseudonym, token, shift or seal")]
Version = Annotated[int, typer.Argument(min=1, max=255, help="its number")]
_PURPOSE = "policy-administration"
_COLUMNS = ("use", "version", "state", "algorithms", "wrap", "retired_by")


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
    """Make the keys of a new gateway: the root file, and version 1 of each. Back both up: lost keys can't be remade."""
    try:
        read = load_settings(settings)
        state = open_state(read.state_url)
        try:
            signer = create_ring(read.keys, state, utc_now).log_signer(read.audit.origin)
        finally:
            state.close()
        out.print(f"keys are in the database\nthe log's public key: {signer.vkey}", soft_wrap=True)
    except GatewayError as error:
        stop(error)


@keys.command("rewrap")
def keys_rewrap(
    to: Annotated[Path, typer.Argument(help="settings whose `keys` name the new root")], settings: SettingsPath = None
) -> None:
    """Wrap every key under another root, all or none. Then start every replica with the new root."""
    try:
        read, new = load_settings(settings), load_settings(to).keys
        state = open_state(read.state_url)
        try:
            count = rewrap_ring(state, open_root(read.keys), open_root(new, create=True), new.algorithms)
        finally:
            state.close()
        out.print(f"{count} keys wrapped anew 已重新包裹 {count} 个密钥", highlight=False)
    except GatewayError as error:
        stop(error)


@keys.command("list")
def keys_list(
    purpose: PurposeName = _PURPOSE, person: As = None, url: Url = None, folder: DemoFolder = DEMO_FOLDER
) -> None:
    """List every version of every key, and its state."""
    answer = went_well(get(asker_of(folder, person, url), "/keys", purpose=purpose))
    table = Table(*_COLUMNS, header_style="bold")
    for key in json.loads(answer.text)["keys"]:
        table.add_row(*("" if key[name] is None else str(key[name]) for name in _COLUMNS))
    out.print(table)


@keys.command("rotate")
def keys_rotate(
    use: UseName,
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Make a new version; it is in force a second later, and old ones can still be read with."""
    _step(asker_of(folder, person, url), f"/keys/{use}/rotation", None, purpose)


@keys.command("retire")
def keys_retire(
    use: UseName,
    version: Version,
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Let an old version serve for nothing. It can be reinstated."""
    _step(asker_of(folder, person, url), f"/keys/{use}/{version}/retirement", None, purpose)


@keys.command("reinstate")
def keys_reinstate(
    use: UseName,
    version: Version,
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Let a retired version be read with again."""
    _step(asker_of(folder, person, url), f"/keys/{use}/{version}/reinstatement", None, purpose)


@keys.command("destroy")
def keys_destroy(
    use: UseName,
    version: Version,
    yes: Annotated[str | None, typer.Option("--yes", help="the confirmation, for scripts")] = None,
    purpose: PurposeName = _PURPOSE,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Say what can then never be read again, and destroy a retired version, for good."""
    asker = asker_of(folder, person, url)
    loss = json.loads(went_well(get(asker, f"/keys/{use}/{version}/loss", purpose=purpose)).text)
    out.print(f"[bold red]{loss['text']['en']}\n{loss['text']['zh']}[/]", highlight=False, soft_wrap=True)
    confirm = yes if yes is not None else typer.prompt(f"type `{loss['confirm']}` to destroy it 输入以确认销毁")
    _step(asker, f"/keys/{use}/{version}/destruction", {"confirm": confirm}, purpose)


def _step(asker: Asker, path: str, content: dict[str, object] | None, purpose: str | None) -> None:
    answer = went_well(post(asker, path, content, purpose=purpose or ""))
    out.print(f"{json.loads(answer.text)['done']}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)
