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
from itertools import islice
from typing import TYPE_CHECKING, Final

import prometheus_client

from bench import novel, series
from bench.in_process import engine, straightforward
from bench.process import rss_bytes
from bench.report import Check, Table
from bench.scrape import RESOURCES, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.report import Value
    from llm_exporter.engine import Engine

_FEW_BINDINGS: Final = 16
"""So that series are measured, and not the table of remembered combinations, which is bounded by itself."""
_SPANS_AT_CAPS: Final = 40 * novel.SPANS
_NOVEL_REQUESTS: Final = 240
_SOME: Final = 1000
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
    ours, with_exemplars = rows[0][3], rows[1][3]
    checks = [
        Check("memory, bytes a sample", float(ours), 30),
        Check("memory, bytes a sample with exemplars", float(with_exemplars), 90),
        Check("memory after 10 times the caps, of that at the caps", flat["rss"] / flat["rss_at_caps"], 1.05),
    ]
    return [per_sample, caps], checks


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
    ours = engine(exemplars=exemplars, bindings=_FEW_BINDINGS)
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
    for _ in range(2):
        with ours.store.lock:
            ours.store.promote(time.monotonic())
    gc.collect()
    grown = rss_bytes() - before
    return {"grown": grown, "samples": exposed() - exposed_before}


def _beyond_caps() -> dict[str, int]:
    """Look at the memory when the caps have been reached, and in the end."""
    exporter = engine(bindings=_SOME, series_per_metric_group=_SOME)
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


def _rss_after_scrape(exporter: Engine) -> int:
    exporter.exposition("openmetrics")
    gc.collect()
    return rss_bytes()


if __name__ == "__main__":
    prometheus_client.disable_created_metrics()
    print(json.dumps(_beyond_caps() if sys.argv[1] == "novel" else _fill(sys.argv[1])))
