"""A scrape: time and size by number of samples, against prometheus_client's writers for the same calls."""

from __future__ import annotations

import gc
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import prometheus_client
from isal import isal_zlib
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of_prometheus_client

from bench import series
from bench.in_process import as_server, engine, straightforward
from bench.process import pinned
from bench.report import Check, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_exporter.engine import Engine
    from llm_exporter.exposition import Format

    Row = tuple[str | float, ...]

RESOURCES: Final = {10_000: 9, 100_000: 84, 500_000: 420}
"""How many of `series.requests` make about so many samples."""
_THEIRS_UP_TO: Final = 100_000
_REPEATS: Final = 5
_FORMATS: Final[tuple[tuple[str, Format, bool], ...]] = (
    ("text", "text", False),
    ("OpenMetrics", "openmetrics", False),
    ("OpenMetrics, exemplars", "openmetrics", True),
)
_NS: Final = 5
"""Place of the nanoseconds per sample in a row."""


def section(quick: bool) -> tuple[list[Table], list[Check]]:
    """Measure each size, in each format; `quick` leaves the largest out."""
    prometheus_client.disable_created_metrics()
    rows: list[Row] = []
    checks: list[Check] = []
    for size, n_resources in RESOURCES.items():
        if quick and size > _THEIRS_UP_TO:
            continue
        requests = list(series.requests(n_resources))
        theirs = _theirs(requests) if size <= _THEIRS_UP_TO else {}
        for name, form, exemplars in _FORMATS:
            row = _ours(requests, name, form, exemplars)
            their, ours = theirs.get(name, 0.0), float(row[_NS])
            rows.append((*row, their, their / ours) if their else (*row, "", ""))
            if size == _THEIRS_UP_TO and their:
                target = 15 if exemplars else 30
                checks.append(
                    Check(
                        f"scrape of 100k samples, {name}: times faster", their / ours, target, at_most=False
                    )
                )
    columns = (
        "format", "samples", "exemplars", "size MB", "ms", "ns/sample", "gzip ms", "gzip MB",
        "prometheus_client ns/sample", "times faster",
    )  # fmt: skip
    note = (
        f"CPU time of the fastest of {_REPEATS} scrapes (prometheus_client: 2), every series touched since "
        "the one before. prometheus_client is measured up to 100k samples; its time per sample does not fall "
        "with size. Gzip is ISA-L's level 1, as on /metrics."
    )
    return [Table("Scrape", columns, rows, note)], checks


def _ours(requests: Sequence[bytes], name: str, form: Format, exemplars: bool) -> Row:
    exporter = engine(exemplars=exemplars)
    for request in requests:
        exporter.traces(request, "grpc")
    exporter.exposition(form)
    with pinned(0), as_server():
        ns = min(_timed(lambda: exporter.exposition(form), lambda: _touch(exporter)) for _ in range(_REPEATS))
        chunks = exporter.exposition(form)
        zip_ns = min(_timed(lambda: _gzip(chunks)) for _ in range(_REPEATS))
    body = b"".join(chunks)
    n_samples = samples(body)
    return (
        name, n_samples, body.count(b" # {"), len(body) / 1e6, ns / 1e6, ns / n_samples,
        zip_ns / 1e6, len(_gzip(chunks)) / 1e6,
    )  # fmt: skip


def _theirs(requests: Sequence[bytes]) -> dict[str, float]:
    """Return prometheus_client's nanoseconds per sample for the same calls, by format."""
    counted = straightforward()
    for request in requests:
        counted.traces(request)
    writers: dict[str, Callable[..., bytes]] = {
        "text": prometheus_client.generate_latest,
        "OpenMetrics, exemplars": openmetrics_of_prometheus_client,
    }
    with pinned(0), as_server():
        times = {
            name: min(_timed(partial(write, counted.registry)) for _ in range(2))
            for name, write in writers.items()
        }
    n_samples = samples(prometheus_client.generate_latest(counted.registry))
    return {name: ns / n_samples for name, ns in times.items()}


def samples(body: bytes) -> int:
    """Return how many samples an exposition holds."""
    return sum(not line.startswith(b"#") for line in body.splitlines())


def _gzip(chunks: Sequence[bytes]) -> bytes:
    compressor = isal_zlib.compressobj(1, wbits=31)
    return b"".join([*map(compressor.compress, chunks), compressor.flush()])


def _timed(act: Callable[[], object], prepare: Callable[[], None] | None = None) -> int:
    if prepare is not None:
        prepare()
    gc.collect(0)
    started = time.process_time_ns()
    act()
    return time.process_time_ns() - started


def _touch(exporter: Engine) -> None:
    """Let every label set look as if it had been counted in since the last scrape."""
    now = time.monotonic()
    for group in exporter.store.distinct_groups():
        for cell in group.cells.values():
            cell.touched = now
