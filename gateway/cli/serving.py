"""How the gateway is served over HTTP, whether by one process or by several."""

import asyncio
import ctypes
import gc
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from gateway.settings import Settings

_SWITCH_SECONDS = 0.0005
"""How long a thread that works beside the requests may keep them from going on: Python's own is ten times that."""
_GARBAGE_AFTER = 5_000
"""Objects until the collector looks for cycles: a request leaves none behind, and Python looks after 700."""
_M_ARENA_MAX, _ARENAS = -8, 2
"""glibc (mallopt(3)) gives nearly each thread a heap of its own; what long answers leave there in pieces adds up."""
_LINGER_SECONDS = 0.5
"""For clients with an open connection to ask once more: one that is closed as it asks can't tell what became of it."""
GRACE_SECONDS = 10
"""For requests that are under way when the process is told to end."""


def make_ready() -> None:
    """Have the interpreter put requests first, and memory stay in few heaps."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(_GARBAGE_AFTER, 10, 160)  # all of the heap seldom: that stops everything for a tenth of a second
    with suppress(OSError, AttributeError):  # another C library than glibc has other heaps
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


class OrderlyServer(uvicorn.Server):
    """uvicorn's, which raises a signal anew once it has served: there the gateway could not be closed in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """SIGTERM and SIGINT end it; a second one does so at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in, and tell each client with its next answer that its connection ends; then as uvicorn does."""
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _LINGER_SECONDS
        while self.server_state.connections and not self.force_exit and loop.time() < give_up:  # noqa: ASYNC110 - uvicorn tells of none
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def server_config(settings: Settings, application: Callable[..., Any]) -> uvicorn.Config:
    """uvicorn's, as the settings want it."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        lifespan="off",  # opened by who serves, so that what can't start says so in a sentence and not in a traceback
        access_log=False,  # addresses hold filters; what was asked is in the audit log
        log_level=settings.telemetry.log_level.lower(),
        server_header=False,
        h11_max_incomplete_event_size=settings.limits.header_bytes + settings.limits.url_bytes,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
