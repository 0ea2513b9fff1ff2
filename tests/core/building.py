"""Builders of spans and requests, in the stock classes of opentelemetry-proto, and an exporter to ask."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import reduce
from itertools import count
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter import catalogue as c
from llm_exporter.engine import Engine
from llm_exporter.receive.sink import Verdict
from llm_exporter.settings import Settings, load
from llm_exporter.settings.schema import LabelSettings
from llm_exporter.settings.signals import Signals

SECOND = 10**9
START = 1_780_000_000 * SECOND
"""When spans start unless they say otherwise: 2026-05-28, after every price that the tests use was set."""
_numbers = count(1)
NO_SIGNALS = Signals(**{field.name: False for field in fields(Signals) if field.type is bool})
REGENERATE = os.environ.get("REGENERATE") == "1"
"""Whether to write expected files anew instead of comparing with them; the diff is to be reviewed."""


def any_value(value: Any) -> AnyValue:
    """Return `value` as an AnyValue; an AnyValue stays as it is, None has no value at all."""
    match value:
        case AnyValue():
            return value
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            return AnyValue(kvlist_value={"values": key_values(value)})
        case Sequence():
            return AnyValue(array_value={"values": [any_value(item) for item in value]})
        case _:
            raise TypeError(f"no AnyValue holds a {type(value).__name__}")


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Return attributes as OTLP's list of pairs."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def a_span(
    attributes: Mapping[str, Any] | None = None,
    *,
    name: str = "a span",
    kind: str = "INTERNAL",
    status: str = "UNSET",
    message: str = "",
    events: Sequence[Mapping[str, Any]] = (),
    start_ns: int = START,
    seconds: float = 1.0,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    parent: bytes = b"",
    flags: int = 0,
) -> Span:
    """Return a span. An event is a mapping with `name`, `attributes` and `seconds` after the span's start.

    Unless told otherwise it is alone in a trace of its own.
    """
    number = next(_numbers)
    return Span(
        trace_id=number.to_bytes(16) if trace_id is None else trace_id,
        span_id=number.to_bytes(8) if span_id is None else span_id,
        parent_span_id=parent,
        flags=flags,
        name=name,
        kind=Span.SpanKind.Value(f"SPAN_KIND_{kind}"),
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + round(seconds * SECOND),
        attributes=key_values(attributes or {}),
        events=[
            Span.Event(
                name=event["name"],
                time_unix_nano=start_ns + round(event.get("seconds", 0) * SECOND),
                attributes=key_values(event.get("attributes", {})),
            )
            for event in events
        ],
        status=Status(code=Status.StatusCode.Value(f"STATUS_CODE_{status}"), message=message),
    )


def a_call(more: Mapping[str, Any] | None = None, **of_span: Any) -> Span:
    """Return a chat with gpt-4o, 100 tokens in and 10 out; `more` sets attributes, None leaves one out."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        **(more or {}),
    }
    return a_span({key: value for key, value in attributes.items() if value is not None}, **of_span)


def a_request(
    *spans: Span, scope: str = "", resource: Mapping[str, Any] | None = None
) -> ExportTraceServiceRequest:
    """Return a request with spans of one scope and resource."""
    of_scope = ScopeSpans(scope={"name": scope}, spans=spans)
    of_resource = ResourceSpans(resource={"attributes": key_values(resource or {})}, scope_spans=[of_scope])
    return ExportTraceServiceRequest(resource_spans=[of_resource])


def settings(changes: Mapping[str, Any] | None = None) -> Settings:
    """Return the default settings without first-sample hold and signals, and with `changes` by dotted path.

    `labels.<name>` takes the cap of that label; `{"signals": Signals()}` has the signals as they are by default.
    """
    found = load(None, {}, {"--first-sample-hold": "0"})
    found = replace(found, signals=NO_SIGNALS)
    return reduce(_changed, (changes or {}).items(), found)


def _changed(found: Settings, change: tuple[str, Any]) -> Settings:
    path, value = change
    section, _, key = path.partition(".")
    if section == "labels":
        return replace(found, labels={**found.labels, key: LabelSettings(cap=value)})
    if not key:
        return replace(found, **{section: value})
    return replace(found, **{section: replace(getattr(found, section), **{key: value})})


