"""Results of evaluators in spans: events, OpenInference annotations, Logfire feedback, Braintrust scores.

Authority: the conventions as in `records`; Arize-ai/openinference, spec/annotations.md; pydantic/logfire,
experimental/annotations.py; braintrustdata/braintrust-sdk-go, eval/eval.go. Langfuse has no form in spans.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.evaluations.evaluation import (
    EXTERNAL,
    MAX_ID,
    MAX_LABEL,
    MAX_NAME,
    Evaluation,
    clipped,
    key_of,
)
from llm_exporter.evaluations.records import RESULT, content_key, of_attributes, score_of, source_of
from llm_exporter.otlp.schema import DecodeError, parse_event, parse_link
from llm_exporter.otlp.values import decode, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RESULT_EVENT: Final = b"gen_ai.evaluation."
"""This is in every span with a result in an event."""
_ATTRIBUTES: Final = (".evaluation.name", ".annotation.name", "logfire.feedback.name", "braintrust.scores")
"""A name that ends with one of these is among those of every other span with a result."""
MAX_RESULTS: Final = 64
"""Results that are read of one span."""
MAX_EVENTS: Final = 1024
MAX_SCORES: Final = 65_536
"""Bytes of Braintrust's JSON."""
_FIELD: Final = re.compile(
    r"(trace\.|session\.|)(annotations\.(\d{1,4})\.annotation|evaluations\.(\d{1,4})\.evaluation)"
    r"\.(name|score|label|annotator_kind|identifier)",
    re.ASCII,
)
_TRACE: Final = "trace."
_SESSION: Final = "session."
_SPAN_TYPE: Final = "logfire.span_type"
_FEEDBACK: Final = "logfire.feedback.name"
_SCORES: Final = "braintrust.scores"
_SPAN_ATTRIBUTES: Final = "braintrust.span_attributes"
_RESULT: Final = RESULT.encode()
_OPERATION: Final = "gen_ai.operation.name"
_KIND: Final = "openinference.span.kind"

Target = tuple[bytes, bytes]


def may_tell(names: Iterable[str]) -> bool:
    """Return whether a span with attributes of these names may hold a result in one of them."""
    return any(name.endswith(_ATTRIBUTES) for name in names)


def of_span(span: Any) -> list[Evaluation]:
    """Return the results in a span that `otlp.schema.parse_span` opened, at most `MAX_RESULTS`."""
    attributes = span.attributes
    itself = (_valid(span.trace_id, 16), _valid(span.span_id, 8))
    target = _target(span, itself)
    found: dict[bytes, Evaluation] = {}
    for result in _all(span, attributes, itself, target):
        found.setdefault(result.key, result)
        if len(found) >= MAX_RESULTS:
            break
    return list(found.values())


def _all(span: Any, attributes: Mapping[str, bytes], itself: Target, target: Target) -> Iterator[Evaluation]:
    yield from _events(span, target)
    yield from _annotations(attributes, target)
    if _FEEDBACK in attributes and text(attributes.get(_SPAN_TYPE, b"")) == "annotation":
        yield from _logfire(attributes, itself, _valid(span.parent_span_id, 8))
    if _SCORES in attributes:
        yield from _braintrust(attributes, itself)


def _target(span: Any, itself: Target) -> Target:
    """Return what a span's results are about: what it links to, where it only carries them, else itself.

    A carrier has exactly one link. A span that is a call of its own may have one as well, but for another reason.
    """
    if len(span.links) != 1 or _is_call(span.attributes):
        return itself
    try:
        link = parse_link(span.links[0])
    except DecodeError:
        return itself
    linked = (_valid(link.trace_id, 16), _valid(link.span_id, 8))
    return linked if linked[0] else itself


def _is_call(attributes: Mapping[str, bytes]) -> bool:
    kind = text(attributes.get(_KIND, b"")).upper()
    return kind == "LLM" if kind else _OPERATION in attributes


