"""The span processor in the life of an application: load, threads, shutdown, faults, forks."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from prometheus_client import CollectorRegistry

from llm_exporter.engine import Engine
from llm_exporter.sdk import LLMMetrics, counting
from llm_exporter.sdk.queue import BATCH, SpanQueue
from llm_exporter.settings import SettingsError

from .conftest import samples, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from .conftest import Application

WAIT_SECONDS = 30.0
DROPPED = "llm_exporter_spans_dropped_total"


class Gate:
    """An encoder of spans that waits until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.threads: list[str] = []

    def encode(self, spans: Sequence[ReadableSpan]) -> Any:
        """Encode the spans once the gate is open."""
        self.threads.append(threading.current_thread().name)
        self.reached.set()
        assert self.opened.wait(WAIT_SECONDS)
        return encode_spans(spans)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Have everything that is counted wait at a gate, which is open at the end."""
    made = Gate()
    monkeypatch.setattr(counting, "encode_spans", made.encode)
    yield made
    made.opened.set()


def together(*work: Callable[[], object]) -> None:
    """Run each piece of work in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=piece) for piece in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()


def counting_threads() -> set[threading.Thread]:
    """The threads of all applications' metrics that run now."""
    return {thread for thread in threading.enumerate() if thread.name == "llm-metrics"}


def test_spans_beyond_the_queue_are_dropped_and_counted(
    application: Callable[..., Application], gate: Gate
) -> None:
    """With room for 5 spans and nothing moving on, 9 more calls leave 5 to count and 4 dropped."""
    app = application(max_queue_size=5)
    app.call()
    flushing = threading.Thread(target=app.metrics.force_flush)
    flushing.start()
    assert gate.reached.wait(WAIT_SECONDS)
    app.call(9)
    gate.opened.set()
    flushing.join(WAIT_SECONDS)
    assert app.total("llm_requests_total") == 6
    assert app.total(DROPPED, reason="queue_full") == 4
    assert app.total(DROPPED) == 4


def test_nobody_waits_longer_than_asked(application: Callable[..., Application], gate: Gate) -> None:
    """While counting is stuck, a flush says so after its timeout and a scrape shows what there is."""
    app = application()
    app.call()
    assert not app.metrics.force_flush(0)
    flushing = threading.Thread(target=app.metrics.force_flush)
    flushing.start()
    assert gate.reached.wait(WAIT_SECONDS)
    assert not app.metrics.force_flush(1)
    assert app.total("llm_exporter_spans_total", outcome="call") == 0
    gate.opened.set()
    flushing.join(WAIT_SECONDS)
    assert app.metrics.force_flush()
    assert app.total("llm_exporter_spans_total", outcome="call") == 1


def test_the_thread_counts_without_being_asked(application: Callable[..., Application], gate: Gate) -> None:
    """A batch of spans is counted by the thread of its own, though nobody scrapes or flushes."""
    gate.opened.set()
    app = application()
    app.call(BATCH)
    assert gate.reached.wait(WAIT_SECONDS)
    assert gate.threads[0] == "llm-metrics"


def test_threads_that_call_flush_and_scrape_at_once_lose_nothing(
    application: Callable[..., Application],
) -> None:
    """Calls of eight threads, each flushing now and then beside scrapes, add up exactly."""
    app = application()

    def calls() -> None:
        for _ in range(10):
            app.call(20)
            assert app.metrics.force_flush()

    together(*[calls] * 8, *[lambda: [app.shown() for _ in range(3)]] * 2)
    assert app.total("llm_requests_total") == 1600
    assert app.total("llm_tokens_total", token_type="input") == 1600 * 1200  # noqa: S106
    assert app.total(DROPPED) == 0


def test_what_is_not_sampled_is_not_counted(application: Callable[..., Application]) -> None:
    """Spans that are not sampled, recorded or not, are left out as BatchSpanProcessor does."""

    class RecordOnly(Sampler):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

        def get_description(self) -> str:
            return "record only"

    app = application()
    app.call(2)
    for sampler in (RecordOnly(), ALWAYS_OFF):
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(app.metrics)
        provider.get_tracer("x").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    assert app.total("llm_exporter_spans_total") == 2


def test_a_span_that_cannot_be_encoded_costs_only_itself(application: Callable[..., Application]) -> None:
    """A name that is no text (a lone surrogate) drops its span; the others of the batch are counted."""
    app = application()
    app.call(2)
    app.tracer.start_span("\ud800", attributes={"gen_ai.operation.name": "chat"}).end()
    app.call(3)
    assert app.total("llm_requests_total") == 5
    assert app.total(DROPPED, reason="unreadable") == 1


