"""OTLP/JSON against google.protobuf.json_format, which is right in all but the ids (hexadecimal in OTLP)."""

import base64
import json
from contextlib import suppress
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_exporter.otlp.json import NotOtlpJson, logs_to_protobuf, traces_to_protobuf

IDS = frozenset({"traceId", "spanId", "parentSpanId"})
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["a" * 125, "b" * 126, "é" * 80]
)


def integers(low: int, high: int) -> st.SearchStrategy[Any]:
    """Return integers as proto3 JSON allows them: numbers, strings, and whole doubles."""
    exact = st.integers(low, high) | st.sampled_from([low, high])
    small = st.integers(max(low, -1000), 1000).map(float)
    return exact | exact.map(str) | small


UINT32 = integers(0, 2**32 - 1)
UINT64 = integers(0, 2**64 - 1)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    ["Infinity", "-Infinity", "1.5e3", "-2"]
)


def message(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with any of the fields, some of them null."""
    return st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in fields.items()})


def one_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with one of the fields or none."""
    return st.just({}) | st.one_of(*(st.fixed_dictionaries({name: value}) for name, value in fields.items()))


SCALARS = one_of(
    stringValue=TEXT,
    boolValue=st.booleans(),
    intValue=integers(-(2**63), 2**63 - 1),
    doubleValue=DOUBLES,
    bytesValue=st.binary(max_size=9).map(lambda raw: base64.b64encode(raw).decode()),
)
VALUES = st.recursive(
    SCALARS,
    lambda values: one_of(
        arrayValue=message(values=st.lists(values, max_size=3)),
        kvlistValue=message(values=st.lists(message(key=TEXT, value=values), max_size=3)),
    ),
    max_leaves=6,
)
ATTRIBUTES = st.lists(message(key=TEXT, value=VALUES), max_size=4)


def identifiers(size: int) -> st.SearchStrategy[str]:
    """Return ids in lower and upper case, or empty."""
    hexadecimal = st.binary(min_size=size, max_size=size).map(bytes.hex)
    return hexadecimal | hexadecimal.map(str.upper) | st.just("")


EVENTS = message(timeUnixNano=UINT64, name=TEXT, attributes=ATTRIBUTES, droppedAttributesCount=UINT32)
LINKS = message(
    traceId=identifiers(16),
    spanId=identifiers(8),
    traceState=TEXT,
    attributes=ATTRIBUTES,
    droppedAttributesCount=UINT32,
    flags=UINT32,
)
SPANS = message(
    traceId=identifiers(16),
    spanId=identifiers(8),
    parentSpanId=identifiers(8),
    traceState=TEXT,
    name=TEXT,
    kind=st.integers(0, 9) | st.sampled_from(["SPAN_KIND_CLIENT", "SPAN_KIND_UNSPECIFIED"]),
    startTimeUnixNano=UINT64,
    endTimeUnixNano=UINT64,
    attributes=ATTRIBUTES,
    droppedAttributesCount=UINT32,
    events=st.lists(EVENTS, max_size=2),
    droppedEventsCount=UINT32,
    links=st.lists(LINKS, max_size=2),
    droppedLinksCount=UINT32,
    status=message(message=TEXT, code=st.integers(-1, 3) | st.just("STATUS_CODE_ERROR")),
    flags=UINT32,
)
LOG_RECORDS = message(
    timeUnixNano=UINT64,
    observedTimeUnixNano=UINT64,
    severityNumber=st.integers(0, 24) | st.just("SEVERITY_NUMBER_WARN"),
    severityText=TEXT,
    body=VALUES,
    attributes=ATTRIBUTES,
    droppedAttributesCount=UINT32,
    flags=UINT32,
    traceId=identifiers(16),
    spanId=identifiers(8),
    eventName=TEXT,
)
RESOURCES = message(attributes=ATTRIBUTES, droppedAttributesCount=UINT32)
SCOPES = message(name=TEXT, version=TEXT, attributes=ATTRIBUTES, droppedAttributesCount=UINT32)


def requests(signal: str, records: str, items: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return whole requests of one signal."""
    scopes = message(scope=SCOPES, schemaUrl=TEXT, **{records: st.lists(items, max_size=3)})
    resources = message(
        resource=RESOURCES, schemaUrl=TEXT, **{f"scope{signal}": st.lists(scopes, max_size=2)}
    )
    return message(**{f"resource{signal}": st.lists(resources, max_size=2)})


def with_base64_ids(value: Any) -> Any:
    """Return the request with its ids as json_format wants them."""
    if isinstance(value, dict):
        return {
            name: base64.b64encode(bytes.fromhex(inner)).decode()
            if name in IDS and isinstance(inner, str)
            else with_base64_ids(inner)
            for name, inner in value.items()
        }
    return [with_base64_ids(inner) for inner in value] if isinstance(value, list) else value


def expected(request: dict[str, Any], into: Message) -> Message:
    """Let the oracle read the request."""
    return json_format.ParseDict(with_base64_ids(request), into)


@settings(max_examples=150, deadline=None)
@given(requests("Spans", "spans", SPANS))
def test_traces_are_read_as_json_format_reads_them(request: dict[str, Any]) -> None:
    """Every valid request becomes the same message, whichever spelling its values have."""
    transcoded = traces_to_protobuf(json.dumps(request).encode())
    assert (transcoded.rejected, transcoded.message) == (0, "")
    parsed = ExportTraceServiceRequest.FromString(transcoded.request)
    assert parsed == expected(request, ExportTraceServiceRequest())


@settings(max_examples=100, deadline=None)
@given(requests("Logs", "logRecords", LOG_RECORDS))
def test_logs_are_read_as_json_format_reads_them(request: dict[str, Any]) -> None:
    """Every valid request becomes the same message, whichever spelling its values have."""
    transcoded = logs_to_protobuf(json.dumps(request, ensure_ascii=False).encode())
    assert (transcoded.rejected, transcoded.message) == (0, "")
    parsed = ExportLogsServiceRequest.FromString(transcoded.request)
    assert parsed == expected(request, ExportLogsServiceRequest())


@settings(max_examples=50, deadline=None)
@given(requests("Spans", "spans", SPANS))
def test_original_field_names_are_read_alike(request: dict[str, Any]) -> None:
    """A request written with the names of the proto files gives the same bytes as one in camel case."""
    parsed = expected(request, ExportTraceServiceRequest())
    camel, original = (
        json_format.MessageToDict(parsed, preserving_proto_field_name=preserving)
        for preserving in (False, True)
    )
    assert (
        traces_to_protobuf(json.dumps(with_hex_ids(original)).encode()).request
        == traces_to_protobuf(json.dumps(with_hex_ids(camel)).encode()).request
    )


def with_hex_ids(value: Any) -> Any:
    """Return the request with base64 ids as OTLP wants them."""
    if isinstance(value, dict):
        return {
            name: base64.b64decode(inner).hex()
            if name.replace("_", "").lower() in {"traceid", "spanid", "parentspanid"}
            else with_hex_ids(inner)
            for name, inner in value.items()
        }
    return [with_hex_ids(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_no_bytes_break_it(body: bytes) -> None:
    """Whatever comes, there is a result or NotOtlpJson, nothing else."""
    for transcode in (traces_to_protobuf, logs_to_protobuf):
        with suppress(NotOtlpJson):
            assert transcode(body).rejected == 0
