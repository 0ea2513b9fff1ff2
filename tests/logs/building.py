"""Builders of log records and requests, in the stock classes of opentelemetry-proto."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import SECOND, START, any_value, key_values
from llm_exporter.logs import KEYS, Translated, Translator
from llm_exporter.receive.sink import Verdict
from traces.building import Timed

TIME = START + 60 * SECOND
"""When records are from unless they say otherwise."""
LINE = {
    "trace_id": "abc-123",
    "span_id": "step-3-generate",
    "model": "claude-sonnet-4-20250514",
    "prompt_version": "v2.4.1",
    "input_tokens": 2847,
    "output_tokens": 512,
    "latency_ms": 1834,
    "ttft_ms": 287,
    "cost_usd": 0.043,
    "quality_score": 0.87,
    "semantic_hash": "e7f2a1...",
}
"""A line as an application logs it for each call."""


def a_record(
    body: Any = None,
    attributes: Mapping[str, Any] | None = None,
    *,
    event_name: str = "",
    time_ns: int = TIME,
    observed_ns: int = 0,
    severity: int = 0,
    trace_id: bytes = b"",
    span_id: bytes = b"",
) -> LogRecord:
    """Return a log record."""
    return LogRecord(
        time_unix_nano=time_ns,
        observed_time_unix_nano=observed_ns,
        severity_number=severity,
        body=any_value(body),
        attributes=key_values(attributes or {}),
        event_name=event_name,
        trace_id=trace_id,
        span_id=span_id,
    )


def logs(
    *records: LogRecord, scope: str = "", resource: Mapping[str, Any] | None = None
) -> ExportLogsServiceRequest:
    """Return a request with records of one scope and resource."""
    of_scope = ScopeLogs(scope={"name": scope}, log_records=records)
    of_resource = ResourceLogs(resource={"attributes": key_values(resource or {})}, scope_logs=[of_scope])
    return ExportLogsServiceRequest(resource_logs=[of_resource])


def translated(request: ExportLogsServiceRequest, keys: Mapping[str, tuple[str, ...]] = KEYS) -> Translated:
    """Return what becomes of a request."""
    return Translator(tuple(keys.items())).translate(request.SerializeToString())


def spans(*records: LogRecord, scope: str = "") -> list[Span]:
    """Return the spans that records become."""
    found = ExportTraceServiceRequest.FromString(translated(logs(*records, scope=scope)).request)
    return [span for of in found.resource_spans for scoped in of.scope_spans for span in scoped.spans]


def span_of(record: LogRecord, scope: str = "") -> Span:
    """Return the one span that a record becomes."""
    (span,) = spans(record, scope=scope)
    return span


def attributes_of(span: Span) -> dict[str, Any]:
    """Return the attributes of a span that are scalars, decoded."""
    found = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        found[attribute.key] = getattr(attribute.value, kind) if kind else None
    return found


class Logged(Timed):
    """An exporter that takes log records, and the time to be what the test says."""

    def log(self, *records: LogRecord, scope: str = "", resource: Mapping[str, Any] | None = None) -> Verdict:
        """Count log records of one scope and resource."""
        return self.log_request(logs(*records, scope=scope, resource=resource).SerializeToString())

    def log_request(self, request: bytes) -> Verdict:
        """Count an encoded request of logs."""
        return self.engine.logs(request, "test")

    def wait(self, seconds: float = 11) -> None:
        """Let so much time pass that a span is no longer held for one above it, and have the exporter notice."""
        super().wait(seconds)

    def records(self) -> dict[str, int]:
        """Return how many log records had which outcome, without those that none had."""
        return {
            labels["outcome"]: int(value)
            for name, labels, value in self.samples()
            if name == "llm_exporter_log_records_total" and value
        }
