"""The store as metric families of prometheus_client, for a registry that an application already serves.

The same samples as `exposition` writes, with the same zeros before a first value; exemplars come along, and
prometheus_client shows them where OpenMetrics is asked for. It is an object per sample: right for the few
thousand samples of one application, not for those of a whole fleet.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from llm_exporter import catalogue as c
from llm_exporter.store import ABSENT, LIVE, leads_to_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from llm_exporter.store import Cell, Group, Instrument, Store

    _Bucket = tuple[str, float] | tuple[str, float, Exemplar]


def families(store: Store, now: float) -> Iterator[Metric]:
    """Yield every metric family that has samples, holding the store's lock for one family at a time.

    Args:
        store: What to show; its instruments are promoted first, see `Store.promote`.
        now: Time of the scrape, monotonic seconds.
    """
    with store.lock:
        store.promote(now)
    for metric in store.metrics:
        with store.lock:
            family = _filled(store.groups[metric.name], metric)
        if family.samples:
            yield family


def declared(store: Store) -> Iterator[Metric]:
    """Yield every metric family without samples, as `Collector.describe` has it."""
    return map(_empty, store.metrics)


def _empty(metric: c.Metric) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
    labels = [label.name for label in (*metric.open_labels, *metric.closed_labels)]
    suffix = metric.unit.suffix
    unit = suffix if suffix and metric.name.removesuffix("_total").endswith("_" + suffix) else ""
    match metric:
        case c.Counter():
            return CounterMetricFamily(metric.name, metric.help, labels=labels, unit=unit)
        case c.Histogram():
            return HistogramMetricFamily(metric.name, metric.help, labels=labels, unit=unit)
        case _:
            return GaugeMetricFamily(metric.name, metric.help, labels=labels, unit=unit)


def _filled(group: Group, metric: c.Metric) -> Metric:
    family = _empty(metric)
    scale = 1 if isinstance(metric, c.Gauge) else metric.unit.scale
    for cell in group.cells.values():
        for instrument in group.by_metric[metric.name]:
            state = cell.states[instrument.child]
            if state == ABSENT:
                continue
            labels = (*cell.labels, *instrument.closed)
            value = cell.values[instrument.index] / scale if state == LIVE else 0.0
            if isinstance(family, HistogramMetricFamily):
                family.add_metric(labels, _buckets(cell, instrument, state == LIVE), value)
            else:
                family.add_metric(labels, value)
    return family


def _buckets(cell: Cell, histogram: Instrument, live: bool) -> list[_Bucket]:
    """Return upper bound, cumulative count and exemplar of each bucket; all 0 while the histogram is held."""
    scale = histogram.metric.unit.scale
    bounds = [*(floatToGoString(bound / scale) for bound in histogram.bounds), "+Inf"]
    if not live:
        return [(bound, 0) for bound in bounds]
    places = range(histogram.offset, histogram.end)
    counts = accumulate(cell.counts[histogram.offset : histogram.end])
    exemplars = (_exemplar(cell, place, scale) for place in places)
    return [
        (bound, count) if exemplar is None else (bound, count, exemplar)
        for bound, count, exemplar in zip(bounds, counts, exemplars, strict=True)
    ]


def _exemplar(cell: Cell, place: int, scale: int) -> Exemplar | None:
    if cell.exemplars is None or cell.exemplar_values is None:
        return None
    mark = cell.exemplars[place]
    if not leads_to_trace(mark):
        return None
    ids = {"trace_id": mark[:16].hex(), "span_id": mark[16:24].hex()}
    return Exemplar(ids, cell.exemplar_values[place] / scale, int.from_bytes(mark[24:]) / 1000)
