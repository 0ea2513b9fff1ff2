"""Results of evaluators in events of the OpenTelemetry conventions: log records, and what span events share with them.

Authority: gen_ai.evaluation.result in semantic-conventions-genai, docs/gen-ai/gen-ai-events.md; pydantic-evals,
_otel_emit.py; OpenLIT, score.py; azure-ai-evaluation, _evaluate.py; for the older form, one event name for each
evaluator, "Trace your application" of Azure AI Foundry.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

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
    target_key,
)
from llm_exporter.otlp.values import as_number, as_text, decode, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_exporter.otlp.log_records import LogRecord
    from llm_exporter.otlp.values import Value

PREFIX: Final = "gen_ai.evaluation."
RESULT: Final = "gen_ai.evaluation.result"
USER_FEEDBACK: Final = "user_feedback"
FAILED: Final = "failed"
"""What stands for any error: its own words may hold anything."""
MAX_SOURCE: Final = 16_384
_NAME: Final = "gen_ai.evaluation.name"
_SCORES: Final = ("gen_ai.evaluation.score.value", "gen_ai.evaluation.score")
_LABELS: Final = ("gen_ai.evaluation.score.label", "gen_ai.evaluation.label")
_SESSIONS: Final = ("gen_ai.conversation.id", "session.id")
_KINDS: Final = (
    "gen_ai.evaluation.evaluator.type",
    "microsoft.gen_ai.evaluation.actor.type",
    "annotator_kind",
    "gen_ai.evaluation.annotator_kind",
)
_BY_HUMANS: Final = "microsoft.gen_ai.human_evaluation.source"
_EVALUATOR: Final = "gen_ai.evaluation.evaluator.source"
_IDEMPOTENCY: Final = "openlit.score.idempotency_key"
_OF_AZURE: Final = (
    "microsoft.custom_event.name",
    "gen_ai.azure_ai_project.id",
    "gen_ai.evaluation.azure_ai_type",
)
_SOURCES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("judge", "llm", "llm_judge", "llm_as_judge", "llm_as_a_judge", "model", "ai", "ai_judge"), JUDGE
    ),
    **dict.fromkeys(("human", "user", "end_user", "annotator", "expert", "builder", "reviewer"), HUMAN),
    **dict.fromkeys(
        (
            "code",
            "heuristic",
            "rule",
            "rules",
            "rule_based",
            "deterministic",
            "statistical",
            "function",
            "program",
        ),
        CODE,
    ),
}
_JUDGES: Final = frozenset({"LLMJudge", "GEval"})
_CODE: Final = frozenset(
    {
        "ArgumentCorrectness", "Contains", "Equals", "EqualsExpected", "HasMatchingSpan", "IsInstance", "MaxDuration",
        "MaxModelRequests", "MaxToolCalls", "ToolCorrectness", "TrajectoryMatch",
    }
)  # fmt: skip
"""Evaluators of pydantic-evals that are plain code."""
_NOT_NUMBERS: Final = frozenset({"nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"})


def of_record(record: LogRecord, raw: bytes) -> Evaluation | None:
    """Return the result in a log record; None where it is about something else, or names no evaluator.

    Args:
        record: The record.
        raw: The same, encoded: what makes a record without a target this one and no other.
    """
    event = next((name for name in record.names if name.startswith(PREFIX)), "")
    if not event:
        return None
    result = of_attributes(event, record.attributes)
    if result is None:
        return None
    result = result._replace(trace_id=record.trace_id, span_id=record.span_id if record.trace_id else b"")
    if result.key:
        return result
    return result._replace(key=content_key(result, record.attributes) or key_of(raw))


def of_attributes(event: str, attributes: Mapping[str, bytes]) -> Evaluation | None:
    """Return the result that the attributes of an event say, without a target in a trace; None where it has no name.

    It has a key only where the writer gave it an id.

    Args:
        event: Name of the event: `RESULT`, or one of the older form, which ends in the name of the evaluator.
        attributes: Encoded values by name.
    """
    older = "" if event == RESULT else event.removeprefix(PREFIX)
    name = clipped(text(attributes.get(_NAME, b"")), MAX_NAME) or clipped(older, MAX_NAME)
    if not name:
        return None
    written = next(
        (value for key in _SCORES if (value := decode(attributes.get(key, b""))) is not None), None
    )
    if written is None and older:
        written = decode(attributes.get("score", b""))
    score, said = score_of(written)
    label = clipped(first_text(attributes, _LABELS), MAX_LABEL) or said
    if older == USER_FEEDBACK and score == 0.0 and not label:
        # Of this event the conventions of its time say: from -1 to 1, and 0 is neither.
        label = "neutral"
    identity = clipped(text(attributes.get(_IDEMPOTENCY, b"")), MAX_ID)
    return Evaluation(
        name,
        score,
        label,
        _source(name, older, attributes),
        FAILED if text(attributes.get("error.type", b"")) else "",
        response_id=clipped(text(attributes.get("gen_ai.response.id", b"")), MAX_ID),
        session=clipped(first_text(attributes, _SESSIONS), MAX_ID),
        key=key_of("id", name, identity) if identity else b"",
        tool="azure" if any(key in attributes for key in _OF_AZURE) else "",
    )


def content_key(result: Evaluation, attributes: Mapping[str, bytes]) -> bytes:
    """Return a key of what a result says, empty where it is about no call.

    Some writers send a result both as a span event and as a log record: with the same attributes, but at other times.
    """
    if not result.span_id and not result.response_id:
        return b""
    said = (
        part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        for key in sorted(attributes)
        if key != "event.name"
        for part in (key, attributes[key])
    )
    return target_key(result, *said)


def score_of(written: Value) -> tuple[float | None, str]:
    """Return a score, and the label of a boolean or of a word where a number might stand."""
    if isinstance(written, bool):
        return (1.0, "true") if written else (0.0, "false")
    if isinstance(written, int | float):
        try:
            return float(written), ""
        except OverflowError:
            return (float("inf") if written > 0 else float("-inf")), ""
    if not isinstance(written, str):
        return None, ""
    number = as_number(written)
    if number is not None:
        return float(number), ""
    if written.strip().lower() in _NOT_NUMBERS:
        return float("nan"), ""
    return None, clipped(as_text(written), MAX_LABEL)


def source_of(kind: str) -> str:
    """Return who judged, in one of the words for that."""
    return _SOURCES.get(kind.strip().lower().replace("-", "_").replace(" ", "_"), EXTERNAL)


def first_text(attributes: Mapping[str, bytes], keys: Iterable[str]) -> str:
    """Return the text of the first of these attributes that has any."""
    return next((said for key in keys if (said := text(attributes.get(key, b"")))), "")


def _source(name: str, older: str, attributes: Mapping[str, bytes]) -> str:
    found = source_of(first_text(attributes, _KINDS)[:64])
    if found != EXTERNAL:
        return found
    if older == USER_FEEDBACK or _BY_HUMANS in attributes:
        return HUMAN
    if name.startswith("judge."):
        return JUDGE
    evaluator = _evaluator(attributes.get(_EVALUATOR, b""))
    if evaluator in _JUDGES:
        return JUDGE
    return CODE if evaluator in _CODE else EXTERNAL


def _evaluator(encoded: bytes) -> str:
    """Return the class in the specification that pydantic-evals sends: a name, or an object with one."""
    if not encoded or len(encoded) > MAX_SOURCE:
        return ""
    said = text(encoded)
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return said[:64]
    if isinstance(found, dict):
        found = found.get("name") or (next(iter(found)) if len(found) == 1 else "")
    return found[:64] if isinstance(found, str) else ""
