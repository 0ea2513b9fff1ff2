"""Results of evaluators and votes of users, counted under the labels of the call, task or conversation they are about.

A result may come before the spans that it is about are counted: evaluators inside an application send theirs at
once. So one whose subject is not known waits for a while. Everything is bounded; what waits for too long, or is one
too many, counts with the labels that it has itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter.evaluations.feedback import feedback
from llm_exporter.evaluations.scales import scaled
from llm_exporter.record import Kind, Record
from llm_exporter.subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.evaluations.qrels import Qrels
    from llm_exporter.evaluations.scales import Scale, Scaled
    from llm_exporter.record import Context
    from llm_exporter.store import Instrument, Store
    from llm_exporter.subjects import Subjects

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


Watch = Callable[["Evaluation", "Subject | None", "Scaled", str], None]
"""Takes a result, what it is about where that is known, what it means, and the sentiment of a user, empty for none."""


class Rules(NamedTuple):
    """What results mean, and how many are remembered and waited with."""

    scales: Mapping[str, Scale] = {}
    """Of evaluators beside those that are known, by name."""
    feedback_names: frozenset[str] = frozenset()
    """Names of results that are feedback, beside those that are known."""
    hold_seconds: float = 60.0
    max_waiting: int = 10_000
    max_remembered: int = 100_000
    qrels: Qrels | None = None
    """Which documents are relevant to which queries, for results about retrievals."""


class _Waiting(NamedTuple):
    until: float
    result: Evaluation
    context: Context


class Scoring:
    """Counts results. The caller holds the store's lock."""

    def __init__(self, store: Store, subjects: Subjects, rules: Rules | None = None) -> None:
        self._store = store
        self._subjects = subjects
        self.rules = rules or Rules()
        self._waiting: deque[_Waiting] = deque()
        self._remembered: dict[bytes, None] = {}
        self._second = -1
        self._results = {
            (result, source): self._instrument(c.EVALUATIONS, result, source).index
            for result in c.EVALUATION_RESULT.values
            for source in c.EVALUATION_SOURCE.values
        }
        self._errors = {
            reason: self._instrument(c.EVALUATION_ERRORS, reason).index
            for reason in c.EVALUATION_ERROR.values
        }
        self._score = self._instrument(c.EVALUATION_SCORE)
        self._raw_score = self._instrument(c.EVALUATION_RAW_SCORE)
        self._last = self._instrument(c.EVALUATION_LAST)
        self._prompt_score = self._instrument(c.PROMPT_EVALUATION_SCORE)
        self._prompt_results = {
            result: self._instrument(c.PROMPT_EVALUATIONS, result).index
            for result in c.EVALUATION_RESULT.values
        }
        self.watch: Watch | None = None
        """Told of each result when it is counted."""

    def _instrument(self, metric: c.Metric, *closed: str) -> Instrument:
        return self._store.groups[metric.name].instrument(metric, *closed)

    def __len__(self) -> int:
        """How many results wait for what they are about."""
        return len(self._waiting)

    def take(self, results: Iterable[Evaluation], context: Context) -> None:
        """Count results, or have them wait for what they are about.

        Args:
            results: The results; one that was taken before is left out.
            context: The resource that they came with, for what their subject does not say.
        """
        for result in results:
            if not self._is_new(result.key):
                self._store.add(c.EXPORTER_EVALUATIONS_REPEATED)
                continue
            subject = self._subjects.find(result, context)
            if subject is None and (result.trace_id or result.response_id) and self.rules.max_waiting:
                if len(self._waiting) >= self.rules.max_waiting:
                    oldest = self._waiting.popleft()
                    self._count(oldest.result, None, oldest.context)
                self._waiting.append(_Waiting(self._store.now + self.rules.hold_seconds, result, context))
            else:
                self._count(result, subject, context)

    def tick(self) -> None:
        """Count what waited and can be counted now. Cheap when called twice in a second."""
        if not self._waiting or int(self._store.now) == self._second:
            return
        self._second = int(self._store.now)
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            subject = self._subjects.find(one.result, one.context)
            if subject is None and one.until > self._store.now:
                self._waiting.append(one)
            else:
                self._count(one.result, subject, one.context)

    def release(self) -> None:
        """Count everything that waits, as when the exporter ends."""
        while self._waiting:
            one = self._waiting.popleft()
            self._count(one.result, self._subjects.find(one.result, one.context), one.context)

    def show(self) -> None:
        """Bring the gauge of what waits up to date."""
        self._store.set(c.EXPORTER_EVALUATIONS_WAITING, len(self._waiting))

    def adopt(self, older: Scoring) -> None:
        """Go on with what another configuration remembered and waited with."""
        self._waiting = older._waiting
        self._remembered = older._remembered

    def _is_new(self, key: bytes) -> bool:
        if not key or not self.rules.max_remembered:
            return True
        if key in self._remembered:
            return False
        if len(self._remembered) >= self.rules.max_remembered:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = None
        return True

    def _count(self, result: Evaluation, subject: Subject | None, context: Context) -> None:
        record, model = subject or Subject(Record("", Kind.STRUCTURE).within(context))
        who = (record.service_name, record.environment, record.team, record.feature)
        found = scaled(result, self.rules.scales)
        cell = self._store.cell(c.EVALUATIONS, (*who, result.name))
        cell.values[self._results[found.result, result.source]] += 1
        if found.reason:
            cell.values[self._errors[found.reason]] += 1
        else:
            cell.values[self._last.index] = time.time()
            cell.want(self._last)
        mark = (result.trace_id or _NO_TRACE) + (result.span_id or _NO_SPAN) + _now()
        prompt = None
        if record.prompt_name or record.prompt_version or model:
            of_prompt = (record.prompt_name, record.prompt_version, model, result.name)
            prompt = self._store.cell(c.PROMPT_EVALUATIONS, (*who, *of_prompt))
            prompt.values[self._prompt_results[found.result]] += 1
        if found.score is not None:
            score = round(found.score * c.Unit.SCORE.scale)
            cell.observe(self._score, score, mark)
            if prompt is not None:
                prompt.observe(self._prompt_score, score, mark)
        elif found.raw is not None and found.raw >= 0:
            # A sum that can go down would look like a restart.
            cell.observe(self._raw_score, round(found.raw * c.Unit.SCORE.scale), mark)
        said = None if found.reason else feedback(result, self.rules.feedback_names, found)
        if said is not None:
            cell = self._store.cell(c.FEEDBACK, who)
            cell.values[self._instrument(c.FEEDBACK, *said).index] += 1
        if self.watch is not None:
            self.watch(result, subject, found, said[1] if said is not None else "")


def _now() -> bytes:
    return int(time.time() * 1000).to_bytes(8)
