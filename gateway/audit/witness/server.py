"""A witness -> ASGI: `POST /add-checkpoint`, and nothing else. Needs no account: what is signed speaks for itself."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.audit.witness.desk import Answer, Witness

_LARGEST = 65_536  # 63 hashes and a checkpoint are less than 4,000 bytes
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


def witness_application(witness: Witness) -> Callable[[_Message, _Receive, _Send], Awaitable[None]]:
    """The ASGI application."""

    async def application(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != "/add-checkpoint":
            answer = Answer(404, "POST /add-checkpoint\n")
        elif scope["method"] != "POST":
            answer = Answer(405, "POST /add-checkpoint\n")
        else:
            body = await _body(receive)
            if body is None:
                answer = Answer(413, f"more than {_LARGEST} bytes\n")
            else:
                answer = await asyncio.to_thread(witness.add_checkpoint, body)
        content = answer.body.encode()
        headers = [(b"content-type", answer.content_type.encode()), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return application


async def _body(receive: _Receive) -> bytes | None:
    """The whole body; None where it is too large."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > _LARGEST:
            return None
        if not message.get("more_body", False):
            return body
