"""Tasks: what one trace adds up to when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter.binding import STAGES
from llm_exporter.conversations import Conversations, Turn, Who
from llm_exporter.inheritance import Inherited
from llm_exporter.labels import clean
from llm_exporter.reading import said
from llm_exporter.trace import FRESH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_exporter.binding import Bound
    from llm_exporter.conversations import Habits
    from llm_exporter.record import Record
    from llm_exporter.store import Cell, Store
    from llm_exporter.trace import Node, Trace

_HISTOGRAMS: Final = (
    c.TASK_DURATION, c.TASK_COST, c.TASK_TOKENS, c.TASK_LLM_CALLS, c.TASK_TOOL_CALLS, c.TASK_STEPS,
)  # fmt: skip
_COLUMNS: Final = len(_HISTOGRAMS)
MAX_ROWS: Final = 4096
MAX_KINDS: Final = 4096
NOTHING_HANDED_DOWN: Final = Inherited(("",) * 8)


class Tasks:
    """Counts traces that are over. The caller holds the store's lock."""

    def __init__(
        self,
        store: Store,
        *,
        conversation_idle_seconds: float,
        max_conversations: int,
        habits: Habits | None = None,
    ) -> None:
        self._store = store
        by = {metric.name: store.groups[metric.name].instrument for metric in c.METRICS}
        self._counts = {
            (failed, complete): by[c.TASKS.name](
                c.TASKS, "error" if failed else "ok", "true" if complete else "false"
            ).index
            for failed in (False, True)
            for complete in (False, True)
        }
        self._histograms = tuple(by[metric.name](metric) for metric in _HISTOGRAMS)
        self._stages = tuple(by[c.TASK_STAGE_DURATION.name](c.TASK_STAGE_DURATION, stage) for stage in STAGES)
        self._loops = {kind: by[c.TASK_LOOPS.name](c.TASK_LOOPS, kind).index for kind in c.LOOP.values}
        self._kinds: dict[tuple[Bound, Inherited | None, bytes], _Kind] = {}
        self.conversations = Conversations(store, conversation_idle_seconds, max_conversations, habits)

    def close(self, trace: Trace, outermost: Bound, handed_down: Inherited | None, complete: bool) -> None:
        """Count a trace whose task is over.

        Args:
            trace: The trace.
            outermost: What its outermost span says.
            handed_down: What that hands down, with what is known above it.
            complete: Whether all its spans came.
        """
        key = (outermost, handed_down, trace.root_name)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MAX_KINDS:
                self.forget()
            kind = self._kinds[key] = self._kind(outermost, handed_down, trace.root_name)
        times = trace.times
        kind.cell.values[self._counts[trace.failed, complete]] += times
        start, end = (trace.root_start, trace.root_end) if trace.root else (trace.start, trace.end)
        row = (max(end - start, 0), trace.cost, trace.tokens, trace.calls, trace.tools, trace.steps)
        kind.rows.extend(row * times)
        own = trace.own if trace.own_of == len(trace.nodes) else own_times(trace.nodes, trace.stages)
        for stage, spent in enumerate(own):
            if spent:
                kind.stages.extend((stage, spent) * times)
        if said(trace.session):
            turn = Turn(
                kind.who,
                trace.cost,
                start,
                end,
                trace.failed or trace.silent or unanswered(trace.nodes),
                trace.question,
                trace.regenerated,
                times,
            )
            self.conversations.turn(trace.session, turn)
        if len(kind.rows) >= MAX_ROWS:
            self._settle(kind)

    def _kind(self, outermost: Bound, handed_down: Inherited | None, root_name: bytes) -> _Kind:
        record = outermost.record
        above = handed_down or NOTHING_HANDED_DOWN
        who = Who(
            record.service_name,
            record.environment or above.environment,
            record.team or above.team,
            record.feature or above.feature,
        )
        name = clean(root_name.decode("utf-8", "replace"))
        cell = self._store.cell(c.TASKS, (*who, name))
        return _Kind(who, cell, [], self._store.cell(c.TASK_STAGE_DURATION, who), [])

    def loop(self, record: Record, kind: str, times: int) -> None:
        """Count a loop in a task."""
        who = (record.service_name, record.environment, record.team, record.feature)
        self._store.cell(c.TASK_LOOPS, (*who, record.agent)).values[self._loops[kind]] += times

    def settle(self) -> None:
        """Count what was collected: to be done before anyone reads the store."""
        for kind in self._kinds.values():
            self._settle(kind)

    def forget(self) -> None:
        """Count what was collected, and drop every reference to a cell."""
        self.settle()
        self._kinds.clear()

    def _settle(self, kind: _Kind) -> None:
        if not kind.rows:
            return
        kind.cell.touched = kind.by_who.touched = self._store.now
        for place, histogram in enumerate(self._histograms):
            kind.cell.observe_all(histogram, kind.rows[place::_COLUMNS])
        kind.rows.clear()
        columns: dict[int, list[int]] = {}
        for stage, spent in zip(kind.stages[::2], kind.stages[1::2], strict=True):
            columns.setdefault(stage, []).append(spent)
        for stage, column in columns.items():
            kind.by_who.observe_all(self._stages[stage], column)
        kind.stages.clear()


