"""How a span is read, for people: its dialect and why, what is counted where, what is missing. Never any content.

`llm-exporter explain` and `/debug/spans` show it. It reads with the plans of the pipeline and counts in a store of
its own, so what it says is what is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from llm_exporter import catalogue as c
from llm_exporter import dialects
from llm_exporter.account import Accountant
from llm_exporter.binding import Binding, Bound, CallBinding
from llm_exporter.labels import clean
from llm_exporter.otlp.schema import DecodeError, opened, parse_span
from llm_exporter.reading import with_span
from llm_exporter.record import NOWHERE, Context, Kind, Numbers, Record
from llm_exporter.retold import Retold
from llm_exporter.store import Instrument, Store
from llm_exporter.trace import Detail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.pipeline import Pipeline
    from llm_exporter.reading import Plan, Values
    from llm_exporter.shapes import Scope

MAX_NAME: Final = 80
MAX_KEYS: Final = 20
_SKIPPED_FIELDS: Final = frozenset({"dialect", "kind", "failed", "input_excludes_cache", "stream"})


@dataclass(frozen=True, slots=True)
class Described:
    """One span as the exporter sees it. All text is short and free of content."""

    trace_id: str
    span_id: str
    name: str
    scope: str
    outcome: str
    """As in `llm_exporter_spans_total`."""
    dialect: str = ""
    why: str = ""
    """What makes it that dialect, or why it is none."""
    words: dict[str, str] = field(default_factory=dict)
    """The labels that it has."""
    numbers: dict[str, str] = field(default_factory=dict)
    """Duration, tokens, cost, with units."""
    counted: tuple[str, ...] = ()
    """The metrics that it counts in."""
    notes: tuple[str, ...] = ()
    """What is missing, defaulted or repaired."""


def describe_request(pipeline: Pipeline, request: bytes, most: int) -> list[Described]:
    """Return how the first `most` spans of an encoded ExportTraceServiceRequest are read, as if no others came.

    Raises:
        DecodeError: `request` is not one.
    """
    seen: list[Described | _Seen] = []
    for resource, scopes in opened(request):
        context = pipeline.context_of(resource)
        for _, encoded_scope, spans in scopes:
            scope = pipeline.scope_of(encoded_scope)
            watched = pipeline.watches(resource)
            seen += [_see(pipeline, context, scope, raw, watched) for raw in spans[: most - len(seen)]]
    retold = Retold()
    trial = _trial_of(pipeline.accountant)
    for one in seen:
        if isinstance(one, _Seen):
            one.id = retold.add(one.span, one.bound, one.payload)
    return [_describe(trial, one, retold) if isinstance(one, _Seen) else one for one in seen]


@dataclass(slots=True)
class _Seen:
    """A span that can be read, on its way to a description."""

    identity: tuple[str, str, str, str]
    span: Any
    attributes: Any
    bound: Bound
    payload: Detail | None
    plan: Plan | None = None
    values: Values = ()
    why: str = ""
    id: tuple[bytes, bytes] = (b"", b"")


def _see(
    pipeline: Pipeline, context: Context, scope: Scope, raw: bytes, watched: tuple[bytes, ...]
) -> Described | _Seen:
    try:
        span = parse_span(raw)
    except DecodeError:
        return Described("", "", "", clean(scope.name), "invalid", why="its bytes are not a span of OTLP")
    attributes = span.attributes
    keys = tuple(attributes)
    identity = (span.trace_id.hex(), span.span_id.hex(), _span_name(span), clean(scope.name))
    limit = pipeline.limits.attributes_per_span
    if len(keys) > limit:
        why = f"{len(keys)} attributes are over limits.attributes_per_span, {limit}"
        return Described(*identity, "over_limit", why=why)
    marked = not scope.marks or any(mark in raw for mark in (*scope.marks, *watched))
    shape = pipeline.shape_of(scope, attributes) if marked else None
    plan = shape.plan if shape is not None else None
    if shape is None or plan is None:
        shown = ", ".join(sorted(clean(key) for key in keys)[:MAX_KEYS]) or "none"
        why = f"no dialect knows any of its attributes: {shown}"
        beside = Detail(checks=pipeline.told.read(attributes, span)) if watched and span.events else None
        return _Seen(identity, span, attributes, pipeline.ancestor(span, context), beside, why=why)
    failure = pipeline.failure_of(span) if span.status else None
    values = with_span(shape.take(attributes), span)
    variant = plan.variant(values, span)
    plan = variant.plan
    said = variant.record(NOWHERE, failure, variant.words_of(values))
    bound = _trial_of(pipeline.accountant).bound(said, context, span.start)
    bound.scope = plan.scope
    answer = hash(variant.response_id(values)) if variant.response_id is not None else 0
    why = _why(plan, scope.name, keys, values)
    detail = Detail(variant.quantities.read(values, span) if bound.is_call else None, response_id=answer)
    if bound.record.kind is Kind.RETRIEVAL:
        detail = detail._replace(brought=plan.documents.read(attributes, span))
    elif variant.reranks:
        given = plan.candidates.read(attributes, span).documents
        detail = detail._replace(brought=plan.reranked.read(attributes, span), candidates=given)
    if watched or variant.tell:
        detail = detail._replace(
            checks=plan.told.read(attributes, span) if bound.record.kind is not Kind.GUARDRAIL else ()
        )
    return _Seen(identity, span, attributes, bound, detail, plan, values, why)


def _describe(trial: _Trial, seen: _Seen, retold: Retold) -> Described:
    plan, bound = seen.plan, seen.bound
    if plan is None:
        checks = seen.payload.checks if seen.payload is not None else ()
        counted, _ = trial.count(bound.record, Detail(checks=checks), seen.span)
        return Described(
            *seen.identity,
            "not_llm",
            why=seen.why,
            numbers=dict(_numbers(bound.record, counted)),
            counted=_names(counted),
        )
    outcome, record, notes = retold.of(*seen.id)
    words = {
        name: clean(value)
        for name, value in record._asdict().items()
        if value and name not in _SKIPPED_FIELDS and isinstance(value, str)
    }
    payload = seen.payload or Detail()
    counted = []
    if outcome == record.kind.value:
        brought = retold.brought(*seen.id) if record.kind is Kind.RETRIEVAL else payload.brought
        counted, model = trial.count(record, payload._replace(brought=brought), seen.span)
        if model:
            words["model"] = model
        notes += _notes(record, counted)
    return Described(
        *seen.identity,
        outcome,
        dialect=bound.record.dialect,
        why=seen.why,
        words=words,
        numbers=dict(_numbers(record, counted)),
        counted=_names(counted),
        notes=tuple(notes),
    )


Counted = list[tuple[Instrument, int | float]]
"""What one span counts in: the instrument, and what it adds to a counter or to a histogram's sum."""


