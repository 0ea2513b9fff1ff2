"""Encoded AnyValue to Python, by hand for the scalars, with opentelemetry-proto for the rest.

Source: opentelemetry/proto/common/v1/common.proto. Field tags on the wire: string_value 0x0A,
bool_value 0x10, int_value 0x18, double_value 0x21, array_value 0x2A, kvlist_value 0x32, bytes_value 0x3A.
"""

from __future__ import annotations

import math
import re
from struct import Struct
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Value = str | bool | int | float | list["Value"] | dict[str, "Value"] | None

MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 1024
_double = Struct("<d").unpack_from
_DECIMAL = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,2})?", re.ASCII)


def decode(raw: bytes) -> Value:
    """Return the value, or None where there is none or it cannot be read.

    Invalid UTF-8 is replaced. Arrays and maps are cut at 1024 items and 16 levels.
    """
    if not raw:
        return None
    tag = raw[0]
    if tag == 0x0A and len(raw) > 1 and raw[1] < 0x80 and len(raw) == raw[1] + 2:
        return raw[2:].decode("utf-8", "replace")
    if tag == 0x18 and len(raw) == 2 and raw[1] < 0x80:
        return raw[1]
    if tag == 0x21 and len(raw) == 9:
        return float(_double(raw, 1)[0])
    try:
        return _plain(AnyValue.FromString(raw), MAX_DEPTH)
    except DecodeError:
        return _repaired(raw)


def _plain(any_value: AnyValue, depth: int) -> Value:
    kind = any_value.WhichOneof("value")
    if kind is None or depth == 0:
        return None
    if kind == "array_value":
        return [_plain(item, depth - 1) for item in any_value.array_value.values[:MAX_ITEMS]]
    if kind == "kvlist_value":
        return {item.key: _plain(item.value, depth - 1) for item in any_value.kvlist_value.values[:MAX_ITEMS]}
    value: str | bool | int | float | bytes = getattr(any_value, kind)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _repaired(raw: bytes) -> Value:
    """Read a string whose bytes are not UTF-8, which protobuf's own parser refuses."""
    if raw[0] != 0x0A:
        return None
    size = shift = 0
    for place in range(1, min(len(raw), 6)):
        size |= (raw[place] & 0x7F) << shift
        shift += 7
        if raw[place] < 0x80:
            text = raw[place + 1 : place + 1 + size]
            return text.decode("utf-8", "replace") if len(text) == size else None
    return None


def text(raw: bytes) -> str:
    """Return the value as the text of a label: numbers and booleans spelt out, the first item of an array.

    Empty where there is no value; placeholders that instrumentations write for "none" count as no value. A
    string that some writer encoded as JSON reads without its quotes.
    """
    return as_text(decode(raw))


def as_text(value: Value) -> str:
    """Return an already decoded value as the text of a label, see `text`."""
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    found = unquoted(str(value))
    return "" if found in ("None", "null", "undefined", "N/A") else found


def unquoted(written: str) -> str:
    """Return a text without space around it, and without the quotes of a JSON string."""
    found = written.strip()
    return found[1:-1].strip() if found[:1] == '"' == found[-1:] and len(found) > 1 else found


def number(raw: bytes) -> float | int | None:
    """Return a finite number, also from decimal text; None for anything else."""
    return as_number(decode(raw))


def as_number(value: Value) -> float | int | None:
    """Return an already decoded value as a finite number, see `number`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        stripped = unquoted(value)
        if len(stripped) > 40 or not _DECIMAL.fullmatch(stripped):
            return None
        return int(stripped) if stripped.lstrip("+-").isdigit() else float(stripped)
    if isinstance(value, int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else None
