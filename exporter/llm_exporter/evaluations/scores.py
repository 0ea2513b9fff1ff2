"""Results that come over HTTP: our own form, and that of Langfuse's API.

Authority: langfuse/langfuse, fern/apis/server/definition/scores.yml; langfuse-python, score_consumer.py (version 5)
and score_ingestion_consumer.py (3 and 4). What is wrong with a body is said without a word of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from llm_exporter.evaluations.evaluation import (
    CODE,
    EXTERNAL,
    HUMAN,
    JUDGE,
    MAX_ID,
    MAX_LABEL,
    MAX_NAME,
    Evaluation,
    clipped,
    key_of,
    span_id_of,
    target_key,
    trace_id_of,
)
from llm_exporter.evaluations.records import FAILED

MAX_SCORES: Final = 100
"""In one request of our own form."""
MAX_LANGFUSE_SCORES: Final = 1_000
"""In one request of Langfuse's form, whose SDK decides how many it sends at once."""
_NAME: Final = "a score needs a `name`, a string that is not empty"
_SOURCES: Final = (JUDGE, HUMAN, CODE, EXTERNAL)
_LANGFUSE_SOURCES: Final = {"EVAL": JUDGE, "ANNOTATION": HUMAN, "API": EXTERNAL}
_TEXTS: Final = ("TEXT", "CORRECTION")
"""Types of scores whose values are what people wrote."""

Value = float | str | bool | None


def of_body(body: bytes, *, langfuse: bool) -> list[Evaluation]:
    """Return the results in a body: one, or a list.

    Args:
        body: JSON.
        langfuse: Whether it is in the form of Langfuse's API.

    Raises:
        ValueError: It is in another form; the message says what to send, and nothing of what was sent.
    """
    return [score_of(item, langfuse=langfuse) for item in items_of(parsed(body), langfuse=langfuse)]


def parsed(body: bytes) -> object:
    """Return the JSON in a body.

    Raises:
        ValueError: It is none.
    """
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body must be JSON: an object for one score, or a list of them") from None
    return found


def items_of(found: object, *, langfuse: bool) -> list[object]:
    """Return the scores in a body, each still to be read.

    Raises:
        ValueError: There are too many.
    """
    if not isinstance(found, list):
        return [found]
    most = MAX_LANGFUSE_SCORES if langfuse else MAX_SCORES
    if len(found) > most:
        raise ValueError(f"a list may hold {most} scores; send several requests")
    return found


def score_of(item: object, *, langfuse: bool) -> Evaluation:
    """Return one score.

    Raises:
        ValueError: It is in another form.
    """
    if not isinstance(item, Mapping):
        raise ValueError("a score must be a JSON object")  # noqa: TRY004 - what callers can rely on is ValueError
    return _of_langfuse(item) if langfuse else _of_ours(item)


def id_of(item: object) -> str:
    """Return the id of a score for the answer to its sender: its own, else a new one."""
    found = item.get("id") if isinstance(item, Mapping) else None
    return clipped(found, MAX_ID) if isinstance(found, str) and found.strip() else str(uuid4())


def _of_ours(item: Mapping[str, object]) -> Evaluation:
    name = _name(item)
    source = item.get("source", EXTERNAL)
    if source not in _SOURCES:
        raise ValueError("`source` must be judge, human, code or external")
    error = item.get("error")
    score, label = _value(item.get("value"))
    label = _words(item, "label", MAX_LABEL) or label
    if score is None and not label and not error:
        raise ValueError("a score needs a `value` (number, boolean or string), a `label`, or an `error`")
    trace_id, span_id = _words(item, "trace_id", 64), _words(item, "span_id", 64)
    if trace_id and not trace_id_of(trace_id):
        raise ValueError("`trace_id` must be 32 hexadecimal digits, as in the header traceparent")
    if span_id and not span_id_of(span_id):
        raise ValueError("`span_id` must be 16 hexadecimal digits, as in the header traceparent")
    if span_id and not trace_id:
        raise ValueError("a `span_id` needs the `trace_id` that it belongs to")
    result = Evaluation(
        name,
        score,
        label,
        str(source),
        FAILED if error else "",
        trace_id_of(trace_id),
        span_id_of(span_id),
        _words(item, "response_id", MAX_ID),
        _words(item, "session_id", MAX_ID),
    )
    return _with_key(result, _words(item, "id", MAX_ID))


def _of_langfuse(item: Mapping[str, object]) -> Evaluation:
    name = _name(item)
    kind = item.get("dataType")
    if kind is not None and kind not in ("NUMERIC", "BOOLEAN", "CATEGORICAL", *_TEXTS):
        raise ValueError("`dataType` must be NUMERIC, BOOLEAN, CATEGORICAL, TEXT or CORRECTION")
    value = item.get("value")
    if value is None:
        raise ValueError("a score needs a `value`: a number or a string")
    score, label = (None, "") if kind in _TEXTS else _value(value)
    if kind == "BOOLEAN":
        if score not in (0.0, 1.0):
            raise ValueError("the `value` of a BOOLEAN score must be 0 or 1")
        label = "true" if score else "false"
    elif kind == "NUMERIC" and score is None:
        raise ValueError("the `value` of a NUMERIC score must be a number")
    elif kind == "CATEGORICAL" and not label:
        raise ValueError("the `value` of a CATEGORICAL score must be a string")
    # Ids of traces may be anything in Langfuse; only those of OpenTelemetry can be found here.
    trace_id = trace_id_of(_words(item, "traceId", MAX_ID))
    source = item.get("source")
    result = Evaluation(
        name,
        score,
        label,
        _LANGFUSE_SOURCES.get(source, EXTERNAL) if isinstance(source, str) else EXTERNAL,
        "",
        trace_id,
        span_id_of(_words(item, "observationId", MAX_ID)) if trace_id else b"",
        session=_words(item, "sessionId", MAX_ID),
    )
    return _with_key(result, _words(item, "id", MAX_ID))


def _name(item: Mapping[str, object]) -> str:
    name = item.get("name")
    found = clipped(name, MAX_NAME) if isinstance(name, str) else ""
    if not found:
        raise ValueError(_NAME)
    return found


def _words(item: Mapping[str, object], key: str, limit: int) -> str:
    found = item.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"`{key}` must be a string")  # noqa: TRY004 - what callers can rely on is ValueError
    if len(found) > limit:
        raise ValueError(f"`{key}` may have {limit} characters")
    return clipped(found, limit)


def _value(value: object) -> tuple[float | None, str]:
    match value:
        case None:
            return None, ""
        case bool():
            return (1.0, "true") if value else (0.0, "false")
        case int() | float():
            try:
                return float(value), ""
            except OverflowError:
                raise ValueError("`value` is a number too large to be a score") from None
        case str():
            return None, clipped(value, MAX_LABEL)
        case _:
            raise ValueError("`value` must be a number, a boolean or a string")


def _with_key(result: Evaluation, identity: str) -> Evaluation:
    """Return the result with its key: its id, else what it says of a call. Of a conversation much may be said twice."""
    if identity:
        return result._replace(key=key_of("id", result.name, identity))
    if not result.trace_id and not result.response_id:
        return result
    key = target_key(result, result.source, repr(result.score), result.label, result.error)
    return result._replace(key=key)