class Exporter:
    """An exporter in this process, without sockets; it shows every sample at once unless told otherwise."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        self.engine = Engine(settings(changes))

    def send(self, *spans: Span, scope: str = "", resource: Mapping[str, Any] | None = None) -> Verdict:
        """Count spans of one scope and resource."""
        return self.send_request(a_request(*spans, scope=scope, resource=resource).SerializeToString())

    def send_request(self, request: bytes) -> Verdict:
        """Count an encoded request."""
        return self.engine.traces(request, "test")

    def scrape(self, form: str = "text") -> str:
        """Return one exposition."""
        return b"".join(self.engine.exposition(form)).decode()

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Yield the name, the labels and the value of every sample that is shown."""
        for family in text_string_to_metric_families(self.scrape()):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value

    def value(self, name: str, /, **labels: str) -> float:
        """Return the sum of the samples of that name with these labels, 0 when there is none.

        Raises:
            LookupError: the catalogue has no such metric, or not with such a label.
        """
        known = LABELS_OF.get(name)
        if known is None or not labels.keys() <= known:
            raise LookupError(f"the catalogue has no {name} with {', '.join(labels) or 'no labels'}")
        return sum(
            value
            for found, its, value in self.samples()
            if found == name and all(its.get(label) == wanted for label, wanted in labels.items())
        )

    def tokens(self) -> dict[str, float]:
        """Return how many tokens of which type were counted, without the types that none was."""
        found: dict[str, float] = {}
        for name, labels, value in self.samples():
            if name == "llm_tokens_total" and value:
                found[labels["token_type"]] = found.get(labels["token_type"], 0) + value
        return found

    def outcomes(self) -> dict[str, int]:
        """Return how many spans had which outcome, without those that none had."""
        return {
            labels["outcome"]: int(value)
            for name, labels, value in self.samples()
            if name == "llm_exporter_spans_total" and value
        }

    def counted(self) -> dict[str, float]:
        """Return the applications' samples that are not 0, by name and closed labels; no buckets, no times of day."""
        found: dict[str, float] = {}
        for name, labels, value in self.samples():
            of_application = not name.startswith("llm_exporter_") and not name.endswith("_timestamp_seconds")
            if value and "le" not in labels and of_application:
                closed = ",".join(f"{key}={said}" for key, said in labels.items() if key in CLOSED[name])
                series = f"{name}{{{closed}}}" if closed else name
                found[series] = found.get(series, 0) + value
        return found

    def open_labels(self) -> dict[str, set[str]]:
        """Return the values of every open label of the `llm_*` metrics, without the empty ones."""
        found: dict[str, set[str]] = {}
        for name, labels, _ in self.samples():
            if not name.startswith("llm_exporter_"):
                for label, value in labels.items():
                    if value and label not in CLOSED[name] and label != "le":
                        found.setdefault(label, set()).add(value)
        return found


def sample_names(metric: c.Metric) -> list[str]:
    """Return the names of a metric's samples."""
    if isinstance(metric, c.Histogram):
        return [f"{metric.name}_{suffix}" for suffix in ("bucket", "count", "sum")]
    return [metric.name]


_METRIC_OF = {name: metric for metric in c.METRICS for name in sample_names(metric)}
LABELS_OF = {name: {label.name for label in metric.labels} | {"le"} for name, metric in _METRIC_OF.items()}
CLOSED = {name: {label.name for label in metric.closed_labels} for name, metric in _METRIC_OF.items()}


def compare_with_file(path: Path, found: str) -> None:
    """Compare text with a committed file, or write it anew under REGENERATE=1.

    Raises:
        AssertionError: they differ.
    """
    if REGENERATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    wanted = path.read_text() if path.exists() else ""
    assert found == wanted, f"{path} differs; if it should, set REGENERATE=1 and review the diff"


class Clock:
    """Stands in for the `time` module: `monotonic` tells what the test sets, the rest is real."""

    perf_counter_ns = staticmethod(time.perf_counter_ns)
    time = staticmethod(time.time)

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time that the test says it is, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
