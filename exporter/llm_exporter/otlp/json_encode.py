"""The messages of `json_messages` as protobuf.

Each encoder returns the content of its message, without tag and length. It raises `ValueError` for a value
that its field cannot hold; the text names the field and never quotes the value.
"""

import base64
import re
import struct
from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status as StatusMessage

from llm_exporter.otlp.encode import delimited, varint
from llm_exporter.otlp.json_messages import (
    AnyValue,
    Event,
    Integer,
    KeyValue,
    Link,
    LogRecord,
    Resource,
    Scope,
    Span,
    Status,
)

_MAX_DEPTH: Final = 32
_MAX_KEYS: Final = 4096
_SPAN_KINDS: Final = dict(SpanMessage.SpanKind.items())
_STATUS_CODES: Final = dict(StatusMessage.StatusCode.items())
_SEVERITIES: Final = dict(SeverityNumber.items())
_SPECIAL_DOUBLES: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_DOUBLE: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_pack_fixed64: Final = struct.Struct("<Q").pack
_pack_fixed32: Final = struct.Struct("<I").pack
_pack_double: Final = struct.Struct("<d").pack
# The most common attribute is a short string. What stands before its text depends on its length alone.
_SHORT: Final = 126
_SHORT_STRINGS: Final = tuple(b"\x12" + varint(2 + size) + b"\x0a" + varint(size) for size in range(_SHORT))
_keys: dict[str, bytes] = {}


def resource(message: Resource) -> bytes:
    """Encode opentelemetry.proto.resource.v1.Resource."""
    parts: list[bytes] = []
    _attributes(parts, b"\x0a", message.attributes)
    _uint32(parts, b"\x10", message.dropped_attributes_count, "droppedAttributesCount")
    return b"".join(parts)


def scope(message: Scope) -> bytes:
    """Encode opentelemetry.proto.common.v1.InstrumentationScope."""
    parts: list[bytes] = []
    _text(parts, b"\x0a", message.name)
    _text(parts, b"\x12", message.version)
    _attributes(parts, b"\x1a", message.attributes)
    _uint32(parts, b"\x20", message.dropped_attributes_count, "droppedAttributesCount")
    return b"".join(parts)


def span(message: Span) -> bytes:
    """Encode opentelemetry.proto.trace.v1.Span."""
    parts: list[bytes] = []
    _identifier(parts, b"\x0a", message.trace_id, "traceId")
    _identifier(parts, b"\x12", message.span_id, "spanId")
    _text(parts, b"\x1a", message.trace_state)
    _identifier(parts, b"\x22", message.parent_span_id, "parentSpanId")
    _text(parts, b"\x2a", message.name)
    _enum(parts, b"\x30", message.kind, _SPAN_KINDS, "kind")
    _fixed64(parts, b"\x39", message.start_time_unix_nano, "startTimeUnixNano")
    _fixed64(parts, b"\x41", message.end_time_unix_nano, "endTimeUnixNano")
    _attributes(parts, b"\x4a", message.attributes)
    _uint32(parts, b"\x50", message.dropped_attributes_count, "droppedAttributesCount")
    if message.events:
        parts += [delimited(b"\x5a", _event(event)) for event in message.events]
    _uint32(parts, b"\x60", message.dropped_events_count, "droppedEventsCount")
    if message.links:
        parts += [delimited(b"\x6a", _link(link)) for link in message.links]
    _uint32(parts, b"\x70", message.dropped_links_count, "droppedLinksCount")
    if message.status is not None:
        parts.append(delimited(b"\x7a", _status(message.status)))
    _fixed32(parts, b"\x85\x01", message.flags, "flags")
    return b"".join(parts)


def log_record(message: LogRecord) -> bytes:
    """Encode opentelemetry.proto.logs.v1.LogRecord."""
    parts: list[bytes] = []
    _fixed64(parts, b"\x09", message.time_unix_nano, "timeUnixNano")
    _enum(parts, b"\x10", message.severity_number, _SEVERITIES, "severityNumber")
    _text(parts, b"\x1a", message.severity_text)
    if message.body is not None:
        parts.append(delimited(b"\x2a", any_value(message.body)))
    _attributes(parts, b"\x32", message.attributes)
    _uint32(parts, b"\x38", message.dropped_attributes_count, "droppedAttributesCount")
    _fixed32(parts, b"\x45", message.flags, "flags")
    _identifier(parts, b"\x4a", message.trace_id, "traceId")
    _identifier(parts, b"\x52", message.span_id, "spanId")
    _fixed64(parts, b"\x59", message.observed_time_unix_nano, "observedTimeUnixNano")
    _text(parts, b"\x62", message.event_name)
    return b"".join(parts)


def any_value(message: AnyValue, depth: int = 1) -> bytes:
    """Encode opentelemetry.proto.common.v1.AnyValue; the first of its fields that is set counts."""
    if message.string_value is not None:
        return delimited(b"\x0a", message.string_value.encode())
    if message.int_value is not None:
        return b"\x18" + varint(_in_range(message.int_value, -(1 << 63), 1 << 63, "intValue"))
    if message.bool_value is not None:
        return b"\x10\x01" if message.bool_value else b"\x10\x00"
    if message.double_value is not None:
        return b"\x21" + _pack_double(_double(message.double_value))
    if message.bytes_value is not None:
        return delimited(b"\x3a", _base64(message.bytes_value))
    return _nested(message, depth)


