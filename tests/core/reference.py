"""The straightforward way from an OTLP request to samples: stock protobuf classes, dicts, nothing remembered.

The oracle of the differential tests. It shares the tables with the exporter (dialects, names, prices) and none
of the machinery: no lazy decoding, no shapes, no bindings, no accumulators.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.utils import floatToGoString

from llm_exporter import catalogue as c
from llm_exporter import dialects, errors, normalise
from llm_exporter.dialects._dialect import Choice, Dialect, EventTime, Field, Json, Scaled, Source, structured
from llm_exporter.labels import clean
from llm_exporter.otlp.values import as_number, as_text
from llm_exporter.pricing import PriceBook, Quote, Usage

CALLS = {
    "chat",
    "text_completion",
    "embeddings",
    "rerank",
    "image_generation",
    "speech",
    "transcription",
    "realtime",
}
OTHERS = {"execute_tool": "tool", "invoke_agent": "agent", "retrieval": "retrieval", "guardrail": "guardrail"}
INHERITED = (c.ENVIRONMENT, c.TEAM, c.FEATURE, c.USER_TIER, c.CUSTOMER)
ACTIONS = {
    "blocked": "block",
    "true": "block",
    "false": "allow",
    "": "allow",
    "pass": "allow",
    "fail": "block",
}
MARKS = {mark for dialect in dialects.all_dialects().values() for mark in dialect.marks}
Series = tuple[str, frozenset[tuple[str, str]]]


def plain(value: AnyValue) -> Any:
    """Return an AnyValue as a plain Python value."""
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value.decode("utf-8", "replace")
        case _:
            return getattr(value, kind)


class Reading:
    """One span, read field by field."""

    def __init__(self, dialect: Dialect, span: Span, attributes: dict[str, AnyValue]) -> None:
        self.dialect, self.span, self.attributes = dialect, span, attributes
        self.values = {key: plain(value) for key, value in attributes.items()}

    def sources(self, field: Field) -> Iterator[Source]:
        """Yield the places of a field: the dialect's own, then those of the conventions."""
        own = self.dialect.fields.get(field, ())
        yield from own
        yield from (source for source in dialects.fallback().fields.get(field, ()) if source not in own)

    def value(self, source: Source) -> Any:
        """Return what stands at a place, None where nothing does."""
        match source:
            case str():
                return self.values.get(source)
            case Scaled():
                return self.values.get(source.attribute)
            case EventTime():
                for event in self.span.events:
                    if event.name == source.event and event.time_unix_nano >= self.span.start_time_unix_nano:
                        return (event.time_unix_nano - self.span.start_time_unix_nano) / 1e9
                return None
            case Json() | Choice():
                found = self.attributes.get(source.attribute)
                return None if found is None else source.read(found.SerializeToString())

    def has(self, field: Field) -> bool:
        """Return whether the span has an attribute for a field, whatever stands there."""
        return any(
            (s if isinstance(s, str) else getattr(s, "attribute", "")) in self.values
            for s in self.sources(field)
        )

    def word(self, field: Field) -> str:
        """Return the first place's text that is not empty."""
        return next((text for source in self.sources(field) if (text := as_text(self.value(source)))), "")

    def number(self, field: Field) -> float | None:
        """Return the first number that is not zero, else zero where a place says so."""
        found = None
        for source in self.sources(field):
            value = as_number(self.value(source))
            if value is not None and not found:
                found = value * source.factor if isinstance(source, Scaled) else value
        return found

    def label(self, label: c.Label, resource: dict[str, Any]) -> str:
        """Return a label that the span or else the resource says."""
        for said in (self.values, resource):
            for key in label.attributes:
                if text := as_text(said.get(key)):
                    return text
        return ""