class _Trial:
    """An accountant like the pipeline's, with a store of its own, to see what a single span counts in."""

    def __init__(self, accountant: Accountant) -> None:
        metrics = [metric for metric in c.METRICS if not metric.name.startswith("llm_exporter_")]
        # Values over their caps are counted by the exporter's own metrics.
        own = [c.EXPORTER_LABEL_OVERFLOW, c.EXPORTER_LABEL_REDACTED, c.EXPORTER_SERIES_OVERFLOW]
        self._own = frozenset(metric.name for metric in own)
        self._store = Store(metrics=[*metrics, *own], exemplars=False)
        self._accountant = Accountant(
            self._store, accountant.prices, prefer_reported=accountant.prefer_reported
        )

    def bound(self, said: Record, context: Context, start: int) -> Bound:
        """Return where spans with these words would count."""
        with self._store.lock:
            found = self._accountant.bound(said, context, start)
            self._clear()
        return found

    def count(self, record: Record, payload: Detail, span: Any) -> tuple[Counted, str]:
        """Count one span; return what it counts in, in the order of the catalogue, and its `model` label."""
        model = ""
        with self._store.lock:
            bound = self._accountant.bind(record, span.start)
            if isinstance(bound, CallBinding):
                self._accountant.numbers(bound, payload.numbers or Numbers(), span.start, span.end, b"")
                model = bound.model.labels[-1]
                if payload.brought is not None:
                    self._accountant.reranked(bound, payload.candidates, payload.brought, b"")
            elif isinstance(bound, Binding):
                self._accountant.other(bound, span.start, span.end, b"")
                if record.kind is Kind.RETRIEVAL:
                    self._accountant.retrieval(bound, payload.brought, b"")
            self._accountant.checked(record, payload.checks, b"")
            self._accountant.forget()
            found = list(self._counted())
            self._clear()
        return found, model

    def _clear(self) -> None:
        self._accountant.forget()
        for group in self._store.distinct_groups():
            group.cells.clear()

    def _counted(self) -> Iterator[tuple[Instrument, int | float]]:
        for metric in self._store.metrics:
            group = self._store.groups[metric.name]
            for cell in group.cells.values():
                for instrument in group.by_metric[metric.name]:
                    observed = instrument.bounds and any(cell.counts[instrument.offset : instrument.end])
                    value = cell.values[instrument.index]
                    if (value or observed) and metric.name not in self._own:
                        yield instrument, value


_trials: WeakKeyDictionary[Accountant, _Trial] = WeakKeyDictionary()


