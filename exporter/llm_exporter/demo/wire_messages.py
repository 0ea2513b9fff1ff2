"""Requests and answers of Anthropic's Messages API, as its API reference says (Messages, streaming, errors)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.demo.answers import Answer

Json = dict[str, Any]

ERRORS: Final[dict[str, tuple[int, str, str]]] = {
    # kind: status, `type`, `message`
    "rate_limit": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    "quota": (400, "invalid_request_error", "Your credit balance is too low to access the API."),
    "auth": (401, "authentication_error", "invalid x-api-key"),
    "unavailable": (500, "api_error", "Internal server error"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "context_overflow": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    "invalid_request": (400, "invalid_request_error", "The request is not valid."),
    "unknown_model": (404, "not_found_error", "The model does not exist."),
    "too_large": (413, "request_too_large", "Request exceeds the maximum size"),
}
STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def error(kind: str, detail: str = "") -> tuple[int, Json]:
    """Status code and body of an error."""
    status, error_type, message = ERRORS[kind]
    return status, {"type": "error", "error": {"type": error_type, "message": detail or message}}


def as_chat(body: Json) -> Json:
    """The request as a chat request; odd parts count as absent."""
    messages = body.get("messages")
    if isinstance(messages, list):
        messages = [_as_chat_message(message) for message in messages]
    tools = [
        {"type": "function", "function": {"name": tool.get("name"), "parameters": tool.get("input_schema")}}
        for tool in body.get("tools") or ()
        if isinstance(tool, dict)
    ]
    choice = body.get("tool_choice")
    tool_choice = "none" if isinstance(choice, dict) and choice.get("type") == "none" else "auto"
    return {**body, "messages": messages, "tools": tools, "tool_choice": tool_choice}


def whole(answer: Answer, answer_id: str) -> Json:
    """The body of a message."""
    return {
        **_envelope(answer, answer_id),
        "content": _blocks(answer, answer_id),
        "stop_reason": _stop_reason(answer),
        "usage": usage(answer),
    }


def chunks(answer: Answer, answer_id: str, *, tokens_per_chunk: int = 8) -> Iterator[tuple[int, bytes]]:
    """The events of a stream up to the last content, each with the output tokens it carries."""
    # The first event cannot know how long the answer will be: its count is a beginning, not a total.
    begun = {**_envelope(answer, answer_id), "content": [], "usage": {**usage(answer), "output_tokens": 1}}
    yield 0, _event("message_start", message=begun)
    for index, block in enumerate(_blocks(answer, answer_id)):
        field = "text" if block["type"] == "text" else "input"
        start = {**block, field: "" if field == "text" else {}}
        yield 0, _event("content_block_start", index=index, content_block=start)
        if field == "text":
            words = block["text"].split()
            for at in range(0, len(words), tokens_per_chunk):
                piece = words[at : at + tokens_per_chunk]
                text = ("" if at == 0 else " ") + " ".join(piece)
                delta = {"type": "text_delta", "text": text}
                yield len(piece), _event("content_block_delta", index=index, delta=delta)
        else:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield (
                len(delta["partial_json"]) // 4,
                _event("content_block_delta", index=index, delta=delta),
            )
        yield 0, _event("content_block_stop", index=index)


def ending(answer: Answer, _: str, __: Json) -> Iterator[bytes]:
    """The last events: why it stopped and what it used, whether asked for or not."""
    delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=usage(answer))
    yield _event("message_stop")


def usage(answer: Answer) -> Json:
    """`usage` as Anthropic counts it: what came from the cache or went into it is not in `input_tokens`."""
    written = answer.usage.input_cache_write
    return {
        "input_tokens": answer.usage.input,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": answer.usage.input_cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": answer.usage.output,
        "service_tier": "standard",
    }


def _as_chat_message(message: object) -> object:
    content = message.get("content") if isinstance(message, dict) else None
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if any(block.get("type") == "tool_result" for block in blocks):
        return {"role": "tool", "content": content}
    calls = [
        {"function": {"name": block.get("name"), "arguments": json.dumps(block.get("input"))}}
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    return {"role": "assistant", "tool_calls": calls} if calls else message


def _envelope(answer: Answer, answer_id: str) -> Json:
    return {
        "id": f"msg_{answer_id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model.version,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(answer: Answer, answer_id: str) -> list[Json]:
    calls: list[Json] = [
        {"type": "tool_use", "id": f"toolu_{answer_id}{index}", "name": name, "input": json.loads(arguments)}
        for index, (name, arguments) in enumerate(answer.tool_calls)
    ]
    text = answer.text or answer.refusal
    return [{"type": "text", "text": text}, *calls] if text else calls


def _stop_reason(answer: Answer) -> str:
    return "refusal" if answer.refusal else STOP_REASONS[answer.finish_reason]


def _event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
