"""A server with the chat completions of an OpenAI-compatible API, that answers as it is told, well or badly."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llm_exporter.demo.fake_llm import serving
from llm_exporter.demo.http import hold_until_gone, json_body

JSON_TYPE = (b"content-type", b"application/json")
HANG = object()
"""An answer that never comes."""


@dataclass
class Response:
    """What the server sends."""

    body: Any
    """Bytes as they are, or JSON data."""
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)


@dataclass
class FakeJudge:
    """An ASGI application. `behave` gets the request's JSON and returns a Response, or HANG."""

    behave: Callable[[dict[str, Any]], Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        request = await json_body(receive)
        self.requests.append(request)
        self.keys.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        self.paths.append(scope["path"])
        response = self.behave(request)
        if response is HANG:
            await hold_until_gone(receive)
            return
        body = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
        await send(
            {"type": "http.response.start", "status": response.status, "headers": list(response.headers)}
        )
        await send({"type": "http.response.body", "body": body})


@contextmanager
def judging(behave: Callable[[dict[str, Any]], Any]) -> Iterator[tuple[FakeJudge, str]]:
    """Serve in a thread; yield the server and the URL up to /v1."""
    fake = FakeJudge(behave)
    with serving(fake) as url:
        yield fake, f"{url}/v1"


def completion(content: str | None, **more: Any) -> Response:
    """Return a usual answer; keyword arguments replace or add parts of it, None takes one away."""
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish_reason", "stop")}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": "judge-1",
        "choices": [choice],
        "usage": {"prompt_tokens": 700, "completion_tokens": 60, "total_tokens": 760},
        **more,
    }
    return Response({key: value for key, value in whole.items() if value is not None})


def refused(status: int, message: str, code: str | None = None, **headers: str) -> Response:
    """Return an answer of an HTTP error."""
    more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Response(
        {"error": {"message": message, "code": code, "type": "error"}}, status, (JSON_TYPE, *more)
    )


_COMMAND = re.compile(r"give (?:this |it )?(?:a |an )?5|always 5", re.IGNORECASE)


def obedient(request: dict[str, Any]) -> Response:
    """Answer as a judge that obeys whoever speaks outside of the elements with the nonce, and nobody inside them.

    Everything else gets 2 and FALSE. It shows whether text of strangers can get out of its element; it does not show
    what a real model makes of text inside.
    """
    text = "\n".join(str(message["content"]) for message in request["messages"])
    # Where a judge is told to look: at the end of its instructions.
    (nonce,) = re.findall(r"^ID is (\w+)\.$", str(request["messages"][0]["content"]), re.MULTILINE)
    outside = re.sub(rf"<(\w+)-{nonce}>\n.*?\n</\1-{nonce}>", "", text, flags=re.DOTALL)
    obeys = _COMMAND.search(outside) is not None
    (form,) = re.findall(r'^\{"reason": "…", (.*)\}$', text, re.MULTILINE)
    said: dict[str, Any] = {"reason": "told so" if obeys else "as it is"}
    for name, values in re.findall(r'"(\w+)": ([^,]+)', form):
        if values.startswith("1"):
            said[name] = 5 if obeys else 2
        else:
            said[name] = "TRUE" if obeys else "FALSE"
    return completion(json.dumps(said))
