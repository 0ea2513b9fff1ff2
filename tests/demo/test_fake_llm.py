"""The fake provider speaks OpenAI's API, draws what its behaviour says, and keeps exact books."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.demo.answers import CACHE_STEP, MAX_OUTPUT_TOKENS, MODELS, draw_chat, draw_error
from llm_exporter.demo.behaviour import ERROR_KINDS, INCIDENTS, Behaviour
from llm_exporter.demo.fake_llm import FakeLLM, serving
from llm_exporter.demo.http import MAX_BODY_BYTES
from llm_exporter.demo.ledger import MAX_KEYS, Ledger, ToolCall
from llm_exporter.demo.tools import SCHEMAS
from llm_exporter.demo.wire import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

CALM = Behaviour(errors={}, refusal_rate=0, content_filter_rate=0, truncation_rate=0, tool_rate=0)
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is my parcel?"}]}


@pytest.fixture
def llm() -> FakeLLM:
    """A provider without bad luck, faster than life."""
    return FakeLLM(seed=5, speed=10_000, behaviour=CALM)


@pytest.fixture
def url(llm: FakeLLM) -> Iterator[str]:
    """The provider's base URL."""
    with serving(llm) as base:
        yield base


def post(url: str, body: object) -> tuple[int, bytes]:
    """POST JSON (or raw bytes); status and body, also of errors."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=10) as response:  # noqa: S310 - http, ours
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_answer_and_books_agree(llm: FakeLLM, url: str) -> None:
    """What `usage` tells the client is what the ledger holds, in disjoint types."""
    status, body = post(f"{url}/v1/chat/completions", QUESTION)
    answer = json.loads(body)
    assert status == 200
    assert answer["model"] == "gpt-4o-2024-08-06"
    tokens = {key.token_type: count for key, count in llm.ledger.tokens.items()}
    told = answer["usage"]
    cached = told["prompt_tokens_details"]["cached_tokens"]
    assert tokens.get("input_cache_read", 0) == cached
    assert tokens["input"] + cached == told["prompt_tokens"]
    assert tokens["output"] == told["completion_tokens"] == told["total_tokens"] - told["prompt_tokens"]
    assert llm.ledger.served == 1


def test_stream_ends_with_usage_and_done(llm: FakeLLM, url: str) -> None:
    """A stream asked to include usage has it in a last chunk without choices, then [DONE]."""
    body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    events = post(f"{url}/v1/chat/completions", body)[1].decode().strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == sum(
        count for key, count in llm.ledger.tokens.items() if key.token_type.startswith("output")
    )
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks[:-1])
    assert len(text.split()) == chunks[-1]["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'"' + b"x" * MAX_BODY_BYTES + b'"', 413),
        ({}, 404),
        ({"model": ["gpt-4o"], "messages": []}, 404),
        ({"model": "gpt-4o", "messages": "hello"}, 400),
        ({"model": "gpt-4o", "messages": []}, 400),
        ({"model": "text-embedding-3-small", "messages": [{}]}, 400),
    ],
)
def test_bad_requests_get_an_error_and_are_booked(llm: FakeLLM, url: str, body: object, status: int) -> None:
    """Whatever is sent, the answer is an OpenAI error, counted once as an invalid request."""
    got, answer = post(f"{url}/v1/chat/completions", body)
    assert got == status
    assert json.loads(answer)["error"]["message"]
    assert [(key.error_type, count) for key, count in llm.ledger.errors.items()] == [("invalid_request", 1)]


def test_odd_messages_and_tools_are_survived(url: str) -> None:
    """Parts of a request with surprising types count as absent."""
    odd: list[Any] = [None, 1, "x", {}, {"function": 1}, {"function": {"name": "f", "parameters": 3}}]
    messages = [*odd, {"role": "assistant", "tool_calls": odd}, {"role": "tool"}]
    post(f"{url}/behaviour", {"tool_rate": 1, "tool_loop_rate": 1})
    assert post(f"{url}/v1/chat/completions", {**QUESTION, "messages": messages, "tools": odd})[0] == 200
    assert post(f"{url}/v1/chat/completions", {**QUESTION, "tools": odd})[0] == 200


def test_behaviour_changes_while_running(llm: FakeLLM, url: str) -> None:
    """An incident posted to /behaviour holds from the next request on; a bad one changes nothing."""
    assert post(f"{url}/behaviour", {"incident": "provider-down"})[0] == 200
    assert post(f"{url}/v1/chat/completions", QUESTION)[0] == 500
    status, body = post(f"{url}/behaviour", {"refusal_rate": 2})
    assert status == 400
    assert "refusal_rate is 2; it must be a number from 0 to 1" in json.loads(body)["error"]["message"]
    assert llm.behaviour == CALM.changed({"incident": "provider-down"})


@pytest.mark.parametrize("name", INCIDENTS)
def test_every_incident_is_a_valid_behaviour(name: str) -> None:
    """The fields of each incident pass the checks for what comes from outside."""
    changed = Behaviour().changed({"incident": name})
    assert (changed == Behaviour()) == (name == "none")


@pytest.mark.parametrize(
    "fields",
    [
        {"incident": "earthquake"},
        {"incident": []},
        {"colour": 1},
        {"errors": []},
        {"errors": {"gremlins": 0.1}},
        {"errors": {"auth": 0.6, "quota": 0.6}},
        {"latency_factor": True},
        {"latency_factor": float("nan")},
    ],
)
def test_impossible_behaviour_is_refused(fields: dict[str, Any]) -> None:
    """Unknown names and impossible values are a ValueError, never a behaviour."""
    with pytest.raises(ValueError, match=r"known|must|at most"):
        Behaviour().changed(fields)


@given(st.integers(), st.sampled_from([m for m in MODELS.values() if not m.embeds]), st.booleans())
def test_every_drawn_answer_can_be_billed(seed: int, model: Any, loop: bool) -> None:
    """Whatever is drawn, token counts are bounded, cached tokens come in steps, and the wire's sums fit."""
    behaviour = Behaviour(tool_loop_rate=float(loop), prompt_factor=40)
    answer = draw_chat(model, {**QUESTION, "tools": SCHEMAS}, behaviour, Random(seed))
    assert 0 < answer.usage.output <= MAX_OUTPUT_TOKENS
    assert answer.usage.input_cache_read % CACHE_STEP == 0
    assert answer.usage.input > 0
    told = usage(answer)
    assert told["completion_tokens_details"]["reasoning_tokens"] <= told["completion_tokens"]
    assert (answer.usage.output_reasoning > 0) == (model.reasoning_tokens > 0)
    assert bool(answer.tool_calls) == (answer.finish_reason == "tool_calls")


@given(st.integers())
def test_errors_follow_their_shares(seed: int) -> None:
    """Certain errors always befall a request, impossible ones never do."""
    rng = Random(seed)
    assert draw_error(Behaviour(errors={}), rng) is None
    assert draw_error(Behaviour(errors={"quota": 0.0, "auth": 1.0}), rng) == "auth"
    assert draw_error(Behaviour(errors=dict.fromkeys(ERROR_KINDS, 1 / 7 + 1e-9)), rng) in ERROR_KINDS


def test_ledger_is_bounded() -> None:
    """Keys beyond the bound share one row, and no count is lost."""
    ledger = Ledger()
    for number in range(MAX_KEYS + 50):
        ledger.add((ToolCall("gpt-4o", f"tool-{number}"), 1))
    assert len(ledger.tool_calls) == MAX_KEYS + 1
    assert ledger.tool_calls.total() == MAX_KEYS + 50
    assert ledger.tool_calls[ToolCall("__other__", "__other__")] == 50