class _Kind(NamedTuple):
    """Tasks with the same outermost span: where they count, and those that are not counted yet."""

    who: Who
    cell: Cell
    rows: list[int]
    """Duration, cost, tokens, calls, tool calls and steps of each in turn."""
    by_who: Cell
    stages: list[int]
    """A stage, and the time spent in it, in turn."""


def unanswered(nodes: dict[bytes, Node]) -> bool:
    """Return whether the last call of a task failed or was cancelled, so that the user has no answer of it.

    It is the last if no call ended well after it began. Of spans at rest only the order is known in which they came.
    """
    calls = [node for node in nodes.values() if node[0].is_call]
    timed = all(len(node) == FRESH and node[2] for node in calls)
    failed = well = -1
    for place, node in enumerate(calls):
        if node[0].record.failed:
            failed = max(failed, node[2] if timed else place)
        else:
            well = max(well, node[3] if timed else place)
    return failed >= max(well, 0)


def own_times(nodes: dict[bytes, Node], before: Sequence[int] | None) -> list[int]:
    """Return how long a task was in each stage itself, in nanoseconds, added to `before`.

    A span's own time is its duration without what its children take of it. Children that run side by side count
    once against it; one that lies outside it altogether, as clocks of two machines have it, counts with its
    duration. Spans at rest have been looked at before; what comes inside them later is taken off as a whole.
    """
    spent = list(before) if before is not None else [0] * len(STAGES)
    inside: dict[bytes, list[tuple[int, int]]] = {}
    for span_id, node in nodes.items():
        if len(node) == FRESH:
            bound, parent, start, end, _ = node
            if 0 < start < end:
                spent[bound.stage] += end - start
                children = inside.get(parent)
                if children is not None and parent != span_id:
                    children.append((start, end))
                elif parent in nodes and parent != span_id:
                    inside[parent] = [(start, end)]
    for span_id, children in inside.items():
        node = nodes[span_id]
        stage = node[0].stage
        if len(node) != FRESH:
            spent[stage] -= min(sum(end - start for start, end in children), spent[stage])
        elif 0 < node[2] < node[3]:
            spent[stage] -= min(_covered(children, node[2], node[3]), node[3] - node[2])
    return spent


def _covered(children: list[tuple[int, int]], start: int, end: int) -> int:
    """Return how much of the time from `start` to `end` the children take."""
    if len(children) > 1:
        children.sort()
    covered, reached = 0, start
    for begin, finish in children:
        if finish <= start or begin >= end:
            covered += finish - begin
            continue
        until = min(finish, end)
        if until > reached:
            covered += until - max(begin, reached)
            reached = until
    return covered
