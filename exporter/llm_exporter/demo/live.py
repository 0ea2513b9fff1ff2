"""What the exporter says right now, as one row for each model, read from its /metrics."""

from __future__ import annotations

import math
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client.samples import Sample

MAX_SCRAPE_BYTES: Final = 64 << 20
HEADINGS: Final = ("model", "requests", "errors", "p95 s", "cost USD")


@dataclass(slots=True)
class Row:
    """One model's totals since the exporter started."""

    requests: float = 0
    errors: float = 0
    cost_usd: float = 0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Cumulative counts of request durations by upper bound in seconds."""

    @property
    def p95(self) -> float:
        """95th percentile of the request duration in seconds; NaN before the first request."""
        return quantile(0.95, self.buckets)

    def cells(self, model: str) -> tuple[str, ...]:
        """The row as text, in the order of `HEADINGS`."""
        p95 = "" if math.isnan(self.p95) else f"{self.p95:.2f}"
        return (model, f"{self.requests:.0f}", f"{self.errors:.0f}", p95, f"{self.cost_usd:.6f}")


def scrape(metrics_url: str) -> str:
    """The exposition text at `metrics_url`; OSError when it cannot be had."""
    request = urllib.request.Request(metrics_url, headers={"Accept": "text/plain"})  # noqa: S310 - http, ours
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
        body: bytes = response.read(MAX_SCRAPE_BYTES)
    return body.decode()


def read_rows(exposition: str) -> dict[str, Row]:
    """One row for each model, summed over all other labels."""
    rows: dict[str, Row] = defaultdict(Row)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            _add(rows, sample)
    return dict(sorted(rows.items()))


def total(rows: Mapping[str, Row]) -> Row:
    """All rows as one."""
    result = Row()
    for row in rows.values():
        result.requests += row.requests
        result.errors += row.errors
        result.cost_usd += row.cost_usd
        for bound, count in row.buckets.items():
            result.buckets[bound] += count
    return result


def quantile(q: float, buckets: Mapping[float, float]) -> float:
    """The q-quantile of cumulative buckets, linear inside a bucket, like PromQL's."""
    bounds = sorted(buckets)
    if len(bounds) < 2 or not buckets[bounds[-1]]:
        return math.nan
    rank = q * buckets[bounds[-1]]
    index = next(i for i, bound in enumerate(bounds) if buckets[bound] >= rank)
    if math.isinf(bounds[index]):
        return bounds[index - 1]
    lower, below = (bounds[index - 1], buckets[bounds[index - 1]]) if index else (0.0, 0.0)
    return lower + (bounds[index] - lower) * (rank - below) / (buckets[bounds[index]] - below)


def _add(rows: dict[str, Row], sample: Sample) -> None:
    model = sample.labels.get("model", "")
    match sample.name:
        case "llm_requests_total":
            rows[model].requests += sample.value
            if sample.labels["status"] == "error":
                rows[model].errors += sample.value
        case "llm_cost_usd_total":
            rows[model].cost_usd += sample.value
        case "llm_request_duration_seconds_bucket":
            rows[model].buckets[float(sample.labels["le"])] += sample.value
