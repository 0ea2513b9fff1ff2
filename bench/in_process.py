"""From the bytes of a request to updated metrics, in one pinned process.

Three ways: stock parsing alone, the exporter, the straightforward way. Every batch is given to all three one
after the other, so that what else the machine does hits them alike; all of it is repeated with fresh objects.
Caches are warm from the first half of the batches, and what is measured was never seen before. The exporter
collects calls and counts many at once, at the latest when someone scrapes: each batch bears its share of that.
What it describes for /debug/spans is left out: so many a second at most, those would weigh more the slower we are.
The exporter's clock goes on by half a second with each batch, so that the batches also bear what comes of those
before them: traces that are over are closed as tasks, about as many at a time as begin.
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import corpus
from bench.clock import told_time
from bench.process import pinned
from bench.report import Check, Table
from bench.straightforward import Straightforward, price_list
from llm_exporter.engine import Engine
from llm_exporter.pricing import PriceBook
from llm_exporter.receive.malloc import keep_large_buffers
from llm_exporter.settings import load
from llm_exporter.settings.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.clock import Clock
    from bench.corpus import Corpus

STOCK: Final = "stock ParseFromString"
OURS: Final = "llm-exporter"
NAIVE: Final = "straightforward"
WARMING: Final = 2
"""One in so many batches warms the caches."""
SECONDS_PER_BATCH: Final = 0.5
NO_SIGNALS: Final = Signals(**{field.name: False for field in fields(Signals) if field.type is bool})


@dataclass(frozen=True, slots=True)
class Times:
    """CPU nanoseconds per way, repetition and batch."""

    of: Mapping[str, Sequence[Sequence[int]]]

    def per_span(self, way: str) -> float:
        """Return the nanoseconds a span takes: of the median repetition."""
        return median(sum(batches) / len(batches) for batches in self.of[way]) / corpus.BATCH

    def ratio(self, way: str, to: str) -> float:
        """Return the median, over all batches, of one way's time as a multiple of another's."""
        pairs = zip(self.of[way], self.of[to], strict=True)
        return float(median(a / b for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True)))

    def best_ratio(self, way: str, to: str) -> float:
        """Return the same of the sums of each batch's fastest repetition."""
        a, b = (sum(map(min, zip(*self.of[name], strict=True))) for name in (way, to))
        return float(a / b)


@contextmanager
def as_server() -> Iterator[None]:
    """Set the allocator, for good, and the garbage collector as `llm-exporter serve` sets them."""
    keep_large_buffers()
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def engine(
    *, exemplars: bool = True, signals: bool = False, tasks: Mapping[str, int] | None = None, **limits: int
) -> Engine:
    """Return the exporter without its listeners: the defaults, but no first-sample hold, and `tasks` and `limits`.

    `signals` are those that read what was asked and answered.
    """
    settings = load(None, {}, {})
    changed = {
        "signals": settings.signals if signals else NO_SIGNALS,
        "exposition": replace(settings.exposition, first_sample_hold_seconds=0.0, exemplars=exemplars),
        "tasks": replace(settings.tasks, **(tasks or {})),
        "limits": replace(settings.limits, **limits),
    }
    return Engine(replace(settings, **changed))


def straightforward(*, exemplars: bool = True) -> Straightforward:
    """Return the straightforward way with today's prices of the bench's models."""
    prices = PriceBook(load(None, {}, {}).pricing.for_price_book())
    return Straightforward(price_list(prices, corpus.START_NS), exemplars=exemplars)


def measure(
    requests: Corpus, repeats: int, *, with_straightforward: bool = True, signals: bool = False
) -> Times:
    """Time every batch after the first half, `repeats` times."""
    times: dict[str, list[list[int]]] = {STOCK: [], OURS: []}
    if with_straightforward:
        times[NAIVE] = []
    n_warm = len(requests.batches) // WARMING
    for _ in range(repeats):
        with told_time() as clock:
            for name, taken in _one_run(requests, n_warm, clock, with_straightforward, signals).items():
                times[name].append(taken)
    return Times(times)


