"""A call that is told of twice, by log records or by a record and a span, is counted once."""

import json
from itertools import permutations
from typing import Any

import pytest

from core.building import SECOND, START, a_call, a_span
from llm_exporter.logs import DETAILS
from logs.building import LINE, Logged, a_record
from logs.test_log_translation import ANSWER, SPAN, TRACE, claude

CALLED = {
    "model": "gpt-4o", "provider": "openai", "input_tokens": 100, "output_tokens": 10, "latency_ms": 2000,
}  # fmt: skip
DETAILED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
}
ONCE = {"input": 100.0, "output": 10.0}


def the_span(**more: Any) -> Any:
    """Return the span of the call: two seconds long."""
    return a_call(trace_id=TRACE, span_id=SPAN, seconds=2.0, **more)


def the_line() -> Any:
    """Return the line that the application logs inside the span."""
    return a_record(
        json.dumps({**CALLED, "cost_usd": 0.5}), trace_id=TRACE, span_id=SPAN, time_ns=START + 2 * SECOND
    )


def the_details() -> Any:
    """Return the event that its instrumentation writes inside the span: the same again, without a duration."""
    return a_record(
        None, DETAILED, event_name=DETAILS, trace_id=TRACE, span_id=SPAN, time_ns=START + 2 * SECOND
    )


@pytest.mark.parametrize("again", ["at once", "in the batch", "later"])
def test_a_retry_of_a_batch_counts_once(logged: Logged, again: str) -> None:
    """An exporter that got no answer sends the same bytes again: events and lines, with and without ids."""
    records = [
        a_record(json.dumps(CALLED)),
        a_record(json.dumps({**CALLED, "trace_id": "t-1", "span_id": "s-1"})),
        a_record(json.dumps(CALLED), trace_id=TRACE, span_id=SPAN),
        claude("api_request", **{**ANSWER, "input_tokens": 100, "output_tokens": 10}),
        claude("api_request", **{**ANSWER, "input_tokens": 100, "output_tokens": 10, "prompt.id": "p"}),
    ]
    if again == "in the batch":
        records *= 2
    logged.log(*records)
    if again == "later":
        logged.wait()
    if again != "in the batch":
        logged.log(*records)
    logged.wait()
    assert logged.value("llm_requests_total") == 5
    assert logged.tokens() == {"input": 500, "output": 50}
    assert logged.value("llm_usage_anomalies_total", kind="duplicate") == 5


@pytest.mark.parametrize("order", ["span first", "record first", "one batch apart"])
@pytest.mark.parametrize("record", [the_line, the_details])
def test_a_call_with_a_span_and_a_record_counts_once(logged: Logged, record: Any, order: str) -> None:
    """Whichever comes first: one request, its tokens once, and the duration of the span."""
    if order == "span first":
        logged.send(the_span())
        logged.log(record())
    else:
        logged.log(record())
        if order == "one batch apart":
            logged.wait(5)
        logged.send(the_span())
    logged.wait()
    assert logged.value("llm_requests_total") == 1
    assert logged.tokens() == ONCE
    assert logged.value("llm_request_duration_seconds_count") == 1
    assert logged.value("llm_request_duration_seconds_sum") == 2.0
    assert logged.value("llm_usage_anomalies_total", kind="negative_duration") == 0


@pytest.mark.parametrize("record_first", [False, True])
def test_a_line_that_says_it_is_the_span_counts_once(logged: Logged, record_first: bool) -> None:
    """Read from a file, with the ids of the span in the line: the same span twice."""
    line = a_record(json.dumps({**CALLED, "trace_id": TRACE.hex(), "span_id": SPAN.hex()}))
    if record_first:
        logged.log(line)
    logged.send(the_span())
    if not record_first:
        logged.log(line)
    logged.wait()
    assert logged.value("llm_requests_total") == 1
    assert logged.tokens() == ONCE
    assert logged.value("llm_request_duration_seconds_sum") == 2.0


def test_what_only_the_line_knows_is_kept(logged: Logged) -> None:
    """The cost that the application reports belongs to the call, whose span is counted with it."""
    logged.log(the_line())
    logged.send(the_span())
    logged.wait()
    assert logged.value("llm_cost_usd_total", source="reported") == 0.5
    assert logged.value("llm_cost_usd_total", source="computed") == 0


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_lines_inside_a_span_that_is_no_call_are_calls(logged: Logged, order: tuple[int, ...]) -> None:
    """An application's own span around two calls that only lines tell of: two calls."""
    sends = [
        lambda: logged.send(a_span({"http.route": "/ask"}, trace_id=TRACE, span_id=SPAN)),
        lambda: logged.log(a_record(json.dumps({**CALLED, "n": 1}), trace_id=TRACE, span_id=SPAN)),
        lambda: logged.log(a_record(json.dumps({**CALLED, "n": 2}), trace_id=TRACE, span_id=SPAN)),
    ]
    for place in order:
        sends[place]()
    logged.wait()
    assert logged.value("llm_requests_total") == 2
    assert logged.tokens() == {"input": 200, "output": 20}


def test_the_steps_of_one_trace_are_as_many_calls(logged: Logged) -> None:
    """Lines of one trace, each with a span id of its own."""
    lines = [a_record(json.dumps({**LINE, "span_id": f"step-{n}"})) for n in range(4)]
    for line in lines:
        logged.log(line)
    logged.wait()
    assert logged.value("llm_requests_total") == 4
    assert logged.value("llm_cost_usd_total") == pytest.approx(4 * 0.043, abs=1e-12)


def test_records_are_no_spans(logged: Logged) -> None:
    """`llm_exporter_spans_total` adds up to the spans received, whatever the logs bring."""
    logged.send(the_span())
    logged.log(the_line(), claude("api_request", **ANSWER), claude("user_prompt"))
    logged.wait()
    assert sum(logged.outcomes().values()) == 1
    assert logged.records() == {"read": 3}
