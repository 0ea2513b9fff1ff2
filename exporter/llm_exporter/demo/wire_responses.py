"""Requests and answers of OpenAI's Responses API, as its API reference says (Responses, streaming events)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from llm_exporter.demo.wire import error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.demo.answers import Answer

__all__ = ["as_chat", "chunks", "ending", "error", "usage", "whole"]

Json = dict[str, Any]


def as_chat(body: Json) -> Json:
    """The request as a chat request; odd parts count as absent."""
    items = body.get("input")
    if isinstance(items, str) and items:
        items = [{"role": "user", "content": items}]
    if isinstance(items, list):
        items = [_as_chat_message(item) for item in items]
    tools = [
        {"type": "function", "function": {"name": tool.get("name"), "parameters": tool.get("parameters")}}
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and tool.get("type") == "function"
    ]
    return {**body, "messages": items, "tools": tools}


def whole(answer: Answer, answer_id: str) -> Json:
    """The body of a finished response."""
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish_reason)
    return {
        **_envelope(answer, answer_id),
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [{**item, "status": "completed"} for item in _items(answer, answer_id)],
        "usage": usage(answer),
    }


def chunks(answer: Answer, answer_id: str, *, tokens_per_chunk: int = 8) -> Iterator[tuple[int, bytes]]:
    """The events of a stream before the last, each with the output tokens it carries."""
    begun = {**_envelope(answer, answer_id), "status": "in_progress", "output": [], "usage": None}
    number = 0

    def event(name: str, **data: Any) -> bytes:
        nonlocal number
        number += 1
        return _event(name, sequence_number=number - 1, **data)

    yield 0, event("response.created", response=begun)
    for index, item in enumerate(_items(answer, answer_id)):
        place: Json = {"item_id": item["id"], "output_index": index}
        empty: Json = {key: [] if key == "content" else "" for key in ("content", "arguments") if key in item}
        started = {**item, **empty, "status": "in_progress"}
        yield 0, event("response.output_item.added", output_index=index, item=started)
        if item["type"] == "function_call":
            arguments = item["arguments"]
            deltas = event("response.function_call_arguments.delta", **place, delta=arguments)
            yield len(arguments) // 4, deltas
            yield 0, event("response.function_call_arguments.done", **place, arguments=arguments)
        else:
            part = item["content"][0]
            field = "refusal" if part["type"] == "refusal" else "text"
            kind = "response.refusal" if field == "refusal" else "response.output_text"
            place["content_index"] = 0
            yield 0, event("response.content_part.added", **place, part={**part, field: ""})
            words = part[field].split()
            for at in range(0, len(words), tokens_per_chunk):
                piece = words[at : at + tokens_per_chunk]
                delta = ("" if at == 0 else " ") + " ".join(piece)
                yield len(piece), event(f"{kind}.delta", **place, delta=delta, logprobs=[])
            yield 0, event(f"{kind}.done", **place, **{field: part[field]}, logprobs=[])
            yield 0, event("response.content_part.done", **place, part=part)
        finished = {**item, "status": "completed"}
        yield 0, event("response.output_item.done", output_index=index, item=finished)


def ending(answer: Answer, answer_id: str, _: Json) -> Iterator[bytes]:
    """The last event: the whole response with its usage, whether asked for or not."""
    response = whole(answer, answer_id)
    # After all others, whose numbers are below it.
    yield _event(f"response.{response['status']}", sequence_number=1_000_000, response=response)


def usage(answer: Answer) -> Json:
    """`usage` as the Responses API names it: cached tokens are part of the input, reasoning of the output."""
    read = answer.usage.input + answer.usage.input_cache_read
    written = answer.usage.output + answer.usage.output_reasoning
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": answer.usage.input_cache_read},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": answer.usage.output_reasoning},
        "total_tokens": read + written,
    }


def _as_chat_message(item: object) -> object:
    if not isinstance(item, dict):
        return item
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output")}
    if item.get("type") == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        return {"role": "assistant", "tool_calls": [{"function": function}]}
    return item


def _envelope(answer: Answer, answer_id: str) -> Json:
    return {
        "id": f"resp_{answer_id}",
        "object": "response",
        "created_at": int(time.time()),
        "model": answer.model.version,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "service_tier": "default",
    }


def _items(answer: Answer, answer_id: str) -> list[Json]:
    if answer.tool_calls:
        return [
            {
                "type": "function_call",
                "id": f"fc_{answer_id}{index}",
                "call_id": f"call_{answer_id}{index}",
                "name": name,
                "arguments": arguments,
            }
            for index, (name, arguments) in enumerate(answer.tool_calls)
        ]
    part: Json = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    if answer.refusal:
        part = {"type": "refusal", "refusal": answer.refusal}
    return [{"type": "message", "id": f"msg_{answer_id}", "role": "assistant", "content": [part]}]


def _event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
