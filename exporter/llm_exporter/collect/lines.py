"""A failed trace as one line of JSON. Without permission it holds ids, scores and labels, and no text of anybody."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.labels import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.collect.failures import Failure, Result

LABELS: Final = ("service_name", "environment", "team", "feature", "provider")


def line_of(failure: Failure, *, include_content: bool) -> bytes:
    """Return the line, with its end."""
    written = dict(_fields(failure))
    if include_content:
        written |= _texts(failure)
    return json.dumps(written, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"


def _fields(failure: Failure) -> Iterator[tuple[str, Any]]:
    failed = [result for result in failure.results if result.failed]
    trace_id = failure.trace_id.hex()
    yield "id", trace_id or clean(failure.response_id) or clean(failure.session)
    yield "time", _instant(failed[-1].read_at)
    yield "failed", sorted({clean(result.evaluation.name) for result in failed})
    yield "trace_id", trace_id
    yield "span_id", failure.span_id.hex()
    if failure.response_id:
        yield "response_id", failure.response_id
    if failure.session:
        yield "session", failure.session
    record, model = failure.subject if failure.subject is not None else (None, "")
    for name in LABELS:
        yield name, clean(getattr(record, name)) if record is not None else ""
    yield "model", clean(model)
    for name in ("prompt_name", "prompt_version"):
        yield name, clean(getattr(record, name)) if record is not None else ""
    yield "results", [dict(_result(result)) for result in failure.results]


def _result(result: Result) -> Iterator[tuple[str, Any]]:
    evaluation, scaled = result.evaluation, result.scaled
    yield "evaluator", clean(evaluation.name)
    yield "result", scaled.result
    yield "failed", result.failed
    yield "score", scaled.score
    raw = evaluation.score
    yield "raw_score", raw if raw is not None and math.isfinite(raw) else None
    # Some write a sentence where a label belongs.
    yield "label", clean(evaluation.label) if len(evaluation.label.split()) <= MAX_LABEL_WORDS else ""
    yield "source", evaluation.source
    if result.sentiment:
        yield "sentiment", result.sentiment
    yield "span_id", result.span_id.hex()
    yield "time", _instant(result.read_at)


MAX_LABEL_WORDS: Final = 3


def _texts(failure: Failure) -> dict[str, Any]:
    said = failure.said
    if said is None:
        return {}
    content = said.content
    texts: dict[str, Any] = {"question": content.question, "answer": content.answer, "system": content.system}
    return {**texts, "documents": list(said.documents), "clipped": said.clipped}


def _instant(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
