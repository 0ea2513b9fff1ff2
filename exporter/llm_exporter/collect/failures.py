"""Which traces failed an evaluation or got a negative vote, with every result about them, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter.content import MAX_ANSWER, MAX_QUESTION, MAX_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llm_exporter.content import Content
    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.evaluations.scales import Scaled
    from llm_exporter.record import Record
    from llm_exporter.subjects import Subject

MAX_RESULTS: Final = 64
"""Results kept of one trace."""
MAX_CALLS: Final = 64
"""Calls of one trace whose texts are kept."""
Place = tuple[bytes, bytes]
"""Trace id and span id."""


class Limits(NamedTuple):
    """How much is kept of traces that may still fail, and how long a failed one waits for more results."""

    settle_seconds: float = 30.0
    traces: int = 50_000
    characters: int = 64 << 20
    """Of questions, answers, instructions and documents."""


class Result(NamedTuple):
    """One result about a trace."""

    evaluation: Evaluation
    scaled: Scaled
    sentiment: str
    """`positive`, `negative` or `neutral` for a vote of a user, empty for other results."""
    span_id: bytes
    read_at: float
    """Unix seconds."""

    @property
    def failed(self) -> bool:
        """Whether the answer did not pass, or a user did not like it."""
        return self.scaled.result == "fail" or self.sentiment == "negative"


class Said(NamedTuple):
    """The texts of one call."""

    content: Content
    documents: tuple[str, ...]

    @property
    def characters(self) -> int:
        """How many characters are kept."""
        return self.content.characters + sum(map(len, self.documents))

    @property
    def clipped(self) -> bool:
        """Whether a text is as long as it may be, so that its middle may be lost."""
        content = self.content
        return (
            len(content.question) >= MAX_QUESTION
            or len(content.answer) >= MAX_ANSWER
            or len(content.system) >= MAX_SYSTEM
        )


class Failure(NamedTuple):
    """A trace that failed, with all results about it."""

    trace_id: bytes
    """Empty where only `response_id` or `session` says what the results are about."""
    span_id: bytes
    """Of the call that failed, or of the last one where the results are about the whole trace; empty if unknown."""
    response_id: str
    session: str
    subject: Subject | None
    """What is known of the call; None where its spans were not seen."""
    results: tuple[Result, ...]
    said: Said | None


class _Judged:
    """What is known of one trace that somebody judged."""

    __slots__ = ("results", "subject")

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.subject: Subject | None = None


_Key = tuple[bytes, str, str]


class Failures:
    """Takes results as `Scoring` counts them, and the texts of calls where they are wanted; gives failed traces.

    A trace whose first failure came `settle_seconds` ago is due: by then the other evaluators have had their say.
    One that fails again later is given again, with everything known. The caller holds the store's lock.
    """

    def __init__(
        self,
        limits: Limits,
        monotonic: Callable[[], float],
        unix_time: Callable[[], float],
        place_of: Callable[[Evaluation], Place | None],
    ) -> None:
        """Keep nothing yet.

        Args:
            limits: How much to keep.
            monotonic: Tells how time passes, in seconds.
            unix_time: Tells what time it is, in unix seconds.
            place_of: Finds the call that gave the answer with the provider's id that a result names.
        """
        self._limits = limits
        self._monotonic = monotonic
        self._unix_time = unix_time
        self._place_of = place_of
        self._judged: dict[_Key, _Judged] = {}
        self._due: dict[_Key, float] = {}
        """When those that failed are due; the first is due first."""
        self._crowded_out: list[Failure] = []
        self._said: dict[bytes, dict[bytes, Said]] = {}
        """By trace and span, the texts of calls."""
        self._characters = 0
        self.n_results = 0
        self.n_waiting = 0

    def judged(self, result: Evaluation, subject: Subject | None, scaled: Scaled, sentiment: str) -> None:
        """Take a result (`scoring.Watch`)."""
        self.n_results += 1
        trace_id, span_id = result.trace_id, result.span_id
        if not trace_id and result.response_id:
            trace_id, span_id = self._place_of(result) or (b"", b"")
        key = (trace_id, "" if trace_id else result.response_id, "" if trace_id else result.session)
        if not any(key):
            return
        known = self._judged.pop(key, None)
        if known is None:
            if len(self._judged) >= self._limits.traces:
                self._forget(next(iter(self._judged)))
            known = _Judged()
        self._judged[key] = known
        found = Result(result, scaled, sentiment, span_id, self._unix_time())
        if len(known.results) < MAX_RESULTS:
            known.results.append(found)
        if subject is not None and (known.subject is None or found.failed):
            known.subject = subject
        if found.failed and key not in self._due:
            self._due[key] = self._monotonic() + self._limits.settle_seconds
        self.n_waiting = len(self._due)

    def answered(
        self,
        call: Record,  # noqa: ARG002 - the listener's interface
        content: Content,
        documents: Sequence[str],
        trace_id: bytes,
        span_id: bytes,
        finish: str,  # noqa: ARG002
        times: int,  # noqa: ARG002
    ) -> None:
        """Keep the texts of a call (`content.Listener`)."""
        said = Said(content, tuple(documents))
        if not trace_id or not said.characters:
            return
        # Taken out and put in again, so that the one that was idle for longest stands first.
        calls = self._said.pop(trace_id, {})
        self._said[trace_id] = calls
        if len(calls) >= MAX_CALLS:
            self._characters -= calls.pop(next(iter(calls))).characters
        calls[span_id] = said
        self._characters += said.characters
        while self._characters > self._limits.characters or len(self._said) > self._limits.traces:
            oldest = self._said.pop(next(iter(self._said)))
            self._characters -= sum(one.characters for one in oldest.values())

    def due(self) -> Iterator[Failure]:
        """Yield the failed traces for which nobody is waited any more; each once."""
        yield from self._take_crowded_out()
        now = self._monotonic()
        while self._due:
            key = next(iter(self._due))
            if self._due[key] > now:
                break
            yield self._failure(key)

    def all(self) -> Iterator[Failure]:
        """Yield every failed trace that was not yet given."""
        yield from self._take_crowded_out()
        while self._due:
            yield self._failure(next(iter(self._due)))

    def _take_crowded_out(self) -> Iterator[Failure]:
        taken, self._crowded_out = self._crowded_out, []
        yield from taken

    def _forget(self, key: _Key) -> None:
        if key in self._due:
            self._crowded_out.append(self._failure(key))
        del self._judged[key]

    def _failure(self, key: _Key) -> Failure:
        del self._due[key]
        self.n_waiting = len(self._due)
        known = self._judged[key]
        trace_id, response_id, session = key
        calls = self._said.get(trace_id, {})
        about = [one.span_id for one in known.results if one.failed and one.span_id]
        last = next(reversed(calls), b"")
        span_id = next(
            (span_id for span_id in about if span_id in calls), last or (about[0] if about else b"")
        )
        said = calls.get(span_id)
        return Failure(trace_id, span_id, response_id, session, known.subject, tuple(known.results), said)
