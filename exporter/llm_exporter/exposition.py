"""The store as text: Prometheus text format 0.0.4 and OpenMetrics 1.0, with exemplars in the latter.

Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/. A histogram of a cell is one `%` template with NUL
where the cell's labels go, filled from the bucket array: nothing is escaped or sorted per sample, which label
values allow because their alphabet has neither quotes, backslashes, control characters nor NUL. Bucket bounds
are written as canonical floats (`le="1.0"`, `le="1.048576e+06"`) in both formats, so that a series keeps its
name whatever is negotiated: Prometheus 3 rewrites any other spelling, Prometheus 2 keeps it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, islice
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from prometheus_client.utils import floatToGoString

from llm_exporter import catalogue as c
from llm_exporter.store import ABSENT, LIVE, leads_to_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llm_exporter.store import Cell, Group, Instrument, Store

Format = Literal["text", "openmetrics"]
CONTENT_TYPES: Final[dict[Format, str]] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

_PARTS: Final = 128
"""Label sets of a metric rendered at a time."""
_parts_of = Struct(">16s8sQ").unpack
"""An exemplar's trace id, span id and unix milliseconds."""


def negotiate(accept: str) -> Format:
    """Return the format that an `Accept` header asks for: OpenMetrics where it ranks no lower than text."""
    quality: dict[Format, float] = {}
    for item in accept.lower().split(",")[:32]:
        media, *parameters = (part.strip() for part in item.split(";"))
        options = dict(p.partition("=")[::2] for p in parameters)
        if media == "application/openmetrics-text" and options.get("version", "1.0.0") in ("1.0.0", "0.0.1"):
            name: Format = "openmetrics"
        elif media in ("text/plain", "text/*", "*/*"):
            name = "text"
        else:
            continue
        try:
            q = float(options.get("q", "1"))
        except ValueError:
            q = 0.0
        quality[name] = max(quality.get(name, 0.0), q)
    if quality.get("openmetrics", 0.0) > 0 and quality["openmetrics"] >= quality.get("text", 0.0):
        return "openmetrics"
    return "text"


def render(store: Store, form: Format, now: float) -> Iterator[bytes]:
    """Yield the exposition in chunks, holding the store's lock for one metric family at a time.

    Args:
        store: What to render; its instruments are promoted first, see `Store.promote`.
        form: Which format; exemplars stand in OpenMetrics only.
        now: Time of the scrape, monotonic seconds.
    """
    with store.lock:
        store.promote(now)
    for metric in store.metrics:
        with store.lock:
            parts = _family(store.groups[metric.name], metric, form == "openmetrics")
            chunks = []
            # Pieces of text small enough to stay in the processor's cache until they are encoded.
            while text := "".join(islice(parts, _PARTS)):
                chunks.append(text.encode())
        if chunks:
            yield _header(metric, form).encode()
            yield from chunks
    if form == "openmetrics":
        yield b"# EOF\n"


def _header(metric: c.Metric, form: Format) -> str:
    name = metric.name
    if form == "openmetrics":
        name = name.removesuffix("_total") if metric.type == "counter" else name
        unit = metric.unit.suffix
        has_unit = unit and name.endswith("_" + unit)
        return (
            f"# HELP {name} {metric.help}\n# TYPE {name} {metric.type}\n"
            + (f"# UNIT {name} {unit}\n" if has_unit else "")
        )  # fmt: skip
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.type}\n"


def _family(group: Group, metric: c.Metric, openmetrics: bool) -> Iterator[str]:
    instruments = tuple(group.by_metric[metric.name])
    if isinstance(metric, c.Histogram):
        return _histograms(group, instruments, openmetrics)
    return _samples(group, instruments)


class _Pattern(NamedTuple):
    template: str
    values: Callable[[list[int | float]], tuple[int | float, ...]] | None
    one: bool


