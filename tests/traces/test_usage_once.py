"""However many spans tell of a call, in whatever order they come: it is counted once."""

import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import a_request
from traces.building import Timed, agent, chat, named, other, step, tool

TOKENS = {"input": 100.0, "output": 10.0}


def send_one_by_one(exporter: Timed, *spans: Span) -> None:
    """Send each span in a batch of its own, then wait until nothing is held."""
    for span in spans:
        exporter.send(span)
    exporter.wait(20)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_framework_an_sdk_and_a_gateway_tell_of_one_call(timed: Timed, order: tuple[int, ...]) -> None:
    """Three nested spans for one call count once, in every order of arrival."""
    spans = [
        other("root"),
        chat("frame", "root"),
        chat("sdk", "frame"),
        chat("gateway", "sdk", kind="SERVER"),
    ]
    send_one_by_one(timed, *(spans[place] for place in order))
    assert timed.tokens() == TOKENS
    assert timed.value("llm_requests_total") == 1
    assert timed.outcomes() == {"call": 1, "repeated": 2, "not_llm": 1}
    assert timed.value("llm_usage_anomalies_total", kind="repeated_usage") == 2


def test_steps_between_do_not_hide_that_it_is_one_call(timed: Timed) -> None:
    """Spans that only group others may stand between the two spans of a call."""
    timed.send(chat("outer"), step("a", "outer"), step("b", "a"), chat("inner", "b"))
    assert timed.tokens() == TOKENS


@pytest.mark.parametrize("between", [tool, agent])
def test_a_tool_or_an_agent_between_makes_two_calls(timed: Timed, between: Any) -> None:
    """A call that a tool or another agent makes is not the one above it."""
    timed.send(chat("outer"), between("tool", "outer"), chat("inner", "tool"))
    assert timed.value("llm_requests_total") == 2


def test_an_agents_total_does_not_count(timed: Timed) -> None:
    """An agent's span carries the usage of its calls; only those count."""
    total = {"gen_ai.usage.input_tokens": 300, "gen_ai.usage.output_tokens": 30}
    timed.send(agent("agent", attributes=total), *(chat(f"call{i}", "agent") for i in range(3)))
    assert timed.tokens() == {"input": 300, "output": 30}
    assert timed.value("llm_requests_total") == 3


def test_each_attempt_is_a_request(timed: Timed) -> None:
    """A span around a call and its retry counts not at all; a failed attempt counts as one that failed."""
    timed.send(
        chat("outer"),
        named(
            "first",
            "outer",
            {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "error.type": "429"},
            status="ERROR",
        ),
        chat("second", "outer"),
    )
    assert timed.value("llm_requests_total", status="error") == 1
    assert timed.value("llm_requests_total", status="ok") == 1
    assert timed.tokens() == TOKENS


def test_what_only_the_outer_span_knows_is_kept(timed: Timed) -> None:
    """The usage, the cost and the first token that only the span around a call says belong to the call."""
    silent = dict.fromkeys(("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"))
    inner = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    outer = {"gen_ai.usage.cost": 0.5, "gen_ai.response.time_to_first_chunk": 0.25, "app.feature": "search"}
    assert silent
    timed.send(chat("outer", attributes=outer), named("inner", "outer", inner))
    assert timed.tokens() == TOKENS
    assert timed.value("llm_cost_usd_total", source="reported") == 0.5
    assert timed.value("llm_time_to_first_token_seconds_sum", feature="search") == 0.25
    assert timed.value("llm_usage_anomalies_total", kind="missing_usage") == 0


def test_the_application_is_whose_call_it_is(timed: Timed) -> None:
    """A call through a gateway counts under the service that made it, with the gateway's model and numbers."""
    asked = {"gen_ai.request.model": "default"}
    send = [
        a_request(chat("sdk", attributes=asked), resource={"service.name": "shop", "app.team": "search"}),
        a_request(chat("gateway", "sdk"), resource={"service.name": "gateway"}),
    ]
    for request in reversed(send):
        timed.send_request(request.SerializeToString())
    assert timed.value("llm_requests_total", service_name="shop", team="search", model="gpt-4o") == 1
    assert timed.value("llm_requests_total") == 1


