"""`langqiao demo`, `serve`, `token`."""

import asyncio
import gc
import sys
from typing import Annotated

import typer
import uvicorn

from gateway.app import Gateway, create_application
from gateway.cli.terminal import DEMO_FOLDER, DemoFolder, SettingsPath, out, stop, stop_bundle
from gateway.demo.personas import PERSONA_NAMES
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings

_SWITCH_SECONDS = 0.0005
"""How long a thread that works beside the requests may keep them from going on: Python's own is ten times that."""
_GARBAGE_AFTER = 20_000
"""Objects until the collector looks for cycles: a request leaves none behind, and Python looks after 700."""


def demo(
    residents: Annotated[int, typer.Option(min=1_000, max=1_000_000, help="how many people live in the city")] = 50_000,
    seed: Annotated[int, typer.Option(help="one seed, one city")] = 2026,
    folder: DemoFolder = DEMO_FOLDER,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free port")] = 8000,
    once: Annotated[bool, typer.Option("--once", help="end after the last scene")] = False,
) -> None:
    """Show a day in the city, over real HTTP with real credentials; then stay up."""
    from gateway.demo.run import run_demo

    try:
        raise typer.Exit(run_demo(folder=folder, residents=residents, seed=seed, port=port, once=once, console=out))
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)


def serve(settings: SettingsPath = None) -> None:
    """Run the gateway. SIGHUP takes the bundle's files again."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(_GARBAGE_AFTER, 20, 20)
    try:
        read = load_settings(settings)
        gateway = Gateway(settings=read)
        config = uvicorn.Config(
            create_application(gateway),
            host=read.host,
            port=read.port,
            lifespan="off",  # opened here, so that what can't start says so in a sentence and not in a traceback
            access_log=False,  # addresses hold filters; what was asked is in the audit log
            log_level=read.telemetry.log_level.lower(),
            server_header=False,
            h11_max_incomplete_event_size=read.limits.header_bytes + read.limits.url_bytes,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)

        async def run() -> None:
            async with gateway.open():
                await server.serve()

        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(run())
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)
    if not server.started:
        raise typer.Exit(1)


def token(
    person: Annotated[str, typer.Argument(help=f"a person of the demo: {', '.join(PERSONA_NAMES)}")],
    folder: DemoFolder = DEMO_FOLDER,
    hours: Annotated[int, typer.Option(min=1, max=24)] = 8,
    headers: Annotated[bool, typer.Option("--headers", help="print both credentials as curl options")] = False,
) -> None:
    """Print a signed token of the demo's own issuer for one of its people."""
    from gateway.cli.asking import asker_of

    asker = asker_of(folder, person, None, hours=hours)
    if headers:
        out.print(f"-H 'apikey: {asker.app_key}' -H 'Authorization: Bearer {asker.token}'", soft_wrap=True)
    else:
        out.print(asker.token, soft_wrap=True)


serving = typer.Typer(pretty_exceptions_enable=False)
"""`serve` alone: a gateway that starts waits for none of the other commands."""
serving.callback()(lambda: None)
serving.command()(serve)
