"""Batches of the SDK's spans into an engine, by the way of OTLP: one definition of what spans mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from llm_exporter import catalogue as c
from llm_exporter import dialects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from llm_exporter.engine import Engine

_MAX_SHAPES: Final = 4096


class SpanCounter:
    """Counts batches of ended spans. One batch at a time.

    Args:
        engine: Where they count.
        unreadable: Called with a number of spans that the OTLP encoder refused.
    """

    def __init__(self, engine: Engine, unreadable: Callable[[int], None]) -> None:
        self._engine = engine
        self._unreadable = unreadable
        self._concerns_llm: dict[tuple[str, ...], bool] = {}

    def count(self, spans: Sequence[ReadableSpan]) -> None:
        """Count each span once, under its outcome."""
        # Encoding a span costs fifty times this look at it, and most spans are of databases and HTTP.
        found, others = [], {}
        for span in spans:
            if self._is_llm(span):
                found.append(span)
            elif span.context is not None:
                others[span.context.trace_id, span.context.span_id] = span
        if others:
            found += self._above(found, others)
        if found:
            self._engine.traces(self._encoded(found), "sdk")
        if len(found) < len(spans):
            store = self._engine.store
            with store.lock:
                store.add(c.EXPORTER_SPANS, (), "not_llm", by=len(spans) - len(found))

    def _above(
        self, found: Sequence[ReadableSpan], others: dict[tuple[int, int], ReadableSpan]
    ) -> list[ReadableSpan]:
        """Return those of the other spans that stand above LLM spans, of this batch or of those before."""
        engine = self._engine
        wanted = [
            (span.context.trace_id, span.parent.span_id)
            for span in found
            if span.parent is not None and span.context is not None
        ]
        with engine.store.lock:
            traces = engine.pipeline.assembly.traces
            for ids in others:
                trace = traces.get(ids[0].to_bytes(16))
                if trace is not None and trace.missing and ids[1].to_bytes(8) in trace.missing:
                    wanted.append(ids)
        above = []
        while wanted:
            ids = wanted.pop()
            span = others.pop(ids, None)
            if span is not None:
                above.append(span)
                if span.parent is not None:
                    wanted.append((ids[0], span.parent.span_id))
        return above

    def _is_llm(self, span: ReadableSpan) -> bool:
        scope = span.instrumentation_scope
        shape = (scope.name if scope is not None else "", *(span.attributes or ()))
        known = self._concerns_llm.get(shape)
        if known is None:
            vocabulary = self._engine.pipeline.vocabulary
            keys = vocabulary.known(shape[1:])
            known = dialects.claim(shape[0], keys, vocabulary.disabled) is not None
            if len(self._concerns_llm) >= _MAX_SHAPES:
                self._concerns_llm.clear()
            self._concerns_llm[shape] = known
        return known

    def _encoded(self, spans: Sequence[ReadableSpan]) -> bytes:
        try:
            return encode_spans(spans).SerializeToString()
        except Exception:
            # What the encoder raises for a name or status that is no text is not declared.
            if len(spans) == 1:
                self._unreadable(1)
                return b""
        # Leave out only what is bad. Joined, encoded messages decode as one (protobuf's encoding guide).
        return b"".join(self._encoded([span]) for span in spans)
