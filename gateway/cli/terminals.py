"""`langqiao terminals`: the devices to which answers are sealed."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, PurposeName, Url, err, out, went_well
from gateway.demo.ask import get, post

terminals = typer.Typer(help="Devices to which answers are sealed. 终端", no_args_is_help=True)
TerminalName = Annotated[str, typer.Argument(help="t-…")]
_OFFICE = "policy-administration"
_COLUMNS = ("id", "principal", "app", "title", "state", "thumbprint", "approved_by")


@terminals.command("register")
def terminals_register(
    key: Annotated[Path, typer.Argument(help="the device's public key, a JWK (P-256 or X25519)")],
    title: Annotated[str, typer.Option("--title", help="what people call the device")],
    purpose: PurposeName = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Register the public key of your own device; it serves when a second person has approved it."""
    try:
        jwk = json.loads(key.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        err.print(f"[red]{key} can't be read as JSON[/]")
        raise typer.Exit(1) from None
    asker = asker_of(folder, person, url)
    answer = went_well(post(asker, "/terminals", {"key": jwk, "title": title}, purpose=purpose or ""))
    out.print(json.loads(answer.text)["id"], soft_wrap=True)


@terminals.command("list")
def terminals_list(
    own: Annotated[bool, typer.Option("--own", help="only yours")] = False,
    purpose: PurposeName = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """List terminals and their states."""
    path = "/terminals/own" if own else "/terminals"
    answer = went_well(get(asker_of(folder, person, url), path, purpose=purpose or _OFFICE))
    table = Table(*_COLUMNS, header_style="bold")
    for one in json.loads(answer.text)["terminals"]:
        table.add_row(*("" if one[name] is None else str(one[name]) for name in _COLUMNS))
    out.print(table)


@terminals.command("approve")
def terminals_approve(
    terminal: TerminalName, purpose: PurposeName = None, person: As = None, url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:  # fmt: skip
    """Approve somebody's terminal."""
    asker = asker_of(folder, person, url)
    went_well(post(asker, f"/terminals/{terminal}/approval", None, purpose=purpose or _OFFICE))
    out.print(f"{terminal} approved")


@terminals.command("revoke")
def terminals_revoke(
    terminal: TerminalName,
    own: Annotated[bool, typer.Option("--own", help="give back one of yours")] = False,
    purpose: PurposeName = None,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Revoke a terminal, for good."""
    step = "return" if own else "revocation"
    asker = asker_of(folder, person, url)
    went_well(post(asker, f"/terminals/{terminal}/{step}", None, purpose=purpose or _OFFICE))
    out.print(f"{terminal} revoked")
