"""Ended spans on their way from the application's threads to the counting: a bounded queue and its thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

BATCH: Final = 256
"""Spans handed over at a time, about 15 ms of work: how far a flush may exceed its timeout."""
INTERVAL_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class SpanQueue:
    """Hands spans to `take` in batches, one batch at a time, in the order in which they were put.

    `put` waits for nothing and may interrupt any other method on the same thread: a garbage collection can
    end a span anywhere. That rules out `threading.Event`; a `SimpleQueue` wakes the thread instead.

    Args:
        take: Gets each batch. What it raises is logged by type, and the batch is gone.
        size: Most spans held; further ones are dropped.
    """

    def __init__(self, take: Callable[[list[ReadableSpan]], None], size: int) -> None:
        self._take = take
        self._size = size
        self._wake_at = min(BATCH, (size + 1) // 2)
        self._spans: deque[ReadableSpan] = deque()
        self._taking = threading.Lock()
        self._drops: Counter[str] = Counter()
        self._counting_drops = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._woken = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="llm-metrics", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, span: ReadableSpan) -> None:
        """Add a span, or drop and count it."""
        if self._closed:
            self.drop("shutdown")
            return
        if len(self._spans) >= self._size:
            self.drop("queue_full")
            return
        self._spans.append(span)
        if len(self._spans) >= self._wake_at and not self._woken:
            self._woken = True
            self._wake.put(None)

    def drop(self, reason: str, n: int = 1) -> None:
        """Count `n` dropped spans under a reason of `llm_exporter_spans_dropped_total`."""
        with self._counting_drops:
            self._drops[reason] += n

    def take_drops(self) -> Counter[str]:
        """Return the dropped spans by reason since the last call."""
        with self._counting_drops:
            drops, self._drops = self._drops, Counter()
        return drops

    def flush(self, timeout_seconds: float) -> bool:
        """Have every span taken that was put before, and say whether that was done in time."""
        deadline = time.monotonic() + timeout_seconds
        if not self._taking.acquire(timeout=min(max(timeout_seconds, 0.0), threading.TIMEOUT_MAX)):
            return False
        try:
            left = len(self._spans)
            while left:
                if time.monotonic() >= deadline:
                    return False
                batch = [self._spans.popleft() for _ in range(min(left, BATCH))]
                left -= len(batch)
                self._hand_over(batch)
        finally:
            self._taking.release()
        return True

    def close(self, timeout_seconds: float) -> bool:
        """Drop what is put from now on, flush the rest and end the thread; whether that was done in time."""
        self._closed = True
        self._wake.put(None)
        deadline = time.monotonic() + timeout_seconds
        flushed = self.flush(timeout_seconds)
        self._thread.join(max(deadline - time.monotonic(), 0.0))
        return flushed and not self._thread.is_alive()

    def _hand_over(self, batch: list[ReadableSpan]) -> None:
        try:
            self._take(batch)
        except Exception as error:
            self.drop("unreadable", len(batch))
            # Only the type: a message may quote what the spans say.
            _log.error("%d spans were not counted: %s", len(batch), type(error).__name__)

    def _run(self) -> None:
        while not self._closed:
            with suppress(Empty):
                self._wake.get(timeout=INTERVAL_SECONDS)
            self._woken = False
            self.flush(threading.TIMEOUT_MAX)
