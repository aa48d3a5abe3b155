"""`langqiao witness`: countersign another department's log. Needs no gateway, no database, no settings."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from gateway.app import utc_now
from gateway.audit.witness import Witness, create_home, open_home, trust_log, witness_application
from gateway.cli.terminal import err, out, stop
from gateway.errors import GatewayError

witness = typer.Typer(help="Countersign another department's log, and refuse a fork.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="the witness's own folder: its key, and what it signed")]
Logs = Annotated[list[str], typer.Option("--log", help="public key (vkey) of a log that it signs for")]


@witness.command("create")
def witness_create(
    folder: Folder,
    name: Annotated[str, typer.Option(help="as witness.example/department")],
    log: Logs,
) -> None:
    """Make a witness: its key and an empty record. Prints the public key, for `audit.witnesses` and for auditors."""
    try:
        out.print(create_home(folder, name, log), highlight=False, soft_wrap=True, markup=False)
    except GatewayError as error:
        stop(error)


@witness.command("trust")
def witness_trust(folder: Folder, log: Annotated[str, typer.Argument(help="public key (vkey) of the log")]) -> None:
    """Sign for another log too, or for another key of one; from the next start on."""
    try:
        trust_log(folder, log)
    except GatewayError as error:
        stop(error)


@witness.command("show")
def witness_show(folder: Folder) -> None:
    """The public key, and the newest checkpoint that was signed of each log: hold a log or an export against it."""
    try:
        with open_home(folder) as home:
            out.print(home.cosigner.vkey, highlight=False, soft_wrap=True, markup=False)
            for origin in home.logs:
                out.print(f"\n{home.signed.get(origin, origin)}", highlight=False, soft_wrap=True, markup=False, end="")
    except GatewayError as error:
        stop(error)


@witness.command("serve")
def witness_serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free port")] = 8400,
) -> None:
    """Answer `POST /add-checkpoint` (c2sp.org/tlog-witness). Put a proxy with TLS before it."""
    try:
        with open_home(folder) as home:
            config = uvicorn.Config(
                witness_application(Witness(home, utc_now)),
                host=host,
                port=port,
                lifespan="off",
                access_log=False,
                server_header=False,
                limit_concurrency=64,
                timeout_graceful_shutdown=5,
            )
            server = uvicorn.Server(config)
            err.print(f"witness {home.cosigner.name}, {len(home.logs)} logs", highlight=False, markup=False)
            with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
                runner.run(server.serve())
    except GatewayError as error:
        stop(error)
    if not server.started:
        raise typer.Exit(1)
