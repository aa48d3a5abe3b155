"""`langqiao policy versions`, `policy export`: the policy versions that served, out of the gateway's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration import PolicyVersions
from gateway.cli.policy import policy
from gateway.cli.terminal import SettingsPath, out, stop
from gateway.errors import GatewayError
from gateway.settings import load_settings
from gateway.store import State, open_state_read_only


@contextmanager
def state_of(settings: Path | None) -> Iterator[State]:
    """The gateway's database, to read; ends with a sentence where it, or what is asked of it, can't be read."""
    try:
        state = open_state_read_only(load_settings(settings).state_url)
        try:
            yield state
        finally:
            state.close()
    except GatewayError as error:
        stop(error)


@policy.command("versions")
def policy_versions(settings: SettingsPath = None) -> None:
    """Every policy version that ever served, and since when it is kept, newest first."""
    with state_of(settings) as state:
        for row in PolicyVersions(state).listed():
            out.print(
                f"{row.version}  {row.stored_at:%Y-%m-%dT%H:%M:%SZ}  {row.size:,} bytes, {row.packed:,} packed",
                highlight=False,
                soft_wrap=True,
            )


@policy.command("export")
def policy_export(
    version: Annotated[str, typer.Argument(help="as `policy versions` and the log have it")],
    folder: Annotated[Path, typer.Argument(help="a new or empty folder")],
    settings: SettingsPath = None,
) -> None:
    """Write a version's files; `langqiao policy check FOLDER` then says the same version."""
    with state_of(settings) as state:
        PolicyVersions(state).export(version, folder)
    out.print(f"policy {version}\n{folder}", highlight=False, soft_wrap=True)
