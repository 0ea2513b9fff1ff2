"""The straightforward way from an OTLP request to samples: stock protobuf classes, dicts, nothing remembered.

The oracle of the differential tests. It shares the tables with the exporter (dialects, names, prices) and none
of the machinery: no lazy decoding, no shapes, no bindings, no accumulators.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.utils import floatToGoString

from llm_exporter import catalogue as c
from llm_exporter import dialects, errors, normalise
from llm_exporter.checks import ACTIONS, DIRECTIONS
from llm_exporter.dialects._dialect import (
    Choice,
    Dialect,
    EventAttribute,
    EventTime,
    Field,
    HttpError,
    Json,
    Not,
    Part,
    Present,
    Scaled,
    Source,
    SpanName,
    Sum,
    Timestamp,
    structured,
)
from llm_exporter.labels import clean
from llm_exporter.otlp.values import as_number, as_text
from llm_exporter.pricing import PriceBook, Quote, Usage

OTHERS = {"execute_tool": "tool", "invoke_agent": "agent", "retrieval": "retrieval", "guardrail": "guardrail"}
INHERITED = (c.ENVIRONMENT, c.TEAM, c.FEATURE, c.USER_TIER, c.CUSTOMER)
COMMUNITY = (
    "opentelemetry.instrumentation.", "@opentelemetry/instrumentation-", "io.opentelemetry.",
    "go.opentelemetry.io/", "OpenTelemetry.Instrumentation.",
)  # fmt: skip
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

    def __init__(
        self, dialect: Dialect, span: Span, attributes: dict[str, AnyValue], scope: tuple[str, str]
    ) -> None:
        self.dialect, self.span, self.attributes, self.scope = dialect, span, attributes, scope
        self.values = {key: plain(value) for key, value in attributes.items()}

    def sources(self, field: Field) -> Iterator[Source]:
        """Yield the places of a field: the dialect's own, then those of the conventions."""
        own = self.dialect.fields.get(field, ())
        for source in (*own, *dialects.fallback().fields.get(field, ())):
            if isinstance(source, SpanName):
                # of a name, only its own writer knows what it means
                if source not in own or (source.without and source.without in self.values):
                    continue
                if not fnmatchcase(self.scope[0], source.scope):
                    continue
            yield source

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
            case SpanName():
                name = self.span.name.encode()[:128].decode("utf-8", "replace").strip()
                return next(
                    (word or name for pattern, word in source.words if fnmatchcase(name, pattern)), ""
                )
            case EventAttribute():
                return self.in_event(source)
            case Not():
                return True if self.truth(source.attribute) in ("false", "0", "no") else None
            case Present():
                return source.word if as_text(self.values.get(source.attribute)) else None
            case HttpError():
                code = as_number(self.values.get(source.attribute))
                return str(int(code)) if code is not None and 400 <= code < 600 else None
            case Timestamp():
                return self.since_start(self.values.get(source.attribute))
            case Json() | Choice() | Part() | Sum():
                found = self.attributes.get(source.attribute)
                return None if found is None else source.read(found.SerializeToString())

    def truth(self, attribute: str) -> str:
        """Return the word of a flag in lower case."""
        return as_text(self.values.get(attribute)).lower()

    def in_event(self, source: EventAttribute) -> Any:
        """Return what stands in the first event that says it."""
        for event in self.span.events:
            said = {pair.key: pair.value for pair in event.attributes}.get(source.key)
            if event.name == source.event and said is not None:
                found = plain(said)
                if source.path:
                    found = Json(source.key, source.path).read(said.SerializeToString())
                if as_text(found):
                    return found
        return None

    def since_start(self, written: Any) -> float | None:
        """Return the seconds from the start of the span to a point in time, None if before."""
        if isinstance(written, str):
            written = written.strip().strip('"')
            if written.isdecimal():
                written = int(written)
            else:
                try:
                    at = datetime.fromisoformat(written)
                except ValueError:
                    return None
                at = at if at.tzinfo else at.replace(tzinfo=UTC)
                written = (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000
        number = as_number(written)
        since = None if number is None else int(number) - self.span.start_time_unix_nano
        return None if since is None or since < 0 else since / 1e9

    def has(self, field: Field) -> bool:
        """Return whether the span has an attribute that is a field's own, whatever stands there."""
        return any(isinstance(source, str) and source in self.values for source in self.sources(field))

    def operation(self) -> tuple[str, bool]:
        """Return the canonical operation, and whether its word is that of a streamed answer."""
        said = [as_text(self.value(source)).lower() for source in self.sources(Field.OPERATION)]
        own = self.dialect.operations
        canonical = {word: own.get(word) or normalise.operation(word) for word in said if word}
        for word, operation in canonical.items():
            if word in own or normalise.is_operation(operation):
                return operation, word.endswith(".dostream")
        for key, operation in self.dialect.implied:
            if key in self.values:
                return operation, False
        for word, operation in canonical.items():
            return operation, word.endswith(".dostream")
        fields = (Field.REQUEST_MODEL, Field.RESPONSE_MODEL, *_USAGE)
        return "chat" if any(self.has(field) for field in fields) else "", False

    def provider(self) -> str:
        """Return the canonical provider."""
        model = self.model(Field.RESPONSE_MODEL) or self.model(Field.REQUEST_MODEL)
        return normalise.provider(self.word(Field.PROVIDER), model)

    def holds(self, conventions: Any) -> bool:
        """Return whether one of a writer's conventions holds for this span."""
        name, version = self.scope
        return any(when.matches(name, self.provider(), version, self.values) for when in conventions)

    def word(self, field: Field) -> str:
        """Return the first place's text that is not empty."""
        return next(iter(self.words(field)), "")

    def words(self, field: Field) -> list[str]:
        """Return every text that is not empty."""
        return [text for source in self.sources(field) if (text := as_text(self.value(source)))]

    def model(self, field: Field) -> str:
        """Return the first text that names a model."""
        return next(filter(normalise.names_model, self.words(field)), "")

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
                scope = (of_scope.scope.name, of_scope.scope.version)
                words = {key: as_text(plain(value)).lower() for key, value in attributes.items()}
                dialect = dialects.claim(scope[0], attributes, said=words.__getitem__)
                if dialect is not None and _is_read(scope[0], span.SerializeToString()):
                    _count(found, Reading(dialect, span, attributes, scope), resource, prices)
    return found


def _is_read(scope: str, span: bytes) -> bool:
    """Return whether a span is looked at, or skipped for want of a mark."""
    patterns = [pattern for dialect in dialects.all_dialects().values() for pattern in dialect.scopes]
    if any(fnmatchcase(scope, pattern) for pattern in patterns):
        return True
    marks = (b"gen_ai.", b".span.kind", b"ai.operationId")
    return not scope.startswith(COMMUNITY) or any(mark in span for mark in marks)


def _count(  # noqa: C901 - one straight read from top to bottom is what makes it an oracle
    found: Totals, read: Reading, resource: dict[str, Any], prices: PriceBook
) -> None:
    service = as_text(resource.get("service.name"))
    environment, team, feature, tier, customer = (read.label(label, resource) for label in INHERITED)
    who = (service, environment, team, feature)
    operation, streamed_word = read.operation()
    asked, answered = read.model(Field.REQUEST_MODEL), read.model(Field.RESPONSE_MODEL)
    texts = _error_texts(read)
    flagged = read.word(Field.FAILED).lower() in ("error", "failed", "failure", "true", "1")
    failed = texts is not None or bool(read.word(Field.ERROR_TYPE)) or flagged
    kinds = _error_types(read, texts) if failed else ("", "")
    span = read.span
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    duration = end - start if 0 < start <= end else None
    status = "error" if failed else "ok"
    if operation != "guardrail":
        _count_checks(found, read, who)
    if operation in OTHERS:
        _count_other(found, read, OTHERS[operation], who, failed=failed, error=kinds[1])
    if operation not in normalise.CALLS:
        return

    provider = read.provider()

    def quote(model: str) -> Quote:
        tier = read.word(Field.SERVICE_TIER)
        return prices.quote(provider, model, start, service_tier=tier, service_name=service)

    quoted = quote(answered or asked)
    if quoted.rates is None and asked and answered and quote(asked).rates is not None:
        quoted = quote(asked)
    what = (provider, quoted.model, operation)
    numbers = {field: read.number(field) for field in (*_COUNTS, Field.FIRST_TOKEN, Field.COST)}
    flag = normalise.truth(read.word(Field.STREAM))
    streamed = flag or streamed_word
    if read.dialect.first_token_needs_stream and not flag:
        numbers[Field.FIRST_TOKEN] = None
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
    error = kinds[0] if failed else finish if finish in ("refusal", "content_filter") else ""
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
        found.add(c.PROMPT_REQUEST_ERRORS, *who, *prompt, by=int(failed))
        if duration is not None:
            found.observe(c.PROMPT_REQUEST_DURATION, *who, *prompt, value=duration)
    attributed = bool(tier or customer)
    if attributed:
        found.add(c.ATTRIBUTED_REQUESTS, *who, tier, customer)

    usage = _usage(found, who, numbers, read)
    if usage is None and operation == "rerank":
        usage = Usage(0, 0, 0, 0, 0)
    if usage is not None:
        plain_input, cached, written, output, reasoning, *_ = usage
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
    if read.dialect.zero_cost_is_unknown and said_cost is not None and not round(said_cost * 10**12):
        said_cost = None
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
        found.observe(c.PROMPT_REQUEST_COST, *who, *prompt, value=cost)
    if attributed:
        found.add(c.ATTRIBUTED_COST, *who, tier, customer, by=cost)


def _count_other(
    found: Totals, read: Reading, kind: str, who: tuple[str, ...], *, failed: bool, error: str
) -> None:
    start, end = read.span.start_time_unix_nano, read.span.end_time_unix_nano
    duration = end - start if 0 < start <= end else None
    status = "error" if failed else "ok"
    match kind:
        case "tool":
            tool, agent = read.word(Field.TOOL), read.word(Field.AGENT)
            found.add(c.TOOL_CALLS, *who, tool, agent, status)
            if failed:
                found.add(c.TOOL_ERRORS, *who, tool, agent, error)
            if duration is not None:
                found.observe(c.TOOL_DURATION, *who, tool, value=duration)
        case "agent":
            agent = read.word(Field.AGENT_RUN) or read.word(Field.AGENT)
            found.add(c.AGENT_RUNS, *who, agent, status)
            if duration is not None:
                found.observe(c.AGENT_RUN_DURATION, *who, agent, value=duration)
        case "retrieval":
            retriever, listed = read.word(Field.RETRIEVER), _documents(read)
            result = "error" if failed else "empty" if listed == [] else "ok"
            found.add(c.RETRIEVALS, *who, retriever, result)
            if duration is not None:
                found.observe(c.RETRIEVAL_DURATION, *who, retriever, value=duration)
            if listed is not None and (listed or not failed):
                found.observe(c.RETRIEVAL_DOCUMENTS, *who, retriever, value=len(listed))
            for measured, metric in (("score", c.RETRIEVAL_SCORE), ("distance", c.RETRIEVAL_DISTANCE)):
                for item in listed or ():
                    if measured in item:
                        found.observe(metric, *who, retriever, value=round(item[measured] * 10**9))
        case "guardrail":
            name = read.word(Field.GUARDRAIL)
            checked = read.word(Field.DIRECTION).lower().split(".")[-1]
            direction = read.dialect.directions.get(checked) or DIRECTIONS.get(checked, "")
            verdict = read.word(Field.VERDICT).lower()
            action = "error" if failed else ACTIONS.get(verdict, "flag")
            action = read.dialect.verdicts.get(verdict) or action
            found.add(c.GUARDRAIL_CHECKS, *who, name, direction, action)
            if duration is not None:
                found.observe(c.GUARDRAIL_DURATION, *who, name, direction, action, value=duration)


def _count_checks(found: Totals, read: Reading, who: tuple[str, ...]) -> None:
    """Count the checks of guardrails that the attributes of another span tell of."""
    for writer in {dialect.name: dialect for dialect in (read.dialect, dialects.fallback())}.values():
        for check in writer.checks:
            if check.event or check.attribute not in read.values:
                continue
            verdicts = [text for source in check.verdicts if (text := as_text(read.value(source)).lower())]
            if not verdicts:
                continue
            word = verdicts[0]
            known = check.words.get(word) or writer.verdicts.get(word) or check.words.get("*")
            names = [text for key in check.names if (text := as_text(read.values.get(key)))]
            ways = [text for key in check.directions if (text := as_text(read.values.get(key)))]
            checked = (check.checked or next(iter(ways), "")).lower().split(".")[-1]
            direction = writer.directions.get(checked) or DIRECTIONS.get(checked, "")
            labels = (*who, next(iter(names), check.called), direction, known or ACTIONS.get(word, "flag"))
            found.add(c.GUARDRAIL_CHECKS, *labels)
            for latency in check.latencies:
                assert isinstance(latency, str)
                took = as_number(read.values.get(latency))
                if took is not None and 0 <= took <= 86_400:
                    found.observe(c.GUARDRAIL_DURATION, *labels, value=round(took * 1e9))


_USAGE = (Field.INPUT, Field.OUTPUT)
_COUNTS = (
    *_USAGE, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.UNCACHED, Field.CACHE_WRITE_1H,
    Field.TOTAL, Field.INPUT_AUDIO, Field.OUTPUT_AUDIO,
)  # fmt: skip


def _usage(
    found: Totals, who: tuple[str, ...], numbers: dict[Field, float | None], read: Reading
) -> Usage | None:
    """Return disjoint counts, None where the span says none that can be true."""
    counts = [numbers[field] for field in _COUNTS]
    likely = [n is None or (0 <= n <= 10**9 and n == int(n)) for n in counts]
    if not all(likely[:7]):
        found.add(c.USAGE_ANOMALIES, *who, "implausible_usage")
        return None
    if counts[0] is None and counts[1] is None and counts[5] is None:
        return None
    given, output, cached, written, reasoning, uncached, hour = (int(n or 0) for n in counts[:7])
    total, heard, spoken = (
        int(n) if n is not None and ok else None for n, ok in zip(counts[7:], likely[7:], strict=True)
    )
    if read.holds(read.dialect.reasoning_outside_output):
        output += reasoning
    inclusive = read.word(Field.TOKEN_SEMANTICS).lower() == "inclusive"
    plain = given
    if counts[5] is not None:
        plain = uncached
    elif inclusive or not read.holds(read.dialect.cache_outside_input):
        if cached + written > given:
            found.add(c.USAGE_ANOMALIES, *who, "cache_exceeds_input")
        elif inclusive or cached + written == 0 or total != given + cached + written + output:
            plain = given - cached - written
    with_cache = plain + cached + written
    if reasoning > output:
        found.add(c.USAGE_ANOMALIES, *who, "reasoning_exceeds_output")
    elif (
        total is None
        or total in (given + output, with_cache + output)
        or total not in (given + output + reasoning, with_cache + output + reasoning)
    ):
        output -= reasoning
    audio = min(heard or 0, plain), min(spoken or 0, output)
    return Usage(plain, cached, written, output, reasoning, min(hour, written), *audio)


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


def _error_types(read: Reading, texts: list[str] | None) -> tuple[str, str]:
    """Return how a failed span failed, as a call and as a tool: by its words, then by all else that it says."""
    if texts is None:
        words = read.words(Field.ERROR_TYPE)
        return errors.error_type(words), errors.tool_error_type(words)
    others = [s for s in read.sources(Field.ERROR_TYPE) if s != "error.type"]
    words = [text for source in others if (text := as_text(read.value(source)))]
    return (
        errors.sharpened(errors.error_type(words), errors.error_type(texts)),
        errors.sharpened(errors.tool_error_type(words), errors.tool_error_type(texts)),
    )


def _documents(read: Reading) -> list[dict[str, Any]] | None:
    """Return a retrieval's documents, None where the span lists none."""
    listed = read.attributes.get("gen_ai.retrieval.documents")
    found = None if listed is None else structured(listed.SerializeToString())
    return found if isinstance(found, list) else None
