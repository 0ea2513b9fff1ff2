"""An application that forks while a thread counts; it prints what parent and children show, as JSON."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from llm_exporter.sdk import LLMMetrics, counting
from llm_exporter.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
NO_HOLD = replace(Settings(), exposition=replace(Settings().exposition, first_sample_hold_seconds=0.0))


class Application:
    """LLMMetrics on a registry and a provider of its own."""

    def __init__(self, settings: Settings = NO_HOLD) -> None:
        self.registry = CollectorRegistry()
        self.metrics = LLMMetrics(settings, registry=self.registry)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.metrics)

    def call(self, n: int) -> None:
        """End `n` spans of calls."""
        for _ in range(n):
            self.provider.get_tracer("app").start_span("chat", attributes=CALL).end()

    def value(self, name: str, **labels: str) -> int:
        """A sample as a scrape shows it, 0 where there is none."""
        return int(self.registry.get_sample_value(name, labels) or 0)

    def calls(self) -> int:
        """Calls counted."""
        return self.value("llm_exporter_spans_total", outcome="call")


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(work()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result = json.load(pipe)
    os.waitpid(child, 0)
    return result


def forked_while_counting() -> dict[str, int]:
    """Fork while the counting is stuck half-way and the store is locked: the child waits for neither."""
    app, stuck, go_on = Application(), threading.Event(), threading.Event()
    parent = os.getpid()

    def encode(spans: Any) -> Any:
        if os.getpid() == parent:
            stuck.set()
            go_on.wait()
        return encode_spans(spans)

    def child() -> int:
        app.call(2)
        return app.calls()

    counting.encode_spans = encode
    app.call(3)
    flushing = threading.Thread(target=app.metrics.force_flush)
    flushing.start()
    stuck.wait()
    with app.metrics._engine.store.lock:
        childs = in_child(child)
    go_on.set()
    flushing.join()
    return {"child": childs, "parent": app.calls()}


def forked_without_its_prices() -> list[int]:
    """The prices file is gone when the child wants it: calls counted, and dropped."""
    with tempfile.TemporaryDirectory() as directory:
        prices = Path(directory, "prices.yaml")
        prices.write_text("models: [{model: gpt-4o, prices: [{input: 1, output: 2}]}]")
        app = Application(replace(NO_HOLD, pricing=replace(NO_HOLD.pricing, prices_file=prices)))

    def child() -> list[int]:
        app.call(1)
        return [app.calls(), app.value("llm_exporter_spans_dropped_total", reason="shutdown")]

    return in_child(child)


def forked_after_shutdown() -> int:
    """Threads that a child of an application that was shut down has of its own."""
    app = Application()
    app.provider.shutdown()
    return in_child(lambda: threading.active_count() - 1)


if __name__ == "__main__":
    said = {
        "threads_after_shutdown": forked_after_shutdown(),
        **forked_while_counting(),
        "without_prices": forked_without_its_prices(),
    }
    print(json.dumps(said))
