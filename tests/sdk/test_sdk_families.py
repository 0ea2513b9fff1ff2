"""What an application shows is what the exporter would show of the same spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.trace import StatusCode
from prometheus_client import generate_latest
from prometheus_client.core import REGISTRY
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from llm_exporter.engine import Engine
from llm_exporter.sdk import LLMMetrics

from .conftest import CALL, TIMINGS, samples, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Metric

    from .conftest import Application

SDK_ONLY = "llm_exporter_spans_dropped_total"


def every_kind_of_span(application: Application) -> None:
    """End spans of every kind: good and failed calls, a tool, an agent, a retrieval, and one of HTTP."""
    tracer = application.tracer
    application.call(3, **{"app.team": "growth", "app.feature": "search", "gen_ai.usage.input_tokens": 777})
    application.call(2, **{"gen_ai.usage.cache_read.input_tokens": 1000, "app.customer": "acme"})
    application.call(**{"gen_ai.response.model": "no-such-model", "gen_ai.request.model": "no-such-model"})
    with tracer.start_as_current_span("invoke_agent planner") as agent:
        agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"})
        with tracer.start_as_current_span("execute_tool lookup") as tool:
            tool.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup"})
            tool.set_status(StatusCode.ERROR, "timed out")
            tool.set_attribute("error.type", "timeout")
        with tracer.start_as_current_span("retrieval") as retrieval:
            retrieval.set_attribute("openinference.span.kind", "RETRIEVER")
            retrieval.set_attribute("retrieval.documents.0.document.score", 0.5)
    with tracer.start_as_current_span("chat gpt-4o", attributes=CALL) as failed:
        failed.set_status(StatusCode.ERROR)
        failed.set_attribute("error.type", "RateLimitError")
    # Its values have what spans of LLMs are recognised by at first sight.
    with tracer.start_as_current_span("GET", attributes={"url.path": "/ai.html", "http.route": "gen_ai.x"}):
        pass


def engine_with_spans_of(application: Application, **options: Any) -> Engine:
    """The exporter's engine, after an OTLP request with every span that the application ended."""
    engine = Engine(settings(**options))
    request = encode_spans(application.memory.get_finished_spans())
    engine.traces(request.SerializeToString(), "grpc")
    return engine


def exemplars_of(families: list[Metric]) -> dict[tuple[str, str], tuple[dict[str, str], float]]:
    """The ids and the value of each exemplar, by name and labels of its sample."""
    return {
        (sample.name, repr(sorted(sample.labels.items()))): (sample.exemplar.labels, sample.exemplar.value)
        for family in families
        if family.name not in TIMINGS
        for sample in family.samples
        if sample.exemplar
    }


@pytest.mark.parametrize("exemplars", [True, False])
@pytest.mark.parametrize("hold", [0.0, 3600.0])
def test_both_formats_equal_the_exporters_own(
    application: Callable[..., Application], hold: float, exemplars: bool
) -> None:
    """Every sample of either format, held at 0 or live, is the one that `Engine.exposition` writes."""
    app = application(settings(hold, exemplars=exemplars))
    every_kind_of_span(app)
    engine = engine_with_spans_of(app, hold=hold, exemplars=exemplars)

    def without_own(shown: dict[Any, float]) -> dict[Any, float]:
        return {key: value for key, value in shown.items() if key[0] != SDK_ONLY}

    text = b"".join(engine.exposition("text")).decode()
    assert without_own(app.shown()) == samples(parse_text(text))
    openmetrics = b"".join(engine.exposition("openmetrics")).decode()
    theirs = list(parse_openmetrics(openmetrics))
    ours = list(parse_openmetrics(generate_openmetrics(app.registry).decode()))
    assert without_own(samples(ours)) == samples(theirs)
    assert {f.name: (f.type, f.unit, f.documentation) for f in ours if f.name + "_total" != SDK_ONLY} == {
        f.name: (f.type, f.unit, f.documentation)
        for f in theirs
        if f.name != "llm_exporter_scrape_duration_seconds"
    }
    assert exemplars_of(ours) == exemplars_of(theirs)
    assert bool(exemplars_of(ours)) == (exemplars and not hold)
    assert app.total("llm_requests_total") == (0 if hold else 7)


def test_exemplars_lead_to_the_spans(application: Callable[..., Application]) -> None:
    """In OpenMetrics the bucket that a call fell into has its trace and span id and its duration."""
    app = application()
    app.call()
    (span,) = app.memory.get_finished_spans()
    (family,) = (
        family
        for family in parse_openmetrics(generate_openmetrics(app.registry).decode())
        if family.name == "llm_request_duration_seconds"
    )
    (exemplar,) = (sample.exemplar for sample in family.samples if sample.exemplar)
    assert exemplar.labels == {
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
    }
    assert exemplar.value == (span.end_time - span.start_time) / 1e9


def test_shares_a_registry_with_the_metrics_of_opentelemetry(application: Callable[..., Application]) -> None:
    """Beside `opentelemetry-exporter-prometheus` on one registry, both formats parse and hold both."""
    app = application(registry=REGISTRY)
    reader = PrometheusMetricReader()
    meters = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    meters.get_meter("shop").create_counter("orders", unit="1").add(5)
    meters.get_meter("shop").create_histogram("gen_ai.client.operation.duration", unit="s").record(0.5)
    app.call(4)
    try:
        text = {name for name, _ in samples(parse_text(generate_latest(app.registry).decode()))}
        openmetrics = {
            name for name, _ in samples(parse_openmetrics(generate_openmetrics(app.registry).decode()))
        }
        wanted = {"orders_total", "llm_requests_total", "gen_ai_client_operation_duration_seconds_bucket"}
        assert wanted <= text
        assert wanted <= openmetrics
        assert app.total("llm_requests_total", status="ok", service_name="shop", environment="test") == 4
    finally:
        meters.shutdown()


def test_registers_on_the_default_registry_and_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the metrics are on prometheus_client.REGISTRY until shutdown, and only once."""
    monkeypatch.setenv("LLM_EXPORTER_FIRST_SAMPLE_HOLD", "0")
    metrics = LLMMetrics()
    try:
        assert REGISTRY.get_sample_value("llm_exporter_spans_total", {"outcome": "call"}) == 0
        assert REGISTRY.get_sample_value(SDK_ONLY, {"reason": "queue_full"}) == 0
        with pytest.raises(ValueError, match="llm_requests_total"):
            LLMMetrics()
    finally:
        metrics.shutdown()
    assert REGISTRY.get_sample_value("llm_exporter_spans_total", {"outcome": "call"}) is None
    LLMMetrics().shutdown()


def test_one_family_can_be_asked_for(application: Callable[..., Application]) -> None:
    """`/metrics?name[]=llm_requests_total` finds the collector by the names that it declares."""
    app = application()
    app.call(2)
    shown = generate_latest(app.registry.restricted_registry(["llm_requests_total"])).decode()
    assert sum(samples(parse_text(shown)).values()) == 2
    assert {name for name, _ in samples(parse_text(shown))} == {"llm_requests_total"}


def test_dollars_are_exact(application: Callable[..., Application]) -> None:
    """1200 and 80 tokens at 2.50 and 10 dollars a million are 0.0038 dollars, to the last digit."""
    app = application()
    app.call()
    assert app.total("llm_cost_usd_total") == 0.0038
