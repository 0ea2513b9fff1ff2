"""The accumulators: one cell per label set, holding every metric that has those labels.

All numbers are integers in the unit's internal scale (see `catalogue.Unit`). A cell keeps counter values and
histogram sums in a list, bucket counts in one flat array: about 20 bytes a sample. What the cell shows of
them is decided at scrape time: a series appears as 0 first (`Cell.states`), so that `increase()` sees its
first event.
"""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress, product
from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from llm_exporter import catalogue as c
from llm_exporter.errors import CLASS_OF
from llm_exporter.labels import OTHER, LabelLimiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ABSENT: Final = 0
WANTED: Final = 1
HELD: Final = 2
LIVE: Final = 3

MAX_WATCHES: Final = 1024
DAY_SECONDS: Final = 86_400.0
_NO_TRACE_ID: Final = bytes(16)
_NO_SPAN_ID: Final = bytes(8)


def leads_to_trace(mark: bytes | None) -> TypeGuard[bytes]:
    """Return whether an exemplar's 32 bytes lead to a span: ids of the right size, not 0."""
    return (
        mark is not None
        and len(mark) == 32
        and not mark.startswith(_NO_TRACE_ID)
        and not mark.startswith(_NO_SPAN_ID, 16)
    )


SPARE: Final = -1
"""The place in `Cell.values` that nothing shows: where a count goes that has no series."""


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """One sample of a counter or gauge, or one whole histogram, within the cells of its group."""

    metric: c.Metric
    closed: tuple[str, ...]
    """Values of the metric's closed labels."""
    child: int
    """Place in `Cell.states`."""
    index: int
    """Place in `Cell.values`: the value, or a histogram's sum."""
    offset: int = 0
    """Place of a histogram's first bucket in `Cell.counts`."""
    bounds: tuple[int, ...] = ()
    """A histogram's upper bounds in internal units, without +Inf."""

    @property
    def end(self) -> int:
        """Place after a histogram's +Inf bucket in `Cell.counts`."""
        return self.offset + len(self.bounds) + 1


class Cell:
    """The accumulators of one label set."""

    __slots__ = (
        "counts",
        "exemplar_values",
        "exemplars",
        "held_since",
        "labels",
        "states",
        "text",
        "touched",
        "values",
    )

    def __init__(self, group: Group, labels: tuple[str, ...], exemplars: bool) -> None:
        self.labels = labels
        self.text = ",".join(
            f'{label.name}="{value}"' for label, value in zip(group.labels, labels, strict=True)
        )
        self.values: list[int | float] = [0] * (group.n_values + 1)
        # Multiplied, an array is exactly as large as it must be; made of bytes it has room to grow.
        self.counts = array("Q", [0]) * group.n_counts
        self.states = group.all_absent
        self.held_since: dict[int, float] | None = None
        self.touched = 0.0
        # Per bucket the last observation: its value, and 32 bytes of trace id, span id and unix milliseconds.
        self.exemplars: list[bytes | None] | None = (
            [None] * group.n_counts if exemplars and group.n_counts else None
        )
        self.exemplar_values = array("d", [0.0]) * group.n_counts if self.exemplars is not None else None

    def want(self, instrument: Instrument) -> None:
        """Show the instrument from the next scrape on, even if it stays 0."""
        if self.states[instrument.child] == ABSENT:
            states = bytearray(self.states)
            states[instrument.child] = WANTED
            self.states = bytes(states)

    def observe(self, histogram: Instrument, value: int, exemplar: bytes = b"", times: int = 1) -> None:
        """Count `value`, in internal units, so many times, with an optional exemplar (see `Cell.exemplars`)."""
        i = histogram.offset + bisect_left(histogram.bounds, value)
        self.counts[i] += times
        self.values[histogram.index] += value * times
        if exemplar and self.exemplars is not None and self.exemplar_values is not None:
            self.exemplars[i] = exemplar
            self.exemplar_values[i] = value

    def observe_all(self, histogram: Instrument, column: Sequence[int]) -> None:
        """Count many values."""
        self.values[histogram.index] += sum(column)
        # Sorted once, each bound is looked up among the values, and not each value among the bounds.
        ordered, counts = sorted(column), self.counts
        below, n = 0, len(ordered)
        for place, bound in enumerate(histogram.bounds, histogram.offset):
            upto = bisect_right(ordered, bound, below)
            if upto > below:
                counts[place] += upto - below
                if upto == n:
                    return
                below = upto
        counts[histogram.end - 1] += n - below

    def exemplify(self, histogram: Instrument, value: int, exemplar: bytes) -> None:
        """Make an already counted value the exemplar of its bucket."""
        if self.exemplars is not None and self.exemplar_values is not None:
            i = histogram.offset + bisect_left(histogram.bounds, value)
            self.exemplars[i] = exemplar
            self.exemplar_values[i] = value


