"""A pipeline with someone who listens, and what it is told."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import Exporter, a_request, a_span
from llm_exporter.content import Content
from llm_exporter.content.places import ALL
from llm_exporter.pipeline import Pipeline
from llm_exporter.record import Record


class Heard(NamedTuple):
    """One call that a listener was told of."""

    call: Record
    content: Content
    documents: Sequence[str]
    trace_id: bytes
    span_id: bytes
    finish: str
    times: int


class Ear:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def answered(
        self,
        call: Record,
        content: Content,
        documents: Sequence[str],
        trace_id: bytes,
        span_id: bytes,
        finish: str,
        times: int,
    ) -> None:
        """Keep it."""
        self.heard.append(Heard(call, content, documents, trace_id, span_id, finish, times))


class Hearing:
    """A pipeline with a listener, on the store of an exporter."""

    def __init__(self, exporter: Exporter | None = None, *, parts: int = ALL, **more: Any) -> None:
        self.exporter = exporter or Exporter()
        old = self.exporter.engine.pipeline
        self.ear = Ear()
        patience = old.assembly.patience
        self.pipeline = Pipeline(
            old.accountant, old.vocabulary, patience=patience, listener=self.ear, parts=parts, **more
        )

    def send(self, *spans: Span, scope: str = "", resource: Mapping[str, Any] | None = None) -> list[Heard]:
        """Send spans, and return all that was heard so far."""
        self.pipeline.traces(a_request(*spans, scope=scope, resource=resource).SerializeToString())
        return self.ear.heard


def heard(
    attributes: Mapping[str, Any],
    *,
    scope: str = "",
    name: str = "a span",
    events: Sequence[Mapping[str, Any]] = (),
    kind: str = "INTERNAL",
) -> Content:
    """Return what a listener is told of the one call in a span."""
    (found,) = Hearing().send(a_span(attributes, name=name, events=events, kind=kind), scope=scope)
    return found.content
