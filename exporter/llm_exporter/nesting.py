"""Usage once: which spans of a trace stand for the same call, and which of them counts.

An SDK, a framework and a gateway may each write a span for one call, nested in each other. The innermost counts.
Whatever stands for work of its own, such as a tool or an agent, parts the calls above it from those below.
The same holds for tools: a client of the Model Context Protocol writes a span inside the framework's own. And it holds
for retrievals: the client of a vector database writes one inside that of a retriever.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter.documents import Brought
from llm_exporter.record import IMPLAUSIBLE, disjoint
from llm_exporter.trace import FRESH, Detail

if TYPE_CHECKING:
    from llm_exporter.binding import Bound
    from llm_exporter.trace import Trace


MAX_AROUND: Final = 8
MAX_TWINS: Final = 64
"""Calls of one instrumentation in a trace among which those that another one tells of too are looked for."""


class Verdict(Enum):
    """What a span is to the call that it tells of."""

    COUNTS = "counts"
    REPEATS = "repeats"
    """A span inside it counts, or one around it did."""
    REQUEST_ONLY = "request_only"
    """It is a request of its own, but a span around it was counted with its tokens and cost."""


class Nesting:
    """The calls, tools and retrievals of one trace by which stands in which, as far as its spans are known."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._nodes = trace.nodes
        self._units: dict[bytes, bytes] = {}
        self._covered: dict[bytes, bool] = {}
        self._held = frozenset(trace.held)
        self.inner: dict[bytes, list[bytes]] = {}
        """By a span's id, the spans right inside it that stand for the same."""
        self._twins: dict[bytes, bytes] = {}
        for span_id, node in trace.nodes.items():
            if len(node) == FRESH and (node[0].is_call or node[0].nests):
                outer = self._around(span_id)
                if outer:
                    self.inner.setdefault(outer, []).append(span_id)
        self._find_twins()

    def _find_twins(self) -> None:
        """Find calls that two instrumentations tell of side by side, and take the one for lying in the other.

        They have the same response id; or one encloses the other in time, and they agree in tokens and in
        whether the call failed. Looked at are calls that nothing encloses and that enclose nothing.
        """
        calls: dict[str, list[_Telling]] = {}
        for span_id, node in self._nodes.items():
            if len(node) != FRESH or not node[0].is_call or self.inner.get(span_id) or self._around(span_id):
                continue
            bound, _, start, end, payload = node
            told = calls.setdefault(bound.scope, [])
            if len(told) < MAX_TWINS:
                answer = payload.response_id if isinstance(payload, Detail) else payload[5]
                told.append(
                    _Telling(span_id, start, end, answer, bound.record.failed, _tokens(bound, payload))
                )
        taken: set[bytes] = set()
        for scope, told in calls.items():
            for outer in told:
                others = (one for other, ones in calls.items() if other != scope for one in ones)
                twin = next((one for one in others if one.span_id not in taken and outer.tells_of(one)), None)
                if twin is not None and outer.span_id not in taken:
                    taken |= {outer.span_id, twin.span_id}
                    self._twins[twin.span_id] = outer.span_id
                    self.inner[outer.span_id] = [twin.span_id]

    def verdict(self, span_id: bytes) -> Verdict:
        """Say what a held span is, and remember it in the trace where it does not count.

        Where the span around it was counted before it came, that one stands for one call: the first that did
        not fail. Others inside it are requests whose tokens have been counted.
        """
        trace = self._trace
        covered = self._is_covered(span_id)
        if not covered and not self.inner.get(span_id):
            return Verdict.COUNTS
        trace.repeats = trace.repeats or set()
        trace.repeats.add(span_id)
        if not covered:
            return Verdict.REPEATS
        trace.covered = trace.covered or {}
        outer = self._around(span_id)
        failed = self._nodes[span_id][0].record.failed
        retried = failed and not self._nodes[outer][0].record.failed
        first = not retried and outer not in trace.covered.values()
        trace.covered[span_id] = outer if first else b""
        return Verdict.REPEATS if first or not self._nodes[span_id][0].is_call else Verdict.REQUEST_ONLY

    def around(self, span_id: bytes) -> list[bytes]:
        """Return the spans for the same call around this one, innermost first, at most `MAX_AROUND`."""
        found: list[bytes] = []
        outer = self._around(span_id)
        while outer and len(found) < MAX_AROUND and outer not in found:
            found.append(outer)
            outer = self._around(outer)
        return found

    def brought(self, span_id: bytes) -> Brought | None:
        """Return the documents of a retrieval, with what only the spans for the same one around it say.

        Many clients of databases do not say what they found, and the retriever around them does. One around several
        does not say which of them brought what.
        """
        found: Brought | None = self._nodes[span_id][4].brought
        inside = span_id
        for around in self.around(span_id):
            if self.inner.get(around) != [inside] or len(self._nodes[around]) != FRESH:
                break
            found = _filled(found, self._nodes[around][4].brought)
            inside = around
        return found

    def _is_covered(self, span_id: bytes) -> bool:
        """Return whether a span around this one has been counted for it already."""
        repeats, covered = self._trace.repeats or (), self._trace.covered or ()
        path = []
        while True:
            known = self._covered.get(span_id)
            if known is not None:
                break
            self._covered[span_id] = known = False
            path.append(span_id)
            outer = self._around(span_id)
            if outer not in self._held:
                known = bool(outer) and (outer in covered or outer not in repeats)
                break
            span_id = outer
        for passed in path:
            self._covered[passed] = known
        return known

    def _around(self, span_id: bytes) -> bytes:
        """Return the nearest span above that stands for the same as this one, empty where there is none."""
        if span_id in self._twins:
            return self._twins[span_id]
        node = self._nodes[span_id]
        if len(node) != FRESH:
            return b""
        outer = self.unit(node[1])
        return outer if outer and outer != span_id and _same(node[0], self._nodes[outer][0]) else b""

    def unit(self, span_id: bytes) -> bytes:
        """Return the nearest span at or above this id that is a call or parts calls; circles have none."""
        path = []
        found = b""
        while span_id:
            known = self._units.get(span_id)
            if known is not None:
                found = known
                break
            node = self._nodes.get(span_id)
            if node is None:
                break
            self._units[span_id] = b""
            path.append(span_id)
            if node[0].is_call or node[0].parts:
                found = span_id
                break
            if len(node) != FRESH:
                break
            span_id = node[1]
        for passed in path:
            self._units[passed] = found
        return found


