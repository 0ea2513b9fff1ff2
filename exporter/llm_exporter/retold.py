"""What the other spans of its trace make of a span, for its description: a repetition, and labels from above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_exporter.inheritance import Inheritance, filled
from llm_exporter.nesting import Nesting, Verdict
from llm_exporter.record import Kind
from llm_exporter.trace import Detail, Trace

if TYPE_CHECKING:
    from llm_exporter.binding import Bound
    from llm_exporter.documents import Brought
    from llm_exporter.record import Record
    from llm_exporter.trace import Above

_NOTED = ("team", "feature", "environment", "user_tier", "customer", "agent", "prompt_name", "prompt_version")


class Retold:
    """Spans put together as `assembly` does, all at once. `add` them first, then ask for each."""

    def __init__(self) -> None:
        self._traces: dict[bytes, Trace] = {}
        self._nestings: dict[bytes, Nesting] = {}
        self._above: dict[bytes, dict[bytes, Above]] = {}
        self._inheritance = Inheritance()
        self._alone = 0
        self._again: dict[tuple[bytes, bytes], Bound] = {}

    def add(self, span: Any, bound: Bound, payload: Detail | None) -> tuple[bytes, bytes]:
        """Add a span, and return what to ask for it with."""
        trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
        if not any(trace_id) or not any(span_id):
            self._alone += 1
            trace_id, parent = b"alone%d" % self._alone, b""
        trace = self._traces.setdefault(trace_id, Trace(trace_id, 0.0))
        if span_id in trace.nodes:
            self._alone += 1
            again = (trace_id, b"again%d" % self._alone)
            self._again[again] = bound
            return again
        trace.nodes[span_id] = (bound, parent, span.start, span.end, payload)
        if bound.record.kind is not Kind.STRUCTURE:
            trace.held.append(span_id)
        return trace_id, span_id

    def brought(self, trace_id: bytes, span_id: bytes) -> Brought | None:
        """Return the documents of a retrieval that counts."""
        return self._nestings[trace_id].brought(span_id)

    def of(self, trace_id: bytes, span_id: bytes) -> tuple[str, Record, list[str]]:
        """Return a span's outcome, its record with what it takes over, and what there is to say of both."""
        again = self._again.get((trace_id, span_id))
        if again is not None:
            return "duplicate", again.record, ["the same span again: it counts once"]
        trace = self._traces[trace_id]
        bound, parent = trace.nodes[span_id][:2]
        nesting = self._nestings.get(trace_id)
        if nesting is None:
            nesting = self._nestings[trace_id] = Nesting(trace)
        if (bound.is_call or bound.nests) and nesting.verdict(span_id) is not Verdict.COUNTS:
            return "repeated", bound.record, [_repetition(nesting, span_id)]
        above = trace.handed_down(parent, self._above.setdefault(trace_id, {}), self._inheritance.under)
        outer = nesting.around(span_id) if bound.is_call else []
        caller = trace.nodes[outer[-1]][0] if outer else None
        record = filled(
            bound.said,
            bound.context,
            above.inherited,
            above.context if above.context is not bound.context else None,
            caller.record if caller is not None and caller.context is not bound.context else None,
        )
        taken = [
            name.replace("_", " ") for name in _NOTED if getattr(record, name) != getattr(bound.record, name)
        ]
        return record.kind.value, record, [f"{', '.join(taken)} from the spans above"] if taken else []


def _repetition(nesting: Nesting, span_id: bytes) -> str:
    inner = nesting.inner.get(span_id)
    return (
        f"tells of the same as span {inner[0].hex()}, which counts"
        if inner
        else "its call is counted already"
    )