def _one_run(
    requests: Corpus, n_warm: int, clock: Clock, with_straightforward: bool, signals: bool
) -> dict[str, list[int]]:
    exporter = engine(signals=signals)
    ways: dict[str, Callable[[bytes], object]] = {
        STOCK: ExportTraceServiceRequest.FromString,
        OURS: exporter.pipeline.traces,
    }
    if with_straightforward:
        ways[NAIVE] = straightforward().traces
    for batch in requests.batches[:n_warm]:
        clock.advance(SECONDS_PER_BATCH)
        for way in ways.values():
            way(batch)
    _collect_ns(exporter)
    run: dict[str, list[int]] = {name: [] for name in ways}
    with pinned(0), as_server():
        for batch in requests.batches[n_warm:]:
            clock.advance(SECONDS_PER_BATCH)
            for name, way in ways.items():
                started = time.process_time_ns()
                way(batch)
                run[name].append(time.process_time_ns() - started)
        share = _collect_ns(exporter) // len(run[OURS])
    run[OURS] = [taken + share for taken in run[OURS]]
    return run


def _collect_ns(exporter: Engine) -> int:
    """Count what the exporter has collected, as a scrape does; return the CPU time that took."""
    started = time.process_time_ns()
    with exporter.store.lock:
        exporter.pipeline.collect()
    return time.process_time_ns() - started


def section(quick: bool) -> tuple[list[Table], list[Check], Corpus]:
    """Measure every corpus. The one with 40 % LLM spans is returned for further use."""
    n_batches, repeats = (48, 2) if quick else (240, 3)
    rows, checks = [], []
    for share in (0.05, 0.4, 1.0):
        requests = corpus.build(share, n_batches)
        times = measure(requests, repeats)
        rows.append(_row(requests, times))
        if share == 0.4:
            kept = requests
            checks = [
                Check(
                    "in process, 40 % LLM: CPU, in times of stock ParseFromString",
                    times.ratio(OURS, STOCK),
                    7,
                ),
                Check(
                    "in process, 40 % LLM: times faster than straightforward",
                    times.ratio(NAIVE, OURS),
                    6,
                    at_most=False,
                ),
            ]
    note = (
        f"{n_batches} batches of {corpus.BATCH} spans, half to warm up, the others unseen; "
        f"{repeats} repetitions."
    )
    columns = (
        "corpus", "B/span", "stock ns/span", "ours ns/span", "straightforward ns/span", "ours spans/s/core",
        "ours / stock", "(of minima)", "straightforward / ours", "(of minima)",
    )  # fmt: skip
    shares = Table("In process, by share of LLM spans", columns, rows, note)
    return [shares, _dialects(n_batches, 1 if quick else repeats), _signals(kept, repeats)], checks, kept


def _signals(requests: Corpus, repeats: int) -> Table:
    off, on = (measure(requests, repeats, with_straightforward=False, signals=said) for said in (False, True))
    rows: list[tuple[str | float, ...]] = [
        (name, times.per_span(OURS), times.ratio(OURS, STOCK), times.best_ratio(OURS, STOCK))
        for name, times in (("off", off), ("all on", on))
    ]
    note = (
        f"{requests.name}; 35 % of the calls carry texts. Clocks go on as above, so that samples are taken."
    )
    return Table(
        "In process, with signals", ("signals", "ours ns/span", "ours / stock", "(of minima)"), rows, note
    )


def _row(requests: Corpus, times: Times) -> tuple[str | float, ...]:
    ours = times.per_span(OURS)
    return (
        requests.name, requests.bytes_per_span,
        times.per_span(STOCK), ours, times.per_span(NAIVE), 1e9 / ours,
        times.ratio(OURS, STOCK), times.best_ratio(OURS, STOCK),
        times.ratio(NAIVE, OURS), times.best_ratio(NAIVE, OURS),
    )  # fmt: skip


def _dialects(n_batches: int, repeats: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for dialect in ("openinference", "openllmetry", "vercel_ai"):
        requests = corpus.build(1.0, n_batches, dialect)
        times = measure(requests, repeats, with_straightforward=False)
        ours = times.per_span(OURS)
        ratios = (times.ratio(OURS, STOCK), times.best_ratio(OURS, STOCK))
        rows.append(
            (requests.name, requests.bytes_per_span, times.per_span(STOCK), ours, 1e9 / ours, *ratios)
        )
    columns = (
        "corpus",
        "B/span",
        "stock ns/span",
        "ours ns/span",
        "ours spans/s/core",
        "ours / stock",
        "(of minima)",
    )
    return Table("In process, by dialect", columns, rows)
