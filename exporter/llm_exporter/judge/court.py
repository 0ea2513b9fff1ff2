"""Items from the sampler to their verdicts: several at a time, each with exactly one outcome for each evaluator."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from llm_exporter.judge.item import Item, Verdict
from llm_exporter.judge.results import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_exporter.judge.item import Evaluator
    from llm_exporter.judge.metrics import JudgeMetrics
    from llm_exporter.judge.pace import Pace
    from llm_exporter.judge.sampler import Sampler
    from llm_exporter.judge.sender import Sender

_log = logging.getLogger("llm_exporter.judge")

TAKE_SECONDS: Final = 1.0
_UNTOLD: Final = frozenset({"budget", "queue_full", "no_content"})
"""Outcomes for which nobody tried: no result, and no failure of an evaluator either."""


class Court:
    """Judges what the sampler has drawn. For one event loop."""

    def __init__(
        self,
        sampler: Sampler,
        evaluators: Sequence[Evaluator],
        metrics: JudgeMetrics,
        sender: Sender,
        pace: Pace,
        *,
        concurrency: int,
        max_waiting: int,
    ) -> None:
        self._sampler = sampler
        self._evaluators = tuple(evaluators)
        self._metrics = metrics
        self._sender = sender
        self._pace = pace
        self._concurrency = concurrency
        self._queue: asyncio.Queue[Item] = asyncio.Queue(max_waiting)

    async def run(self) -> None:
        """Judge for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take())
            tasks.create_task(self._sender.run())
            for _ in range(self._concurrency):
                tasks.create_task(self._work())

    async def _take(self) -> None:
        while True:
            self.take()
            await asyncio.sleep(TAKE_SECONDS)

    def take(self) -> None:
        """Put what was drawn into the queue; what has no room there will not be judged."""
        for item in self._sampler.take():
            try:
                self._queue.put_nowait(item)
            except asyncio.QueueFull:
                self._metrics.outcome(item.who, item.evaluators, "queue_full")

    async def _work(self) -> None:
        while True:
            item = await self._queue.get()
            # While the model is left alone items wait here, where their number is bounded.
            await self._pace.ready()
            await self.judge(item)

    async def judge(self, item: Item) -> None:
        """Get every verdict on an item, count it, and have it sent."""
        verdicts: dict[str, Verdict] = {}
        for evaluator in self._evaluators:
            if not set(evaluator.names).isdisjoint(item.evaluators):
                try:
                    verdicts.update(await evaluator.evaluate(item))
                except Exception as error:
                    _log.warning("an evaluator failed with %s", type(error).__name__)
        now = time.time_ns()
        for name in item.evaluators:
            verdict = verdicts.get(name, Verdict("http_error", error="unknown"))
            self._metrics.outcome(item.who, (name,), verdict.outcome)
            if verdict.outcome not in _UNTOLD:
                self._sender.add(Result(item.who, item.trace_id, item.span_id, name, verdict, now))
