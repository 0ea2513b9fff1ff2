"""Counts what the detectors find in questions and answers.

Refusals, lengths, JSON, personal data and repetition are looked for in every answer. What costs more (languages,
overlap, the hashed words of drift) looks at some calls a second of each service and feature. A counter of what was
looked at goes with each, so that shares are right however few that were.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter.content import MAX_ANSWER
from llm_exporter.content.places import ANSWER, FORM, QUESTION
from llm_exporter.signals import pii
from llm_exporter.signals.language import UNDETERMINED, language
from llm_exporter.signals.overlap import overlap
from llm_exporter.signals.refusal import PROVIDER_SIGNS, Refusal, refusal
from llm_exporter.signals.repetition import repeats
from llm_exporter.signals.structured import Structure, structure
from llm_exporter.signals.vector import vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_exporter.content import Content
    from llm_exporter.record import Record
    from llm_exporter.store import Cell, Instrument, Store

MAX_PLACES: Final = 4096
"""Combinations of caller and model whose cells are remembered."""
_WHOLE: Final = 1 - 1e-9
"""One sample, but for what sums of fractions lack."""
_RATIO: Final = c.Unit.RATIO.scale


class Switches(NamedTuple):
    """Which signals are on, as in the settings' section `signals`."""

    refusals: bool = True
    languages: bool = True
    lengths: bool = True
    json: bool = True
    pii: bool = True
    overlap: bool = True
    repetition: bool = True
    drift: bool = True
    samples_per_second: float = 5.0
    """Most calls a second, of each service and feature, that languages, overlap and drift look at."""

    @property
    def any(self) -> bool:
        """Whether there is anything to read."""
        return any(self[:-1])


class _Caller:
    """Where the findings for one service, environment, team and feature count, and how many more may be sampled."""

    __slots__ = ("drift", "languages", "left", "overlap", "pii", "seen", "who")

    def __init__(self, who: tuple[str, ...], burst: float, now: float) -> None:
        self.who = who
        self.left = burst
        self.seen = now
        self.pii: tuple[Cell, ...] = ()
        self.overlap: Cell | None = None
        self.drift: Cell | None = None
        self.languages: dict[str, Cell] = {}


