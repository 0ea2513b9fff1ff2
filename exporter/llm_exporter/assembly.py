"""Traces put together from the spans that arrive: each call counted once, under the labels of the spans above it.

Spans of one trace come in any order, in any number of batches and from several processes. A span is counted as
soon as every span above it is known, or when it has waited for `hold_seconds`; until then it is held. A trace
whose root has come and that was quiet for a while is over and counts as a task. What comes later still counts, but
starts no second task. Everything is bounded; over a bound the oldest trace ends early, and a counter says so.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter.answers import Answers
from llm_exporter.binding import Bound
from llm_exporter.content.kept import Counted, tells
from llm_exporter.conversations import Habits
from llm_exporter.links import by_span_id, of_known_traces, parents, remember
from llm_exporter.loops import Loops
from llm_exporter.nesting import Nesting, Verdict, may_have_twins
from llm_exporter.otlp.schema import DecodeError, parse_span
from llm_exporter.record import NOWHERE, Kind, Numbers, Record, disjoint
from llm_exporter.tasks import Tasks, own_times
from llm_exporter.trace import FRESH, Detail, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llm_exporter.account import Accountant
    from llm_exporter.content.kept import Kept
    from llm_exporter.inheritance import Inherited
    from llm_exporter.links import Skipped
    from llm_exporter.record import Context
    from llm_exporter.trace import Above, Node

TRACE_ID: Final = 16
SPAN_ID: Final = 8
MAX_AT_REST: Final = 65_536
MAX_CLOSED: Final = 64
"""Spans of a closed trace that are remembered."""
REMOTE_PARENT: Final = 0x200
"""Span flag of opentelemetry-proto: the parent is in another process."""


class Patience(NamedTuple):
    """How long traces are waited for, in seconds, and how many at a time."""

    hold_seconds: float = 10.0
    quiet_seconds: float = 10.0
    idle_seconds: float = 300.0
    max_age_seconds: float = 3600.0
    max_open: int = 50_000
    max_spans: int = 250_000
    max_steps: int = 50
    conversation_idle_seconds: float = 1800.0
    max_conversations: int = 10_000
    habits: Habits = Habits()


class Closed(NamedTuple):
    """What is remembered of a trace that was closed."""

    ids: bytes
    """Of its first `MAX_CLOSED` spans."""
    handed_down: Inherited | None
    """By its outermost span."""
    answer: Bound | None
    """The call counted last."""
    bounds: tuple[Bound, ...]
    """Of those spans, where there were several calls."""


class Assembly:
    """The traces that are open, and the ids of those that were closed last.

    The pipeline adds spans to `Trace.nodes`, then calls `settle` for each batch. The caller holds the store's
    lock. `ancestor` reads a span that is about no LLM, for what it hands down.
    """

    def __init__(
        self,
        accountant: Accountant,
        patience: Patience,
        ancestor: Callable[[Any, Context, Trace], Bound],
        kept: Kept | None = None,
    ) -> None:
        self._accountant = accountant
        self._store = accountant.store
        self.patience = patience
        self._ancestor = ancestor
        self.kept = kept
        """What was asked and answered, for who listens; None where nobody does."""
        self.tasks = Tasks(
            self._store,
            conversation_idle_seconds=patience.conversation_idle_seconds,
            max_conversations=patience.max_conversations,
            habits=patience.habits,
        )
        self.traces: dict[bytes, Trace] = {}
        self.closed: dict[bytes, Closed] = {}
        self._answers: Answers | None = None
        self._at_rest: dict[tuple[Bound, Inherited | None], Node] = {}
        self._n_spans = 0
        self._touched: list[Trace] = []
        self._wheel: dict[int, list[bytes]] = {}
        """By second, the ids of traces to look at; some may have been closed meanwhile."""
        self._second = -1
        self._stamp = bytes(8)
        self._past = Bound(Record("", Kind.STRUCTURE))
        self._past.context = NOWHERE
        by = {metric.name: self._store.groups[metric.name].instrument for metric in c.METRICS}
        self._outcomes = {
            name: by[c.EXPORTER_SPANS.name](c.EXPORTER_SPANS, name).index for name in c.OUTCOME.values
        }
        self._released = {
            why: by[c.EXPORTER_SPANS_RELEASED.name](c.EXPORTER_SPANS_RELEASED, why).index
            for why in c.RELEASED.values
        }
        self._ends = {
            why: by[c.EXPORTER_TASKS_CLOSED.name](c.EXPORTER_TASKS_CLOSED, why).index
            for why in c.TASK_END.values
        }
        self._late = by[c.EXPORTER_LATE_SPANS.name](c.EXPORTER_LATE_SPANS).index
        self._own = self._store.cell(c.EXPORTER_SPANS, ())

    def open(self, trace_id: bytes) -> Trace:
        """Return a new trace, or one for the late spans of a trace that was closed."""
        if len(self.traces) >= self.patience.max_open:
            self._evict()
        now = self._store.now
        trace = self.traces[trace_id] = Trace(trace_id, now)
        past = self.closed.get(trace_id)
        if past is not None:
            ids, handed_down, trace.answer, _ = past
            trace.late = trace.speaks = trace.speaks_to_calls = True
            rest = self._rest_of(self._past, handed_down)
            trace.nodes = {ids[i : i + SPAN_ID]: rest for i in range(0, len(ids), SPAN_ID)}
            trace.rested = trace.placed = len(trace.nodes)
            self._n_spans += trace.rested
        self._look_at(trace, int(now + self.patience.hold_seconds) + 1)
        return trace

    def touch(self, trace: Trace) -> None:
        """Have `settle` look at a trace of which spans come with the batch in progress."""
        trace.fresh = True
        self._touched.append(trace)

    def add(self, span: Any, bound: Bound, payload: Detail) -> None:
        """Add a span of the batch in progress that is about no LLM, and still has something to count."""
        trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
        if len(trace_id) != TRACE_ID or len(span_id) != SPAN_ID or not any(trace_id) or not any(span_id):
            self._accountant.checked(bound.record, payload.checks, b"", payload.times)
            return
        trace = self.traces.get(trace_id) or self.open(trace_id)
        if not trace.fresh:
            self.touch(trace)
        if span_id in trace.nodes:
            return
        if not parent or span.flags & REMOTE_PARENT:
            trace.saw_root(span_id, span, bool(parent), bound.record.failed)
        trace.nodes[span_id] = (bound, parent, span.start, span.end, payload)

    def settle(self, skipped: list[tuple[Any, Context]], stamp: bytes) -> None:
        """Find a batch's spans their places, and count those whose places are known.

        Args:
            skipped: Encoded spans of the batch that are about no LLM, with their resources; those above others
                are read for what they hand down.
            stamp: The exemplars' unix milliseconds, 8 bytes.
        """
        touched, self._touched = self._touched, []
        self._stamp = stamp
        now = self._store.now
        # One that was opened in the batch may have had to make room for others of it.
        touched = [trace for trace in touched if self.traces.get(trace.id) is trace]
        for trace in touched:
            trace.fresh = False
            if len(trace.nodes) > trace.placed:
                self._place(trace, now)
        found = self._find_ancestors(touched, skipped)
        hold = self.patience.hold_seconds
        for trace in (*touched, *found):
            if trace.held:
                if not trace.missing:
                    self._count(trace, "complete")
                    if trace.root and not trace.remote_root:
                        # It is likely to be all, and now its spans are still in the processor's cache.
                        trace.own, trace.own_of = own_times(trace.nodes, trace.stages), len(trace.nodes)
                elif not hold:
                    self._count(trace, "timeout")
                elif trace.due > (due := int(trace.held_since + hold) + 1):
                    self._look_at(trace, due)
        if self.kept is not None:
            for trace in touched:
                if trace.contents is not None:
                    self.kept.hold(trace)
        if self._n_spans > self.patience.max_spans:
            while self._n_spans > self.patience.max_spans and self.traces:
                self._evict()
        self.tick()

    def tick(self) -> None:
        """Count what has waited for long enough, and close what is over. Cheap when nothing is due."""
        now = self._store.now
        second = int(now)
        if second == self._second:
            return
        self._second = second
        self._stamp = int(time.time() * 1000).to_bytes(8)
        for due in sorted(when for when in self._wheel if when <= second):
            for trace_id in self._wheel.pop(due):
                trace = self.traces.get(trace_id)
                if trace is not None and trace.due == due:
                    self._attend(trace, now)
        self.tasks.conversations.end_idle()

    def release(self) -> None:
        """Count everything that is held, whatever is missing."""
        for trace in list(self.traces.values()):
            if trace.held:
                self._count(trace, "shutdown")

    def close_all(self) -> None:
        """Close every trace, as when the exporter ends."""
        for trace in list(self.traces.values()):
            self._close(trace, "shutdown")

    def rebind(self) -> None:
        """Bind held spans anew: the cells that they would count in may be gone."""
        for trace in self.traces.values():
            for span_id in trace.held:
                node = trace.nodes[span_id]
                bound = self._accountant.bound(node[0].said, node[0].context, node[2])
                trace.nodes[span_id] = (bound, *node[1:])
        self.tasks.forget()

    def adopt(self, older: Assembly) -> None:
        """Go on with the traces and conversations of another configuration, whose held spans are counted."""
        self.traces = older.traces
        self.closed = older.closed
        self._answers = older._answers
        self._wheel = older._wheel
        self._n_spans = older._n_spans
        self.tasks.conversations.adopt(older.tasks.conversations)
        if self.kept is not None and older.kept is not None:
            self.kept.adopt(older.kept)
        elif older.kept is not None:
            for trace in self.traces.values():
                older.kept.forget(trace)

    @property
    def contents_dropped(self) -> int:
        """How many contents of calls, or documents of retrievals, were dropped because too many were held."""
        return self.kept.dropped if self.kept is not None else 0

    def handed_down(self, trace: Trace, span_id: bytes) -> Inherited | None:
        """Return what a span of an open trace takes over from those above it."""
        node = trace.nodes[span_id]
        if len(node) != FRESH:
            resting: Inherited | None = node[1]
            return resting
        return trace.handed_down(node[1], {}, self._accountant.inheritance.under).inherited

    def only_tells(self, trace_id: bytes) -> None:
        """Take note that a span of this trace tells a result: with no other span, there is no task in it."""
        trace = self.traces.get(trace_id)
        if trace is not None and len(trace.nodes) == 1 and not trace.held and not trace.steps:
            trace.late = True

    def answered_at(self, answer: int) -> tuple[bytes, bytes] | None:
        """Return trace id and span id of the answer whose provider's id has this hash.

        They are remembered only once somebody asks: until then nobody pays for it.
        """
        if self._answers is None:
            self._answers = Answers()
            for trace in self.traces.values():
                self._answers.add(trace, trace.nodes.keys() - set(trace.held))
        return self._answers.find(answer)

    def show(self) -> None:
        """Bring the assembly's own gauges and the tasks' metrics up to date."""
        self.tasks.settle()
        self._store.set(c.EXPORTER_TASKS_OPEN, sum(not trace.late for trace in self.traces.values()))
        self._store.set(c.EXPORTER_SPANS_HELD, sum(len(trace.held) for trace in self.traces.values()))
        self._store.set(c.EXPORTER_CONVERSATIONS_OPEN, len(self.tasks.conversations))

    def _place(self, trace: Trace, now: float) -> None:
        """Find the fresh spans of a trace their places among the others, and hold those that count."""
        nodes, held, fresh = trace.nodes, trace.held, trace.unplaced()
        self._n_spans += len(nodes) - trace.placed
        trace.placed = len(nodes)
        trace.touched = now
        if not held:
            trace.held_since = now
        missing = trace.missing
        context = trace.context
        for span_id, node in fresh:
            bound, parent = node[0], node[1]
            if node[4] is not None:
                held.append(span_id)
            if bound.context is not context:
                if context is not None:
                    trace.crossed = True
                context = bound.context
            gives = bound.gives
            if gives is not None:
                trace.speaks = True
                trace.speaks_to_calls |= not gives.agent_only
            is_call = bound.is_call
            if is_call and bound.scope != trace.scope:
                trace.sided = trace.sided or trace.scope is not None
                trace.scope = bound.scope
            if missing and span_id in missing:
                missing.discard(span_id)
                if is_call or bound.nests:
                    trace.nested = True
            if parent:
                above = nodes.get(parent)
                if above is None:
                    if missing is None:
                        missing = trace.missing = set()
                    missing.add(parent)
                elif above[0].is_call or (above[0].nests and not is_call):
                    trace.nested = True
        trace.context = context

    def _find_ancestors(self, touched: list[Trace], skipped: list[tuple[Any, Context]]) -> list[Trace]:
        """Add those of the skipped spans that stand above known ones; return the traces that got some."""
        gaps: dict[Trace, Skipped] = {trace: {} for trace in touched if trace.missing}
        for trace, encoded, context in of_known_traces(skipped, self.traces):
            remember(trace, encoded)
            if trace.missing:
                gaps.setdefault(trace, {}).update(by_span_id(encoded, context))
        return [trace for trace, others in gaps.items() if self._ancestors_of(trace, others)]

    def _ancestors_of(self, trace: Trace, others: Skipped) -> bool:
        """Take the spans above known ones from others of the trace; return whether there was any.

        Those of the batch are read. Of those before, which came earlier than what stands below them, no more is
        known than what stands above them in turn.
        """
        missing, nodes = trace.missing or set(), trace.nodes
        links: dict[bytes, bytes] = {}
        if not missing <= others.keys():
            links = parents(trace.links)
        stack = [span_id for span_id in missing if span_id in others or span_id in links]
        found = bool(stack)
        while stack:
            span_id = stack.pop()
            node: Node = (self._past, links.get(span_id, b""), 0, 0, None)
            if span_id in others:
                raw, context = others[span_id]
                try:
                    span = parse_span(raw)
                except DecodeError:
                    continue
                if span.trace_id != trace.id or span.span_id != span_id:
                    continue
                bound = self._ancestor(span, context, trace)
                parent = span.parent_span_id
                node = (bound, parent, span.start, span.end, None)
                if not parent or span.flags & REMOTE_PARENT:
                    trace.saw_root(span_id, span, bool(parent), bound.record.failed)
            nodes[span_id] = node
            parent = node[1]
            if parent and parent not in nodes:
                links = links or parents(trace.links)
                if parent in others or parent in links:
                    stack.append(parent)
        if found:
            self._place(trace, self._store.now)
        return found

    # One loop, not a function per step: a call for each span would cost more than most steps do.
    def _count(self, trace: Trace, why: str) -> None:  # noqa: C901
        """Count the held spans of a trace with what is known of it."""
        accountant, nodes, held = self._accountant, trace.nodes, trace.held
        values = self._own.values
        values[self._released[why]] += len(held)
        nesting = Nesting(trace) if trace.nested or (trace.sided and may_have_twins(trace)) else None
        alone = not (trace.speaks_to_calls or trace.crossed or nesting)
        tools_alone = alone and not trace.speaks
        known: dict[bytes, Above] = {}
        calls = all_tokens = costs = 0
        answer: Bound | None = None
        suffix = self._stamp
        outcomes = self._outcomes
        trace_id, call_spans, row = trace.id, 0, accountant.row
        kept = self.kept
        told: list[Counted] = []
        for span_id in held:
            bound, parent, start, end, payload = nodes[span_id]
            is_call = bound.is_call
            outer: Sequence[bytes] = ()
            if nesting is not None and (is_call or bound.nests):
                verdict = self._verdict(trace, nesting, span_id, known)
                if verdict is Verdict.REPEATS:
                    values[outcomes["repeated"]] += bound.is_span
                    if bound.is_call:
                        accountant.repeated(bound, "repeated_usage")
                    continue
                if bound.is_call:
                    outer = nesting.around(span_id)
                    if verdict is Verdict.REQUEST_ONLY:
                        values[outcomes["call"]] += bound.is_span
                        bound = self._heir(trace, bound, parent, start, outer, known)
                        mark = trace.id + span_id + suffix
                        accountant.call(bound, None, 0, None, start, end, mark, told=True)  # type: ignore[arg-type]
                        calls += 1
                        continue
            if not (alone if is_call else tools_alone):
                bound = self._heir(trace, bound, parent, start, outer, known)
                if outer:
                    if not start or not end:
                        # A log record knows when the call ended; the span around it knows how long it took.
                        start, end = nodes[outer[0]][2:4] if len(nodes[outer[0]]) == FRESH else (start, end)
                    payload = self._completed(trace, nesting, span_id, payload, outer)
            if is_call:
                answer = bound
                call_spans += bound.is_span
                if payload.__class__ is tuple:
                    if bound.plain and bound.valid_from <= start < bound.valid_until:
                        tokens, cost = row(bound, payload, start, end, trace_id, span_id, suffix)
                    else:
                        mark = trace.id + span_id + suffix
                        tokens, cost = accountant.numbers(bound, Numbers(*payload[:5]), start, end, mark)
                else:
                    mark = trace.id + span_id + suffix
                    tokens, cost = self._count_careful(trace, bound, start, end, payload, mark)
                calls += 1
                all_tokens += tokens
                costs += cost
                if kept is not None and tells(bound.record):
                    times = payload.times if payload.__class__ is Detail else 1
                    told.append(Counted(bound.record, span_id, outer, times))
            else:
                self._count_other(trace, nesting, bound, start, end, payload, trace.id + span_id + suffix)
        trace.answer = answer or trace.answer
        values[outcomes["call"]] += call_spans
        trace.calls += calls
        trace.tokens += all_tokens
        trace.cost += costs
        if trace.steps > self.patience.max_steps:
            self._too_long(trace, nodes[held[-1]][0].record)
        if self._answers is not None:
            self._answers.add(trace, held)
        held.clear()
        if kept is not None:
            kept.tell(trace, told, nesting.inner if nesting is not None else {})

    def _count_careful(
        self, trace: Trace, bound: Any, start: int, end: int, payload: Detail, mark: bytes
    ) -> tuple[int, int]:
        """Count a call that has more to say than numbers; return its tokens and cost as `Accountant.numbers` does."""
        accountant, times = self._accountant, payload.times
        if payload.brought is not None:
            accountant.reranked(bound, payload.candidates, payload.brought, mark, times)
        if payload.checks:
            accountant.checked(bound.record, payload.checks, mark, times)
        trace.times = max(trace.times, times)
        return accountant.numbers(bound, payload.numbers or Numbers(), start, end, mark, times)

    def _verdict(self, trace: Trace, nesting: Nesting, span_id: bytes, known: dict[bytes, Above]) -> Verdict:
        """Return what a span is to its call, and count what a repetition tells of that no other one does: checks."""
        verdict = nesting.verdict(span_id)
        bound, parent, start, _, payload = trace.nodes[span_id]
        if verdict is not Verdict.COUNTS and isinstance(payload, Detail) and payload.checks:
            record = self._heir(trace, bound, parent, start, (), known).record
            mark = trace.id + span_id + self._stamp
            self._accountant.checked(record, payload.checks, mark, payload.times)
        return verdict

    def _count_other(
        self,
        trace: Trace,
        nesting: Nesting | None,
        bound: Any,
        start: int,
        end: int,
        payload: Detail,
        mark: bytes,
    ) -> None:
        accountant, record, times = self._accountant, bound.record, payload.times
        kind = record.kind
        if payload.checks:
            accountant.checked(record, payload.checks, mark, times)
        if kind is Kind.STRUCTURE:
            # Its outcome was counted when it came.
            return
        self._own.values[self._outcomes[bound.outcome]] += bound.is_span
        accountant.other(bound, start, end, mark, times)
        if kind is Kind.RETRIEVAL:
            span_id = mark[-len(self._stamp) - SPAN_ID : -len(self._stamp)]
            brought = payload.brought if nesting is None else nesting.brought(span_id)
            accountant.retrieval(bound, brought, mark, times)
        elif bound.is_tool:
            trace.tools += 1
            trace.loops = loops = trace.loops or Loops()
            if payload.arguments and loops.repeated(record.tool, payload.arguments):
                self.tasks.loop(record, "repeated_call", times)
            if loops.circle(bound.step):
                self.tasks.loop(record, "cycle", times)
        elif kind is Kind.AGENT:
            trace.loops = loops = trace.loops or Loops()
            if loops.circle(bound.step):
                self.tasks.loop(record, "cycle", times)
        if times > trace.times:
            trace.times = times

    def _too_long(self, trace: Trace, record: Record) -> None:
        trace.loops = trace.loops or Loops()
        if trace.loops.over(trace.steps, self.patience.max_steps):
            self.tasks.loop(record, "too_many_steps", trace.times)

    def _heir(
        self,
        trace: Trace,
        bound: Bound,
        parent: bytes,
        start: int,
        outer: Sequence[bytes],
        known: dict[bytes, Above],
    ) -> Bound:
        """Return where a span counts with what it takes over from those above it."""
        above = known.get(parent) or trace.handed_down(parent, known, self._accountant.inheritance.under)
        inherited, top = above
        if inherited is not None and inherited.agent_only and not (bound.is_tool and not bound.said.agent):
            inherited = None
        beyond = top if top is not None and top is not bound.context else None
        caller = None
        if outer:
            node = trace.nodes[outer[-1]]
            if node[0].context is not bound.context:
                caller = node[0].record
        if inherited is None and beyond is None and caller is None:
            return bound
        return self._accountant.heir(bound, inherited, beyond, caller, start)

    def _completed(
        self, trace: Trace, nesting: Nesting | None, span_id: bytes, payload: Any, outer: Sequence[bytes]
    ) -> Any:
        """Return a call's numbers with what only the spans for the same call around it say.

        A span around several calls does not say which of them its numbers are about.
        """
        detail = payload if isinstance(payload, Detail) else Detail(Numbers(*payload[:5]))
        numbers = detail.numbers or Numbers()
        inside = span_id
        for around in outer:
            node = trace.nodes[around]
            if nesting is None or nesting.inner.get(around) != [inside] or len(node) != FRESH:
                break
            theirs = (node[4].numbers or Numbers()) if isinstance(node[4], Detail) else Numbers(*node[4][:5])
            numbers = _filled_up(numbers, theirs, node[0].record)
            inside = around
        return payload if numbers == detail.numbers else detail._replace(numbers=numbers)

    def _attend(self, trace: Trace, now: float) -> None:
        """Do what is due for a trace, and say when to look at it again."""
        patience = self.patience
        if trace.held and now - trace.held_since >= patience.hold_seconds:
            self._count(trace, "timeout")
        idle = now - trace.touched
        rooted = trace.root and not trace.remote_root
        wait = patience.quiet_seconds if rooted or trace.late else patience.idle_seconds
        if not trace.held:
            if idle >= wait:
                self._close(trace, "root" if rooted else "idle")
                return
            if now - trace.opened >= patience.max_age_seconds:
                self._close(trace, "age")
                return
            if idle >= patience.hold_seconds and trace.rested < len(trace.nodes):
                self._rest(trace)
        nexts = [trace.touched + wait, trace.opened + patience.max_age_seconds]
        if trace.held:
            nexts.append(trace.held_since + patience.hold_seconds)
        if trace.rested < len(trace.nodes):
            nexts.append(trace.touched + patience.hold_seconds)
        self._look_at(trace, max(int(min(nexts)) + 1, int(now) + 1))

    def _look_at(self, trace: Trace, second: int) -> None:
        trace.due = second
        slot = self._wheel.get(second)
        if slot is None:
            slot = self._wheel[second] = []
        slot.append(trace.id)

    def _rest(self, trace: Trace) -> None:
        """Keep of each span only what later ones may take over from it."""
        trace.links = b""
        self._date(trace)
        nodes = trace.nodes
        trace.stages = own_times(nodes, trace.stages)
        if trace.speaks:
            under = self._accountant.inheritance.under
            known: dict[bytes, Above] = {}
            resting = {
                span_id: self._rest_of(
                    node[0], under(node[0].gives, trace.handed_down(node[1], known, under).inherited)
                )
                if len(node) == FRESH
                else node
                for span_id, node in nodes.items()
            }
        else:
            resting = {span_id: node[0].at_rest for span_id, node in nodes.items()}
        if trace.nested or trace.sided:
            nesting = Nesting(trace)
            for span_id, node in nodes.items():
                # A call that comes later inside a step must still find the call around that.
                if len(node) == FRESH and not (node[0].is_call or node[0].parts) and nesting.unit(node[1]):
                    resting[span_id] = (node[0], node[1], 0, 0, None)
        trace.nodes = resting
        trace.rested = len(resting)

    def _rest_of(self, bound: Bound, handed_down: Inherited | None) -> Node:
        if handed_down is None:
            return bound.at_rest
        key = (bound, handed_down)
        node = self._at_rest.get(key)
        if node is None:
            if len(self._at_rest) >= MAX_AT_REST:
                self._at_rest.clear()
            node = self._at_rest[key] = key
        return node

    def _date(self, trace: Trace) -> None:
        """Bring up to date when the spans of a trace without a root began and ended."""
        if not trace.root:
            times = [node[2:4] for node in trace.nodes.values() if len(node) == FRESH and node[2]]
            if times:
                first = min(start for start, _ in times)
                trace.start = min(first, trace.start or first)
                trace.end = max(trace.end, *(end for _, end in times))

    def _evict(self) -> None:
        """Close the trace that was opened first."""
        self._close(next(iter(self.traces.values())), "evicted")

    def _close(self, trace: Trace, why: str) -> None:
        if len(trace.nodes) > trace.placed:
            # It makes room for another one of the batch that its last spans came with.
            self._place(trace, self._store.now)
        if trace.held:
            self._count(trace, "evicted" if why == "evicted" else "timeout")
        if self.kept is not None:
            self.kept.forget(trace)
        del self.traces[trace.id]
        self._n_spans -= len(trace.nodes)
        handed_down = None
        if trace.speaks:
            root = trace.nodes.get(trace.root)
            if root is not None and len(root) == FRESH and root[1] not in trace.nodes:
                handed_down = root[0].gives
            else:
                under = self._accountant.inheritance.under
                handed_down = trace.handed_down(trace.root, {}, under).inherited
        if not trace.late:
            self._own.values[self._ends[why]] += 1
            complete = bool(trace.root) and not (trace.missing and trace.missing != self._beyond(trace))
            self._date(trace)
            outermost = trace.nodes.get(trace.root) or next(iter(trace.nodes.values()), (self._past,))
            self.tasks.close(trace, outermost[0], handed_down, complete)
        ids = b"".join(trace.nodes) if len(trace.id) == TRACE_ID else b""
        self.closed.pop(trace.id, None)
        if len(self.closed) >= self.patience.max_open:
            del self.closed[next(iter(self.closed))]
        bounds = [node[0] for node in islice(trace.nodes.values(), MAX_CLOSED)] if trace.calls > 1 else ()
        self.closed[trace.id] = Closed(ids[: MAX_CLOSED * SPAN_ID], handed_down, trace.answer, tuple(bounds))

    def _beyond(self, trace: Trace) -> set[bytes]:
        """Return the parent of a root whose parent is in another process: nobody here waits for it."""
        node = trace.nodes.get(trace.root)
        return {node[1]} if trace.remote_root and node is not None and len(node) == FRESH else set()


def _filled_up(numbers: Numbers, theirs: Numbers, record: Record) -> Numbers:
    """Return the numbers of a call with the usage, cost and first token of a span around it where it has none."""
    said: Mapping[str, Any] = {}
    if not numbers.says_usage and theirs.says_usage:
        usage, _ = disjoint(theirs, record.input_excludes_cache)
        said = {
            "input": usage.input + usage.input_cache_read + usage.input_cache_write,
            "output": usage.output + usage.output_reasoning,
            "cache_read": usage.input_cache_read,
            "cache_write": usage.input_cache_write,
            "reasoning": usage.output_reasoning,
            "uncached": usage.input,
        }
    gaps = {
        name: getattr(theirs, name)
        for name in ("cost_pico", "first_token_ns")
        if getattr(numbers, name) is None and getattr(theirs, name) is not None
    }
    return numbers._replace(**said, **gaps) if said or gaps else numbers
