"""Time as the bench tells it, so that what the exporter does seconds later is part of what is measured."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from llm_exporter import engine, pipeline, store

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Stands in for the `time` module of the exporter: `monotonic` goes on when told to, the rest is real."""

    perf_counter_ns = staticmethod(time.perf_counter_ns)
    time = staticmethod(time.time)

    def __init__(self) -> None:
        self._now = time.monotonic()

    def monotonic(self) -> float:
        """Return the seconds that have passed since some moment."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


@contextmanager
def told_time() -> Iterator[Clock]:
    """Have every exporter go by a clock that only moves when it is told to."""
    clock = Clock()
    with (
        mock.patch.object(engine, "time", clock),
        mock.patch.object(pipeline, "time", clock),
        mock.patch.object(store, "time", clock),
    ):
        yield clock
