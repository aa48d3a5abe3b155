"""The same SQL with nothing around it: a bare ASGI callable, and a FastAPI route. No policy, no log.

Served by uvicorn in a process of its own: `uvicorn benchmarks.serving.passthrough:bare`.
"""

import asyncio
import csv
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Response

from benchmarks.serving.questions import (
    ASSISTANCE_SQL,
    FIELDS,
    KEYED_LIST_SQL,
    LIST_SQL,
    POINT_SQL,
    REGION,
    STREAM_SQL,
    VACCINATION_SQL,
)

CONNECTIONS = 16
_BATCH = 1_000
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
    """`/a/{id number}`, `/b/{community}`, `/c/{community}` with embeds; `/d/copy/{rows}`, `/d/cursor/{rows}` as CSV."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._civil: Any = None
        self._health: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        if path.startswith("/c/"):
            await _send(send, await self._embedded(path[3:]))
            return
        if path.startswith("/d/"):
            _, _, way, rows = path.split("/")
            await (self._copied if way == "copy" else self._read)(send, int(rows))
            return
        sql = POINT_SQL if path.startswith("/a/") else LIST_SQL
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql, path[3:], REGION)
        await _send(send, [dict(row) for row in rows])

    async def _embedded(self, community: str) -> list[dict[str, Any]]:
        async with self._pool.acquire() as connection:
            rows = [dict(row) for row in await connection.fetch(KEYED_LIST_SQL, community, REGION)]
        keys = [row["key"] for row in rows]
        aid, doses = await asyncio.gather(
            _by_key(self._civil, ASSISTANCE_SQL, keys), _by_key(self._health, VACCINATION_SQL, keys)
        )
        for row in rows:
            key = row.pop("key")
            row["assistance"], row["vaccinations"] = aid.get(key, []), doses.get(key, [])
        return rows

    async def _copied(self, send: Send, rows: int) -> None:
        """The server itself writes CSV: COPY."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})

        async def write(block: bytes) -> None:
            await send({"type": "http.response.body", "body": block, "more_body": True})

        async with self._pool.acquire() as connection:
            sql = f"{STREAM_SQL}{rows}".replace("$1", f"'{REGION}'")
            await connection.copy_from_query(sql, output=write, format="csv", header=True)
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, send: Send, rows: int) -> None:
        """A cursor, batch by batch through Python's CSV writer."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})
        async with self._pool.acquire() as connection, connection.transaction():
            cursor = await connection.cursor(f"{STREAM_SQL}{rows}", REGION)
            buffer = io.StringIO(",".join(FIELDS) + "\r\n")
            buffer.seek(0, io.SEEK_END)
            while batch := await cursor.fetch(_BATCH):
                csv.writer(buffer).writerows(batch)
                body = buffer.getvalue().encode()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                buffer = io.StringIO()
        await send({"type": "http.response.body", "body": b""})

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            self._pool, self._civil, self._health = [await open_pool(name) for name in ("police", "civil", "health")]
            await send({"type": f"{message['type']}.complete"})
        for pool in (self._pool, self._civil, self._health):
            await pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _by_key(pool: Any, sql: str, keys: list[str]) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401  # as above
    async with pool.acquire() as connection:
        found = await connection.fetch(sql, keys, REGION)
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        told = dict(row)
        grouped.setdefault(told.pop("id_number"), []).append(told)
    return grouped


async def _send(send: Send, rows: list[dict[str, Any]]) -> None:
    body = orjson.dumps(rows)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
    await send({"type": "http.response.body", "body": body})


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
