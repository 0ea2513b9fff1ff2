"""What sampled spans stand for: off by default, unbiased, capped."""

import random
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import Exporter, a_call, a_request, a_span
from llm_exporter.sampling import Sampling
from llm_exporter.settings import Settings


def weighing(**changes: Any) -> Exporter:
    """Return an exporter with these settings of `sampling`."""
    return Exporter({"sampling": replace(Settings().sampling, **changes)})


def kept(threshold: str, **more: Any) -> Span:
    """Return a call that a consistent sampler kept with this threshold."""
    span = a_call(**more)
    span.trace_state = f"vendor=1,ot=rv:0123456789abcd;th:{threshold}"
    return span


def test_off_by_default() -> None:
    """Without configuration a span stands for itself, whatever it claims."""
    exporter = Exporter()
    exporter.send(kept("c"), a_call({"SampleRate": 1000}))
    assert exporter.value("llm_requests_total") == 2


@pytest.mark.parametrize(
    ("threshold", "times"), [("0", 1), ("8", 2), ("c", 4), ("f", 16), ("fd70a3d70a3d71", 100)]
)
def test_a_threshold_in_tracestate(threshold: str, times: int) -> None:
    """`th` is the share of 2**56 that was rejected, without its trailing zeros."""
    exporter = weighing(use_tracestate=True)
    exporter.send(kept(threshold))
    assert exporter.value("llm_requests_total") == times
    assert exporter.tokens() == {"input": 100 * times, "output": 10 * times}
    assert exporter.value("llm_request_duration_seconds_count") == times
    one = Exporter()
    one.send(a_call())
    assert exporter.value("llm_cost_usd_total") == pytest.approx(
        times * one.value("llm_cost_usd_total"), rel=1e-12
    )


@pytest.mark.parametrize(
    "state", ["", "ot=", "ot=th:", "ot=th:zz", "ot=rv:ff", "other=th:c", "ot=th:" + "f" * 15, "x" * 5000]
)
def test_a_tracestate_that_says_nothing(state: str) -> None:
    """The span stands for itself."""
    span = a_call()
    span.trace_state = state
    exporter = weighing(use_tracestate=True)
    exporter.send(span)
    assert exporter.value("llm_requests_total") == 1


@pytest.mark.parametrize(
    ("value", "times"), [(0.25, 4), ("0.5", 2), (1, 1), (20, 20), (0, 1), (-3, 1), ("x", 1)]
)
def test_a_ratio_in_an_attribute(value: Any, times: int) -> None:
    """Up to 1 it is the ratio of spans kept; over 1 it is what the span stands for, as Honeycomb's SampleRate."""
    exporter = weighing(ratio_attributes=("missing", "SampleRate"))
    exporter.send(a_call({"SampleRate": value}))
    assert exporter.value("llm_requests_total") == times


def test_everything_of_a_span_is_weighed() -> None:
    """Tools, retrievals and agents as well as calls."""
    exporter = weighing(ratio=0.5)
    for operation in ("execute_tool", "invoke_agent", "retrieval", "guardrail"):
        exporter.send(a_span({"gen_ai.operation.name": operation}))
    for metric in (
        "llm_tool_calls_total",
        "llm_agent_runs_total",
        "llm_retrievals_total",
        "llm_guardrail_checks_total",
    ):
        assert exporter.value(metric) == 2, metric
    assert exporter.value("llm_tool_duration_seconds_count") == 2
    assert sum(exporter.outcomes().values()) == 4


def test_a_forged_weight_is_capped_and_counted() -> None:
    """Whoever claims to stand for a million counts as `max_weight`, and that is seen."""
    exporter = weighing(use_tracestate=True, ratio_attributes=("SampleRate",), max_weight=50)
    exporter.send(kept("ffffffffffffff"), a_call({"SampleRate": 10**9}), a_call({"SampleRate": 1e-9}))
    assert exporter.value("llm_requests_total") == 150
    assert exporter.value("llm_usage_anomalies_total", kind="weight_capped") == 3


def test_weights_are_unbiased() -> None:
    """Of 200,000 spans one in ten is kept, by a sampler with a threshold: the weighed sums are those of all."""
    draw = random.Random(5)
    exporter = weighing(use_tracestate=True)
    threshold = round(0.9 * 2**56)
    said = f"ot=th:{threshold:014x}".rstrip("0")
    spans, tokens = [], 0
    for _ in range(200_000):
        count = draw.randrange(1, 1000)
        tokens += count
        trace_id, span_id = draw.randbytes(16), draw.randbytes(8)
        if int.from_bytes(trace_id[9:]) >= threshold:
            span = a_call({"gen_ai.usage.input_tokens": count}, trace_id=trace_id, span_id=span_id)
            span.trace_state = said
            spans.append(span)
    for start in range(0, len(spans), 1000):
        exporter.send_request(a_request(*spans[start : start + 1000]).SerializeToString())
    # 20,000 of them: the standard error of the count is 0.67 %, that of the sum 0.78 %.
    assert exporter.value("llm_requests_total") == pytest.approx(200_000, rel=0.03)
    assert exporter.tokens()["input"] == pytest.approx(tokens, rel=0.03)


def test_a_weight_that_is_no_whole_number_is_right_on_average() -> None:
    """Kept at 40 %, spans stand for two or three, by their ids: 2.5 on average, and each always for the same."""
    sampling = Sampling(ratio=0.4)
    draw = random.Random(7)
    ids = [draw.randbytes(8) for _ in range(20_000)]
    weights = [sampling.weight(span_id, b"", {}).times for span_id in ids]
    assert set(weights) == {2, 3}
    assert sum(weights) / len(weights) == pytest.approx(2.5, abs=0.02)
    assert weights == [sampling.weight(span_id, b"", {}).times for span_id in ids]