class _Telling(NamedTuple):
    """What one instrumentation tells of a call."""

    span_id: bytes
    start: int
    end: int
    answer: int
    """Hash of the provider's id of the answer, 0 where it is not said."""
    failed: bool
    tokens: tuple[int, int] | None
    """Input and output in all."""

    def tells_of(self, other: _Telling) -> bool:
        """Return whether this one encloses another one for the same call."""
        if not self.start <= other.start <= other.end <= self.end:
            return False
        if self.answer and self.answer == other.answer:
            return True
        alike = (self.failed, self.tokens) == (other.failed, other.tokens)
        return alike and (self.start, self.end) != (other.start, other.end)


def may_have_twins(trace: Trace) -> bool:
    """Return whether calls by different instrumentations may be the same: cheaper than to look for all that nests.

    Such calls have a response id or their input tokens in common, or say no tokens.
    """
    told: dict[Any, str] = {}
    for node in trace.nodes.values():
        if len(node) == FRESH and node[0].is_call:
            scope, payload = node[0].scope, node[4]
            if isinstance(payload, Detail):
                answer, told_tokens = payload.response_id, _tokens(node[0], payload)
                tokens = told_tokens and told_tokens[0]
            else:
                tokens, answer = payload[0], payload[5]
            if told.setdefault(tokens, scope) != scope or (
                answer and told.setdefault(answer, scope) != scope
            ):
                return True
    return False


def _tokens(bound: Bound, payload: Any) -> tuple[int, int] | None:
    """Return a call's input and output tokens in all, None where it does not say them."""
    if not isinstance(payload, Detail):
        return payload[0], payload[1]
    numbers = payload.numbers
    if numbers is None or not numbers.says_usage or IMPLAUSIBLE in numbers:
        return None
    usage, _ = disjoint(numbers, bound.record.input_excludes_cache)
    return sum(usage[:3]), sum(usage[3:5])


def _same(inner: Bound, outer: Bound) -> bool:
    if inner.is_call:
        return outer.is_call
    if inner.is_tool:
        return outer.is_tool and outer.record.tool == inner.record.tool
    return inner.nests and outer.record.kind is inner.record.kind


def _filled(said: Brought | None, around: Brought | None) -> Brought | None:
    """Return what a retrieval says of its documents, and where it says nothing what the one around it says."""
    if said is None or around is None:
        return said or around
    documents = said.documents if said.documents is not None else around.documents
    if said.scores or said.distances:
        return Brought(documents, said.scores, said.distances)
    return Brought(documents, around.scores, around.distances)
