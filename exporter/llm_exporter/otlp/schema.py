"""A schema for OTLP requests that decodes lazily: the wire form of opentelemetry-proto, opened step by step.

Two liberties with the declared types make it fast, and both are wire-compatible
(https://protobuf.dev/programming-guides/encoding/ and the note on maps in the proto3 guide):

- a sub-message may be declared `bytes`: it stays unopened until someone needs it;
- `repeated KeyValue attributes` may be declared `map<string, bytes>`: protobuf's own parser then builds the
  table, and one look-up returns the encoded AnyValue of one attribute; nothing else becomes a Python object.

Consequences: of duplicate keys the last one wins; a key that is not UTF-8 makes its span undecodable; an
attribute without a value reads as `b""`. Field numbers: opentelemetry/proto/trace/v1/trace.proto,
opentelemetry/proto/logs/v1/logs.proto and opentelemetry/proto/collector/trace/v1/trace_service.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError as DecodeError  # re-exported for callers

if TYPE_CHECKING:
    from collections.abc import Sequence

_F = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "bytes": _F.TYPE_BYTES,
    "string": _F.TYPE_STRING,
    "fixed64": _F.TYPE_FIXED64,
    "fixed32": _F.TYPE_FIXED32,
    "int32": _F.TYPE_INT32,
}
_PACKAGE: Final = "llm_exporter.otlp"
_ATTRIBUTES: Final = "map<string,bytes>"
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "Request": (("*resources", 1, "ResourceItems"),),
    "ResourceItems": (("resource", 1, "bytes"), ("*scopes", 2, "bytes")),
    "ScopeItems": (("scope", 1, "bytes"), ("*items", 2, "bytes")),
    "Resource": (("attributes", 1, _ATTRIBUTES),),
    "Scope": (("name", 1, "bytes"), ("version", 2, "bytes")),
    "Span": (
        ("trace_id", 1, "bytes"),
        ("span_id", 2, "bytes"),
        ("trace_state", 3, "bytes"),
        ("parent_span_id", 4, "bytes"),
        ("name", 5, "bytes"),
        ("kind", 6, "int32"),
        ("start", 7, "fixed64"),
        ("end", 8, "fixed64"),
        ("attributes", 9, _ATTRIBUTES),
        ("*events", 11, "bytes"),
        ("*links", 13, "bytes"),
        ("status", 15, "bytes"),
        ("flags", 16, "fixed32"),
    ),
    "Event": (("time", 1, "fixed64"), ("name", 2, "bytes"), ("attributes", 3, _ATTRIBUTES)),
    "Link": (("trace_id", 1, "bytes"), ("span_id", 2, "bytes")),
    "Status": (("message", 2, "bytes"), ("code", 3, "int32")),
    "LogRecord": (
        ("time", 1, "fixed64"),
        ("severity", 2, "int32"),
        ("body", 5, "bytes"),
        ("attributes", 6, _ATTRIBUTES),
        ("trace_id", 9, "bytes"),
        ("span_id", 10, "bytes"),
        ("observed", 11, "fixed64"),
        ("event_name", 12, "bytes"),
    ),
    # AnyValue, as far as it can be the body of a log record that says anything: a string or a map.
    "Body": (("text", 1, "bytes"), ("map", 6, "bytes")),
    "Map": (("entries", 1, _ATTRIBUTES),),
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="llm_exporter/otlp.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            repeated = field_name.startswith("*") or kind == _ATTRIBUTES
            field = message.field.add(name=field_name.lstrip("*"), number=number)
            field.label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            if kind == _ATTRIBUTES:
                entry = message.nested_type.add(name="AttributesEntry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, label=_F.LABEL_OPTIONAL, type=_F.TYPE_STRING)
                entry.field.add(name="value", number=2, label=_F.LABEL_OPTIONAL, type=_F.TYPE_BYTES)
                field.type = _F.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{name}.AttributesEntry"
            elif kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                field.type = _F.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_classes = _build()
_parse_request = _classes["Request"].FromString
_parse_scope_items = _classes["ScopeItems"].FromString
parse_resource = _classes["Resource"].FromString
parse_scope = _classes["Scope"].FromString
parse_span = _classes["Span"].FromString
parse_event = _classes["Event"].FromString
parse_link = _classes["Link"].FromString
parse_status = _classes["Status"].FromString
parse_log_record = _classes["LogRecord"].FromString
parse_body = _classes["Body"].FromString
parse_map = _classes["Map"].FromString

PROTOBUF_IMPLEMENTATION: Final[str] = api_implementation.Type()
"""`upb` is fast; `python` is some 270 times slower, and is reported in llm_exporter_build_info."""


class ScopeItems(NamedTuple):
    """The spans, or log records, of one scope."""

    encoded: bytes
    """The whole ScopeSpans or ScopeLogs."""
    scope: bytes
    items: Sequence[bytes]


def opened(request: bytes) -> list[tuple[bytes, list[ScopeItems]]]:
    """Return the resources of an ExportTraceServiceRequest or ExportLogsServiceRequest, each with its scopes.

    Raises:
        DecodeError: it is neither. What is inside a resource, scope, span or log record is not looked at.
    """
    return [
        (
            resource.resource,
            [
                ScopeItems(encoded, parsed.scope, parsed.items)
                for encoded in resource.scopes
                for parsed in (_parse_scope_items(encoded),)
            ],
        )
        for resource in _parse_request(request).resources
    ]
