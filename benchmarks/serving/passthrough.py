"""The same SQL with nothing around it: a bare ASGI callable, and a FastAPI route. No policy, no log.

Served by uvicorn in a process of its own: `uvicorn benchmarks.serving.passthrough:bare`.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Response

from benchmarks.serving.questions import LIST_SQL, POINT_SQL, REGION

CONNECTIONS = 16
ADDRESS = "BENCH_DATABASE"  # the environment variable
Scope = MutableMapping[str, Any]
Send = Callable[[Scope], Awaitable[None]]
Receive = Callable[[], Awaitable[Scope]]
_HEADERS = [(b"content-type", b"application/json")]


async def open_pool(database: str = "police") -> Any:  # noqa: ANN401  # asyncpg is untyped
    """A pool that resets nothing when a connection comes back: statements here change no session."""
    return await asyncpg.create_pool(
        f"{os.environ[ADDRESS]}/{database}", min_size=CONNECTIONS, max_size=CONNECTIONS, reset=_nothing
    )


async def _nothing(connection: object) -> None:
    del connection


class Bare:
    """`/a/{id number}`, `/b/{community}`."""

    def __init__(self) -> None:
        self._pool: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        sql = POINT_SQL if path.startswith("/a/") else LIST_SQL
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql, path[3:], REGION)
        body = orjson.dumps([dict(row) for row in rows])
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            self._pool = await open_pool()
            await send({"type": f"{message['type']}.complete"})
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


bare = Bare()


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    application.state.pool = await open_pool()
    yield
    await application.state.pool.close()


route = FastAPI(lifespan=_lifespan)


async def _answer(sql: str, value: str) -> Response:
    async with route.state.pool.acquire() as connection:
        rows = await connection.fetch(sql, value, REGION)
    return Response(orjson.dumps([dict(row) for row in rows]), media_type="application/json")


@route.get("/a/{id_number}")
async def resident(id_number: str) -> Response:
    """One resident."""
    return await _answer(POINT_SQL, id_number)


@route.get("/b/{community}")
async def residents(community: str) -> Response:
    """Fifty residents."""
    return await _answer(LIST_SQL, community)
