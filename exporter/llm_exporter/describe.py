"""How a span is read, for people: its dialect and why, what is counted where, what is missing. Never any content.

`llm-exporter explain` and `/debug/spans` show it. It uses the plans of the pipeline, so what it says is what
is counted; it counts nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from llm_exporter import dialects
from llm_exporter.labels import clean
from llm_exporter.otlp.schema import DecodeError, opened, parse_span
from llm_exporter.record import IMPLAUSIBLE, Context, Kind, Numbers, Record, disjoint

if TYPE_CHECKING:
    from llm_exporter.pipeline import Pipeline
    from llm_exporter.reading import Plan
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
    """Return how the first `most` spans of an encoded ExportTraceServiceRequest are read.

    Raises:
        DecodeError: `request` is not one.
    """
    found: list[Described] = []
    for resource, scopes in opened(request):
        context = pipeline.context_of(resource)
        for _, encoded_scope, spans in scopes:
            scope = pipeline.scope_of(encoded_scope)
            for raw in spans[: most - len(found)]:
                found.append(_describe(pipeline, context, scope, raw))
            if len(found) >= most:
                return found
    return found


def _describe(pipeline: Pipeline, context: Context, scope: Scope, raw: bytes) -> Described:
    try:
        span = parse_span(raw)
    except DecodeError:
        return Described("", "", "", clean(scope.name), "invalid", why="its bytes are not a span of OTLP")
    keys = tuple(span.attributes)
    identity = (span.trace_id.hex(), span.span_id.hex(), _span_name(span), clean(scope.name))
    if len(keys) > pipeline.limits.attributes_per_span:
        return Described(
            *identity, "over_limit", why=f"{len(keys)} attributes are over limits.attributes_per_span"
        )
    marked = any(mark in raw for mark in pipeline.vocabulary.marks)
    shape = pipeline.shape_of(scope, span.attributes) if marked else None
    plan = shape.plan if shape is not None else None
    if shape is None or plan is None:
        shown = ", ".join(sorted(clean(key) for key in keys)[:MAX_KEYS]) or "none"
        return Described(*identity, "not_llm", why=f"no dialect knows any of its attributes: {shown}")
    failure = pipeline.failure_of(span) if span.status else None
    values = shape.take(span.attributes)
    variant = plan.variant(values)
    record = variant.record(context, failure, variant.words_of(values))
    words = {
        name: clean(value)
        for name, value in record._asdict().items()
        if value and name not in _SKIPPED_FIELDS and isinstance(value, str)
    }
    described: Any = {"dialect": plan.dialect.name, "why": _why(plan, scope.name, keys), "words": words}
    if record.kind is not Kind.CALL:
        duration = {"duration": _seconds(span.end - span.start)}
        return Described(
            *identity, record.kind.value, **described, numbers=duration,
            counted=_COUNTED[record.kind], notes=tuple(_other_notes(record)),
        )  # fmt: skip
    numbers = plan.quantities.read(values, span)
    shown_numbers, counted, notes = _call(pipeline, record, numbers, span)
    return Described(
        *identity, record.kind.value, **described, numbers=shown_numbers, counted=counted, notes=notes
    )  # fmt: skip


_COUNTED: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.TOOL: ("llm_tool_calls_total", "llm_tool_duration_seconds"),
    Kind.AGENT: ("llm_agent_runs_total", "llm_agent_run_duration_seconds"),
    Kind.RETRIEVAL: ("llm_retrievals_total", "llm_retrieval_duration_seconds"),
    Kind.GUARDRAIL: ("llm_guardrail_checks_total", "llm_guardrail_duration_seconds"),
    Kind.STRUCTURE: (),
}


def _span_name(span: Any) -> str:
    # An operation and a model, or what a user called it: shown in the label alphabet and cut.
    return clean(span.name[:MAX_NAME].decode("utf-8", "replace"))


def _why(plan: Plan, scope: str, keys: tuple[str, ...]) -> str:
    dialect = plan.dialect
    evidence = dialect.evidence(scope, keys)
    if evidence == 3:
        return f"scope {clean(scope)}"
    known = sorted(dialect.keys.intersection(keys)) if evidence == 2 else []
    if not known:
        known = sorted(key for key in keys if dialect.prefixes and key.startswith(dialect.prefixes))
    others = dialects.claims(scope, keys)
    beside = [other.name for _, other in others if other.name != dialect.name]
    return f"attribute {clean(known[0])}" + (f" (also looks like {', '.join(beside)})" if beside else "")


def _call(
    pipeline: Pipeline, record: Record, numbers: Numbers, span: Any
) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    shown, counted, notes = {}, ["llm_requests_total"], []
    timed = 0 < span.start <= span.end
    if timed:
        shown["duration"] = _seconds(span.end - span.start)
        counted.append("llm_request_duration_seconds")
    else:
        notes.append("no duration: the span ends before it starts, or one of its times is missing")
    quote = pipeline.accountant.price(record, span.start)
    model = quote.model
    if record.failed or record.finish_reason in ("refusal", "content_filter"):
        counted.append("llm_request_errors_total")
    if record.finish_reason:
        counted.append("llm_finish_reasons_total")
    elif not record.failed:
        notes.append("no finish reason")
    if not record.provider:
        notes.append("no provider")
    if not (record.request_model or record.response_model):
        notes.append("no model")
    elif model not in (record.request_model, record.response_model):
        notes.append(f"model label: {clean(model)}")
    late = timed and (numbers.first_token_ns or 0) > span.end - span.start
    if late:
        notes.append("the first token came after the end of the span; it is left out")
    elif numbers.first_token_ns and numbers.first_token_ns != IMPLAUSIBLE:
        shown["time to first token"] = _seconds(numbers.first_token_ns)
        counted.append("llm_time_to_first_token_seconds")
    counts = numbers._replace(first_token_ns=None, cost_pico=None)
    usage_said = any(value is not None for value in (numbers.input, numbers.output, numbers.uncached))
    if IMPLAUSIBLE in numbers:
        notes.append("a number is negative or beyond any real call; it is left out")
    if IMPLAUSIBLE in counts:
        usage_said = False
    elif not usage_said:
        notes.append("no token usage: a streamed call may need stream_options.include_usage")
    if usage_said:
        usage, anomalies = disjoint(numbers, record.input_excludes_cache)
        shown |= {
            kind.replace("_", " "): str(n) for kind, n in usage._asdict().items() if n or kind == "input"
        }
        counted.append("llm_tokens_total")
        notes += [f"repaired: {anomaly.replace('_', ' ')}" for anomaly in anomalies]
    reported = numbers.cost_pico if numbers.cost_pico != IMPLAUSIBLE else None
    if reported is not None and pipeline.accountant.prefer_reported:
        shown["cost"] = f"{reported / 10**12:.9g} USD, reported"
        counted.append("llm_cost_usd_total")
    elif quote.rates is not None and usage_said:
        shown["cost"] = f"{quote.rates.cost(usage) / 10**12:.9g} USD, computed"
        counted.append("llm_cost_usd_total")
    elif not record.failed or usage_said:
        reason = quote.unpriced_reason if usage_said else "no_usage"
        notes.append(f"no cost: {reason.replace('_', ' ')}")
        counted.append("llm_unpriced_requests_total")
    return shown, tuple(counted), tuple(notes)


def _other_notes(record: Record) -> list[str]:
    missing = {
        Kind.TOOL: ("tool", record.tool),
        Kind.AGENT: ("agent", record.agent),
        Kind.RETRIEVAL: ("retriever", record.retriever),
        Kind.GUARDRAIL: ("guardrail", record.guardrail),
    }.get(record.kind)
    if missing is None:
        return ["nothing to count: it groups other spans, or repeats what they say"]
    name, value = missing
    return [] if value else [f"no {name} name"]


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 10**9:.6g} s"