class Totals:
    """Sums by series, in the catalogue's integers."""

    def __init__(self) -> None:
        self.sums: defaultdict[tuple[c.Metric, tuple[str, ...]], int] = defaultdict(int)
        self.seen: defaultdict[tuple[c.Metric, tuple[str, ...]], list[int]] = defaultdict(list)

    def add(self, metric: c.Metric, *labels: str, by: int = 1) -> None:
        """Add to a counter, labels in the catalogue's order."""
        self.sums[metric, labels] += by

    def observe(self, metric: c.Metric, *labels: str, value: int) -> None:
        """Add an observation."""
        self.seen[metric, labels].append(value)

    def samples(self) -> dict[Series, float]:
        """Return every sample that is not 0."""
        found: dict[Series, float] = {}
        for (metric, labels), total in self.sums.items():
            found[metric.name, _named(metric, labels)] = total / metric.unit.scale
        for (metric, labels), values in self.seen.items():
            assert isinstance(metric, c.Histogram)
            scale, pairs = metric.unit.scale, _named(metric, labels)
            ordered = sorted(values)
            for bound in (*metric.buckets, math.inf):
                up_to = sum(value <= bound * scale for value in ordered)
                found[f"{metric.name}_bucket", pairs | {("le", floatToGoString(bound))}] = up_to
            found[f"{metric.name}_count", pairs] = len(values)
            found[f"{metric.name}_sum", pairs] = sum(values) / scale
        return {series: value for series, value in found.items() if value}


