"""The benchmark compares like with like: the exporter and the straightforward way count the same."""

from collections import defaultdict
from collections.abc import Iterable

import pytest
from bench.scrape import samples
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bench import corpus, end_to_end, in_process, novel, report, series
from llm_exporter import catalogue as c
from llm_exporter.otlp.json import traces_to_protobuf

OPEN = {label.name for label in c.LABELS.values()} - {"operation"}
SHARES = (0.05, 0.4, 1.0)


def totals(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Sum the samples of each family over the labels that come from the data."""
    summed: dict[tuple[str, ...], float] = defaultdict(float)
    for family in families:
        for sample in family.samples:
            closed = sorted(f"{k}={v}" for k, v in sample.labels.items() if k not in OPEN)
            summed[sample.name, *closed] += sample.value
    return {key: value for key, value in summed.items() if value}


def counted_by_both(
    requests: Iterable[bytes],
) -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
    """Return the totals of the exporter and of the straightforward way."""
    exporter, straightforward = in_process.engine(), in_process.straightforward()
    for request in requests:
        exporter.traces(request, "grpc")
        straightforward.traces(request)
    exporter.exposition("text")
    text = b"".join(exporter.exposition("text")).decode()
    ours = totals(text_string_to_metric_families(text))
    theirs = totals(straightforward.registry.collect())
    return ours, {key: value for key, value in theirs.items() if not key[0].endswith("_created")}


def assert_same(ours: dict[tuple[str, ...], float], theirs: dict[tuple[str, ...], float]) -> None:
    """Hold every number of theirs against ours; a ratio is rounded down to whole billionths at each call."""
    n_calls = sum(value for (name, *_), value in theirs.items() if name == "llm_requests_total")
    for key, value in theirs.items():
        rounded = 1e-9 * n_calls if key[0] == "llm_context_window_utilization_ratio_sum" else 0.0
        assert ours.get(key, 0.0) == pytest.approx(value, rel=1e-12, abs=rounded), key


@pytest.mark.parametrize("share", SHARES)
def test_both_ways_count_the_same(share: float) -> None:
    """Every number that the straightforward way has is the exporter's, to the float's last digits."""
    ours, theirs = counted_by_both(corpus.build(share, 2).batches)
    assert theirs
    assert_same(ours, theirs)


def test_series_of_the_scrape_count_the_same() -> None:
    """The calls that fill the registries for the scrape are counted the same, failed ones included."""
    ours, theirs = counted_by_both(series.requests(2))
    assert_same(ours, theirs)
    assert theirs["llm_requests_total", "operation=chat", "status=error", "stream=false"] > 0


@pytest.mark.parametrize("dialect", sorted(corpus.WRITERS))
def test_every_llm_span_of_a_dialect_is_read_as_that_dialect(dialect: str) -> None:
    """No span is lost, and those of the instrumentation's own scope are claimed by its dialect."""
    requests = corpus.build(1.0, 1, dialect)
    exporter = in_process.engine()
    described = exporter.describe(requests.batches[0])
    assert len(described) == len(requests.calls) == corpus.BATCH
    assert {span.dialect for span in described} == {dialect}
    assert not {span.outcome for span in described} & {"not_llm", "invalid", "over_limit"}


def test_the_same_seed_makes_the_same_bytes() -> None:
    """A corpus depends on nothing but its seed, and its batches differ from each other."""
    one, two = corpus.build(0.4, 3), corpus.build(0.4, 3)
    assert one.batches == two.batches
    assert len(set(one.batches)) == 3
    assert corpus.build(0.4, 1, seed=8).batches != one.batches[:1]


def test_calls_make_sense() -> None:
    """What the cache served is part of the input, reasoning is part of the output."""
    for call in corpus.build(1.0, 2).calls:
        assert call.cache_read + call.cache_write <= call.input
        assert call.reasoning <= call.output


def test_json_says_what_protobuf_says() -> None:
    """The JSON bodies of the end-to-end part count the same as the protobuf ones."""
    request = corpus.build(0.4, 1).batches[0]
    again = traces_to_protobuf(end_to_end.otlp_json(request)).request
    assert ExportTraceServiceRequest.FromString(again) == ExportTraceServiceRequest.FromString(request)


def test_novel_traffic_goes_beyond_every_cap() -> None:
    """The requests that test flatness have many more distinct services than the cap allows."""
    services = {
        attribute.value.string_value
        for request in novel.requests(40)
        for resource in ExportTraceServiceRequest.FromString(request).resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    }
    assert len(services) > 2 * c.SERVICE_NAME.cap


def test_ratios_come_from_the_same_batches() -> None:
    """A ratio is the median of what each batch took against the same batch the other way."""
    times = in_process.Times({"a": [[2, 9], [4, 8]], "b": [[1, 3], [1, 1]]})
    assert times.ratio("a", "b") == 3.5
    assert times.best_ratio("a", "b") == (2 + 8) / (1 + 1)


def test_a_check_is_ok_on_its_target() -> None:
    """A figure that just reaches its target is ok, on either side."""
    assert report.Check("x", 5.0, 5).ok
    assert not report.Check("x", 5.1, 5).ok
    assert report.Check("x", 6.0, 6, at_most=False).ok
    assert not report.Check("x", 5.9, 6, at_most=False).ok


def test_samples_are_counted_without_comments() -> None:
    """Lines of help and type are no samples."""
    assert samples(b'# HELP a b\n# TYPE a counter\na 1\na{b="c"} 2\n') == 2
