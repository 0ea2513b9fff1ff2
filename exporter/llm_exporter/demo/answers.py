"""What the fake provider answers: models, and seeded draws of latency, tokens, errors and tool calls.

Shapes are those of production traffic: log-normal times and lengths (a long tail, never negative), prompt
cache hits in the provider's steps of 128 tokens from 1024 on, reasoning tokens only where a model reasons.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from random import Random

    from llm_exporter.demo.behaviour import Behaviour

MAX_OUTPUT_TOKENS: Final = 4000
CACHE_STEP, CACHE_MINIMUM = 128, 1024
WORDS: Final = (
    *(
        "your",
        "order",
        "parcel",
        "refund",
        "account",
        "invoice",
        "ticket",
        "reply",
        "label",
        "return",
        "depot",
    ),
    *(
        "address",
        "delivery",
        "payment",
        "plan",
        "is",
        "was",
        "has",
        "been",
        "will",
        "can",
        "may",
        "should",
        "we",
    ),
    *(
        "you",
        "it",
        "they",
        "the",
        "a",
        "this",
        "that",
        "on",
        "in",
        "for",
        "with",
        "from",
        "to",
        "by",
        "and",
        "or",
    ),
    *("today", "tomorrow", "shortly", "again", "already", "sent", "booked", "opened", "checked", "confirmed"),
)
REFUSAL: Final = "I'm sorry, I can't help with that request."


@dataclass(frozen=True, slots=True)
class Model:
    """A model on offer: `version` is what answers carry, times are medians in seconds."""

    name: str
    version: str
    first_token: float = 0.4
    per_token: float = 0.012
    answer_tokens: int = 120
    reasoning_tokens: int = 0
    embeds: bool = False
    vendor: str = "openai"


MODELS: Final = {
    model.name: model
    for model in (
        Model("gpt-4o", "gpt-4o-2024-08-06", 0.55, 0.014, 140),
        Model("gpt-4o-mini", "gpt-4o-mini-2024-07-18", 0.40, 0.009, 90),
        Model("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 0.42, 0.010, 110),
        Model("gpt-4.1", "gpt-4.1-2025-04-14", 0.60, 0.015, 140),
        Model("o4-mini", "o4-mini-2025-04-16", 1.9, 0.008, 110, reasoning_tokens=320),
        Model("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", 0.9, 0.014, 160, vendor="anthropic"),
        Model("claude-haiku-4-5", "claude-haiku-4-5-20251001", 0.5, 0.007, 120, vendor="anthropic"),
        Model("text-embedding-3-small", "text-embedding-3-small", 0.08, 0.0, 0, embeds=True),
    )
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer, disjoint, under the names of the exporter's `token_type`."""

    input: int
    input_cache_read: int = 0
    output: int = 0
    output_reasoning: int = 0
    input_cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as drawn, before it has a wire form; times are seconds at speed 1."""

    model: Model
    usage: Usage
    first_token_after: float
    per_token: float
    text: str = ""
    refusal: str = ""
    tool_calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str = "stop"


def draw_error(behaviour: Behaviour, rng: Random) -> str | None:
    """The error kind that befalls a request, or None."""
    point = rng.random()
    for kind, share in behaviour.errors.items():
        if point < share:
            return kind
        point -= share
    return None


def draw_chat(model: Model, body: dict[str, Any], behaviour: Behaviour, rng: Random) -> Answer:
    """An answer to a chat request. `body` may be anything that JSON can be; odd parts count as absent."""
    messages = [m for m in body.get("messages", []) if isinstance(m, dict)]
    prompt = math.ceil(_text_tokens(messages) * behaviour.prompt_factor) + 7
    cached = _cached_tokens(prompt, behaviour, rng)
    reasoning = _lognormal(rng, model.reasoning_tokens, 0.7) if model.reasoning_tokens else 0
    first_token_after = rng.lognormvariate(math.log(model.first_token), 0.45) * behaviour.latency_factor
    per_token = rng.lognormvariate(math.log(model.per_token), 0.25) * behaviour.latency_factor
    text, refusal, finish_reason = "", "", "stop"
    calls = _tool_calls(body, messages, behaviour, rng)
    if calls:
        output, finish_reason = sum(12 + len(arguments) // 4 for _, arguments in calls), "tool_calls"
    elif rng.random() < behaviour.refusal_rate:
        output, refusal = 12, REFUSAL
    else:
        output = min(_lognormal(rng, model.answer_tokens * behaviour.answer_factor, 0.6), MAX_OUTPUT_TOKENS)
        end = rng.random()
        if end < behaviour.content_filter_rate:
            output, finish_reason = max(1, output // 3), "content_filter"
        elif end < behaviour.content_filter_rate + behaviour.truncation_rate:
            finish_reason = "length"
        text = " ".join(rng.choices(WORDS, k=output))
    written = _written_tokens(prompt - cached) if model.vendor == "anthropic" and cached else 0
    usage = Usage(prompt - cached - written, cached, output, reasoning, written)
    # A reasoning model thinks before its first visible token.
    first_token_after += reasoning * per_token
    return Answer(model, usage, first_token_after, per_token, text, refusal, calls, finish_reason)


def draw_embedding(model: Model, texts: list[str], behaviour: Behaviour, rng: Random) -> Answer:
    """An answer to an embeddings request: input tokens only."""
    tokens = sum(max(1, math.ceil(len(text) / 4)) for text in texts)
    latency = rng.lognormvariate(math.log(model.first_token), 0.4) * behaviour.latency_factor
    return Answer(model, Usage(tokens), latency, 0.0)


def _lognormal(rng: Random, median: float, sigma: float) -> int:
    return max(1, round(rng.lognormvariate(math.log(max(median, 1)), sigma)))


def _text_tokens(messages: list[dict[str, Any]]) -> int:
    return sum(math.ceil(len(json.dumps(message)) / 4) for message in messages)


def _cached_tokens(prompt: int, behaviour: Behaviour, rng: Random) -> int:
    if prompt < CACHE_MINIMUM or rng.random() >= behaviour.cache_hit_rate:
        return 0
    return int(prompt * rng.uniform(0.5, 0.95)) // CACHE_STEP * CACHE_STEP


def _written_tokens(fresh: int) -> int:
    """What goes into the cache of the prompt that was not in it: Anthropic bills this apart."""
    return fresh // 2 // CACHE_STEP * CACHE_STEP


def _tool_calls(
    body: dict[str, Any], messages: list[dict[str, Any]], behaviour: Behaviour, rng: Random
) -> tuple[tuple[str, str], ...]:
    tools = [t["function"] for t in body.get("tools") or () if isinstance(t, dict) and _is_function(t)]
    if not tools or body.get("tool_choice") == "none" or not messages:
        return ()
    if messages[-1].get("role") == "tool":
        return _last_calls(messages) if rng.random() < behaviour.tool_loop_rate else ()
    if rng.random() >= behaviour.tool_rate:
        return ()
    wanted = rng.sample(tools, k=2 if len(tools) > 1 and rng.random() < 0.2 else 1)
    return tuple((tool["name"], json.dumps(_arguments(tool, rng))) for tool in wanted)


def _is_function(tool: dict[str, Any]) -> bool:
    function = tool.get("function")
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _arguments(tool: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Arguments a model might choose: the schema's `enum` or `examples` say what is plausible."""
    parameters = tool.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    chosen: dict[str, Any] = {}
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        options = (schema.get("enum") or schema.get("examples")) if isinstance(schema, dict) else None
        chosen[name] = rng.choice(options) if isinstance(options, list) and options else rng.choice(WORDS)
    return chosen


def _last_calls(messages: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    for message in reversed(messages):
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            functions = [c["function"] for c in calls if isinstance(c, dict) and _is_function(c)]
            return tuple((f["name"], str(f.get("arguments", "{}"))) for f in functions)
    return ()
