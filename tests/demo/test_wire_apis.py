"""The provider's other two chat APIs say what its ledger holds, in the words of their own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from llm_exporter.demo.behaviour import ERROR_KINDS, Behaviour
from llm_exporter.demo.fake_llm import FakeLLM, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

CALM = Behaviour(
    errors={},
    refusal_rate=0,
    content_filter_rate=0,
    truncation_rate=0,
    tool_rate=1,
    tool_loop_rate=0,
    cache_hit_rate=1,
    prompt_factor=300,
)
QUESTION = [{"role": "user", "content": "Where is my parcel?"}]
SCHEMA = {"type": "object", "properties": {"order": {"type": "string", "enum": ["A-1"]}}}
RESPONSES = {"model": "o4-mini", "input": QUESTION}
MESSAGES = {"model": "claude-sonnet-4-5", "messages": QUESTION, "max_tokens": 4000}


@pytest.fixture
def llm() -> FakeLLM:
    """A provider without bad luck, faster than life."""
    return FakeLLM(seed=5, speed=10_000, behaviour=CALM)


@pytest.fixture
def url(llm: FakeLLM) -> Iterator[str]:
    """The provider's base URL."""
    with serving(llm) as base:
        yield base


def post(url: str, body: dict[str, Any]) -> tuple[int, str]:
    """POST JSON; status and body, also of errors."""
    try:
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=10) as response:  # noqa: S310
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def booked(llm: FakeLLM) -> dict[str, int]:
    """The ledger's tokens by type."""
    return {key.token_type: count for key, count in llm.ledger.tokens.items()}


def events(stream: str) -> list[dict[str, Any]]:
    """The data of a stream's events, whose names must be those of their types."""
    told = []
    for event in stream.strip().split("\n\n"):
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


@pytest.mark.parametrize("stream", [False, True])
def test_responses_tell_what_is_booked(llm: FakeLLM, url: str, stream: bool) -> None:
    """Cached tokens are part of the input, reasoning of the output, in a whole answer and at a stream's end."""
    status, body = post(f"{url}/v1/responses", {**RESPONSES, "stream": stream})
    assert status == 200
    told = events(body)[-1]["response"] if stream else json.loads(body)
    usage, tokens = told["usage"], booked(llm)
    assert usage["input_tokens"] == tokens["input"] + tokens["input_cache_read"]
    assert usage["input_tokens_details"]["cached_tokens"] == tokens["input_cache_read"]
    assert usage["output_tokens"] == tokens["output"] + tokens["output_reasoning"]
    assert usage["output_tokens_details"]["reasoning_tokens"] == tokens["output_reasoning"]
    assert told["status"] == "completed"
    assert len(told["output"][0]["content"][0]["text"].split()) == tokens["output"]


@pytest.mark.parametrize("stream", [False, True])
def test_messages_tell_what_is_booked(llm: FakeLLM, url: str, stream: bool) -> None:
    """What comes from the cache or goes into it is not in `input_tokens`; a stream ends with the totals."""
    status, body = post(f"{url}/v1/messages", {**MESSAGES, "stream": stream})
    assert status == 200
    if stream:
        *_, last, stop = events(body)
        assert stop == {"type": "message_stop"}
        usage, reason = last["usage"], last["delta"]["stop_reason"]
    else:
        told = json.loads(body)
        usage, reason = told["usage"], told["stop_reason"]
    assert reason == "end_turn"
    assert {
        "input": usage["input_tokens"],
        "input_cache_read": usage["cache_read_input_tokens"],
        "input_cache_write": usage["cache_creation_input_tokens"],
        "output": usage["output_tokens"],
    } == booked(llm)
    assert all(booked(llm).values())


@pytest.mark.parametrize("stream", [False, True])
def test_responses_call_a_tool_once(llm: FakeLLM, url: str, stream: bool) -> None:
    """The model asks for a tool, streamed or whole, and answers when it has the result."""
    tools = [{"type": "function", "name": "track", "parameters": SCHEMA}]
    _, body = post(f"{url}/v1/responses", {**RESPONSES, "tools": tools, "stream": stream})
    (call,) = (events(body)[-1]["response"] if stream else json.loads(body))["output"]
    assert (call["type"], call["name"], json.loads(call["arguments"])) == (
        "function_call",
        "track",
        {"order": "A-1"},
    )
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "on its way"}
    _, body = post(f"{url}/v1/responses", {**RESPONSES, "input": [*QUESTION, call, result], "tools": tools})
    assert [item["type"] for item in json.loads(body)["output"]] == ["message"]
    assert llm.ledger.tool_calls.total() == 1


@pytest.mark.parametrize("stream", [False, True])
def test_messages_call_a_tool_once(llm: FakeLLM, url: str, stream: bool) -> None:
    """The model asks for a tool, streamed or whole, and answers when it has the result."""
    tools = [{"name": "track", "input_schema": SCHEMA}]
    _, body = post(f"{url}/v1/messages", {**MESSAGES, "tools": tools, "stream": stream})
    if stream:
        deltas = [event["delta"] for event in events(body) if event["type"] == "content_block_delta"]
        assert [json.loads(delta["partial_json"]) for delta in deltas] == [{"order": "A-1"}]
    else:
        assert [block["input"] for block in json.loads(body)["content"]] == [{"order": "A-1"}]
    asked = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "track", "input": {}}]}
    told = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "on its way"}]}
    _, body = post(f"{url}/v1/messages", {**MESSAGES, "messages": [*QUESTION, asked, told], "tools": tools})
    assert [block["type"] for block in json.loads(body)["content"]] == ["text"]
    assert llm.ledger.tool_calls.total() == 1


@pytest.mark.parametrize("kind", [kind for kind in ERROR_KINDS if kind != "timeout"])
def test_each_api_has_errors_of_its_own(llm: FakeLLM, url: str, kind: str) -> None:
    """An error has the form of the API that was asked, and is booked under its kind."""
    llm.behaviour = Behaviour(errors={kind: 1.0})
    for path, body in (("responses", RESPONSES), ("messages", MESSAGES)):
        status, told = post(f"{url}/v1/{path}", body)
        assert 400 <= status < 600
        assert ("type" in json.loads(told)) == (path == "messages")
        assert json.loads(told)["error"]["message"]
    assert sorted((key.model, key.error_type) for key in llm.ledger.errors.elements()) == [
        ("claude-sonnet-4-5", kind),
        ("o4-mini", kind),
    ]


def test_odd_requests_are_refused_or_survived(url: str) -> None:
    """Parts with surprising types count as absent; without messages there is an error."""
    odd: list[Any] = [None, 1, "x", {}, {"content": [1, {"type": "tool_use"}]}, {"type": "function_call"}]
    assert post(f"{url}/v1/messages", {**MESSAGES, "messages": odd, "tools": odd})[0] == 200
    assert post(f"{url}/v1/responses", {**RESPONSES, "input": odd, "tools": odd})[0] == 200
    assert post(f"{url}/v1/messages", {**MESSAGES, "messages": "x"})[0] == 400
    assert post(f"{url}/v1/responses", {**RESPONSES, "input": ""})[0] == 400
