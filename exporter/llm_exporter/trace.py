"""One trace while its spans come in: the spans that are known of it, and what it adds up to as a task."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_exporter.binding import Bound
    from llm_exporter.checks import Checked
    from llm_exporter.content import Content
    from llm_exporter.content.kept import Unread
    from llm_exporter.documents import Brought
    from llm_exporter.inheritance import Inherited
    from llm_exporter.loops import Loops
    from llm_exporter.record import Context, Numbers

Node = tuple[Any, ...]
"""A span of a trace.

Fresh, it is (binding, parent's span id, start, end, payload), times in unix nanoseconds. The payload is a tuple
of five token counts and the response id's hash for a call that needs no care (`Accountant.row`), a `Detail` for
everything else that counts, None for what does not. At rest, a while after it was counted, it is (binding, what
it hands down).
"""
FRESH: Final = 5


class Detail(NamedTuple):
    """What a span says beyond its words and times."""

    numbers: Numbers | None = None
    """Of a call."""
    brought: Brought | None = None
    """Documents of a retrieval, and what came out of a reranker."""
    candidates: int | None = None
    """How many documents went into a reranker; None where the span does not say."""
    arguments: int = 0
    """Hash of what a tool was called with; 0 where the span does not say."""
    response_id: int = 0
    """Hash of the provider's id of the answer; 0 where the span does not say."""
    times: int = 1
    """How many such spans it stands for, where the others were sampled away."""
    checks: tuple[Checked, ...] = ()
    """What guardrails did that it tells of, where it is not the span of one."""


NO_DETAIL: Final = Detail()


class Trace:
    """What is known of one trace.

    `held` are the span ids that are not counted yet, `missing` the parents that nobody has seen. The first
    `placed` of the nodes have been looked at by `Assembly`, the others came with the batch in progress.
    """

    # With a dictionary for its attributes a trace takes twice the memory, and there are tens of thousands.
    __slots__ = (
        "answer", "calls", "contents", "context", "cost", "covered", "crossed", "documents", "due", "end",
        "failed", "fresh", "held", "held_since", "id", "late", "links", "loops", "missing", "nested", "nodes",
        "opened", "own", "own_of", "placed", "question", "regenerated", "remote_root", "repeats", "rested",
        "root", "root_end", "root_name", "root_start", "scope", "session", "sided", "silent", "speaks",
        "speaks_to_calls", "stages", "start", "times", "tokens", "tools", "touched",
    )  # fmt: skip

    def __init__(self, trace_id: bytes, now: float) -> None:
        self.id = trace_id
        self.opened = self.touched = self.held_since = now
        """Monotonic seconds."""
        self.due = 0
        """Second at which someone will look at the trace."""
        self.nodes: dict[bytes, Node] = {}
        self.held: list[bytes] = []
        self.fresh = False
        """Whether spans came with the batch in progress."""
        self.placed = self.rested = 0
        """How many nodes have their places, and how many are at rest."""
        self.late = False
        """Whether the task of this trace was closed before: its spans count, a second task does not begin."""
        self.scope: str | None = None
        """The instrumentation that wrote the last call."""
        self.sided = False
        """Whether calls were written by several instrumentations: they may tell of the same ones side by side."""
        self.nested = False
        """Whether a call stands under a call, or a tool under a tool: they may be one and the same."""
        self.speaks = False
        """Whether a span hands something down."""
        self.speaks_to_calls = False
        """Whether it is more than who acts."""
        self.context: Context | None = None
        self.crossed = False
        """Whether spans of several resources take part."""
        self.repeats: set[bytes] | None = None
        """Calls that were not counted because a span inside them is, or one around them was."""
        self.covered: dict[bytes, bytes] | None = None
        """Those of them that one around them was counted for; of each the one right around it that it repeats."""
        self.missing: set[bytes] | None = None
        self.links = self.session = b""
        """`links`: of spans that are about no LLM, `assembly.LINK` bytes each; one of those may stand above others."""
        self.answer: Bound | None = None
        """The call counted last: what a result about the whole task is about."""
        self.regenerated = False
        """Whether a span says that its answer replaces one that the user did not want."""
        self.silent = False
        """Whether the last answer that was read was empty, and no call of a tool."""
        self.question = 0
        """Hash of what the user asked; 0 where nobody read it."""
        self.root = self.root_name = b""
        """Span id and name of the outermost span."""
        self.root_start = self.root_end = 0
        self.remote_root = self.failed = False
        """Whether that span names a parent in another process, and whether it failed."""
        self.start = self.end = 0
        self.calls = self.tools = self.tokens = self.cost = 0
        self.times = 1
        self.stages: Sequence[int] | None = None
        """Nanoseconds of the task's own time in each of `binding.STAGES`, of the nodes at rest."""
        self.own: Sequence[int] = ()
        self.own_of = 0
        """The own times of the whole task when it had so many nodes."""
        self.loops: Loops | None = None
        self.contents: dict[bytes, Content | Unread] | None = None
        """What was asked and answered in its calls that are not counted yet, where someone listens."""
        self.documents: list[str] | None = None
        """Texts that its retrievals brought, where someone listens: `content.MAX_DOCUMENTS` characters at most."""

    @property
    def steps(self) -> int:
        """How many calls of models and tools there were."""
        return self.calls + self.tools

    def unplaced(self) -> Iterable[tuple[bytes, Node]]:
        """Return the spans that came with the batch in progress, in their order."""
        items = self.nodes.items()
        if not self.placed:
            return items
        return reversed([*islice(reversed(items), len(items) - self.placed)])

    def saw_root(self, span_id: bytes, span: Any, remote: bool, failed: bool) -> None:
        """Take a span that has no parent, or one in another process, for the root unless an outer one is known."""
        start = span.start
        if self.root and (self.remote_root, self.root_start) <= (remote, start):
            return
        self.root, self.remote_root = span_id, remote
        self.root_name = span.name[:256]
        self.root_start, self.root_end = start, span.end
        self.failed = failed

    def handed_down(self, parent: bytes, known: dict[bytes, Above], under: Any) -> Above:
        """Return what a span with this parent takes over; `known` remembers it for others of its batch.

        Parents that lead in a circle end there.
        """
        path = []
        while parent and parent not in known:
            node = self.nodes.get(parent)
            if node is None:
                break
            known[parent] = _NOTHING
            path.append((parent, node))
            if len(node) != FRESH:
                break
            parent = node[1]
        above = known.get(parent, _NOTHING)
        for span_id, node in reversed(path):
            bound: Bound = node[0]
            gives = bound.gives if len(node) == FRESH else node[1]
            above = Above(under(gives, above.inherited), above.context or bound.context)
            known[span_id] = above
        return above


class Above(NamedTuple):
    """What stands above a span: what it takes over, and the resource of the outermost span known."""

    inherited: Inherited | None
    context: Context | None


_NOTHING: Final = Above(None, None)