class Group:
    """All metrics with the same open labels: the layout of their cells, and the cells."""

    def __init__(
        self, labels: tuple[c.Label, ...], metrics: Sequence[c.Metric], bounds: Mapping[str, Sequence[float]]
    ):
        self.labels = labels
        self.name = metrics[0].name
        self.cells: dict[tuple[str, ...], Cell] = {}
        self.instruments: list[Instrument] = []
        self.by_metric: dict[str, list[Instrument]] = {}
        self.n_values = 0
        self.n_counts = 0
        for metric in metrics:
            own = self.by_metric[metric.name] = []
            scaled = _scaled_bounds(metric, bounds) if isinstance(metric, c.Histogram) else ()
            for closed in _combinations(metric):
                instrument = Instrument(
                    metric, closed, len(self.instruments), self.n_values, self.n_counts, scaled
                )
                self.n_values += 1
                self.n_counts += len(scaled) + 1 if isinstance(metric, c.Histogram) else 0
                self.instruments.append(instrument)
                own.append(instrument)
        self._by_closed = {(i.metric.name, i.closed): i for i in self.instruments}
        self.all_absent = bytes(len(self.instruments))
        self._watches: dict[bytes, _Watch] = {}
        self._siblings = {i.child: tuple(self._siblings_of(i)) for i in self.instruments if i.metric.siblings}

    def _siblings_of(self, instrument: Instrument) -> Iterable[int]:
        metric = instrument.metric
        fixed = [
            (place, value)
            for place, (label, value) in enumerate(zip(metric.closed_labels, instrument.closed, strict=True))
            if label not in metric.siblings
        ]
        for other in self.by_metric[metric.name]:
            if all(other.closed[place] == value for place, value in fixed):
                yield other.child

    def instrument(self, metric: c.Metric, *closed: str) -> Instrument:
        """Return the instrument of `metric` for these values of its closed labels.

        Raises:
            KeyError: a value that the catalogue does not declare.
        """
        return self._by_closed[metric.name, closed]

    def promote(self, cell: Cell, now: float, hold: float) -> None:
        """Move the cell's instruments through absent → held at 0 → live, as seen by a scrape at `now`."""
        if cell.held_since is None and not self._has_news(cell):
            return
        states = bytearray(cell.states)
        for instrument in self.instruments:
            child = instrument.child
            if states[child] == ABSENT and self._has_data(cell, instrument):
                states[child] = WANTED
        for child, siblings in self._siblings.items():
            if states[child] == WANTED:
                for sibling in siblings:
                    if states[sibling] == ABSENT:
                        states[sibling] = WANTED
        held = cell.held_since or {}
        for child, since in list(held.items()):
            if now - since >= hold:
                states[child] = LIVE
                del held[child]
        for instrument in self.instruments:
            if states[instrument.child] == WANTED:
                if hold and not isinstance(instrument.metric, c.Gauge):
                    states[instrument.child] = HELD
                    held[instrument.child] = now
                else:
                    states[instrument.child] = LIVE
        cell.held_since = held or None
        cell.states = self._watch(bytes(states)).states

    def _has_news(self, cell: Cell) -> bool:
        """Return whether an instrument waits to be shown, or an absent one has data; mostly neither is so."""
        _, waiting, unseen, buckets = self._watch(cell.states)
        return (
            waiting or any(compress(cell.values, unseen)) or any(any(cell.counts[place]) for place in buckets)
        )

    def _watch(self, states: bytes) -> _Watch:
        watch = self._watches.get(states)
        if watch is None:
            if len(self._watches) >= MAX_WATCHES:
                self._watches.clear()
            absent = [i for i in self.instruments if states[i.child] == ABSENT]
            watch = self._watches[states] = _Watch(
                states,
                WANTED in states,
                bytes(states[i.child] == ABSENT for i in self.instruments),
                tuple(slice(i.offset, i.end) for i in absent if i.bounds),
            )
        return watch

    @staticmethod
    def _has_data(cell: Cell, instrument: Instrument) -> bool:
        if cell.values[instrument.index]:
            return True
        if not instrument.bounds:
            return False
        return any(cell.counts[instrument.offset : instrument.end])


