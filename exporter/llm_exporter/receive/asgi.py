"""The little of ASGI that is used here, with types."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from llm_exporter.receive.route import Response

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; repeated ones are joined (RFC 9110 §5.2)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def read_body(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the chunks of a request body; raises `ConnectionError` when the client leaves before its end."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def send_response(send: Send, response: Response, extra: tuple[tuple[str, str], ...] = ()) -> None:
    """Send a whole response."""
    headers = [*response.headers, *extra]
    if response.status != 204:
        headers += [("Content-Type", response.media_type), ("Content-Length", str(len(response.body)))]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})
