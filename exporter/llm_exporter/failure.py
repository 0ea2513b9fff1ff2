"""How a span failed, from all that it says about it: matched, and dropped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from llm_exporter import errors
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import text

MAX_EVENTS: Final = 64
MAX_REMEMBERED_TEXT: Final = 256


def failure_of(span: Any, status_message: bytes, said: str) -> tuple[str, str]:
    """Return how a span with status ERROR failed, as a call and as a tool, from all that it says about it.

    `said` is its `error.type`. Then come the exception event's type and message, and the status message.
    """
    texts = [said]
    for event in span.events[:MAX_EVENTS]:
        if b"exception" in event:
            try:
                attributes = parse_event(event).attributes
            except DecodeError:
                continue
            for key in ("exception.type", "exception.message"):
                raw = attributes.get(key, b"")
                texts.append(_known_text(raw) if len(raw) <= MAX_REMEMBERED_TEXT else text(raw))
    texts.append(status_message[: errors.MAX_TEXT].decode("utf-8", "replace"))
    # What providers say of a failure repeats, in an outage for every call: read short texts once.
    known = _classified if sum(map(len, texts)) <= MAX_REMEMBERED_TEXT else _classified.__wrapped__
    return known(tuple(texts))


_known_text = lru_cache(maxsize=1024)(text)


@lru_cache(maxsize=1024)
def _classified(texts: tuple[str, ...]) -> tuple[str, str]:
    return errors.error_type(texts), errors.tool_error_type(texts)