class _Watch(NamedTuple):
    """What to look at in cells with the same states, to see whether those are to change."""

    states: bytes
    """The states themselves, for those cells to share."""
    waiting: bool
    unseen: bytes
    """Per place in `Cell.values`, whether it belongs to an absent instrument."""
    buckets: tuple[slice, ...]
    """Where in `Cell.counts` the absent histograms are."""


def _combinations(metric: c.Metric) -> Iterator[tuple[str, ...]]:
    """Yield the values of the closed labels that occur together; each type of error is of one class."""
    names = [label.name for label in metric.closed_labels]
    for closed in product(*(label.values for label in metric.closed_labels)):
        said = dict(zip(names, closed, strict=True))
        if c.ERROR_CLASS.name not in said or CLASS_OF[said[c.ERROR_TYPE.name]] == said[c.ERROR_CLASS.name]:
            yield closed


def _scaled_bounds(metric: c.Histogram, overrides: Mapping[str, Sequence[float]]) -> tuple[int, ...]:
    bounds = overrides.get(metric.name, metric.buckets)
    return tuple(int(Decimal(repr(bound)) * metric.unit.scale) for bound in bounds)


class Store:
    """Every group of the catalogue, the limits on them, and the lock that guards them.

    Writers hold `lock` for a batch, readers for one metric family. Times are `time.monotonic()` seconds.
    """

    def __init__(
        self,
        *,
        metrics: Sequence[c.Metric] = c.METRICS,
        bounds: Mapping[str, Sequence[float]] | None = None,
        caps: Mapping[str, int] | None = None,
        cells_per_group: int = 20_000,
        exemplars: bool = True,
        first_sample_hold_seconds: float = 15.0,
        idle_seconds: float = 3600.0,
    ) -> None:
        self.lock = threading.Lock()
        self.metrics = tuple(metrics)
        self.exemplars = exemplars
        self.hold_seconds = first_sample_hold_seconds
        self.idle_seconds = idle_seconds
        self.cells_per_group = cells_per_group
        self.bounds = dict(bounds or {})
        members: dict[tuple[str, ...], list[c.Metric]] = {}
        for metric in self.metrics:
            kept = (metric.kept_with, *(label.name for label in metric.open_labels))
            members.setdefault(kept, []).append(metric)
        self.groups: dict[str, Group] = {}
        for metrics_of_group in members.values():
            group = Group(metrics_of_group[0].open_labels, metrics_of_group, self.bounds)
            self.groups.update((metric.name, group) for metric in metrics_of_group)
        self.limiter = LabelLimiter(
            caps or {},
            lambda label: self.add(c.EXPORTER_LABEL_OVERFLOW, (label,)),
            lambda label: self.add(c.EXPORTER_LABEL_REDACTED, (label,)),
        )
        self.now = 0.0
        """Time of the batch or scrape in progress."""
        self._promoted_at = -1.0

    def cell(self, metric: c.Metric, labels: tuple[str, ...]) -> Cell:
        """Return the cell of `metric`'s group for these raw open label values, within the caps.

        Over a label's cap that value becomes `__other__`; when the group is full a new label set becomes
        `__other__` in every label.
        """
        group = self.groups[metric.name]
        cell = group.cells.get(labels)
        if cell is None:
            admitted = tuple(map(intern, map(self.limiter.admit, group.labels, labels)))
            cell = group.cells.get(admitted)
            if cell is None:
                # The group that counts overflows has one label set per group: it bounds itself.
                bounded = group is not self.groups[c.EXPORTER_SERIES_OVERFLOW.name]
                if bounded and len(group.cells) >= self.cells_per_group:
                    admitted = (OTHER,) * len(group.labels)
                    self.add(c.EXPORTER_SERIES_OVERFLOW, (group.name,))
                    cell = group.cells.get(admitted)
                if cell is None:
                    cell = group.cells[admitted] = Cell(group, admitted, self.exemplars)
        cell.touched = self.now
        return cell

    def add(self, metric: c.Metric, labels: tuple[str, ...] = (), *closed: str, by: int = 1) -> None:
        """Add to a counter that is not on the hot path."""
        self.now = time.monotonic()  # a cell that looks older than the last scrape would never be shown
        cell = self.cell(metric, labels)
        cell.values[self.groups[metric.name].instrument(metric, *closed).index] += by

    def set(self, metric: c.Gauge, value: float, labels: tuple[str, ...] = (), *closed: str) -> None:
        """Set a gauge, in the metric's exposed unit."""
        self.now = time.monotonic()
        cell = self.cell(metric, labels)
        instrument = self.groups[metric.name].instrument(metric, *closed)
        cell.values[instrument.index] = value
        cell.want(instrument)

    def clear(self, metric: c.Gauge) -> None:
        """Remove every series of a gauge whose group holds nothing else that counts."""
        self.groups[metric.name].cells.clear()

    def distinct_groups(self) -> list[Group]:
        """Every group once, in the order of the catalogue."""
        return list(dict.fromkeys(self.groups.values()))

    def promote(self, now: float) -> None:
        """Decide what a scrape at `now` shows. The caller holds the lock."""
        for group in self.distinct_groups():
            for cell in group.cells.values():
                if cell.touched >= self._promoted_at or cell.held_since:
                    group.promote(cell, now, self.hold_seconds)
        self._promoted_at = now

    def expire(self, now: float) -> bool:
        """Remove label sets untouched for `idle_seconds`, and say whether any was. The caller holds the lock.

        Groups of gauges alone stay: they are configuration or the exporter's own state. Label sets with a gauge
        among others stay for a day at least, as when an evaluator was last heard of. After a removal every
        remembered reference to a cell must be dropped.
        """
        removed = 0
        if not self.idle_seconds:
            return False
        for group in self.distinct_groups():
            gauges = [isinstance(instrument.metric, c.Gauge) for instrument in group.instruments]
            if not group.labels or all(gauges):
                continue
            allowed = max(self.idle_seconds, DAY_SECONDS) if any(gauges) else self.idle_seconds
            idle = [labels for labels, cell in group.cells.items() if now - cell.touched > allowed]
            for labels in idle:
                del group.cells[labels]
            if idle:
                self.add(c.EXPORTER_SERIES_EXPIRED, (group.name,), by=len(idle))
                removed += len(idle)
        if removed:
            live: dict[str, set[str]] = {}
            for group in self.distinct_groups():
                for place, label in enumerate(group.labels):
                    live.setdefault(label.name, set()).update(labels[place] for labels in group.cells)
            self.limiter.forget_all_but(live)
        return removed > 0
