"""A provider on loopback that answers from seeded distributions and keeps exact books.

OpenAI's `POST /v1/chat/completions` and `/v1/responses` and Anthropic's `POST /v1/messages` (streamed or
not, tools), `POST /v1/embeddings`, `GET /v1/models` as a client expects them; `GET /ledger` tells what was
served, `POST /behaviour` changes how it behaves (see `behaviour.py`).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import uvicorn

from llm_exporter.demo import wire, wire_messages, wire_responses
from llm_exporter.demo.answers import MODELS, Answer, Model, draw_chat, draw_embedding, draw_error
from llm_exporter.demo.behaviour import Behaviour
from llm_exporter.demo.http import RequestRefusedError, hold_until_gone, json_body, reply, start
from llm_exporter.demo.ledger import Failure, Finish, Ledger, Refusal, Request, Tokens, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from llm_exporter.demo.http import Application, Receive, Send

MAX_IN_FLIGHT: Final = 256
MAX_EMBEDDING_INPUTS: Final = 2048


class ChatApi(Protocol):
    """A wire form of chats; each is a module."""

    def as_chat(self, body: wire.Json) -> wire.Json:
        """The request in the form of Chat Completions."""

    def whole(self, answer: Answer, answer_id: str) -> wire.Json:
        """The body of an answer that is not streamed."""

    def chunks(self, answer: Answer, answer_id: str) -> Iterator[tuple[int, bytes]]:
        """The events of a stream up to its end, each with the output tokens it carries."""

    def ending(self, answer: Answer, answer_id: str, body: wire.Json, /) -> Iterator[bytes]:
        """The events that end a stream."""

    def error(self, kind: str, detail: str = "") -> tuple[int, wire.Json]:
        """Status code and body of an error."""


_CHATS: Final[dict[str, ChatApi]] = {
    "/v1/chat/completions": wire,
    "/v1/responses": wire_responses,
    "/v1/messages": wire_messages,
}
_EMBEDDINGS: Final = "/v1/embeddings"
_ERROR_TYPE_OF: Final = {
    "overloaded": "unavailable",
    "unknown_model": "invalid_request",
    "too_large": "invalid_request",
}


class FakeLLM:
    """The provider as an ASGI application.
    `speed` divides every waiting time: 1 is real time, at 1000 a conversation takes milliseconds. `seed`
    makes the draws repeatable for the same order of requests.
    """

    def __init__(self, *, seed: int = 1, speed: float = 1.0, behaviour: Behaviour | None = None) -> None:
        self.ledger = Ledger()
        self.behaviour = behaviour or Behaviour()
        self._speed = speed
        self._rng = Random(seed)  # noqa: S311 - a simulation, not a secret
        self._in_flight = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            return
        route = (scope["method"], scope["path"])
        self._in_flight += 1
        try:
            if route == ("GET", "/ledger"):
                await reply(send, 200, self.ledger.rows())
            elif route == ("GET", "/v1/models"):
                await reply(send, 200, wire.models())
            elif route == ("POST", "/behaviour"):
                await self._change_behaviour(receive, send)
            elif scope["method"] == "POST" and (scope["path"] in _CHATS or scope["path"] == _EMBEDDINGS):
                await self._serve(scope["path"], receive, send)
            else:
                await reply(
                    send, 404, wire.error("invalid_request", f"no such endpoint: {scope['path']:.100}")[1]
                )
        finally:
            self._in_flight -= 1

    async def _change_behaviour(self, receive: Receive, send: Send) -> None:
        try:
            self.behaviour = self.behaviour.changed(await json_body(receive))
        except ValueError as problem:
            await reply(send, 400, {"error": {"message": str(problem)}})
        except RequestRefusedError as refused:
            await reply(send, *wire.error(refused.kind, refused.detail))
        else:
            await reply(send, 200, {"ok": True})

    async def _serve(self, path: str, receive: Receive, send: Send) -> None:
        operation = "embeddings" if path == _EMBEDDINGS else "chat"
        api = _CHATS.get(path, wire)
        model_name, stream = "unknown", False
        try:
            body = await json_body(receive)
            stream = body.get("stream") is True
            model = _model(body, operation)
            model_name = model.name
            self._perhaps_fail()
            if operation == "embeddings":
                await self._embed(model, body, send)
            else:
                await self._chat(api, model, api.as_chat(body), send, stream=stream)
        except RequestRefusedError as refused:
            error_type = _ERROR_TYPE_OF.get(refused.kind, refused.kind)
            self.ledger.add(
                (Request(model_name, operation, "error", stream), 1),
                (Failure(model_name, operation, error_type), 1),
            )
            if refused.kind == "timeout":
                await hold_until_gone(receive)
            else:
                await reply(send, *api.error(refused.kind, refused.detail))

    def _perhaps_fail(self) -> None:
        if self._in_flight > MAX_IN_FLIGHT:
            raise RequestRefusedError("overloaded")
        if kind := draw_error(self.behaviour, self._rng):
            raise RequestRefusedError(kind)

    async def _embed(self, model: Model, body: dict[str, Any], send: Send) -> None:
        texts = _texts(body.get("input"))
        answer = draw_embedding(model, texts, self.behaviour, self._rng)
        await self._wait(answer.first_token_after)
        self._book(answer, "embeddings", stream=False)
        await reply(send, 200, wire.embeddings(answer, len(texts)))

    async def _chat(
        self, api: ChatApi, model: Model, body: dict[str, Any], send: Send, *, stream: bool
    ) -> None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise RequestRefusedError("invalid_request", "messages must be a list with at least one message")
        answer = draw_chat(model, body, self.behaviour, self._rng)
        answer_id = f"{self._rng.getrandbits(64):016x}"
        await self._wait(answer.first_token_after)
        if not stream:
            await self._wait(answer.usage.output * answer.per_token)
            self._book(answer, "chat", stream=False)
            await reply(send, 200, api.whole(answer, answer_id))
            return
        await start(send, 200, b"text/event-stream")
        async for event in self._events(api, answer, answer_id, body):
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _events(
        self, api: ChatApi, answer: Answer, answer_id: str, body: dict[str, Any]
    ) -> AsyncIterator[bytes]:
        for tokens, event in api.chunks(answer, answer_id):
            await self._wait(tokens * answer.per_token)
            yield event
        # Before the end: whoever has read the whole stream finds it in the ledger.
        self._book(answer, "chat", stream=True)
        for event in api.ending(answer, answer_id, body):
            yield event

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)

    def _book(self, answer: Answer, operation: str, *, stream: bool) -> None:
        model, usage = answer.model.name, answer.usage
        self.ledger.add(
            (Request(model, operation, "ok", stream), 1),
            (Tokens(model, operation, "input"), usage.input),
            (Tokens(model, operation, "input_cache_read"), usage.input_cache_read),
            (Tokens(model, operation, "input_cache_write"), usage.input_cache_write),
            (Tokens(model, operation, "output"), usage.output),
            (Tokens(model, operation, "output_reasoning"), usage.output_reasoning),
            (Finish(model, answer.finish_reason), int(operation == "chat")),
            (Refusal(model), int(bool(answer.refusal))),
            *((ToolCall(model, name), 1) for name, _ in answer.tool_calls),
        )


@contextmanager
def serving(application: Application, port: int = 0) -> Iterator[str]:
    """Serve in a thread on 127.0.0.1 and yield the base URL (`http://127.0.0.1:PORT`)."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        cast("Any", application),
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=1,
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="fake-llm", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def _model(body: dict[str, Any], operation: str) -> Model:
    name = body.get("model")
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        raise RequestRefusedError("unknown_model", f"The model {name!r:.100} does not exist")
    if model.embeds != (operation == "embeddings"):
        raise RequestRefusedError("invalid_request", f"The model {model.name} does not offer {operation}")
    return model


def _texts(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 0 < len(texts) <= MAX_EMBEDDING_INPUTS:
        raise RequestRefusedError(
            "invalid_request", f"input must be a text or 1 to {MAX_EMBEDDING_INPUTS} texts"
        )
    if not all(isinstance(text, str) for text in texts):
        raise RequestRefusedError("invalid_request", "input must hold texts only")
    return texts
