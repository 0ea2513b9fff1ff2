"""The messages of OTLP as they stand in JSON (opentelemetry-proto, *.proto; field names in camel case).

Every field may be missing or null. Fields that are not listed are skipped by the decoder.
"""

from msgspec import Struct

Integer = int | str | float | None
"""proto3 JSON writes 64-bit integers as strings and takes any of these for any integer."""


class AnyValue(Struct, rename="camel", gc=False):
    """One of these is set; none is an attribute without a value."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Integer = None
    double_value: float | str | None = None
    array_value: "ArrayValue | None" = None
    kvlist_value: "KeyValueList | None" = None
    bytes_value: str | None = None


class ArrayValue(Struct, gc=False):
    """A list of values."""

    values: list[AnyValue] | None = None


class KeyValue(Struct, gc=False):
    """An attribute."""

    key: str | None = None
    value: AnyValue | None = None


class KeyValueList(Struct, gc=False):
    """A map of values."""

    values: list[KeyValue] | None = None


class Resource(Struct, rename="camel"):
    """What emitted the spans. `entityRefs` are not read."""

    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None


class Scope(Struct, rename="camel"):
    """The instrumentation scope."""

    name: str | None = None
    version: str | None = None
    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None


class Event(Struct, rename="camel", gc=False):
    """An event of a span."""

    time_unix_nano: Integer = None
    name: str | None = None
    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None


class Link(Struct, rename="camel", gc=False):
    """A link from a span to another."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None
    flags: Integer = None


class Status(Struct, gc=False):
    """How a span ended."""

    message: str | None = None
    code: Integer = None


class Span(Struct, rename="camel", gc=False):
    """A span."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: Integer = None
    start_time_unix_nano: Integer = None
    end_time_unix_nano: Integer = None
    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None
    events: list[Event] | None = None
    dropped_events_count: Integer = None
    links: list[Link] | None = None
    dropped_links_count: Integer = None
    status: Status | None = None
    flags: Integer = None


class LogRecord(Struct, rename="camel", gc=False):
    """A log record."""

    time_unix_nano: Integer = None
    observed_time_unix_nano: Integer = None
    severity_number: Integer = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None
    dropped_attributes_count: Integer = None
    flags: Integer = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
