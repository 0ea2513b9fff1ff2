"""The straightforward way to the same numbers: stock protobuf, a dict per span, prometheus_client.

What one writes first, and does well: label values by position, buckets and label names from the exporter's
own catalogue, exemplars as the exporter keeps them. Reads the semantic conventions only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import prometheus_client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.calls import MODELS
from llm_exporter import catalogue as c
from llm_exporter.errors import CLASS_OF
from llm_exporter.pricing.rates import PICO, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.pricing import PriceBook

Price = tuple[tuple[float, float, float, float, float], int]
"""USD for a token of each type of `catalogue.TOKEN_TYPE`, and the context window in tokens (0: unknown)."""

_ERROR_TYPES = {"RateLimitError": "rate_limit", "TimeoutError": "timeout", "AuthenticationError": "auth"}
_ERROR = 2


def price_list(prices: PriceBook, at_ns: int) -> dict[tuple[str, str], Price]:
    """Return the prices of the bench's models on one day, by provider and model name."""
    listed = {}
    for provider, asked, answered in MODELS:
        for model in (asked, answered):
            quote = prices.quote(provider, model, at_ns)
            if quote.rates is None:
                raise ValueError(f"no price for {model} of {provider}; take another model into MODELS")
            rates = quote.rates
            one = [rates.cost(Usage(*(int(i == kind) for i in range(5)))) / PICO for kind in range(5)]
            listed[provider, model] = ((one[0], one[1], one[2], one[3], one[4]), quote.context_window or 0)
    return listed


class Straightforward:
    """Counts OTLP requests in a registry of its own."""

    def __init__(self, prices: Mapping[tuple[str, str], Price], *, exemplars: bool = True) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._prices = prices
        self._exemplars = exemplars
        make = self._instrument
        self._requests = make(c.REQUESTS)
        self._errors = make(c.REQUEST_ERRORS)
        self._duration = make(c.REQUEST_DURATION)
        self._tokens = make(c.TOKENS)
        self._input = make(c.REQUEST_INPUT_TOKENS)
        self._output = make(c.REQUEST_OUTPUT_TOKENS)
        self._utilization = make(c.CONTEXT_WINDOW_UTILIZATION)
        self._cost = make(c.COST)
        self._request_cost = make(c.REQUEST_COST)
        self._finish = make(c.FINISH_REASONS)
        self._tool_calls = make(c.TOOL_CALLS)
        self._tool_errors = make(c.TOOL_ERRORS)
        self._tool_duration = make(c.TOOL_DURATION)
        self._agent_runs = make(c.AGENT_RUNS)
        self._agent_duration = make(c.AGENT_RUN_DURATION)

    def _instrument(self, metric: c.Metric) -> Any:
        labels = [label.name for label in metric.labels]
        if isinstance(metric, c.Histogram):
            return prometheus_client.Histogram(
                metric.name, metric.help, labels, registry=self.registry, buckets=metric.buckets
            )
        return prometheus_client.Counter(metric.name, metric.help, labels, registry=self.registry)

    def traces(self, request: bytes) -> None:
        """Count an encoded ExportTraceServiceRequest."""
        for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans:
            resource = _dict(resource_spans.resource.attributes)
            who = (
                resource.get("service.name", ""),
                resource.get("deployment.environment.name", ""),
                resource.get("app.team", ""),
                resource.get("app.feature", ""),
            )
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    self._span(span, _dict(span.attributes), who)

    def _span(self, span: Any, attributes: dict[str, Any], who: tuple[str, ...]) -> None:
        operation = attributes.get("gen_ai.operation.name")
        if operation is None:
            return
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        ids = {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()}
        exemplar = ids if self._exemplars else None
        failed = span.status.code == _ERROR
        status = "error" if failed else "ok"
        agent = attributes.get("gen_ai.agent.name", "")
        if operation == "execute_tool":
            tool = attributes.get("gen_ai.tool.name", "")
            self._tool_calls.labels(*who, tool, agent, status).inc()
            if failed:
                self._tool_errors.labels(*who, tool, agent, "exception").inc()
            self._tool_duration.labels(*who, tool).observe(seconds, exemplar)
        elif operation == "invoke_agent":
            self._agent_runs.labels(*who, agent, status).inc()
            self._agent_duration.labels(*who, agent).observe(seconds, exemplar)
        else:
            provider = attributes.get("gen_ai.provider.name", "")
            model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model", "")
            error = _ERROR_TYPES.get(attributes.get("error.type", ""), "unknown") if failed else ""
            finish = attributes.get("gen_ai.response.finish_reasons", ("",))[0]
            usage = None
            if "gen_ai.usage.input_tokens" in attributes:
                read = attributes.get("gen_ai.usage.cache_read.input_tokens", 0)
                write = attributes.get("gen_ai.usage.cache_creation.input_tokens", 0)
                reasoning = attributes.get("gen_ai.usage.reasoning.output_tokens", 0)
                plain = attributes["gen_ai.usage.input_tokens"] - read - write
                output = attributes.get("gen_ai.usage.output_tokens", 0) - reasoning
                usage = (plain, read, write, output, reasoning)
            self.call(who, (provider, model, operation), error, finish, seconds, usage, exemplar)

    def call(
        self,
        who: tuple[str, ...],
        what: tuple[str, str, str],
        error: str,
        finish: str,
        seconds: float,
        usage: tuple[int, int, int, int, int] | None,
        exemplar: dict[str, str] | None,
    ) -> None:
        """Count a call. `usage` holds disjoint tokens in the order of `catalogue.TOKEN_TYPE`."""
        self._requests.labels(*who, *what, "error" if error else "ok", "false").inc()
        self._duration.labels(*who, *what).observe(seconds, exemplar)
        if error:
            self._errors.labels(*who, *what, CLASS_OF[error], error).inc()
        if finish:
            self._finish.labels(*who, *what, finish).inc()
        if usage is None:
            return
        for kind, tokens in zip(c.TOKEN_TYPE.values, usage, strict=True):
            self._tokens.labels(*who, *what, kind).inc(tokens)
        provider, model, _ = what
        plain, read, write, output, reasoning = usage
        self._input.labels(*who, provider, model).observe(plain + read + write, exemplar)
        self._output.labels(*who, provider, model).observe(output + reasoning, exemplar)
        rates, window = self._prices[provider, model]
        # To a picodollar: a sum of floats would miss a bucket whose bound it should hit.
        cost = round(sum(tokens * rate for tokens, rate in zip(usage, rates, strict=True)), 12)
        self._cost.labels(*who, *what, "computed").inc(cost)
        self._request_cost.labels(*who, *what).observe(cost, exemplar)
        if window:
            self._utilization.labels(*who, provider, model).observe(sum(usage) / window, exemplar)


def _dict(attributes: Any) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in attributes}


def _value(any_value: Any) -> Any:
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None