def _events(span: Any, target: Target) -> Iterator[Evaluation]:
    for encoded in span.events[:MAX_EVENTS]:
        if _RESULT not in encoded:
            continue
        try:
            event = parse_event(encoded)
        except DecodeError:
            continue
        result = of_attributes(RESULT, event.attributes) if event.name == _RESULT else None
        if result is not None:
            result = _about(result, target)
            key = result.key or content_key(result, event.attributes) or key_of(encoded)
            yield result._replace(key=key)


def _annotations(attributes: Mapping[str, bytes], target: Target) -> Iterator[Evaluation]:
    """Yield the results of OpenInference, of the scopes span, trace and session."""
    fields: dict[tuple[str, str, int], dict[str, bytes]] = {}
    for key in attributes:
        place = _FIELD.fullmatch(key)
        if place is None:
            continue
        scope, spelling, *index, field = place.groups()
        entry = (scope, spelling[:1], int(index[0] or index[1]))
        fields.setdefault(entry, {})[field] = attributes[key]
    session = clipped(text(attributes.get("session.id", b"")), MAX_ID) if fields else ""
    for entry in sorted(fields):
        result = _annotation(entry[0], fields[entry], target, session)
        if result is not None:
            yield result


def _annotation(scope: str, said: Mapping[str, bytes], target: Target, session: str) -> Evaluation | None:
    name = clipped(text(said.get("name", b"")), MAX_NAME)
    if not name:
        return None
    score, word = score_of(decode(said.get("score", b"")))
    label = clipped(text(said.get("label", b"")), MAX_LABEL) or word
    kind = text(said.get("annotator_kind", b""))[:64]
    result = Evaluation(name, score, label, source_of(kind))
    if scope == _SESSION:
        result = result._replace(session=session)
    elif scope == _TRACE:
        result = result._replace(trace_id=target[0])
    else:
        result = _about(result, target)
    identifier = clipped(text(said.get("identifier", b"")), MAX_ID)
    # Both spellings of one result are the same; without an identifier it is what it says that makes it this one.
    said_of_it = (identifier,) if identifier else ("", kind, repr(score), label)
    about = (scope, result.trace_id, result.span_id, result.session)
    return result._replace(key=key_of("openinference", *about, name, *said_of_it))


def _logfire(attributes: Mapping[str, bytes], itself: Target, parent: bytes) -> Iterator[Evaluation]:
    """Yield the feedback in a span of `record_feedback`, which hangs below the span that it is about."""
    written = text(attributes[_FEEDBACK])
    name = clipped(written, MAX_NAME)
    if not name:
        return
    score, label = score_of(decode(attributes.get(written, b"")))
    result = Evaluation(name, score, label, EXTERNAL, key=key_of("logfire", *itself))
    yield _about(result, (itself[0], parent))


def _braintrust(attributes: Mapping[str, bytes], itself: Target) -> Iterator[Evaluation]:
    """Yield the scores of a span: from 0 to 1, by name. Those of a scorer's own span are about the task it scores."""
    encoded = attributes[_SCORES]
    scores = _json(encoded)
    if not isinstance(scores, dict):
        return
    kind = _json(attributes.get(_SPAN_ATTRIBUTES, b""))
    scorer = isinstance(kind, dict) and kind.get("type") == "score"
    for written, value in scores.items():
        name = clipped(written, MAX_NAME)
        # Null is what scorers return for "does not apply".
        if name and isinstance(value, bool | int | float):
            score, label = score_of(value)
            result = Evaluation(
                name, score, label, tool="braintrust", key=key_of("braintrust", *itself, written)
            )
            yield _about(result, (itself[0], b"") if scorer else itself)


def _about(result: Evaluation, target: Target) -> Evaluation:
    trace_id, span_id = target
    return result._replace(trace_id=trace_id, span_id=span_id if trace_id else b"")


def _valid(identity: bytes, size: int) -> bytes:
    return identity if len(identity) == size and any(identity) else b""


def _json(encoded: bytes) -> Any:
    """Return what a JSON string or a map holds; None for anything else."""
    if len(encoded) > MAX_SCORES:
        return None
    value = decode(encoded)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
