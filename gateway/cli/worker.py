"""One of several processes that serve one socket: started by the supervisor of `langqiao serve`, and ended with it.

It takes the policy that serves. SIGTERM: it answers what it has begun, and goes. SIGUSR1: another has taken its place;
it takes no connection more, lets its clients go over as they ask, and goes when the last one has.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import uvicorn
from typer import Exit

from gateway.app import Gateway, create_application
from gateway.cli.lifeline import end_with
from gateway.cli.memory import giving_memory_back
from gateway.cli.serving import make_ready, server_config
from gateway.cli.shares import share_of
from gateway.cli.terminal import stop, stop_bundle
from gateway.errors import BundleInvalid, GatewayError
from gateway.settings import load_settings
from gateway.telemetry import SharedFigures

READY = b"ready\n"


class WorkerServer(uvicorn.Server):
    """A server on a socket that others serve as well."""

    def __init__(self, config: uvicorn.Config, *, status: int, retiring_seconds: float) -> None:
        super().__init__(config)
        self._status = status
        self._retiring_seconds = retiring_seconds
        self._is_retiring = False
        self._is_leaving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """On the loop; and not raised again at the end: the gateway is closed in order after it."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGUSR1, self._retire)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then the supervisor is told."""
        await super().startup(sockets)
        os.write(self._status, READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; one that retires lets go of the socket first, and of its connections one by one."""
        if self._is_retiring:
            for server in self.servers:
                server.close()
            await self._let_clients_go()
        await super().shutdown(sockets)

    async def _let_clients_go(self) -> None:
        """Each answer from now on says that its connection ends; whoever waits is closed as idle ones always are."""
        end = time.monotonic() + self._retiring_seconds
        idle = time.monotonic() + self.config.timeout_keep_alive + 1
        self.config.encoded_headers.append((b"connection", b"close"))
        while self.server_state.connections and not self._is_leaving.is_set() and time.monotonic() < end:
            await self.on_tick(0)
            if time.monotonic() > idle:
                for connection in list(self.server_state.connections):
                    connection.shutdown()  # of those that never asked; others end with their answer
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_leaving.wait(), 0.1)

    def _leave(self) -> None:
        self._is_leaving.set()
        self.should_exit = True

    def _retire(self) -> None:
        self._is_retiring = self.should_exit = True


def main(arguments: Sequence[str]) -> None:
    """Serve until told to go; what can't start says so in a sentence and exits with 1."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a policy to be changed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the supervisor ends its workers
    make_ready()
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--socket", type=int, required=True, action="append")
    for name in ("lifeline", "status", "place", "workers"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--begins", action="store_true")
    options = parser.parse_args(arguments)
    end_with(options.lifeline)
    try:
        read = share_of(load_settings(options.settings), options.place, options.workers)
        figures = SharedFigures(folder=options.figures, place=options.place, begun=time.time_ns())
        gateway = Gateway(settings=read, keeps_house=False, joins=not options.begins, figures=figures)
        config = server_config(read, create_application(gateway))
        sockets = [socket.socket(fileno=each) for each in options.socket]

        async def run() -> None:
            server = WorkerServer(
                config, status=options.status, retiring_seconds=read.timeouts.stream + read.timeouts.total
            )
            with giving_memory_back():
                async with gateway.open():
                    await server.serve(sockets=sockets)

        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(run())
    except BundleInvalid as error:
        stop_bundle(error)
    except GatewayError as error:
        stop(error)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exit as end:
        sys.exit(end.exit_code)
