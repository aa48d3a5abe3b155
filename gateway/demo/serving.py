"""An ASGI application served over real HTTP on loopback, in a thread, for as long as a block lasts."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gateway.errors import SettingsInvalid

_START_SECONDS = 20


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(application: Callable[..., Any], port: int) -> Iterator[str]:
    """Serve at the yielded address; raises SettingsInvalid where the port is taken or the application can't start."""
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="error",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            ended.append(error)

    thread = threading.Thread(target=run, name=f"serving-{port}", daemon=True)
    thread.start()
    waited = threading.Event()
    for _ in range(_START_SECONDS * 100):
        if server.started or not thread.is_alive():
            break
        waited.wait(0.01)
    if not server.started:
        server.should_exit = True
        thread.join(_START_SECONDS)
        why = type(ended[0]).__name__ if ended else "see the log above"
        raise SettingsInvalid(
            fault=f"can't serve on port {port}: {why}", fix="choose another with --port (0: any free)"
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
