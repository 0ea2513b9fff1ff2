"""OTLP/JSON to OTLP/protobuf (OTLP specification, "JSON Protobuf Encoding").

A request is transcoded to the bytes of the same message in protobuf, so that everything behind it knows one
encoding only. Spans and log records are decoded one by one: a bad one is left out and counted.
"""

import re
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError, field
from msgspec.json import Decoder

from llm_exporter.otlp import json_encode
from llm_exporter.otlp.encode import delimited
from llm_exporter.otlp.json_messages import LogRecord, Resource, Scope, Span

# Bounds on the memory that a body can turn into, where two bytes of `{}` become an object of a hundred.
_MAX_OBJECTS: Final = 600_000
_MAX_COMMAS: Final = 1_500_000

_Message = TypeVar("_Message")


class NotOtlpJson(Exception):  # noqa: N818
    """The body is not JSON, or not the JSON of an OTLP request. The text never quotes the body."""


class Transcoded(NamedTuple):
    """A serialized request, how many of its spans or log records were left out, and why ("" when none)."""

    request: bytes
    rejected: int
    message: str


def traces_to_protobuf(body: bytes) -> Transcoded:
    """Transcode an `ExportTraceServiceRequest`; raises `NotOtlpJson`."""
    return _Transcoder(_TRACES).transcode(body)


def logs_to_protobuf(body: bytes) -> Transcoded:
    """Transcode an `ExportLogsServiceRequest`; raises `NotOtlpJson`."""
    return _Transcoder(_LOGS).transcode(body)


_NULL: Final = Raw(b"null")


class _ScopeItems(Struct, rename="camel"):
    scope: Raw = Raw(b"")
    spans: list[Raw] | None = None
    log_records: list[Raw] | None = None
    schema_url: str | None = None


class _ResourceItems(Struct, rename="camel"):
    resource: Raw = Raw(b"")
    scope_spans: list[_ScopeItems] | None = None
    scope_logs: list[_ScopeItems] | None = None
    schema_url: str | None = None


class _Request(Struct):
    resource_spans: list[_ResourceItems] | None = field(name="resourceSpans", default=None)
    resource_logs: list[_ResourceItems] | None = field(name="resourceLogs", default=None)
    original_spans: Raw = field(name="resource_spans", default=Raw(b""))
    original_logs: Raw = field(name="resource_logs", default=Raw(b""))


class _Part(Generic[_Message]):
    """One kind of message: from the JSON of one to its protobuf."""

    def __init__(self, message: type[_Message], encode: Callable[[_Message], bytes]) -> None:
        self._decoder = Decoder(message)
        self._encode = encode

    def transcode(self, raw: Raw) -> bytes:
        """Return the protobuf content; raises `ValueError` saying what is wrong."""
        try:
            try:
                message = self._decoder.decode(raw)
            except UnicodeDecodeError:
                message = self._decoder.decode(_repair(bytes(raw)))
            return self._encode(message)
        except ValidationError as error:
            raise ValueError(str(error)) from None
        except DecodeError:
            raise ValueError("it is not valid JSON") from None
        except RecursionError:
            raise ValueError("it is nested too deep") from None


class _Signal(NamedTuple):
    item: _Part[Span] | _Part[LogRecord]
    noun: str
    resources: Callable[[_Request], list[_ResourceItems] | None]
    scopes: Callable[[_ResourceItems], list[_ScopeItems] | None]
    items: Callable[[_ScopeItems], list[Raw] | None]


_RESOURCE: Final = _Part(Resource, json_encode.resource)
_SCOPE: Final = _Part(Scope, json_encode.scope)
_TRACES: Final = _Signal(
    _Part(Span, json_encode.span),
    "spans",
    lambda request: request.resource_spans,
    lambda resource: resource.scope_spans,
    lambda scope: scope.spans,
)
_LOGS: Final = _Signal(
    _Part(LogRecord, json_encode.log_record),
    "log records",
    lambda request: request.resource_logs,
    lambda resource: resource.scope_logs,
    lambda scope: scope.log_records,
)


