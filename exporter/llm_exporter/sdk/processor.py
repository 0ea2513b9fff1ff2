"""LLMMetrics: what an application adds to its tracer provider."""

from __future__ import annotations

import logging
import os
import time
import weakref
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace import SpanProcessor
from prometheus_client import REGISTRY

from llm_exporter import catalogue as c
from llm_exporter.engine import Engine
from llm_exporter.families import declared, families
from llm_exporter.sdk.counting import SpanCounter
from llm_exporter.sdk.queue import SpanQueue
from llm_exporter.settings import Pricing, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from prometheus_client import CollectorRegistry, Metric

    from llm_exporter.settings import Settings

SCRAPE_FLUSH_SECONDS: Final = 0.2
"""How long a scrape may wait for spans that have ended and are not counted yet."""
SHUTDOWN_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)


class LLMMetrics(SpanProcessor):
    """Counts the spans of a tracer provider as `llm_*` metrics, shown in a prometheus_client registry.

    It is a span processor and a collector in one. Ended, sampled spans wait in a queue for a thread of its
    own, so that the application pays for an append. A forked child begins with empty metrics: its parent
    counts what was before. `shutdown` takes the metrics out of the registry, as OpenTelemetry's own reader
    does.

    Args:
        settings: What `llm_exporter.settings.load` returns; without them the defaults, the file that
            LLM_EXPORTER_CONFIG names and the LLM_EXPORTER_ variables hold. What concerns listening,
            receiving and the log has no meaning here.
        registry: Where the metrics are shown; None is nowhere, for those who call `collect` themselves.
        max_queue_size: Most spans waiting to be counted; further ones are dropped and counted as such.

    Raises:
        SettingsError: the configuration is wrong; it names every problem.
        ValueError: `max_queue_size` is not positive, or the registry already has metrics of these names.
        OSError: a file that the settings name cannot be read.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        registry: CollectorRegistry | None = REGISTRY,
        max_queue_size: int = 8192,
    ) -> None:
        if max_queue_size < 1:
            raise ValueError(f"max_queue_size is {max_queue_size}, it must be 1 or more")
        self._settings = load(None, os.environ, {}) if settings is None else settings
        self._max_queue_size = max_queue_size
        self._engine = Engine(self._settings)
        self._registry = registry
        self._start()
        if registry is not None:
            try:
                registry.register(self)
            except ValueError:
                self._queue.close(0)
                raise
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
            begin_anew = weakref.WeakMethod(self._begin_anew)
            os.register_at_fork(after_in_child=lambda: (method := begin_anew()) and method())

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended. Spans that are not sampled are left out, as the SDK's processors do."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._queue.put(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Count every span that has ended by now, and say whether that was done within `timeout_millis`."""
        return self._queue.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Count what has ended, end the thread, leave the registry. Spans that end later are dropped."""
        self._queue.close(SHUTDOWN_SECONDS)
        if self._registry is not None:
            with suppress(KeyError):  # out of it already
                self._registry.unregister(self)

    def describe(self) -> Iterator[Metric]:
        """Yield the families without samples, by which a registry finds names that are taken."""
        return declared(self._engine.store)

    def collect(self) -> Iterator[Metric]:
        """Yield the families of a scrape, after counting what has ended by now."""
        self._queue.flush(SCRAPE_FLUSH_SECONDS)
        engine, store = self._engine, self._engine.store
        engine.sweep()
        with store.lock:
            for reason, n in self._queue.take_drops().items():
                store.add(c.EXPORTER_SPANS_DROPPED, (), reason, by=n)
        engine.refresh()
        yield from families(store, time.monotonic())

    def _start(self) -> None:
        metric, store = c.EXPORTER_SPANS_DROPPED, self._engine.store
        store.cell(metric, ()).want(store.groups[metric.name].instrument(metric, "queue_full"))
        counter = SpanCounter(self._engine, lambda n: self._queue.drop("unreadable", n))
        self._queue = SpanQueue(counter.count, self._max_queue_size)

    def _begin_anew(self) -> None:
        """Replace everything in a forked child: the threads are gone, and any lock may have gone too."""
        if self._queue.closed:
            return
        try:
            self._engine = Engine(self._settings)
            self._start()
        except (OSError, ValueError) as error:
            # Such as a prices file that the child may not read any more: better no dollars than wrong ones.
            _log.error("this forked process counts no LLM spans: %s", error)
            self._engine = Engine(replace(self._settings, pricing=Pricing()))
            self._start()
            self._queue.close(0)
