"""What a result is about: the call, task or conversation that its ids name, among those that were seen lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llm_exporter.assembly import SPAN_ID
from llm_exporter.binding import CallBinding
from llm_exporter.inheritance import filled
from llm_exporter.otlp.encode import delimited
from llm_exporter.record import Kind, Record

if TYPE_CHECKING:
    from llm_exporter.assembly import Assembly, Closed
    from llm_exporter.binding import Bound
    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.inheritance import Inherited
    from llm_exporter.record import Context
    from llm_exporter.trace import Trace


class Subject(NamedTuple):
    """What a result is about, with everything that resource and ancestors add."""

    record: Record
    model: str = ""
    """Of a call, as it is counted."""


class Subjects:
    """Finds subjects in the traces that are open and those that were closed last. The caller holds the store's lock.

    Answers are found by the provider's id only once somebody asks for one: until then nobody keeps these ids.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def find(self, result: Evaluation, context: Context) -> Subject | None:
        """Return what a result from this resource is about, None while that has not come or is not counted."""
        if result.response_id:
            # First: an evaluator of batches writes inside a span of its own, and names the answer by its id.
            place = self._assembly.answered_at(hash(_encoded(result.response_id)))
            if place is not None:
                return self._in_trace(*place)
        if result.trace_id:
            return self._in_trace(result.trace_id, result.span_id)
        if result.session:
            key = (context.service_name, _encoded(result.session))
            who = self._assembly.tasks.conversations.who(key)
            return Subject(Record("", Kind.STRUCTURE, *who)) if who is not None else None
        return None

    def _in_trace(self, trace_id: bytes, span_id: bytes) -> Subject | None:
        trace = self._assembly.traces.get(trace_id)
        if trace is not None:
            return self._in_open(trace, span_id)
        closed = self._assembly.closed.get(trace_id)
        return _in_closed(closed, span_id) if closed is not None else None

    def _in_open(self, trace: Trace, span_id: bytes) -> Subject | None:
        if not span_id:
            return _subject(trace.answer) if trace.answer is not None and not trace.held else None
        node = trace.nodes.get(span_id)
        if node is None or span_id in trace.held:
            return None
        bound = node[0]
        if not bound.is_call and trace.answer is not None:
            return _subject(trace.answer)
        return _subject(bound, self._assembly.handed_down(trace, span_id))


def _in_closed(closed: Closed, span_id: bytes) -> Subject | None:
    for place, bound in enumerate(closed.bounds if span_id else ()):
        if bound.is_call and closed.ids.startswith(span_id, place * SPAN_ID):
            return _subject(bound, closed.handed_down)
    return _subject(closed.answer) if closed.answer is not None else None


def _subject(bound: Bound, inherited: Inherited | None = None) -> Subject:
    record = (
        filled(bound.said, bound.context, inherited, None, None) if inherited is not None else bound.record
    )
    return Subject(record, bound.quote.model if isinstance(bound, CallBinding) else "")


def _encoded(words: str) -> bytes:
    """Return words as the attribute of a span holds them."""
    return delimited(b"\x0a", words.encode("utf-8", "surrogatepass"))
