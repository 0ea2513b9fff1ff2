"""What the judge counts of itself: a store of its own, with its metrics alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from llm_exporter import catalogue as c
from llm_exporter.judge.budget import PERIODS
from llm_exporter.pricing import PICO
from llm_exporter.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llm_exporter.judge.asking import Bill
    from llm_exporter.judge.budget import Budget
    from llm_exporter.judge.item import Who
    from llm_exporter.store import Cell

METRICS: Final[tuple[c.Metric, ...]] = (
    c.JUDGE_OFFERED,
    c.JUDGE_ITEMS,
    c.JUDGE_TOKENS,
    c.JUDGE_COST,
    c.JUDGE_ERRORS,
    c.JUDGE_DURATION,
    c.JUDGE_BUDGET,
    c.JUDGE_SPENT,
    c.EVALUATION_SAMPLING_RATIO,
    # What the store says of its own bounds.
    c.EXPORTER_LABEL_OVERFLOW,
    c.EXPORTER_LABEL_REDACTED,
    c.EXPORTER_SERIES_OVERFLOW,
    c.EXPORTER_SERIES_EXPIRED,
)
MAX_REMEMBERED: Final = 10_000
"""Combinations of labels and evaluators whose cells are remembered."""


class JudgeMetrics:
    """Counts. Implements `sampler.Counts` and `rubric_judge.Costs`; safe to use from several threads."""

    def __init__(
        self,
        *,
        caps: Mapping[str, int],
        bounds: Mapping[str, Sequence[float]],
        cells: int,
        hold_seconds: float,
    ) -> None:
        names = {metric.name for metric in METRICS}
        self.store = Store(
            metrics=METRICS,
            bounds={name: of_it for name, of_it in bounds.items() if name in names},
            caps=caps,
            cells_per_group=cells,
            exemplars=False,
            first_sample_hold_seconds=hold_seconds,
        )
        self._place = self.store.groups[c.JUDGE_OFFERED.name].instrument(c.JUDGE_OFFERED).index
        self._offered: dict[tuple[Who, tuple[str, ...]], list[Cell]] = {}
        """The cells that a call counts in, by whose it is."""

    def offered(self, who: Who, evaluators: tuple[str, ...], times: int) -> None:
        """Count a call that could be drawn."""
        with self.store.lock:
            cells = self._offered.get((who, evaluators))
            if cells is None:
                if len(self._offered) >= MAX_REMEMBERED:
                    self._offered.clear()
                cells = [self.store.cell(c.JUDGE_OFFERED, (*who, name)) for name in evaluators]
                self._offered[who, evaluators] = cells
            now = time.monotonic()
            for cell in cells:
                cell.values[self._place] += times
                cell.touched = now

    def outcome(self, who: Who, evaluators: Iterable[str], outcome: str, times: int = 1) -> None:
        """Count what became of an item."""
        with self.store.lock:
            for name in evaluators:
                self.store.add(c.JUDGE_ITEMS, (*who, name), outcome, by=times)

    def ratio(self, who: Who, evaluator: str, ratio: float) -> None:
        """Set the share of calls that was drawn."""
        with self.store.lock:
            self.store.set(c.EVALUATION_SAMPLING_RATIO, ratio, (*who, evaluator))

    def cost(self, who: Who, evaluators: Sequence[str], bill: Bill, seconds: float) -> None:
        """Count the requests about one item: tokens and money in equal parts for each evaluator, so that they sum."""
        store = self.store
        tokens = {
            kind: sum(getattr(usage, kind) for usage in bill.usages)
            for kind in ("input", "input_cache_read", "input_cache_write", "output", "output_reasoning")
        }
        with store.lock:
            for place, name in enumerate(evaluators):
                labels = (*who, name)
                for kind, count in tokens.items():
                    if part := _part(count, place, len(evaluators)):
                        store.add(c.JUDGE_TOKENS, labels, kind, by=part)
                if part := _part(bill.cost, place, len(evaluators)):
                    store.add(c.JUDGE_COST, labels, by=part)
                for error in bill.errors:
                    store.add(c.JUDGE_ERRORS, labels, error)
                duration = store.groups[c.JUDGE_DURATION.name].instrument(c.JUDGE_DURATION)
                store.cell(c.JUDGE_DURATION, labels).observe(duration, int(seconds * c.Unit.SECONDS.scale))

    def sweep(self, now: float) -> None:
        """Drop label sets that were idle for too long; `now` is monotonic seconds."""
        with self.store.lock:
            if self.store.expire(now):
                self._offered.clear()

    def lost(self, who: Who, evaluator: str) -> None:
        """Count a result that could not be sent to the exporter."""
        with self.store.lock:
            self.store.add(c.JUDGE_ERRORS, (*who, evaluator), "unavailable")

    def show(self, budget: Budget) -> None:
        """Bring limits and spending up to date: to be done before the store is read."""
        spent = {period.name: budget.spent(period.name) for period in PERIODS}
        with self.store.lock:
            for name, amount in spent.items():
                self.store.set(c.JUDGE_BUDGET, budget.limit(name) / PICO, (), name)
                self.store.set(c.JUDGE_SPENT, amount / PICO, (), name)
            self.store.now = time.monotonic()


def _part(amount: int, place: int, parts: int) -> int:
    whole, rest = divmod(amount, parts)
    return whole + (place < rest)
