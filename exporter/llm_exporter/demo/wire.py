"""Answers as OpenAI's HTTP API writes them (API reference: Chat Completions, Embeddings, Models, errors)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.demo.answers import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.demo.answers import Answer

Json = dict[str, Any]

ERRORS: Final[dict[str, tuple[int, str, str | None, str]]] = {
    # kind: status, `type`, `code`, `message`
    "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached. Please try again in 20ms."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "auth": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "unavailable": (500, "server_error", None, "The server had an error while processing your request."),
    "overloaded": (503, "server_error", None, "The engine is currently overloaded, please try again later."),
    "context_overflow": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. Please reduce the length of the messages.",
    ),
    "invalid_request": (400, "invalid_request_error", None, "The request is not valid."),
    "unknown_model": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "too_large": (413, "invalid_request_error", None, "The request body is too large."),
}

EMBEDDING_DIMENSIONS: Final = 8
"""Far fewer than the real 1536: nobody reads the numbers."""


def error(kind: str, detail: str = "") -> tuple[int, Json]:
    """Status code and body of an error."""
    status, error_type, code, message = ERRORS[kind]
    return status, {"error": {"message": detail or message, "type": error_type, "param": None, "code": code}}


def as_chat(body: Json) -> Json:
    """The request as a chat request, which it is."""
    return body


def whole(answer: Answer, answer_id: str) -> Json:
    """The body of a `chat.completion`."""
    completion_id = f"chatcmpl-{answer_id}"
    message: Json = {
        "role": "assistant",
        "content": answer.text or None,
        "refusal": answer.refusal or None,
    }
    if answer.tool_calls:
        message["tool_calls"] = _tool_calls(answer, completion_id)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
    return {
        **_envelope(answer, completion_id, "chat.completion"),
        "choices": [choice],
        "usage": usage(answer),
    }


def chunks(answer: Answer, answer_id: str, *, tokens_per_chunk: int = 8) -> Iterator[tuple[int, bytes]]:
    """The `chat.completion.chunk`s of a stream, each with the output tokens it carries; without usage."""
    completion_id = f"chatcmpl-{answer_id}"
    envelope = _envelope(answer, completion_id, "chat.completion.chunk")

    def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event({**envelope, "choices": [choice]})

    yield 0, chunk({"role": "assistant", "content": "", "refusal": None})
    for index, call in enumerate(_tool_calls(answer, completion_id)):
        yield len(call["function"]["arguments"]) // 4, chunk({"tool_calls": [{"index": index, **call}]})
    field, words = ("refusal", answer.refusal.split()) if answer.refusal else ("content", answer.text.split())
    for start in range(0, len(words), tokens_per_chunk):
        piece = words[start : start + tokens_per_chunk]
        yield len(piece), chunk({field: ("" if start == 0 else " ") + " ".join(piece)})
    yield 0, chunk({}, answer.finish_reason)


def ending(answer: Answer, answer_id: str, body: Json) -> Iterator[bytes]:
    """The last events of a stream: its usage where the request's `stream_options` ask for it, and [DONE]."""
    options = body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") is True:
        envelope = _envelope(answer, f"chatcmpl-{answer_id}", "chat.completion.chunk")
        yield event({**envelope, "choices": [], "usage": usage(answer)})
    yield event("[DONE]")


def usage(answer: Answer) -> Json:
    """`usage` as OpenAI counts it: cached tokens are part of the prompt, reasoning part of the completion."""
    prompt = answer.usage.input + answer.usage.input_cache_read
    completion = answer.usage.output + answer.usage.output_reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": answer.usage.input_cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.usage.output_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def embeddings(answer: Answer, count: int) -> Json:
    """The body of an embeddings answer with `count` vectors; always floats, which clients accept."""
    vector = [round(1 / EMBEDDING_DIMENSIONS**0.5, 6)] * EMBEDDING_DIMENSIONS
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)],
        "model": answer.model.version,
        "usage": {"prompt_tokens": answer.usage.input, "total_tokens": answer.usage.input},
    }


def models() -> Json:
    """The body of `GET /v1/models`."""
    rows = [{"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "fake"} for name in MODELS]
    return {"object": "list", "data": rows}


def event(data: Json | str) -> bytes:
    """One server-sent event."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def _envelope(answer: Answer, completion_id: str, kind: str) -> Json:
    return {
        "id": completion_id,
        "object": kind,
        "created": int(time.time()),
        "model": answer.model.version,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _tool_calls(answer: Answer, completion_id: str) -> list[Json]:
    return [
        {
            "id": f"call_{completion_id.removeprefix('chatcmpl-')}{index}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for index, (name, arguments) in enumerate(answer.tool_calls)
    ]
