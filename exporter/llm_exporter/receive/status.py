"""Answers as OTLP wants them: export responses and `google.rpc.Status`, in protobuf and in JSON.

`google.rpc.Status`, `BadRequest` and `RetryInfo` are three small messages (googleapis: status.proto and
error_details.proto in google/rpc), written here by hand instead of depending on a package of generated code.
"""

import json
from enum import IntEnum
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from llm_exporter.otlp.encode import delimited, varint
from llm_exporter.receive.intake import Signal
from llm_exporter.receive.sink import Verdict

METRICS_BELONG_ELSEWHERE: Final = (
    "llm-exporter takes traces and logs, not metrics. Send OTLP metrics to Prometheus itself: POST "
    "/api/v1/otlp/v1/metrics, with --web.enable-otlp-receiver (Prometheus 3) or "
    "--enable-feature=otlp-write-receiver (Prometheus 2.47 and later)"
)
_TYPE_URL: Final = "type.googleapis.com/google.rpc."
_MAX_MESSAGE_CHARS: Final = 1024


class Code(IntEnum):
    """The codes of google/rpc/code.proto that the receivers answer with."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


def export_response(signal: Signal, verdict: Verdict) -> bytes:
    """Return a serialized `Export…ServiceResponse`; `partial_success` stays unset after full success."""
    rejected, message = verdict.rejected, verdict.message[:_MAX_MESSAGE_CHARS]
    if not rejected and not message:
        return b""
    if signal == "traces":
        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = rejected
        traces.partial_success.error_message = message
        return traces.SerializeToString()
    logs = ExportLogsServiceResponse()
    logs.partial_success.rejected_log_records = rejected
    logs.partial_success.error_message = message
    return logs.SerializeToString()


def export_response_json(signal: Signal, verdict: Verdict) -> bytes:
    """Return the same response in OTLP/JSON, where an int64 is a string."""
    partial: dict[str, str] = {}
    if verdict.rejected:
        partial["rejectedSpans" if signal == "traces" else "rejectedLogRecords"] = str(verdict.rejected)
    if verdict.message:
        partial["errorMessage"] = verdict.message[:_MAX_MESSAGE_CHARS]
    return json.dumps({"partialSuccess": partial} if partial else {}).encode()


def status(code: Code, message: str, retry_after_seconds: float | None = None) -> bytes:
    """Return a serialized `google.rpc.Status`.

    INVALID_ARGUMENT carries a `BadRequest` that describes the data; a retry time becomes a `RetryInfo`.
    """
    message = message[:_MAX_MESSAGE_CHARS]
    body = _varint_field(1, code) + _bytes_field(2, message.encode())
    if code is Code.INVALID_ARGUMENT:
        violation = _bytes_field(1, b"body") + _bytes_field(2, message.encode())
        body += _detail("BadRequest", _bytes_field(1, violation))
    if retry_after_seconds is not None:
        seconds, nanos = _duration(retry_after_seconds)
        body += _detail("RetryInfo", _bytes_field(1, _varint_field(1, seconds) + _varint_field(2, nanos)))
    return body


def status_json(code: Code, message: str, retry_after_seconds: float | None = None) -> bytes:
    """Return the same `Status` in the JSON mapping of protobuf."""
    message = message[:_MAX_MESSAGE_CHARS]
    details: list[dict[str, object]] = []
    if code is Code.INVALID_ARGUMENT:
        violation = {"field": "body", "description": message}
        details.append({"@type": _TYPE_URL + "BadRequest", "fieldViolations": [violation]})
    if retry_after_seconds is not None:
        seconds, nanos = _duration(retry_after_seconds)
        delay = f"{seconds}.{nanos:09}s" if nanos else f"{seconds}s"
        details.append({"@type": _TYPE_URL + "RetryInfo", "retryDelay": delay})
    body: dict[str, object] = {"code": int(code), "message": message}
    if details:
        body["details"] = details
    return json.dumps(body).encode()


def _duration(seconds: float) -> tuple[int, int]:
    return divmod(round(seconds * 1_000_000_000), 1_000_000_000)


def _detail(name: str, message: bytes) -> bytes:
    packed = _bytes_field(1, (_TYPE_URL + name).encode()) + _bytes_field(2, message)
    return _bytes_field(3, packed)


def _bytes_field(number: int, value: bytes) -> bytes:
    return delimited(varint(number << 3 | 2), value)


def _varint_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value) if value else b""
