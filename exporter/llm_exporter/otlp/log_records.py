"""A log record as a table of attributes: its own, and those in a body that is a map or a JSON object.

Everything is bounded: a body is opened up to `MAX_BODY` bytes and `MAX_KEYS` keys, and what is nested in it stays
whole, as text. A value that cannot be read is left out; only a record that protobuf refuses raises.
"""

from __future__ import annotations

import json
import re
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter.otlp.encode import delimited, varint
from llm_exporter.otlp.schema import DecodeError, parse_body, parse_log_record, parse_map
from llm_exporter.otlp.values import Value, text

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY: Final = 65_536
MAX_KEYS: Final = 256
MAX_KEY: Final = 256
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}", re.ASCII)
_pack_double: Final = Struct("<d").pack


class LogRecord(NamedTuple):
    """A log record, opened."""

    time: int
    """When it happened, unix nanoseconds; 0 where the writer does not say."""
    observed: int
    """When it was noticed."""
    trace_id: bytes
    """Empty unless it is a valid one, like `span_id`."""
    span_id: bytes
    names: tuple[str, ...]
    """What may be the name of the event, most trustworthy first."""
    attributes: dict[str, bytes]
    """Encoded AnyValues. Where attribute and body say the same, the attribute counts."""


def opened(raw: bytes) -> LogRecord:
    """Return an encoded LogRecord with its body among its attributes.

    Raises:
        DecodeError: it is none.
    """
    record = parse_log_record(raw)
    body, in_body = _body(record.body) if record.body else ("", {})
    attributes = {**in_body, **record.attributes}
    candidates = (
        text(attributes.get("event.name", b"")),
        record.event_name[:MAX_KEY].decode("utf-8", "replace"),
        body,
    )
    names = tuple(dict.fromkeys(name for name in candidates if _NAME.fullmatch(name)))
    return LogRecord(
        record.time,
        record.observed,
        record.trace_id if len(record.trace_id) == 16 and any(record.trace_id) else b"",
        record.span_id if len(record.span_id) == 8 and any(record.span_id) else b"",
        names,
        attributes,
    )


def _body(raw: bytes) -> tuple[str, Mapping[str, bytes]]:
    """Return the words of a body that is short text, and the entries of one that is a map or holds an object."""
    if len(raw) > MAX_BODY:
        return "", {}
    try:
        body = parse_body(raw)
        if body.map:
            entries = parse_map(body.map).entries
            return "", dict(entries) if len(entries) <= MAX_KEYS else {}
    except DecodeError:
        return "", {}
    said = body.text.strip()
    if said.startswith(b"{"):
        return "", entries_of(said)
    return said[:MAX_KEY].decode("utf-8", "replace"), {}


def entries_of(line: bytes) -> dict[str, bytes]:
    """Return the entries of a JSON object as encoded AnyValues; none where it is no object, or too big a one."""
    if len(line) > MAX_BODY:
        return {}
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or len(found) > MAX_KEYS:
            return {}
        # A nested object is written out again here, and may be nested too deep for that.
        encoded = {key: encode(value) for key, value in found.items() if len(key) <= MAX_KEY}
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in encoded.items() if value}


def encode(value: Value) -> bytes:
    """Return a JSON value as an encoded AnyValue, nothing for null: objects and lists as JSON in a string."""
    match value:
        case None:
            return b""
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int() if -(1 << 63) <= value < 1 << 63:
            return b"\x18" + varint(value)
        case float():
            return b"\x21" + _pack_double(value)
        case str():
            return delimited(b"\x0a", value.encode("utf-8", "replace"))
        case _:
            return delimited(b"\x0a", json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