class _Transcoder:
    """One request on its way, and what was left out of it."""

    def __init__(self, signal: _Signal) -> None:
        self._signal = signal
        self._total = 0
        self._rejected = 0
        self._reason = ""

    def transcode(self, body: bytes) -> Transcoded:
        resources = self._signal.resources(_decode(body)) or ()
        request = b"".join(delimited(b"\x0a", self._resource_items(items)) for items in resources)
        if not self._rejected:
            return Transcoded(request, 0, "")
        share = f"{self._rejected} of {self._total} {self._signal.noun}"
        message = f"{share} were rejected; the first: {self._reason}"
        return Transcoded(request, self._rejected, message)

    def _resource_items(self, items: _ResourceItems) -> bytes:
        scopes = self._signal.scopes(items) or []
        try:
            resource = _optional(_RESOURCE, items.resource)
        except ValueError as error:
            count = sum(len(self._signal.items(scope) or ()) for scope in scopes)
            self._total += count
            self._reject(f"resource: {error}", count)
            return b""
        parts = [resource]
        parts += [delimited(b"\x12", self._scope_items(scope)) for scope in scopes]
        return b"".join(parts) + _schema_url(items.schema_url)

    def _scope_items(self, items: _ScopeItems) -> bytes:
        raws = self._signal.items(items) or []
        self._total += len(raws)
        try:
            scope = _optional(_SCOPE, items.scope)
        except ValueError as error:
            self._reject(f"scope: {error}", len(raws))
            return b""
        parts = [scope]
        transcode = self._signal.item.transcode
        for raw in raws:
            try:
                parts.append(delimited(b"\x12", transcode(raw)))
            except ValueError as error:
                self._reject(str(error), 1)
        return b"".join(parts) + _schema_url(items.schema_url)

    def _reject(self, reason: str, count: int) -> None:
        self._rejected += count
        self._reason = self._reason or reason


def _decode(body: bytes) -> _Request:
    if body.count(b"{") > _MAX_OBJECTS or body.count(b",") > _MAX_COMMAS:
        raise NotOtlpJson(
            f"the JSON has more than {_MAX_OBJECTS} objects or {_MAX_COMMAS} commas; send smaller batches"
        )
    try:
        try:
            request = _REQUEST.decode(body)
        except ValidationError:
            raise
        except (DecodeError, UnicodeDecodeError):
            body = _repair(body)
            request = _REQUEST.decode(body)
        if request.original_spans or request.original_logs:
            request = _REQUEST.decode(_to_camel_case(body))
    except ValidationError as error:
        raise NotOtlpJson(f"the JSON is not an OTLP request: {error}") from None
    except DecodeError:
        raise NotOtlpJson("the body is not valid JSON") from None
    except RecursionError:
        raise NotOtlpJson("the JSON is nested too deep") from None
    return request


def _optional(part: _Part[Resource] | _Part[Scope], raw: Raw) -> bytes:
    """Return field 1 of what holds it: nothing when it is missing or null."""
    return delimited(b"\x0a", part.transcode(raw)) if raw and raw != _NULL else b""


def _schema_url(url: str | None) -> bytes:
    return delimited(b"\x1a", url.encode()) if url else b""


_REQUEST: Final = Decoder(_Request)
_SURROGATES: Final = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def _repair(body: bytes) -> bytes:
    """Put U+FFFD in the place of what is no character: invalid UTF-8, halves of surrogate pairs."""
    text = body.decode("utf-8", "replace").encode()
    return _SURROGATES.sub(lambda match: match[1] or rb"\ufffd", text)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(map(str.capitalize, tail))


_ORIGINAL_NAMES: Final = (
    "array_value",
    "bool_value",
    "bytes_value",
    "double_value",
    "dropped_attributes_count",
    "dropped_events_count",
    "dropped_links_count",
    "end_time_unix_nano",
    "event_name",
    "int_value",
    "kvlist_value",
    "log_records",
    "observed_time_unix_nano",
    "parent_span_id",
    "resource_logs",
    "resource_spans",
    "schema_url",
    "scope_logs",
    "scope_spans",
    "severity_number",
    "severity_text",
    "span_id",
    "start_time_unix_nano",
    "string_value",
    "time_unix_nano",
    "trace_id",
    "trace_state",
)
_CAMEL: Final = {name.encode(): b'"%s"' % _camel(name).encode() for name in _ORIGINAL_NAMES}
# A key: within a string, a quotation mark is always behind a backslash.
_ORIGINAL_KEY: Final = re.compile(rb'(?<!\\)"(%s)"(?=[ \t\r\n]*:)' % b"|".join(_CAMEL))


def _to_camel_case(body: bytes) -> bytes:
    """Rewrite the keys of a request that uses the original field names, as some libraries can write them."""
    return _ORIGINAL_KEY.sub(lambda match: _CAMEL[match[1]], body)
