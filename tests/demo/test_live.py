"""The demo's table shows what /metrics says."""

from __future__ import annotations

import math

import pytest

from llm_exporter.demo.live import quantile, read_rows, total
from llm_exporter.demo.screen import plain_table

EXPOSITION = """\
# TYPE llm_requests_total counter
llm_requests_total{model="gpt-4o",status="ok",feature="chat"} 8
llm_requests_total{model="gpt-4o",status="ok",feature="search"} 1
llm_requests_total{model="gpt-4o",status="error",feature="chat"} 1
llm_requests_total{model="o4-mini",status="ok",feature="chat"} 2
# TYPE llm_cost_usd_total counter
llm_cost_usd_total{model="gpt-4o",source="computed"} 0.5
# TYPE llm_request_duration_seconds histogram
llm_request_duration_seconds_bucket{model="gpt-4o",le="1.0"} 5
llm_request_duration_seconds_bucket{model="gpt-4o",le="2.0"} 10
llm_request_duration_seconds_bucket{model="gpt-4o",le="+Inf"} 10
"""


def test_rows_are_sums_by_model() -> None:
    """Requests, errors and cost add up over all other labels; the total adds up over models."""
    rows = read_rows(EXPOSITION)
    assert [(name, row.requests, row.errors, row.cost_usd) for name, row in rows.items()] == [
        ("gpt-4o", 10, 1, 0.5),
        ("o4-mini", 2, 0, 0),
    ]
    assert total(rows).requests == 12
    assert rows["gpt-4o"].p95 == pytest.approx(1.9, abs=1e-12)


def test_plain_table_is_aligned() -> None:
    """Every line of the plain table is equally long; a model without durations has no percentile."""
    lines = plain_table(read_rows(EXPOSITION)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["o4-mini", "2", "0", "0.000000"]


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ({1.0: 0, 2.0: 100, math.inf: 100}, 1.95),
        ({1.0: 100, math.inf: 100}, 0.95),
        ({1.0: 50, 2.0: 50, math.inf: 100}, 2.0),
    ],
)
def test_quantile_is_promqls(buckets: dict[float, float], expected: float) -> None:
    """Linear inside a bucket, from 0 in the first one, the last finite bound in the open one."""
    assert quantile(0.95, buckets) == pytest.approx(expected, abs=1e-12)


def test_quantile_of_nothing_is_nan() -> None:
    """Without observations there is no quantile."""
    assert math.isnan(quantile(0.95, {}))
    assert math.isnan(quantile(0.95, {1.0: 0, math.inf: 0}))
