"""OTLP/JSON that is wrong or odd: what is repaired, what is left out and counted, what is refused."""

import json
import math
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from llm_exporter.otlp.json import NotOtlpJson, Transcoded, logs_to_protobuf, traces_to_protobuf


def traces(*spans: str | dict[str, Any]) -> Transcoded:
    """Transcode a request of these spans, given as objects or as JSON text."""
    texts = [span if isinstance(span, str) else json.dumps(span) for span in spans]
    body = '{"resourceSpans":[{"scopeSpans":[{"spans":[' + ",".join(texts) + "]}]}]}"
    return traces_to_protobuf(body.encode("utf-8", "surrogateescape"))


def spans_of(transcoded: Transcoded) -> list[Span]:
    """Return the spans that came through."""
    request = ExportTraceServiceRequest.FromString(transcoded.request)
    return [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]


def attribute(value: Any) -> dict[str, Any]:
    """Return a span with one attribute of this value."""
    return {"attributes": [{"key": "k", "value": value}]}


def nested(depth: int) -> dict[str, Any]:
    """Return lists in lists."""
    value: dict[str, Any] = {"stringValue": "in"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


REJECTED = {
    "trace id that is not hexadecimal": ({"traceId": "zz"}, "traceId is not hexadecimal"),
    "trace id of odd length": ({"traceId": "abc"}, "traceId is not hexadecimal"),
    "trace id with spaces": ({"traceId": "ab cd"}, "traceId is not hexadecimal"),
    "span id that is a number": ({"spanId": 7}, "$.spanId"),
    "link id that is not hexadecimal": ({"links": [{"spanId": "-"}]}, "links.spanId is not hexadecimal"),
    "name that is a number": ({"name": 7}, "$.name"),
    "negative time": ({"startTimeUnixNano": "-1"}, "startTimeUnixNano is not an integer"),
    "time over 64 bits": ({"endTimeUnixNano": str(1 << 64)}, "endTimeUnixNano is not an integer"),
    "time in words": ({"endTimeUnixNano": "now"}, "endTimeUnixNano is not an integer"),
    "time with a fraction": ({"startTimeUnixNano": 1.5}, "startTimeUnixNano is not an integer"),
    "time with underscores": ({"startTimeUnixNano": "1_000"}, "startTimeUnixNano is not an integer"),
    "integer of ten thousand digits": (
        {"startTimeUnixNano": "9" * 10_000},
        "startTimeUnixNano is not an integer",
    ),
    "empty integer": (attribute({"intValue": ""}), "intValue is not an integer"),
    "integer over 63 bits": (attribute({"intValue": 1 << 63}), "intValue is not an integer"),
    "integer that is true": (attribute({"intValue": True}), "intValue"),
    "boolean that is a word": (attribute({"boolValue": "true"}), "boolValue"),
    "double in words": (attribute({"doubleValue": "nan"}), "doubleValue is neither a number"),
    "bytes that are not base64": (attribute({"bytesValue": "*"}), "bytesValue is not base64"),
    "value that is a string": (attribute("x"), "value"),
    "values nested 33 deep": (attribute(nested(33)), "nested more than 32 deep"),
    "unknown kind": ({"kind": "SPAN_KIND_SECRET"}, "kind is not an integer"),
    "kind over 32 bits": ({"kind": 1 << 31}, "kind is not an integer"),
    "attributes that are an object": ({"attributes": {}}, "$.attributes"),
    "null among the attributes": ({"attributes": [None]}, "$.attributes[0]"),
    "null for a span": ("null", "Expected `object`, got `null`"),
    "a list for a span": ("[]", "Expected `object`, got `array`"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_span_is_left_out_and_counted(name: str) -> None:
    """The spans around it stay; the reason names the field and does not quote the value."""
    bad, reason = REJECTED[name]
    transcoded = traces({"name": "before"}, bad, {"name": "after"})
    assert [span.name for span in spans_of(transcoded)] == ["before", "after"]
    assert transcoded.rejected == 1
    assert transcoded.message.startswith("1 of 3 spans were rejected; the first: ")
    assert reason in transcoded.message
    assert "SECRET" not in transcoded.message


ACCEPTED: dict[str, tuple[dict[str, Any], str, Any]] = {
    "upper case id": ({"traceId": "5B8EFFF7"}, "trace_id", bytes.fromhex("5b8efff7")),
    "kind by name": ({"kind": "SPAN_KIND_CLIENT"}, "kind", 3),
    "kind that is new": ({"kind": 99}, "kind", 99),
    "time as a number": (
        {"startTimeUnixNano": 1544712660000000000},
        "start_time_unix_nano",
        1544712660000000000,
    ),
    "latest time": ({"startTimeUnixNano": str((1 << 64) - 1)}, "start_time_unix_nano", (1 << 64) - 1),
    "unknown field": ({"name": "n", "unknown": {"deep": [1, {}]}}, "name", "n"),
    "null for every field": ({"name": None, "attributes": None, "status": None, "kind": None}, "name", ""),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_odd_but_valid_spans_are_read(name: str) -> None:
    """What the specification or proto3 JSON allows is taken as it is meant."""
    given, field, value = ACCEPTED[name]
    (span,) = spans_of(traces(given))
    assert getattr(span, field) == value


def test_attributes_without_value_stay_without_value() -> None:
    """A missing value, a null one and an empty one are three attributes, none of them with a value."""
    (span,) = spans_of(
        traces({"attributes": [{"key": "a"}, {"key": "b", "value": None}, {"key": "c", "value": {}}]})
    )
    assert [pair.key for pair in span.attributes] == ["a", "b", "c"]
    assert [pair.value.WhichOneof("value") for pair in span.attributes] == [None, None, None]


def test_doubles_may_be_words() -> None:
    """NaN and the infinities are strings in proto3 JSON."""
    values = [attribute({"doubleValue": word}) for word in ("NaN", "Infinity", "-Infinity", "1e3")]
    doubles = [span.attributes[0].value.double_value for span in spans_of(traces(*values))]
    assert math.isnan(doubles[0])
    assert doubles[1:] == [math.inf, -math.inf, 1000.0]


def test_values_nested_32_deep_are_read() -> None:
    """The bound on nesting is where it is said to be."""
    (span,) = spans_of(traces(attribute(nested(32))))
    value = span.attributes[0].value
    for _ in range(32):
        value = value.array_value.values[0]
    assert value.string_value == "in"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\udc00", "\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud800", r"\ud800"),
        (r"\\\ud800", "\\\ufffd"),
        ("\udcff\udcfe", "\ufffd\ufffd"),
        ("caf\udcc3", "caf\ufffd"),
    ],
)
def test_what_is_no_character_becomes_the_replacement_character(text: str, repaired: str) -> None:
    """Halves of surrogate pairs and bytes that are not UTF-8 are repaired; nothing else changes."""
    before = '{"name":"kept \\u00e9"}'
    transcoded = traces(before, '{"name":"' + text + '"}')
    assert [span.name for span in spans_of(transcoded)] == ["kept é", repaired]
    assert transcoded.rejected == 0


def test_a_bad_resource_or_scope_rejects_its_spans_only() -> None:
    """The spans under it are counted; those under others stay."""
    good = {"scopeSpans": [{"spans": [{"name": "good"}]}]}
    bad_resource = {"resource": {"attributes": 1}, "scopeSpans": [{"spans": [{}, {}]}]}
    bad_scope = {"scopeSpans": [{"scope": {"name": 1}, "spans": [{}]}, {"spans": [{"name": "also"}]}]}
    transcoded = traces_to_protobuf(json.dumps({"resourceSpans": [bad_resource, good, bad_scope]}).encode())
    assert [span.name for span in spans_of(transcoded)] == ["good", "also"]
    assert transcoded.rejected == 3
    assert transcoded.message.startswith("3 of 5 spans were rejected; the first: resource: ")


def test_original_names_inside_strings_stay() -> None:
    """Where a request uses the names of the proto files, only its keys are rewritten, never its text."""
    text = 'the key "span_id": here, and "trace_id" too'
    body = {"resource_spans": [{"scope_spans": [{"spans": [{"name": text, "span_id": "00"}]}]}]}
    (span,) = spans_of(traces_to_protobuf(json.dumps(body, indent=1).encode()))
    assert (span.name, span.span_id) == (text, b"\x00")


def test_a_log_record_is_read_whole() -> None:
    """Body, severity and event name arrive; a record with a bad id is left out."""
    records = [
        {"body": {"stringValue": "b"}, "severityNumber": "SEVERITY_NUMBER_WARN", "eventName": "e"},
        {"traceId": "?"},
    ]
    transcoded = logs_to_protobuf(
        json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    )
    request = ExportLogsServiceRequest.FromString(transcoded.request)
    (record,) = request.resource_logs[0].scope_logs[0].log_records
    assert (record.body.string_value, record.severity_number, record.event_name) == ("b", 13, "e")
    assert transcoded.message == "1 of 2 log records were rejected; the first: traceId is not hexadecimal"


def test_deep_nesting_in_unknown_fields_is_refused() -> None:
    """A body of brackets ends in an error, not in a crash."""
    with pytest.raises(NotOtlpJson, match="nested too deep"):
        traces_to_protobuf(b'{"x":' + b'{"y":' * 100_000 + b"1" + b"}" * 100_001)
