"""Memory: bytes a sample, and whether it stays flat beyond the caps. Each figure is of a fresh process.

`python -m bench.memory KIND` measures one: it reads requests from standard input, each after 8 bytes that say
its length, so that making them leaves no trace in its memory, and prints what it found as JSON.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import prometheus_client

from bench import novel, series, waiting
from bench.clock import told_time
from bench.in_process import engine, straightforward
from bench.process import rss_bytes
from bench.report import Check, Table
from bench.scrape import RESOURCES, samples
from llm_exporter.engine import Engine
from llm_exporter.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.report import Value

_FEW_BINDINGS: Final = 16
_FEW_TASKS: Final = {"max_open": 16, "max_conversations": 16}
"""So that series are measured, and not remembered combinations and open traces, which are bounded by themselves."""
_SPANS_AT_CAPS: Final = 40 * novel.SPANS
_NOVEL_REQUESTS: Final = 240
_SOME: Final = 1000
_OPEN_TRACES: Final = 50_000
_FEW_OPEN_TRACES: Final = 2_000
"""Opened before, to have what is common to all traces remembered."""
_SECONDS_PER_REQUEST: Final = 0.25
"""So that spans are held for 10 seconds, as is the default, and most of the traces are at rest in the end."""
N_RESOURCES: Final = RESOURCES[100_000]
_TIMEOUT_SECONDS: Final = 180.0


def section(quick: bool) -> tuple[list[Table], list[Check]]:
    """Measure memory per sample, and growth beyond the caps."""
    kinds = {
        "llm-exporter": "plain",
        "llm-exporter, exemplars": "exemplars",
        "prometheus_client": "theirs-plain",
        "prometheus_client, exemplars": "theirs-exemplars",
    }
    requests = [*series.requests(N_RESOURCES, spread=False), *series.requests(N_RESOURCES)]
    found = {name: _measured(kind, requests) for name, kind in kinds.items()}
    rows: list[tuple[Value, ...]] = [
        (name, m["samples"], m["grown"] / 1e6, m["grown"] / m["samples"]) for name, m in found.items()
    ]
    per_sample = Table("Memory", ("holding", "samples", "RSS growth MB", "B/sample"), rows)
    n_requests = _NOVEL_REQUESTS // 3 if quick else _NOVEL_REQUESTS
    flat = _measured("novel", novel.requests(n_requests))
    caps = Table(
        "Memory when nearly every label value is new",
        ("after spans", "label sets", "RSS MB"),
        [
            (flat["spans_at_caps"], flat["sets_at_caps"], flat["rss_at_caps"] / 1e6),
            (flat["spans"], flat["sets"], flat["rss"] / 1e6),
        ],
        "Ten times as many distinct services, models, tools, agents and so on as their caps allow, "
        f"with at most {_SOME:,} label sets to a group of metrics and {_SOME:,} remembered combinations.",
    )
    held_open, open_checks = _open_traces(quick)
    ours, with_exemplars = rows[0][3], rows[1][3]
    checks = [
        Check("memory, bytes a sample", float(ours), 30),
        Check("memory, bytes a sample with exemplars", float(with_exemplars), 90),
        Check("memory after 10 times the caps, of that at the caps", flat["rss"] / flat["rss_at_caps"], 1.05),
    ]
    return [per_sample, caps, held_open], [*checks, *open_checks]


def _open_traces(quick: bool) -> tuple[Table, list[Check]]:
    """Measure what an open trace takes while it may end any moment, and while it waits for a root for long."""
    n = _OPEN_TRACES // 5 if quick else _OPEN_TRACES
    rows: list[tuple[Value, ...]] = []
    for name, kind in (("about to be over", "traces-fresh"), ("at rest, without a root", "traces-rest")):
        rooted = kind == "traces-fresh"
        requests = [
            *waiting.requests(_FEW_OPEN_TRACES, rooted=rooted, seed=1),
            *waiting.requests(n, rooted=rooted),
        ]
        found = _measured(kind, requests)
        rows.append((name, found["open"], found["grown"] / 1e6, found["grown"] / found["open"]))
    table = Table(
        "Memory of open traces",
        ("trace", "open", "RSS growth MB", "B/trace"),
        rows,
        f"{waiting.SPANS} LLM spans each.",
    )
    checks = [
        Check(f"memory, bytes an open trace {name}", float(size), 1024)
        for (name, _, _, size) in rows
        if isinstance(size, float)
    ]
    return table, checks


def _measured(kind: str, requests: Iterable[bytes]) -> dict[str, int]:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bench.memory", kind],
        input=b"".join(len(request).to_bytes(8) + request for request in requests),
        stdout=subprocess.PIPE,
        check=True,
        timeout=_TIMEOUT_SECONDS,
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def _received() -> Iterator[bytes]:
    while head := sys.stdin.buffer.read(8):
        yield sys.stdin.buffer.read(int.from_bytes(head))


def _fill(kind: str) -> dict[str, int]:
    exemplars = kind.endswith("exemplars")
    ours = engine(exemplars=exemplars, tasks=_FEW_TASKS, bindings=_FEW_BINDINGS)
    theirs = straightforward(exemplars=exemplars)
    requests = _received()

    def take(request: bytes) -> None:
        if kind.startswith("theirs"):
            theirs.traces(request)
        else:
            ours.traces(request, "grpc")

    def exposed() -> int:
        if kind.startswith("theirs"):
            return samples(prometheus_client.generate_latest(theirs.registry))
        return samples(b"".join(ours.exposition("text")))

    # The same calls under one service first: what is remembered of token counts is bounded by itself too.
    for request in islice(requests, N_RESOURCES):
        take(request)
    exposed_before = exposed()
    gc.collect()
    before = rss_bytes()
    for request in requests:
        take(request)
    ours.refresh()
    for _ in range(2):
        with ours.store.lock:
            ours.store.promote(time.monotonic())
    gc.collect()
    grown = rss_bytes() - before
    return {"grown": grown, "samples": exposed() - exposed_before}


def _beyond_caps() -> dict[str, int]:
    """Look at the memory when the caps have been reached, and in the end."""
    exporter = engine(tasks=_FEW_TASKS, bindings=_SOME, series_per_metric_group=_SOME)
    found: dict[str, int] = {}
    spans = 0
    for request in _received():
        exporter.traces(request, "grpc")
        spans += novel.SPANS
        sets = sum(len(group.cells) for group in exporter.store.distinct_groups())
        found |= {"spans": spans, "sets": sets}
        if spans == _SPANS_AT_CAPS:
            found |= {
                "spans_at_caps": spans,
                "sets_at_caps": sets,
                "rss_at_caps": _rss_after_scrape(exporter),
            }
    return found | {"rss": _rss_after_scrape(exporter)}


def _traces_open(*, rooted: bool) -> dict[str, int]:
    """Hold traces open, and look at the memory that they take.

    With a root they are closed a while later, so time stands still; without one they come to rest as time goes on.
    """
    settings = load(None, {}, {})
    tasks = replace(settings.tasks, max_open=2 * _OPEN_TRACES, max_spans=2 * _OPEN_TRACES * waiting.SPANS)
    exporter = Engine(replace(settings, tasks=tasks))
    traces = exporter.pipeline.assembly.traces
    before: tuple[int, int] | None = None
    with told_time() as clock:
        for request in _received():
            if before is None and len(traces) >= _FEW_OPEN_TRACES:
                exporter.refresh()
                gc.collect()
                before = len(traces), rss_bytes()
            exporter.pipeline.traces(request)
            if not rooted:
                clock.advance(_SECONDS_PER_REQUEST)
        exporter.refresh()
        gc.collect()
        n_before, rss_before = before or (0, 0)
        return {"open": len(traces) - n_before, "grown": rss_bytes() - rss_before}


def _rss_after_scrape(exporter: Engine) -> int:
    exporter.exposition("openmetrics")
    gc.collect()
    return rss_bytes()


if __name__ == "__main__":
    prometheus_client.disable_created_metrics()
    what = sys.argv[1]
    if what.startswith("traces"):
        print(json.dumps(_traces_open(rooted=what == "traces-fresh")))
    else:
        print(json.dumps(_beyond_caps() if what == "novel" else _fill(what)))
