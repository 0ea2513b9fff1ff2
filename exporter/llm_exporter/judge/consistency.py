"""Self-consistency: a share of the items is judged three times, and how far the three agree is a result too."""

from __future__ import annotations

from hashlib import blake2b
from itertools import combinations
from statistics import median_low
from typing import TYPE_CHECKING, Final

from llm_exporter.judge.item import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.judge.item import Item
    from llm_exporter.judge.rubric_judge import RubricJudge

NAME: Final = "judge.self_consistency"
TIMES: Final = 3
_SCALE: Final = 1 << 64


class SelfConsistency:
    """A judge that is asked three times about some items. Implements `item.Evaluator`.

    Those items get the middle verdict of the three, and as `judge.self_consistency` the share of pairs of verdicts
    that are the same. That is a measure of the judge's noise and not of whether it is right.
    """

    def __init__(self, judge: RubricJudge, ratio: float) -> None:
        self._judge = judge
        self._below = int(ratio * _SCALE)
        self.names = (*judge.names, NAME) if ratio else judge.names

    def applies(self, item: Item) -> tuple[str, ...]:
        """Return the names of the judge, and for some items one more."""
        names = self._judge.applies(item)
        return (*names, NAME) if names and self._chosen(item) else names

    async def evaluate(self, item: Item) -> Mapping[str, Verdict]:
        """Return the verdicts on an item."""
        if NAME not in item.evaluators:
            return await self._judge.evaluate(item)
        runs = [run for _ in range(TIMES) if _holds(run := await self._judge.judge(item))]
        if len(runs) < 2:
            # The third would be no agreement either; what there is of verdicts is kept.
            last = runs[0] if runs else run
            failed = next((v for v in run.values() if not v.holds), Verdict("parse_error", error="unknown"))
            return {**last, NAME: failed}
        names = runs[0].keys()
        return {name: _middle([run[name] for run in runs]) for name in names} | {NAME: _agreement(runs)}

    def _chosen(self, item: Item) -> bool:
        # Of the ids as the draw is, but another hash: which of the drawn items these are is chance again.
        digest = blake2b(item.trace_id + item.span_id, digest_size=8, person=b"consistency").digest()
        return int.from_bytes(digest) < self._below


def _holds(run: Mapping[str, Verdict]) -> bool:
    return bool(run) and all(verdict.holds for verdict in run.values())


def _middle(verdicts: list[Verdict]) -> Verdict:
    """Return the median of the verdicts that have a score, or that it does not apply where most say so."""
    scored = [verdict for verdict in verdicts if verdict.score is not None]
    if 2 * len(scored) < len(verdicts):
        return next(verdict for verdict in verdicts if verdict.score is None)
    middle = median_low(verdict.score for verdict in scored if verdict.score is not None)
    return next(verdict for verdict in scored if verdict.score == middle)


def _agreement(runs: list[Mapping[str, Verdict]]) -> Verdict:
    same = [
        one[name].score == other[name].score and one[name].label == other[name].label
        for one, other in combinations(runs, 2)
        for name in one
    ]
    return Verdict("judged", sum(same) / len(same))
