"""Reading requests and writing answers as an ASGI application: the few lines the fake provider needs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 1 << 20
HANG_SECONDS: Final = 600.0
"""How long a request that is to time out is held, unless its client goes away first."""


class RequestRefusedError(Exception):
    """A request that gets an error: its kind in `wire.ERRORS`, and what was wrong with it."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(detail or kind)
        self.kind = kind
        self.detail = detail


async def json_body(receive: Receive) -> dict[str, Any]:
    """The request's JSON object; RequestRefusedError when it is too large or something else."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise RequestRefusedError("too_large", f"The request body is larger than {MAX_BODY_BYTES} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise RequestRefusedError("invalid_request", "The request body is not JSON") from problem
    if not isinstance(value, dict):
        raise RequestRefusedError("invalid_request", "The request body is not a JSON object")
    return value


async def hold_until_gone(receive: Receive) -> None:
    """Say nothing until the client gives up."""
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def start(send: Send, status: int, content_type: bytes) -> None:
    """Send the status line and headers."""
    headers = [(b"content-type", content_type)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def reply(send: Send, status: int, body: dict[str, Any]) -> None:
    """Send a whole JSON answer."""
    await start(send, status, b"application/json")
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
