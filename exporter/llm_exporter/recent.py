"""The last spans and what became of them, for `/debug/spans`: bounded, and never any content."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_exporter.describe import Described

KEPT: Final = 200
PER_SECOND: Final = 50
"""Spans described per second; with little traffic that is all of them, with much it costs next to nothing."""


class RecentSpans:
    """Keeps the last `KEPT` descriptions, and says how many more may be made."""

    def __init__(self) -> None:
        self._spans: deque[Described] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._second = -1
        self._room = 0

    def room(self, now: float) -> int:
        """Return how many spans may be described at `now` (monotonic seconds)."""
        with self._lock:
            if int(now) != self._second:
                self._second = int(now)
                self._room = PER_SECOND
            return self._room

    def add(self, spans: Iterable[Described]) -> None:
        """Keep descriptions, dropping the oldest."""
        with self._lock:
            for span in spans:
                self._spans.append(span)
                self._room = max(self._room - 1, 0)

    def newest_first(self) -> list[Described]:
        """Return what is kept."""
        with self._lock:
            return list(reversed(self._spans))