def _nested(message: AnyValue, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise ValueError(f"a value is nested more than {_MAX_DEPTH} deep")
    parts: list[bytes] = []
    if message.array_value is not None:
        parts = [
            delimited(b"\x0a", any_value(value, depth + 1)) for value in message.array_value.values or ()
        ]
        return delimited(b"\x2a", b"".join(parts))
    if message.kvlist_value is not None:
        _attributes(parts, b"\x0a", message.kvlist_value.values, depth + 1)
        return delimited(b"\x32", b"".join(parts))
    return b""


def _event(message: Event) -> bytes:
    parts: list[bytes] = []
    _fixed64(parts, b"\x09", message.time_unix_nano, "events.timeUnixNano")
    _text(parts, b"\x12", message.name)
    _attributes(parts, b"\x1a", message.attributes)
    _uint32(parts, b"\x20", message.dropped_attributes_count, "events.droppedAttributesCount")
    return b"".join(parts)


def _link(message: Link) -> bytes:
    parts: list[bytes] = []
    _identifier(parts, b"\x0a", message.trace_id, "links.traceId")
    _identifier(parts, b"\x12", message.span_id, "links.spanId")
    _text(parts, b"\x1a", message.trace_state)
    _attributes(parts, b"\x22", message.attributes)
    _uint32(parts, b"\x28", message.dropped_attributes_count, "links.droppedAttributesCount")
    _fixed32(parts, b"\x35", message.flags, "links.flags")
    return b"".join(parts)


def _status(message: Status) -> bytes:
    parts: list[bytes] = []
    _text(parts, b"\x12", message.message)
    _enum(parts, b"\x18", message.code, _STATUS_CODES, "status.code")
    return b"".join(parts)


def _attributes(parts: list[bytes], tag: bytes, attributes: list[KeyValue] | None, depth: int = 1) -> None:
    for attribute in attributes or ():
        name = attribute.key or ""
        content = _keys.get(name) or _remember(name)
        value = attribute.value
        if value is not None:
            if value.string_value is not None and len(text := value.string_value.encode()) < _SHORT:
                content += _SHORT_STRINGS[len(text)] + text
            else:
                content += delimited(b"\x12", any_value(value, depth))
        parts.append(delimited(tag, content))


def _remember(name: str) -> bytes:
    """Encode a key, and keep it: applications use few."""
    encoded = delimited(b"\x0a", name.encode())
    if len(_keys) < _MAX_KEYS and len(name) < 128:
        _keys[name] = encoded
    return encoded


def _text(parts: list[bytes], tag: bytes, value: str | None) -> None:
    if value:
        parts.append(delimited(tag, value.encode()))


def _identifier(parts: list[bytes], tag: bytes, value: str | None, name: str) -> None:
    if not value:
        return
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        raw = b""
    if 2 * len(raw) != len(value):  # fromhex skips white space
        raise ValueError(f"{name} is not hexadecimal")
    parts.append(delimited(tag, raw))


def _fixed64(parts: list[bytes], tag: bytes, value: Integer, name: str) -> None:
    if value is not None:
        parts.append(tag + _pack_fixed64(_in_range(value, 0, 1 << 64, name)))


def _fixed32(parts: list[bytes], tag: bytes, value: Integer, name: str) -> None:
    if value is not None:
        parts.append(tag + _pack_fixed32(_in_range(value, 0, 1 << 32, name)))


def _uint32(parts: list[bytes], tag: bytes, value: Integer, name: str) -> None:
    if value is not None:
        parts.append(tag + varint(_in_range(value, 0, 1 << 32, name)))


def _enum(parts: list[bytes], tag: bytes, value: Integer, names: Mapping[str, int], name: str) -> None:
    """Encode an enum value; OTLP/JSON wants the number, older SDKs send the name."""
    if value is not None:
        number = names.get(value, value) if isinstance(value, str) else value
        parts.append(tag + varint(_in_range(number, -(1 << 31), 1 << 31, name)))


def _in_range(value: int | str | float, low: int, high: int, name: str) -> int:
    if isinstance(value, str):
        number = int(value) if len(value) <= 20 and value.removeprefix("-").isdecimal() else high
    elif isinstance(value, int):
        number = value
    else:
        number = int(value) if value.is_integer() else high
    if low <= number < high:
        return number
    raise ValueError(f"{name} is not an integer from {low} to {high - 1}")


def _double(value: float | str) -> float:
    if isinstance(value, str) and value not in _SPECIAL_DOUBLES and not _DOUBLE.fullmatch(value):
        raise ValueError("doubleValue is neither a number nor NaN, Infinity or -Infinity")
    return float(value)


def _base64(value: str) -> bytes:
    """Decode base64 in either alphabet, padded or not (proto3 JSON mapping)."""
    standard = value.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise ValueError("bytesValue is not base64") from None


_URL_SAFE: Final = str.maketrans("-_", "+/")
