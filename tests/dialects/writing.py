"""How a span says something: what a dialect's table reads, written the other way round."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.building import SECOND, START, Exporter, a_request, a_span
from llm_exporter import dialects
from llm_exporter.dialects._dialect import (
    Choice,
    Dialect,
    EventAttribute,
    EventTime,
    Field,
    HttpError,
    Json,
    Not,
    Part,
    Present,
    Scaled,
    Source,
    SpanName,
    Sum,
    Timestamp,
)
from llm_exporter.otlp.schema import parse_span
from llm_exporter.reading import Values, Variant, with_span


@dataclass
class Said:
    """What a span says: its attributes, and what stands outside of them."""

    attributes: dict[str, Any] = field(default_factory=dict)
    name: str = "a span"
    events: list[dict[str, Any]] = field(default_factory=list)
    scope: str = ""

    def request(self) -> ExportTraceServiceRequest:
        """Return it as a request."""
        span = a_span(self.attributes, name=self.name, events=self.events)
        return a_request(span, scope=self.scope)


def one_of(pattern: str) -> str:
    """Return a text that a glob matches."""
    return re.sub(r"\[!?(.)[^]]*]", r"\1", pattern.replace("*", "x").replace("?", "x"))


def nested(path: str, value: Any) -> Any:
    """Return a value at a dotted path of objects and lists."""
    for step in reversed(path.split(".")):
        value = [*[None] * int(step), value] if step.isdecimal() else {step: value}
    return value


def can_say(source: Source, value: Any) -> bool:
    """Return whether a source can hold this value."""
    if isinstance(source, Choice):
        return value in source.words
    if isinstance(source, SpanName):
        words = dict(source.words).values()
        return value in words or ("" in words and isinstance(value, str))
    if isinstance(source, Not):
        return value is True
    if isinstance(source, Present):
        return bool(value == source.word)
    if isinstance(source, HttpError):
        return isinstance(value, str) and value.isdecimal()
    return not isinstance(source, Part) or isinstance(value, str)


def say(source: Source, value: Any, said: Said) -> None:
    """Write a value where a source reads it."""
    match source:
        case str():
            said.attributes[source] = value
        case Choice():
            said.attributes[source.attribute] = value
        case Scaled():
            said.attributes[source.attribute] = value / source.factor
        case Json():
            said.attributes[source.attribute] = json.dumps(nested(source.path, value))
        case Sum():
            said.attributes[source.attribute] = json.dumps(
                {"one": value, **dict.fromkeys(source.without, 99)}
            )
        case Part():
            parts = (value, "rest") if source.index == 0 else ("rest", value)
            said.attributes[source.attribute] = source.separator.join(parts)
        case Timestamp():
            at = datetime.fromtimestamp(START // SECOND, UTC) + timedelta(seconds=value)
            said.attributes[source.attribute] = at.isoformat()
        case EventTime():
            said.events.append({"name": source.event, "seconds": value})
        case EventAttribute():
            written = json.dumps(nested(source.path, value)) if source.path else value
            said.events.append({"name": source.event, "attributes": {source.key: written}})
        case Not():
            said.attributes[source.attribute] = not value
        case Present():
            said.attributes[source.attribute] = "x"
        case HttpError():
            said.attributes[source.attribute] = int(value)
        case SpanName():
            pattern, word = next(pair for pair in source.words if pair[1] in (value, ""))
            said.name = one_of(pattern) if word else value
            if source.scope != "*":
                said.scope = one_of(source.scope)


def attribute(source: Source) -> str:
    """Return the attribute that a source reads, empty where it reads none."""
    return source if isinstance(source, str) else getattr(source, "attribute", "")


def marked(dialect: Dialect, without: str = "") -> Said | None:
    """Return what makes a span that dialect's and says nothing else, None where only `without` could."""
    if dialect.name == dialects.FALLBACK:
        return Said()
    if dialect.scopes:
        return Said(scope=one_of(dialect.scopes[0]))
    known = [{key: ""} for key in sorted(dialect.keys)]
    known += [{key: min(own)} for key, own in dialect.values.items()]
    known += [{f"{prefix}x": ""} for prefix in dialect.prefixes]
    known += [{key: ""} for key in sorted(dialect.shared)]
    found = next((attributes for attributes in known if without not in attributes), None)
    return None if found is None else Said(attributes=found)


def read(said: Said) -> tuple[Variant, Values, Any]:
    """Return how the exporter reads a span: its variant, its values, and the span itself."""
    pipeline = Exporter().engine.pipeline
    scopes = said.request().resource_spans[0].scope_spans[0]
    scope = pipeline.scope_of(scopes.scope.SerializeToString())
    span = parse_span(scopes.spans[0].SerializeToString())
    shape = pipeline.shape_of(scope, span.attributes)
    assert shape is not None
    assert shape.plan is not None, "no dialect claims it"
    values = with_span(shape.take(span.attributes), span)
    return shape.plan.variant(values, span), values, span


def sources() -> list[tuple[Dialect, Field, Source]]:
    """Return every place of every field in every dialect's table."""
    return [
        (dialect, field, source)
        for dialect in dialects.all_dialects().values()
        for field, places in dialect.fields.items()
        for source in places
    ]