def test_a_tools_client_and_server_are_one_call(timed: Timed) -> None:
    """A framework's span of a tool and that of the protocol inside it count once; other tools inside count."""
    timed.send(
        tool("outer", called="search"),
        tool("inner", "outer", called="search"),
        tool("else", "inner", called="db"),
    )
    assert timed.value("llm_tool_calls_total", tool="search") == 1
    assert timed.value("llm_tool_calls_total", tool="db") == 1


def test_a_batch_that_comes_again_counts_once(timed: Timed) -> None:
    """An exporter that got no answer sends its batch again: each span of it is a duplicate."""
    batch = a_request(step("root"), chat("call", "root"), tool("tool", "root")).SerializeToString()
    for _ in range(3):
        timed.send_request(batch)
    timed.wait(60)
    timed.send_request(batch)
    assert timed.tokens() == TOKENS
    assert timed.outcomes() == {"structure": 1, "call": 1, "tool": 1, "duplicate": 9}
    assert timed.value("llm_usage_anomalies_total", kind="duplicate") == 3


def test_late_spans_do_not_begin_a_second_task(timed: Timed) -> None:
    """What comes when the task is over counts by itself, and is told apart."""
    timed.send(step("root"), chat("one", "root"))
    timed.wait(60)
    timed.send(chat("two", "root"))
    timed.wait(60)
    assert timed.value("llm_requests_total") == 2
    assert timed.value("llm_tasks_total") == 1
    assert timed.value("llm_exporter_late_spans_total") == 1


@pytest.mark.parametrize(
    "spans",
    [
        [chat("self", "self")],
        [chat("a", "b"), chat("b", "a")],
        [step("a", "c"), step("b", "a"), chat("c", "b"), chat("d", "c")],
    ],
    ids=["self", "two", "three"],
)
def test_circles_end(timed: Timed, spans: list[Span]) -> None:
    """Parents that lead in a circle hang nothing up, and every call in it is counted at most once."""
    timed.send(*spans)
    timed.wait(4000)
    assert 0 <= timed.value("llm_requests_total") <= len(spans)
    assert timed.value("llm_exporter_spans_held") == 0
    assert sum(timed.outcomes().values()) == len(spans)


class _Maker:
    """Draws a trace in which calls are told of any number of times."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.spans: list[Span] = []
        self.calls: list[tuple[int, int]] = []
        self.losable: set[bytes] = set()

    def name(self) -> str:
        return f"s{len(self.spans)}"

    def group(self, parent: str, depth: int) -> None:
        """Add a step, an agent, a tool or a server's span, with more inside."""
        name = self.name()
        make = self.draw.choice((step, agent, tool, other))
        extra = {}
        if make is agent:
            extra = {"attributes": {"gen_ai.usage.input_tokens": 12345, "gen_ai.usage.output_tokens": 99}}
        if make is tool:
            extra = {"called": name}
        self.spans.append(make(name, parent, **extra))
        self.losable.add(self.spans[-1].span_id)
        for _ in range(self.draw.randrange(1, 4)):
            if depth and self.draw.random() < 0.5:
                self.group(name, depth - 1)
            else:
                self.call(name)

    def call(self, parent: str) -> None:
        """Add a call: up to three spans that tell of it around the one that does the work, or around two attempts."""
        attempts = [
            (self.draw.randrange(1, 500), self.draw.randrange(1, 50))
            for _ in range(self.draw.choice((1, 1, 1, 2)))
        ]
        total = tuple(map(sum, zip(*attempts, strict=True)))
        for _ in range(self.draw.randrange(4)):
            name = self.name()
            self.spans.append(chat(name, parent, *total))
            parent = name
            if self.draw.random() < 0.3:
                name = self.name()
                self.spans.append(self.draw.choice((step, other))(name, parent))
                parent = name
        for tokens in attempts:
            self.spans.append(chat(self.name(), parent, *tokens))
            self.calls.append(tokens)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), lose=st.booleans(), again=st.booleans())
