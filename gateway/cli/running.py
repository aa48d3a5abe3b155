"""`langqiao demo`, `serve`, `token`."""

import asyncio
from typing import Annotated

import typer

from gateway.app import Gateway, create_application
from gateway.cli.housekeeper import housekeeper
from gateway.cli.memory import giving_memory_back
from gateway.cli.serving import OrderlyServer, make_ready, server_config
from gateway.cli.shares import refuse_workers
from gateway.cli.supervisor import supervise
from gateway.cli.terminal import DEMO_FOLDER, DemoFolder, SettingsPath, out, stop, stop_bundle
from gateway.demo.personas import PERSONA_NAMES
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings


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


def serve(
    settings: SettingsPath = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="processes behind the one port; without it as the settings say")
    ] = None,
) -> None:
    """Run the gateway. SIGHUP takes the bundle's files again; SIGUSR1 replaces the workers one by one."""
    make_ready()
    try:
        read = load_settings(settings)
        read = read if workers is None else read.model_copy(update={"workers": workers})
        refuse_workers(read)
        if read.workers > 1:
            raise typer.Exit(supervise(read, settings))
        gateway = Gateway(settings=read, keeps_house=False)
        config = server_config(read, create_application(gateway))
        server = OrderlyServer(config)

        async def run() -> None:
            with giving_memory_back():
                async with gateway.open(), housekeeper(settings):
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