def _samples(group: Group, instruments: tuple[Instrument, ...]) -> Iterator[str]:
    first, last = instruments[0].child, instruments[-1].child + 1
    scale = 1 if isinstance(instruments[0].metric, c.Gauge) else instruments[0].metric.unit.scale
    patterns: dict[bytes, _Pattern] = {}
    for cell in group.cells.values():
        states = cell.states[first:last]
        pattern = patterns.get(states)
        if pattern is None:
            pattern = patterns[states] = _pattern(states, instruments, group, scale)
        template, getter, one = pattern
        if getter is None:
            filled = template
        elif scale == 1:
            filled = template % getter(cell.values)
        elif one:
            filled = template % (cell.values[instruments[states.index(LIVE)].index] / scale)
        else:
            filled = template % tuple([value / scale for value in getter(cell.values)])
        if filled:
            yield filled.replace("\0", cell.text)


def _pattern(states: bytes, instruments: Sequence[Instrument], group: Group, scale: int) -> _Pattern:
    lines, live = [], []
    for state, instrument in zip(states, instruments, strict=True):
        if state == ABSENT:
            continue
        name = instrument.metric.name + _braces(group, instrument)
        if state == LIVE:
            live.append(instrument.index)
            lines.append(f"{name} {'%s' if scale == 1 else '%r'}\n")
        else:
            lines.append(f"{name} {0 if scale == 1 else 0.0}\n")
    return _Pattern("".join(lines), itemgetter(*live) if live else None, len(live) == 1)


def _braces(group: Group, instrument: Instrument, *more: str) -> str:
    closed = zip(instrument.metric.closed_labels, instrument.closed, strict=True)
    pairs = [
        *(["\0"] if group.labels else []),
        *(f'{label.name}="{value}"' for label, value in closed),
        *more,
    ]
    return "{" + ",".join(pairs) + "}" if pairs else ""


@lru_cache(maxsize=512)
def _template(group: Group, instrument: Instrument, exemplars: bool) -> tuple[str, str]:
    """Return the template of a histogram and what it shows while it is held at 0."""
    name, scale = instrument.metric.name, instrument.metric.unit.scale
    bounds = [*(floatToGoString(bound / scale) for bound in instrument.bounds), "+Inf"]
    mark = "%s" if exemplars else ""
    labelled = [_braces(group, instrument, f'le="{le}"') for le in bounds]
    lines = "".join(f"{name}_bucket{braces} %d{mark}\n" for braces in labelled)
    braces = _braces(group, instrument)
    template = f"{lines}{name}_count{braces} %d\n{name}_sum{braces} %r\n"
    zeros: list[object] = [field for _ in bounds for field in ((0, "") if exemplars else (0,))]
    return template, template % (*zeros, 0, 0.0)


def _histograms(group: Group, instruments: tuple[Instrument, ...], openmetrics: bool) -> Iterator[str]:
    scale = instruments[0].metric.unit.scale
    for instrument in instruments:
        child, offset, end = instrument.child, instrument.offset, instrument.end
        plain, zeros = _template(group, instrument, False)
        with_exemplars, _ = _template(group, instrument, True)
        for cell in group.cells.values():
            state = cell.states[child]
            if state == ABSENT:
                continue
            if state != LIVE:
                yield zeros.replace("\0", cell.text)
                continue
            counts = list(accumulate(cell.counts[offset:end]))
            total = cell.values[instrument.index] / scale
            if openmetrics and cell.exemplars is not None:
                fields: list[object] = [None] * (2 * len(counts))
                fields[::2] = counts
                fields[1::2] = _exemplars(cell, offset, end, scale)
                yield (with_exemplars % (*fields, counts[-1], total)).replace("\0", cell.text)
            else:
                yield (plain % (*counts, counts[-1], total)).replace("\0", cell.text)


def _exemplars(cell: Cell, offset: int, end: int, scale: int) -> list[str]:
    if cell.exemplars is None or cell.exemplar_values is None:
        return [""] * (end - offset)
    return [
        _exemplar(mark, value / scale) if mark is not None and leads_to_trace(mark) else ""
        for mark, value in zip(cell.exemplars[offset:end], cell.exemplar_values[offset:end], strict=True)
    ]


def _exemplar(mark: bytes, value: float) -> str:
    trace_id, span_id, unix_ms = _parts_of(mark)
    return f' # {{trace_id="{trace_id.hex()}",span_id="{span_id.hex()}"}} {value!r} {unix_ms / 1000!r}'
