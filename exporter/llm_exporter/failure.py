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
    for raw in span.events[:MAX_EVENTS]:
        if b"exception" in raw:
            try:
                attributes = parse_event(raw).attributes
            except DecodeError:
                continue
            texts += [
                text(attributes.get("exception.type", b"")),
                text(attributes.get("exception.message", b"")),
            ]
    texts.append(status_message[: errors.MAX_TEXT].decode("utf-8", "replace"))
    # What providers say of a failure repeats, in an outage for every call: read short texts once.
    known = _classified if sum(map(len, texts)) <= MAX_REMEMBERED_TEXT else _classified.__wrapped__
    return known(tuple(texts))


@lru_cache(maxsize=1024)
def _classified(texts: tuple[str, ...]) -> tuple[str, str]:
    return errors.error_type(texts), errors.tool_error_type(texts)