def test_a_fault_stays_inside_and_tells_no_content(
    application: Callable[..., Application], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When counting fails the application goes on; the log has the kind of fault but not its message."""

    def fail(*_: object) -> None:
        raise KeyError("what a prompt said")

    app = application()
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(Engine, "traces", fail)
        app.call(2)
        assert app.metrics.force_flush()
    assert "2 spans were not counted: KeyError" in caplog.text
    assert "prompt" not in caplog.text
    app.call()
    assert app.total(DROPPED, reason="unreadable") == 2
    assert app.total("llm_requests_total") == 1


def test_shutdown_counts_the_rest_and_may_be_repeated(application: Callable[..., Application]) -> None:
    """Shutdown counts what has ended and ends the thread; again it does nothing, later spans are dropped."""
    threads = counting_threads()
    app = application()
    app.call(3)
    together(app.provider.shutdown, app.metrics.shutdown, app.metrics.shutdown)
    app.metrics.shutdown()
    assert counting_threads() == threads
    assert not app.shown()
    (ended, *_) = app.memory.get_finished_spans()
    app.metrics.on_end(ended)
    assert app.metrics.force_flush()
    last = samples(app.metrics.collect())
    assert last["llm_exporter_spans_total", (("outcome", "call"),)] == 3
    assert last[DROPPED, (("reason", "shutdown"),)] == 1


def test_a_span_may_end_in_the_middle_of_counting(application: Callable[..., Application]) -> None:
    """A finaliser that ends a span on the counting thread, the queue being full, does not lock it up."""
    app = application()
    app.call()
    (span,) = app.memory.get_finished_spans()
    taken = []

    def take(batch: list[ReadableSpan]) -> None:
        taken.extend(batch)
        if len(taken) < 3:
            queue.put(span)
            queue.put(span)

    queue = SpanQueue(take, size=1)
    queue.put(span)
    while queue.flush(WAIT_SECONDS) and len(taken) < 3:
        pass
    assert queue.close(WAIT_SECONDS)
    assert len(taken) == 3
    assert queue.take_drops() == {"queue_full": 2}


@pytest.mark.parametrize("size", [0, -1])
def test_a_queue_without_room_is_refused(size: int) -> None:
    """A queue size that lets nothing through is refused, with the value and what is allowed."""
    with pytest.raises(ValueError, match=f"max_queue_size is {size}, it must be 1 or more"):
        LLMMetrics(settings(), registry=None, max_queue_size=size)


def test_a_second_one_on_a_registry_leaves_no_thread(application: Callable[..., Application]) -> None:
    """The registry refuses the same names twice; the first one goes on, of the second nothing remains."""
    app = application()
    threads = counting_threads()
    with pytest.raises(ValueError, match="llm_requests_total"):
        LLMMetrics(settings(), registry=app.registry)
    app.call()
    assert app.total("llm_requests_total") == 1
    for thread in counting_threads() - threads:
        thread.join(WAIT_SECONDS)
    assert counting_threads() == threads


def test_a_bad_configuration_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that LLM_EXPORTER_CONFIG names is read; when it is wrong no thread and no collector remain."""
    file = tmp_path / "llm-exporter.yaml"
    file.write_text("exposition: {exemplar: true}\n")
    monkeypatch.setenv("LLM_EXPORTER_CONFIG", str(file))
    threads, registry = counting_threads(), CollectorRegistry()
    with pytest.raises(SettingsError, match="exemplar"):
        LLMMetrics(registry=registry)
    assert counting_threads() == threads
    assert not list(registry.collect())


def run_application(name: str) -> dict[str, Any]:
    """Run one of the programs beside this file and return what it says, as JSON."""
    program = Path(__file__).parent / "applications" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_forked_child_counts_its_own_spans_only() -> None:
    """A child forked in the midst of counting counts its 2 calls, and its parent 3.

    It counts none, but goes on, when it cannot read its prices; and nothing starts again after a shutdown.
    """
    said = run_application("forking")
    assert said == {"threads_after_shutdown": 0, "child": 2, "parent": 3, "without_prices": [0, 1]}


def test_equals_the_books_of_a_provider() -> None:
    """Under a real instrumentation package the metrics have each request and token that were served."""
    pytest.importorskip("openai", reason="the demo extra is not installed")
    said = run_application("instrumented")
    assert said["shown"] == said["served"]
    assert said["served"]["requests"] > 20