def _trial_of(accountant: Accountant) -> _Trial:
    trial = _trials.get(accountant)
    if trial is None:
        trial = _trials[accountant] = _Trial(accountant)
    return trial


def _span_name(span: Any) -> str:
    # An operation and a model, or what a user called it: shown in the label alphabet and cut.
    return clean(span.name[:MAX_NAME].decode("utf-8", "replace"))


def _why(plan: Plan, scope: str, keys: tuple[str, ...], values: Values) -> str:
    dialect, said = plan.dialect, plan.said(values)
    known = frozenset(keys).intersection(plan.keys)
    evidence = dialect.evidence(scope, known, said)
    if evidence == dialects.BY_SCOPE:
        return f"scope {clean(scope)}"
    if known.intersection(dialect.keys):
        shown = clean(min(known.intersection(dialect.keys)))
    elif own := dialect.own_value(known, said):
        shown = f"{clean(own)}={clean(said(own))}"
    else:
        prefixed = [key for key in keys if dialect.prefixes and key.startswith(dialect.prefixes)]
        shown = clean(min(prefixed or known.intersection(dialect.shared)))
    others = [other.name for _, other in dialects.claims(scope, known, said) if other.name != dialect.name]
    return f"attribute {shown}" + (f" (also looks like {', '.join(others)})" if others else "")


_DURATIONS: Final = frozenset(
    metric.name
    for metric in (
        c.REQUEST_DURATION,
        c.TOOL_DURATION,
        c.AGENT_RUN_DURATION,
        c.RETRIEVAL_DURATION,
        c.GUARDRAIL_DURATION,
    )
)


def _names(counted: Counted) -> tuple[str, ...]:
    return tuple(dict.fromkeys(instrument.metric.name for instrument, _ in counted))


def _numbers(record: Record, counted: Counted) -> Iterator[tuple[str, str]]:
    for instrument, value in counted:
        name, closed = instrument.metric.name, instrument.closed
        if name == c.GUARDRAIL_DURATION.name and record.kind is not Kind.GUARDRAIL:
            yield f"guardrail, {closed[1]}", f"{value / c.Unit.SECONDS.scale:.6g} s"
        elif name in _DURATIONS:
            yield "duration", f"{value / c.Unit.SECONDS.scale:.6g} s"
        elif name == c.TIME_TO_FIRST_TOKEN.name:
            yield "time to first token", f"{value / c.Unit.SECONDS.scale:.6g} s"
        elif name == c.TOKENS.name:
            yield closed[0].replace("_", " "), str(value)
        elif name == c.COST.name:
            yield "cost", f"{value / c.Unit.USD.scale:.9g} USD, {closed[0]}"
        elif name == c.RETRIEVAL_DOCUMENTS.name:
            yield "documents", str(value)
        elif name == c.RERANK_DOCUMENTS.name:
            yield f"documents {closed[0]}", str(value)


_ANOMALIES: Final = {
    "cache_exceeds_input": "more cached than input tokens: the input was taken to be without them",
    "reasoning_exceeds_output": "more reasoning than output tokens: the output was taken to be without them",
    "missing_usage": "no token usage: a streamed call may need stream_options.include_usage",
    "implausible_usage": "a token count is negative or beyond any real call: usage is left out",
    "implausible_cost": "the reported cost is negative or beyond any real call: it is left out",
    "model_mismatch": "another model answered than was asked for",
    "negative_duration": "no duration: the span ends before it starts, or one of its times is missing",
    "ttft_exceeds_duration": "the first token came after the end of the span: it is left out",
}


def _notes(record: Record, counted: Counted) -> Iterator[str]:
    """Yield what is missing, defaulted or repaired."""
    if record.kind is Kind.STRUCTURE:
        yield "nothing to count: it groups other spans, or repeats what they say"
    for name in _NAMED[record.kind]:
        if not getattr(record, name):
            yield f"no {name.replace('_', ' ')}"
    if record.kind is Kind.CALL and not (record.request_model or record.response_model):
        yield "no model"
    if record.kind is Kind.CALL and not (record.finish_reason or record.failed):
        yield "no finish reason"
    for instrument, _ in counted:
        if instrument.metric is c.USAGE_ANOMALIES:
            yield _ANOMALIES[instrument.closed[0]]
        elif instrument.metric is c.UNPRICED_REQUESTS:
            yield f"no cost: {instrument.closed[0].replace('_', ' ')}"


_NAMED: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.CALL: ("provider",),
    Kind.TOOL: ("tool",),
    Kind.AGENT: ("agent",),
    Kind.RETRIEVAL: ("retriever",),
    Kind.GUARDRAIL: ("guardrail",),
    Kind.STRUCTURE: (),
}
