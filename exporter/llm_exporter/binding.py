"""What the pipeline remembers for spans with the same words: where they count, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from llm_exporter.record import Kind
from llm_exporter.store import SPARE

if TYPE_CHECKING:
    from llm_exporter.inheritance import Inherited
    from llm_exporter.pricing import Quote, Rates
    from llm_exporter.record import Context, Record
    from llm_exporter.store import Cell, Instrument

STAGES = ("generate", "retrieve", "embed", "rerank", "tool", "guardrail", "agent", "other")
_STAGE_OF_KIND = {
    Kind.CALL: "generate",
    Kind.TOOL: "tool",
    Kind.AGENT: "agent",
    Kind.RETRIEVAL: "retrieve",
    Kind.GUARDRAIL: "guardrail",
    Kind.STRUCTURE: "other",
}
_STAGE_OF_OPERATION = {"embeddings": "embed", "rerank": "rerank"}


class Bound:
    """Spans with one combination of words under one resource: what they say. By itself it counts nowhere.

    The kinds of spans that count are its subclasses; chains, steps and spans that only stand above others in a
    trace need no more than this.
    """

    __slots__ = (
        "at_rest",
        "context",
        "gives",
        "heirs",
        "is_span",
        "is_tool",
        "nests",
        "outcome",
        "record",
        "said",
        "scope",
        "stage",
        "step",
    )
    is_call: ClassVar[bool] = False
    parts: ClassVar[bool] = False
    """Whether a call above such a span and one below it are two calls: it stands for work of its own."""

    def __init__(self, record: Record) -> None:
        self.record = record
        """With everything that resource and ancestors add."""
        self.said = record
        """What the span alone says."""
        self.stage = STAGES.index(_STAGE_OF_OPERATION.get(record.operation, _STAGE_OF_KIND[record.kind]))
        """Which stage of a task its time belongs to, as a place in `STAGES`."""
        self.outcome = record.kind.value
        self.is_tool = record.kind is Kind.TOOL
        self.nests = record.kind in (Kind.TOOL, Kind.RETRIEVAL)
        """Whether one right inside another of its kind may be the same one, told by two instrumentations."""
        self.step = hash((record.tool if self.is_tool else "", record.agent))
        """Stands for the step that an agent takes here, see `Loops.circle`."""
        self.scope = ""
        """The instrumentation that wrote them."""
        self.is_span = True
        """Whether these are spans, and not log records read like spans."""
        self.gives: Inherited | None = None
        """What spans below it take over."""
        self.at_rest: tuple[Bound, Inherited | None] = (self, None)
        """What a trace keeps of such a span, see `trace.Node`, where nothing is handed down."""
        self.heirs: dict[Any, Bound] | None = None
        """The same spans where they take something over, by what."""

    context: Context


class Binding(Bound):
    """Where spans with one combination of words count that are no calls.

    `count` and `error` are places in the values of `cell`; the duration is observed in `timed`, which may be
    another cell. What a retrieval counts in depends on how many documents it brought.
    """

    __slots__ = ("cell", "count", "duration", "error", "rows", "timed")
    parts: ClassVar[bool] = True

    def __init__(
        self, record: Record, cell: Cell, count: int, error: int, timed: Cell, duration: Instrument
    ) -> None:
        super().__init__(record)
        self.cell = cell
        self.count = count
        self.error = error
        self.timed = timed
        self.duration = duration
        self.rows: list[tuple[int, bytes, int]] = []
        """Of spans that nobody has counted yet: duration, negative where it is not known, exemplar, and how many each
        stands for."""


class CallBinding(Bound):
    """Where calls with one combination of words count, and what they cost.

    `valid_from` and `valid_until` are the unix nanoseconds between which `quote` holds; a call outside them is
    quoted anew.
    """

    __slots__ = (
        "anomalies", "attributed", "cell", "error", "finish", "flat", "flat_until", "mismatch", "model", "plain",
        "prompt", "quote", "rates", "request", "requests", "rows", "saving", "series", "stream", "valid_from",
        "valid_until", "window",
    )  # fmt: skip
    is_call: ClassVar[bool] = True

    def __init__(self, record: Record, cell: Cell, model: Cell, anomalies: Cell) -> None:
        super().__init__(record)
        self.cell = cell
        """Cell by who and what."""
        self.model = model
        """Cell by who, provider and model."""
        self.anomalies = anomalies
        self.stream = record.stream
        self.prompt: Cell | None = None
        self.attributed: Cell | None = None
        self.error = self.finish = SPARE
        """Places of the counters of the error type and the finish reason; the spare place where there is none."""
        self.rows = 0
        """Calls that were collected as rows of `series` and that the counters do not have yet."""
        self.mismatch = False
        self.requests = (SPARE, SPARE)
        """Places of the request counter: not streamed, streamed."""
        self.request = SPARE
        """The one of them for a call that does not say its time to first token."""

    quote: Quote
    rates: Rates | None
    flat: tuple[int, int, int, int, int] | None
    flat_until: int
    """Input tokens up to which they hold: long calls may be dearer."""
    saving: int
    """Picodollars saved by a token read from the prompt cache, at `flat` rates."""
    window: int
    """Context window in tokens, 0 where it is not known."""
    valid_from: int
    valid_until: int
    plain: bool
    """Whether a call needs nothing beyond `CallSeries`, so that it may be collected as a row."""
    series: CallSeries


class CallSeries:
    """Calls of one cell, all priced or all unpriced, that were collected and that nobody has counted yet.

    `rows` is flat: duration in nanoseconds, input and output tokens in all, and cost in picodollars of each call
    in turn. The first call, the slowest and the dearest so far are `marked` as exemplars. Counting many calls at
    once costs a fraction of counting each: `docs/performance.md`.
    """

    __slots__ = (
        "cell", "dearest", "marked", "model", "read", "reasoning", "rows", "saved", "slowest", "unpriced", "window",
        "write",
    )  # fmt: skip

    def __init__(self, cell: Cell, model: Cell, window: int, unpriced: tuple[int, int] | None) -> None:
        self.cell = cell
        self.model = model
        self.window = window
        self.unpriced = unpriced
        """Places of the counters of requests and tokens without a price; None when there is one."""
        self.rows: list[int] = []
        self.marked: list[tuple[int, bytes]] = []
        """Where in `rows` a call starts, and its exemplar."""
        self.read = self.write = self.reasoning = 0
        """Tokens of all rows that were read from the cache, written to it, and spent on reasoning."""
        self.saved = 0
        self.slowest = self.dearest = -1

    def mark(self, duration: int, cost: int, exemplar: bytes) -> None:
        """Mark the call whose row comes next."""
        self.slowest = max(duration, self.slowest)
        self.dearest = max(cost, self.dearest)
        self.marked.append((len(self.rows), exemplar))