class Answers:
    """Listens to what was asked and answered. Not safe for concurrent use: the caller holds the store's lock.

    Args:
        store: Where to count.
        switches: What to look for.
        model_of: The name by which the model of a call is counted, worked out once for calls with the same words.
    """

    def __init__(self, store: Store, switches: Switches, model_of: Callable[[Record], str]) -> None:
        self.store = store
        self.switches = switches
        self.model_of = model_of
        by = self._instrument
        self._read = by(c.ANSWERS_READ)
        self._flags = {flag: by(c.ANSWER_FLAGS, flag) for flag in c.ANSWER_FLAG.values}
        self._length = by(c.ANSWER_LENGTH)
        self._overlap = by(c.CONTEXT_OVERLAP)
        self._inputs = by(c.INPUT_LANGUAGES).index
        self._outputs = by(c.OUTPUT_LANGUAGES).index
        self._found = by(c.GUARDRAIL_CHECKS, "output", "flag")
        self._clean = by(c.GUARDRAIL_CHECKS, "output", "allow")
        self._samples = tuple(by(c.CONTENT_SAMPLES, signal).index for signal in c.SIGNAL.values)
        first = (by(c.CONTENT_BUCKET_WEIGHT, signal, c.BUCKET.values[0]).index for signal in c.SIGNAL.values)
        # Instruments that differ in the last label alone stand next to each other.
        self._buckets = tuple(slice(place, place + len(c.BUCKET.values)) for place in first)
        self._reads_answers = any(
            (switches.refusals, switches.lengths, switches.json, switches.pii, switches.repetition)
        )
        self._samples_calls = switches.samples_per_second > 0 and any(
            (switches.languages, switches.overlap, switches.drift)
        )
        self._parts = (ANSWER if self._reads_answers else 0) | (FORM if switches.json else 0)
        self._burst = max(switches.samples_per_second, 1.0)
        self._places: dict[tuple[str, ...], tuple[_Caller, Cell]] = {}
        self._callers: dict[tuple[str, ...], _Caller] = {}

    def _instrument(self, metric: c.Metric, *closed: str) -> Instrument:
        return self.store.groups[metric.name].instrument(metric, *closed)

    def forget(self) -> None:
        """Drop every reference to a cell, once some are gone."""
        self._places.clear()
        self._callers.clear()

    def answered(
        self,
        call: Record,
        content: Content,
        documents: Sequence[str],
        trace_id: bytes,  # noqa: ARG002 (as `content.Listener` has it)
        span_id: bytes,  # noqa: ARG002
        finish: str,
        times: int,
    ) -> None:
        """Look at a call that has just been counted, see `content.Listener`."""
        answer = content.answer
        blank = not answer or answer.isspace()
        # A call of tools has no text, and what failed has none to give: neither is an empty answer.
        said = content.refused or (
            content.said_answer and not (blank and (finish == "tool_calls" or call.failed))
        )
        asks = bool(content.question)
        if not said and not asks:
            return
        caller, cell = self._place(call)
        answer_counts = said and self._reads_answers
        if answer_counts:
            self._count_answer(caller, cell, content, finish, times, blank=blank)
        if self._samples_calls and (asks or not blank) and self._take(caller):
            self._count_sample(caller, cell, content.question, "" if blank else answer, documents, times)

    def wants(self, call: Record) -> int:
        """Return which parts of a call's content to read, see `content.kept`: a question only for the sample."""
        if not self._samples_calls:
            return self._parts
        found = self._places.get(_key(call))
        if found is not None and self._left(found[0]) < _WHOLE:
            return self._parts
        return self._parts | ANSWER | QUESTION

    def _place(self, call: Record) -> tuple[_Caller, Cell]:
        who, key = call[2:6], _key(call)
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= MAX_PLACES:
                self._places.clear()
            cell = self.store.cell(c.ANSWERS_READ, (*who, call.provider, self.model_of(call)))
            # By the labels as they are counted: beyond the caps on those, callers share what may be sampled.
            admitted = cell.labels[: len(who)]
            caller = self._callers.get(admitted)
            if caller is None:
                caller = self._callers[admitted] = _Caller(admitted, self._burst, self.store.now)
            if self._reads_answers:
                # A share of nothing is 0, and not missing.
                cell.want(self._read)
                cell.want(self._flags["refusal"])
            found = self._places[key] = (caller, cell)
        return found

    def _count_answer(
        self, caller: _Caller, cell: Cell, content: Content, finish: str, times: int, *, blank: bool
    ) -> None:
        on, answer, values, flags = self.switches, content.answer, cell.values, self._flags
        cell.touched = self.store.now
        values[self._read.index] += times
        if on.refusals:
            refused = refusal(answer, finish, said_by_provider=content.refused)
            if refused is not Refusal.NONE:
                values[flags[refused.value].index] += times
        if on.lengths and content.said_answer:
            cell.observe(self._length, len(answer), times=times)
            if blank and not content.refused and finish not in PROVIDER_SIGNS:
                values[flags["empty"].index] += times
        if on.pii:
            self._count_pii(caller, answer, times)
        if blank:
            return
        # What was clipped is not JSON any more, whatever it was.
        if on.json and content.wants_json and len(answer) < MAX_ANSWER:
            structured = structure(answer, finish)
            if structured is not Structure.VALID:
                values[flags[structured.value].index] += times
        if on.repetition and repeats(answer):
            values[flags["repetitive"].index] += times

    def _count_pii(self, caller: _Caller, answer: str, times: int) -> None:
        cells = caller.pii
        if not cells:
            cells = caller.pii = tuple(
                self.store.cell(c.GUARDRAIL_CHECKS, (*caller.who, f"pii_{kind}")) for kind in pii.KINDS
            )
        found, now = pii.kinds(answer), self.store.now
        clean = self._clean.index
        for cell in cells:
            cell.values[clean] += times
            cell.touched = now
        for kind in found:
            values = cells[pii.KINDS.index(kind)].values
            values[clean] -= times
            values[self._found.index] += times

    def _take(self, caller: _Caller) -> bool:
        """Return whether this call is one of those that are looked at closely."""
        caller.left, caller.seen = self._left(caller), self.store.now
        if caller.left < _WHOLE:
            return False
        caller.left -= 1
        return True

    def _left(self, caller: _Caller) -> float:
        """Return how many calls may be looked at closely now."""
        earned = (self.store.now - caller.seen) * self.switches.samples_per_second
        return min(self._burst, caller.left + earned)

    def _count_sample(
        self,
        caller: _Caller,
        cell: Cell,
        question: str,
        answer: str,
        documents: Sequence[str],
        times: int,
    ) -> None:
        on = self.switches
        if on.languages:
            asked = self._count_language(caller, question, self._inputs, times)
            given = self._count_language(caller, answer, self._outputs, times)
            if asked != given and UNDETERMINED not in (asked, given):
                cell.touched = self.store.now
                cell.values[self._flags["other_language"].index] += times
        if on.drift:
            self._count_words(caller, question, 0)
            self._count_words(caller, answer, 1)
        if on.overlap and answer and documents:
            share = overlap(answer, documents)
            if share is not None:
                if caller.overlap is None:
                    caller.overlap = self.store.cell(c.CONTEXT_OVERLAP, caller.who)
                caller.overlap.touched = self.store.now
                caller.overlap.observe(self._overlap, int(share * _RATIO), times=times)

    def _count_language(self, caller: _Caller, text: str, place: int, times: int) -> str:
        if not text:
            return UNDETERMINED
        code = language(text)
        cell = caller.languages.get(code)
        if cell is None:
            cell = caller.languages[code] = self.store.cell(c.INPUT_LANGUAGES, (*caller.who, code))
        cell.touched = self.store.now
        cell.values[place] += times
        return code

    def _count_words(self, caller: _Caller, text: str, signal: int) -> None:
        weights = vector(text) if text else ()
        if not weights:
            return
        cell = caller.drift
        if cell is None:
            cell = caller.drift = self.store.cell(c.CONTENT_SAMPLES, caller.who)
        cell.touched = self.store.now
        values = cell.values
        # Once, whatever it stands for: a text counted seven times would look like less noise than there is.
        values[self._samples[signal]] += 1
        places = self._buckets[signal]
        values[places] = map(add, values[places], weights)


def _key(call: Record) -> tuple[str, ...]:
    """Return what tells apart where calls count."""
    return (*call[2:6], call.provider, call.response_model, call.request_model)