def test_totals_are_those_of_the_innermost_calls(seed: int, lose: bool, again: bool) -> None:
    """In every arrangement, order and division into batches the totals are those of the calls that did the work.

    Spans above the calls may be lost, and batches may come again.
    """
    maker = _Maker(seed)
    draw = maker.draw
    for _ in range(draw.randrange(1, 4)):
        maker.group("", 2)
    calls_first = next(span.span_id for span in maker.spans if span.span_id not in maker.losable)
    spans = [
        span for span in maker.spans if not (lose and span.span_id in maker.losable and draw.random() < 0.4)
    ]
    draw.shuffle(spans)
    # Spans about no LLM are remembered for traces in which there was one.
    spans.sort(key=lambda span: span.span_id != calls_first)
    batches = []
    while spans:
        size = draw.randrange(1, 6)
        batches.append(spans[:size])
        del spans[:size]
    if again:
        batches += draw.sample(batches, draw.randrange(len(batches) + 1))
    note(f"{len(batches)} batches, calls {maker.calls}")
    exporter = Timed()
    try:
        for batch in batches:
            exporter.send(*batch)
            exporter.clock.advance(draw.random() / 4)
        exporter.wait(30)
        assert exporter.value("llm_requests_total") == len(maker.calls)
        assert exporter.tokens() == {
            "input": sum(tokens[0] for tokens in maker.calls),
            "output": sum(tokens[1] for tokens in maker.calls),
        }
    finally:
        exporter.close()


ID = {"gen_ai.response.id": "chatcmpl-1"}


def side_by_side(timed: Timed, outer: Span, inner: Span, *more: Span) -> None:
    """Send two calls of different instrumentations under one root."""
    timed.send(inner, *more, scope="opentelemetry.instrumentation.openai_v2")
    timed.send(outer, scope="openinference.instrumentation.langchain")
    timed.send(other("root"))
    timed.wait(20)


def test_two_instrumentations_side_by_side_tell_of_one_call(timed: Timed) -> None:
    """A span that encloses one of another instrumentation in time, with the same tokens, is the same call."""
    side_by_side(timed, chat("outer", "root", at=0, seconds=2), chat("inner", "root", at=0.5, seconds=1))
    assert timed.tokens() == TOKENS
    assert timed.value("llm_requests_total") == 1
    assert timed.value("llm_request_duration_seconds_sum") == 1


def test_the_same_answer_is_the_same_call(timed: Timed) -> None:
    """The provider's id of the answer joins them whatever tokens they say."""
    side_by_side(
        timed,
        chat("outer", "root", 100, 11, at=0, seconds=2, attributes=ID),
        chat("inner", "root", at=0, seconds=1, attributes=ID),
    )
    assert timed.tokens() == TOKENS


@pytest.mark.parametrize(
    "inner",
    [
        chat("inner", "root", at=0.5, seconds=4),
        chat("inner", "root", 99, 10, at=0.5, seconds=1),
        chat("inner", "root", at=0.5, seconds=1, status="ERROR"),
    ],
    ids=["ends later", "other tokens", "failed"],
)
def test_calls_that_differ_are_two(timed: Timed, inner: Span) -> None:
    """Side by side with other tokens, another end or another outcome: two calls."""
    side_by_side(timed, chat("outer", "root", at=0, seconds=2), inner)
    assert timed.value("llm_requests_total") == 2


def test_calls_of_one_instrumentation_side_by_side_are_as_many(timed: Timed) -> None:
    """One instrumentation does not tell of a call twice, however alike its calls are."""
    timed.send(other("root"), chat("a", "root", at=0, seconds=3), chat("b", "root", at=1, seconds=1))
    assert timed.value("llm_requests_total") == 2


def test_each_span_has_one_twin(timed: Timed) -> None:
    """Two equal calls at once under two instrumentations are two calls."""
    side_by_side(
        timed,
        chat("outer", "root", at=0, seconds=3),
        chat("one", "root", at=1, seconds=1),
        chat("two", "root", at=1, seconds=1),
    )
    assert timed.value("llm_requests_total") == 2


@pytest.mark.parametrize(
    ("said", "result"), [(True, "hit"), ("hit", "hit"), (False, "miss"), ("miss", "miss")]
)
def test_an_answer_from_a_cache_costs_nothing(timed: Timed, said: Any, result: str) -> None:
    """A cache of answers repeats the usage of the call that filled it: it was spent once, then."""
    timed.send(chat("call", attributes={"rail.name": None, "llm.cache.hit": said}), scope="nemo-guardrails")
    assert timed.value("llm_response_cache_total", result=result) == 1
    assert timed.value("llm_requests_total") == 1
    assert timed.tokens() == ({} if result == "hit" else TOKENS)
    assert (timed.value("llm_cost_usd_total") == 0) is (result == "hit")
    assert timed.value("llm_unpriced_requests_total") == 0
    assert timed.value("llm_usage_anomalies_total", kind="missing_usage") == 0