def _named(metric: c.Metric, labels: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    pairs = zip(metric.labels, labels, strict=True)
    return frozenset((label.name, value if label.values else clean(value)) for label, value in pairs)


def totals(request: ExportTraceServiceRequest, prices: PriceBook) -> Totals:
    """Count every span of a request."""
    found = Totals()
    for of_resource in request.resource_spans:
        resource = {pair.key: plain(pair.value) for pair in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                attributes = {pair.key: pair.value for pair in span.attributes}
                dialect = dialects.claim(of_scope.scope.name, attributes)
                if dialect is not None and any(mark in span.SerializeToString() for mark in MARKS):
                    _count(found, Reading(dialect, span, attributes), resource, of_scope.scope.name, prices)
    return found


def _count(  # noqa: C901 - one straight read from top to bottom is what makes it an oracle
    found: Totals, read: Reading, resource: dict[str, Any], scope: str, prices: PriceBook
) -> None:
    service = as_text(resource.get("service.name"))
    environment, team, feature, tier, customer = (read.label(label, resource) for label in INHERITED)
    who = (service, environment, team, feature)
    raw = read.word(Field.OPERATION).lower()
    operation = read.dialect.operations.get(raw) or normalise.operation(raw)
    asked, answered = read.word(Field.REQUEST_MODEL), read.word(Field.RESPONSE_MODEL)
    if not operation and any(
        read.has(field) for field in (Field.REQUEST_MODEL, Field.RESPONSE_MODEL, *_USAGE)
    ):
        operation = "chat"
    texts = _error_texts(read)
    failed = texts is not None or bool(read.word(Field.ERROR_TYPE))
    texts = [read.word(Field.ERROR_TYPE)] if texts is None else texts
    span = read.span
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    duration = end - start if 0 < start <= end else None
    status = "error" if failed else "ok"
    if operation in OTHERS:
        _count_other(found, read, OTHERS[operation], who, texts if failed else None)
    if operation not in CALLS:
        return

    provider = normalise.provider(read.word(Field.PROVIDER), answered or asked)

    def quote(model: str) -> Quote:
        tier = read.word(Field.SERVICE_TIER)
        return prices.quote(provider, model, start, service_tier=tier, service_name=service)

    quoted = quote(answered or asked)
    if quoted.rates is None and asked and answered and quote(asked).rates is not None:
        quoted = quote(asked)
    what = (provider, quoted.model, operation)
    numbers = {field: read.number(field) for field in (*_COUNTS, Field.FIRST_TOKEN, Field.COST)}
    streamed = normalise.truth(read.word(Field.STREAM)) or raw.endswith(".dostream")
    said_first = numbers[Field.FIRST_TOKEN]
    first = round(said_first * 10**9) if said_first is not None else 0
    if not 0 <= first <= 86_400 * 10**9:
        found.add(c.USAGE_ANOMALIES, *who, "ttft_exceeds_duration")
        first = 0
    streamed = streamed or first > 0
    found.add(c.REQUESTS, *who, *what, status, "true" if streamed else "false")
    if duration is None:
        found.add(c.USAGE_ANOMALIES, *who, "negative_duration")
    else:
        found.observe(c.REQUEST_DURATION, *who, *what, value=duration)
        if first > duration:
            found.add(c.USAGE_ANOMALIES, *who, "ttft_exceeds_duration")
            first = 0
    if first:
        found.observe(c.TIME_TO_FIRST_TOKEN, *who, *what, value=first)
    finish = normalise.finish_reason(
        next((v for s in read.sources(Field.FINISH_REASON) if (v := read.value(s))), None)
    )
    if finish:
        found.add(c.FINISH_REASONS, *who, *what, finish)
    error = errors.error_type(texts) if failed else finish if finish in ("refusal", "content_filter") else ""
    if error:
        found.add(c.REQUEST_ERRORS, *who, *what, errors.CLASS_OF[error], error)
    if asked and answered:
        one, other = (prices.quote(provider, model, start).model.lower() for model in (asked, answered))
        if not (one.startswith(other) or other.startswith(one)):
            found.add(c.USAGE_ANOMALIES, *who, "model_mismatch")
    prompt = (read.word(Field.PROMPT_NAME), read.word(Field.PROMPT_VERSION), quoted.model)
    prompted = bool(prompt[0] or prompt[1])
    if prompted:
        found.add(c.PROMPT_REQUESTS, *who, *prompt)
        if duration is not None:
            found.observe(c.PROMPT_REQUEST_DURATION, *who, *prompt, value=duration)
    attributed = bool(tier or customer)
    if attributed:
        found.add(c.ATTRIBUTED_REQUESTS, *who, tier, customer)

    usage = _usage(found, who, numbers, _excludes_cache(read.dialect, scope, provider))
    if usage is not None:
        plain_input, cached, written, output, reasoning, _ = usage
        for kind, n in zip(c.TOKEN_TYPE.values, usage[:5], strict=True):
            found.add(c.TOKENS, *who, *what, kind, by=n)
        all_input, all_output = plain_input + cached + written, output + reasoning
        found.observe(c.REQUEST_INPUT_TOKENS, *who, provider, quoted.model, value=all_input)
        found.observe(c.REQUEST_OUTPUT_TOKENS, *who, provider, quoted.model, value=all_output)
        if quoted.context_window:
            share = (all_input + all_output) * c.Unit.RATIO.scale // quoted.context_window
            found.observe(c.CONTEXT_WINDOW_UTILIZATION, *who, provider, quoted.model, value=share)
        if first and duration and all_output > 1:
            found.observe(c.TIME_PER_OUTPUT_TOKEN, *who, *what, value=(duration - first) // (all_output - 1))
        if attributed:
            found.add(c.ATTRIBUTED_TOKENS, *who, tier, customer, by=all_input + all_output)
        if quoted.rates is not None and cached:
            saved = quoted.rates.cache_savings(Usage(plain_input + written, cached, 0, output, reasoning))
            found.add(c.CACHE_SAVINGS, *who, provider, quoted.model, by=max(saved, 0))

    said_cost = numbers[Field.COST]
    if said_cost is not None and not 0 <= said_cost <= 10_000:
        found.add(c.USAGE_ANOMALIES, *who, "implausible_cost")
        said_cost = None
    if said_cost is not None:
        cost, source = round(said_cost * 10**12), "reported"
    elif usage is None:
        if not failed:
            found.add(c.USAGE_ANOMALIES, *who, "missing_usage")
            found.add(c.UNPRICED_REQUESTS, *who, *what, "no_usage")
        return
    elif quoted.rates is None:
        found.add(c.UNPRICED_REQUESTS, *who, *what, quoted.unpriced_reason)
        found.add(c.UNPRICED_TOKENS, *who, *what, quoted.unpriced_reason, by=sum(usage[:5]))
        return
    else:
        cost, source = quoted.rates.cost(usage), "computed"
    found.add(c.COST, *who, *what, source, by=cost)
    found.observe(c.REQUEST_COST, *who, *what, value=cost)
    if prompted:
        found.add(c.PROMPT_COST, *who, *prompt, by=cost)
    if attributed:
        found.add(c.ATTRIBUTED_COST, *who, tier, customer, by=cost)


def _count_other(
    found: Totals, read: Reading, kind: str, who: tuple[str, ...], failure: list[str] | None
) -> None:
    start, end = read.span.start_time_unix_nano, read.span.end_time_unix_nano
    duration = end - start if 0 < start <= end else None
    failed, texts = failure is not None, failure or []
    status = "error" if failed else "ok"
    match kind:
        case "tool":
            tool, agent = read.word(Field.TOOL), read.word(Field.AGENT)
            found.add(c.TOOL_CALLS, *who, tool, agent, status)
            if failed:
                found.add(c.TOOL_ERRORS, *who, tool, agent, errors.tool_error_type(texts))
            if duration is not None:
                found.observe(c.TOOL_DURATION, *who, tool, value=duration)
        case "agent":
            agent = read.word(Field.AGENT_RUN) or read.word(Field.AGENT)
            found.add(c.AGENT_RUNS, *who, agent, status)
            if duration is not None:
                found.observe(c.AGENT_RUN_DURATION, *who, agent, value=duration)
        case "retrieval":
            retriever, scores = read.word(Field.RETRIEVER), _documents(read)
            result = "error" if failed else "empty" if scores == [] else "ok"
            found.add(c.RETRIEVALS, *who, retriever, result)
            if duration is not None:
                found.observe(c.RETRIEVAL_DURATION, *who, retriever, value=duration)
            if scores is not None:
                found.observe(c.RETRIEVAL_DOCUMENTS, *who, retriever, value=len(scores))
            for score in scores or ():
                found.observe(c.RETRIEVAL_SCORE, *who, retriever, value=round(score * 10**9))
        case "guardrail":
            name, direction = read.word(Field.GUARDRAIL), read.word(Field.DIRECTION).lower()
            action = "error" if failed else ACTIONS[read.word(Field.VERDICT).lower()]
            found.add(c.GUARDRAIL_CHECKS, *who, name, direction, action)
            if duration is not None:
                found.observe(c.GUARDRAIL_DURATION, *who, name, direction, action, value=duration)


_USAGE = (Field.INPUT, Field.OUTPUT)
_COUNTS = (
    *_USAGE, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.UNCACHED, Field.CACHE_WRITE_1H,
)  # fmt: skip


def _usage(
    found: Totals, who: tuple[str, ...], numbers: dict[Field, float | None], excludes_cache: bool
) -> Usage | None:
    """Return disjoint counts, None where the span says none that can be true."""
    counts = [numbers[field] for field in _COUNTS]
    if any(n is not None and not (0 <= n <= 10**9 and n == int(n)) for n in counts):
        found.add(c.USAGE_ANOMALIES, *who, "implausible_usage")
        return None
    if counts[0] is None and counts[1] is None and counts[5] is None:
        return None
    given, output, cached, written, reasoning, uncached, hour = (int(n or 0) for n in counts)
    if counts[5] is not None:
        given = uncached
    elif not excludes_cache:
        if cached + written > given:
            found.add(c.USAGE_ANOMALIES, *who, "cache_exceeds_input")
        else:
            given -= cached + written
    if reasoning > output:
        found.add(c.USAGE_ANOMALIES, *who, "reasoning_exceeds_output")
    else:
        output -= reasoning
    return Usage(given, cached, written, output, reasoning, min(hour, written))


def _excludes_cache(dialect: Dialect, scope: str, provider: str) -> bool:
    return any(when.matches(scope, provider) for when in dialect.cache_outside_input)


def _error_texts(read: Reading) -> list[str] | None:
    """Return all that a failed span says of its failure, None for one that did not fail."""
    if read.span.status.code != 2:
        return None
    texts = [as_text(read.values.get("error.type"))]
    for event in read.span.events:
        if b"exception" in event.SerializeToString():
            said = {pair.key: plain(pair.value) for pair in event.attributes}
            texts += [as_text(said.get("exception.type")), as_text(said.get("exception.message"))]
    return [*texts, read.span.status.message]


def _documents(read: Reading) -> list[float] | None:
    """Return the scores of a retrieval's documents, None where the span lists none."""
    listed = read.attributes.get("gen_ai.retrieval.documents")
    found = None if listed is None else structured(listed.SerializeToString())
    return [item["score"] for item in found] if isinstance(found, list) else None
