"""A server that is told to end: whoever has a connection open may ask once more, and nobody is cut off."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from gateway.cli.serving import OrderlyServer

QUESTION = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    del receive
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served() -> AsyncIterator[tuple[OrderlyServer, int]]:
    server = OrderlyServer(uvicorn.Config(application, port=0, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    async with asyncio.timeout(5):
        await serving


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"ok"
    return head.lower()


async def test_a_client_that_asks_as_the_server_ends_is_answered_and_told() -> None:
    async with served() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(QUESTION)
        assert b"connection: close" not in await answer(reader)
        os.kill(os.getpid(), signal.SIGTERM)
        while not server.should_exit:
            await asyncio.sleep(0)
        await asyncio.sleep(0.25)  # it looks each tenth of a second
        writer.write(QUESTION)
        assert b"connection: close" in await answer(reader)
        assert await reader.read() == b"", "and then it is closed"
        writer.close()


async def test_a_client_that_asks_nothing_more_keeps_nobody_waiting() -> None:
    async with served() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(QUESTION)
        await answer(reader)
        server.should_exit = True
        async with asyncio.timeout(3):
            assert await reader.read() == b""
        writer.close()


async def test_nobody_new_is_let_in() -> None:
    async with served() as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        server.should_exit = True
        await asyncio.sleep(0.25)
        try:
            _, late = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            pass
        else:
            late.close()
            raise AssertionError("it was let in")
        writer.close()
