"""Services over real HTTP that page in every way, and that want every kind of sign-in."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.connectors.kit import FIELDS, ROWS
from tests.connectors.sources import json_cell

JSON_ROWS = [{column: json_cell(row[field]) for field, (column, _) in FIELDS.items()} for row in ROWS]


async def reply(
    send: Any, body: bytes, status: int = 200, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> None:
    told = [(b"content-type", kind.encode())]
    told += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


async def received(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class Pages:
    """Rows by offset, cursor, Link header, address in the body, or all at once: by the path."""

    def __init__(self, size: int = 7) -> None:
        self.size = size
        self.rows = JSON_ROWS
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.following: Callable[[str], str] = lambda address: address  # what a hostile service makes of it

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode(), True).items()}
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], query))
        self.headers.append(headers)
        how = scope["path"].strip("/")
        at = int(query.get("skip") or query.get("after") or 0)
        size = int(query.get("take", self.size)) if how == "offset" else self.size
        rows = self.rows if how == "none" else self.rows[at : at + size]
        end = at + len(rows)
        has_more = end < len(self.rows) and how != "none"
        body: dict[str, Any] = {"items": rows}
        told: dict[str, str] = {}
        address = self.following(f"/{how}?after={end}")
        if how == "cursor":
            body["meta"] = {"next": self.following(str(end)) if has_more else None}
        elif how == "next":
            body["next"] = address if has_more else None
        elif how == "link" and has_more:
            told["link"] = f'</link?after=0>; rel="first", <{address}>; title="a, <b>"; rel="next"'
        await reply(send, json.dumps(body).encode(), headers=told)


class Wants:
    """A service behind a sign-in, with an OAuth 2.0 token endpoint at /token; `log` is what it was sent."""

    def __init__(self, check: Callable[["Wants", dict[str, str]], bool]) -> None:
        self.check = check
        self.tokens = 0
        self.good = ""
        self.expires: Any = 3600
        self.forms: list[dict[str, list[str]]] = []
        self.clients: list[str] = []
        self.refuses_client = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["path"] == "/token":
            self.forms.append(parse_qs((await received(receive)).decode()))
            sent = headers.get("authorization", "")
            self.clients.append(base64.b64decode(sent.removeprefix("Basic ")).decode() if sent else "")
            if self.refuses_client:
                await reply(send, b'{"error": "invalid_client"}', 400)
                return
            self.tokens += 1
            self.good = f"t{self.tokens}"
            told = {"access_token": self.good, "token_type": "Bearer", "expires_in": self.expires}
            await reply(send, json.dumps(told).encode())
        elif self.check(self, headers):
            await reply(send, json.dumps(JSON_ROWS[:3]).encode())
        else:
            await reply(send, b"{}", 401)
