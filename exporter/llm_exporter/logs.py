"""Calls that arrive as log records: each is translated into an encoded span, and then read like any other.

Two kinds of records count. An *event* is named by its writer, and one of the dialects for the scopes `logs:…` knows
the name; or it is the event of the semantic conventions that repeats a span. A *line* is what an application logs
for a call under names of its own, which the configuration maps to those of `dialects/structured_line.py`.

A retry of a batch yields the same spans again. A record that was written inside a span becomes a child of it, so
that a call that has both is one call in another, which counts once; see `docs/logs.md`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_exporter import dialects
from llm_exporter.dialects._dialect import Field, Json
from llm_exporter.evaluations.evaluation import Evaluation, target_key
from llm_exporter.evaluations.records import of_record
from llm_exporter.otlp import log_records
from llm_exporter.otlp.encode import delimited
from llm_exporter.otlp.schema import DecodeError, opened, parse_resource, parse_scope
from llm_exporter.otlp.values import as_number, number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_exporter.dialects._dialect import Dialect
    from llm_exporter.otlp.log_records import LogRecord

SCOPE: Final = "logs:"
"""What the scopes of translated events begin with, before the writer's name."""
LINE: Final = "structured_line"
DETAILS: Final = "gen_ai.client.inference.operation.details"
RESULTS: Final = "gen_ai.evaluation."
"""What the names of events with results begin with."""
Keys = tuple[tuple[str, tuple[str, ...]], ...]
"""Per field, the keys of a line that may hold it, best first; a dot may lead into a nested object."""
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "model": ("model", "model_name", "response_model", "model_id", "gen_ai.response.model"),
    "request_model": ("request_model", "requested_model", "gen_ai.request.model"),
    "provider": ("provider", "model_provider", "gen_ai.provider.name"),
    "operation": ("operation", "call_type", "gen_ai.operation.name"),
    "input_tokens": (
        "input_tokens", "prompt_tokens", "tokens_in", "usage.input_tokens", "usage.prompt_tokens",
        "gen_ai.usage.input_tokens",
    ),
    "output_tokens": (
        "output_tokens", "completion_tokens", "tokens_out", "usage.output_tokens", "usage.completion_tokens",
        "gen_ai.usage.output_tokens",
    ),
    "total_tokens": ("total_tokens", "usage.total_tokens"),
    "cache_read_tokens": (
        "cache_read_tokens", "cached_tokens", "cache_read_input_tokens", "cached_input_tokens",
        "usage.cache_read_input_tokens", "usage.prompt_tokens_details.cached_tokens",
        "usage.input_tokens_details.cached_tokens",
    ),
    "cache_write_tokens": (
        "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens",
        "usage.cache_creation_input_tokens",
    ),
    "reasoning_tokens": (
        "reasoning_tokens", "usage.completion_tokens_details.reasoning_tokens",
        "usage.output_tokens_details.reasoning_tokens",
    ),
    "latency_ms": ("latency_ms", "duration_ms", "elapsed_ms", "response_time_ms"),
    "latency_s": ("latency_s", "latency_seconds", "duration_s", "duration_seconds", "elapsed_seconds"),
    "ttft_ms": ("ttft_ms", "time_to_first_token_ms", "first_token_ms"),
    "ttft_s": ("ttft_s", "ttft_seconds", "time_to_first_token_seconds"),
    "cost_usd": ("cost_usd", "total_cost_usd", "usd_cost"),
    "finish_reason": ("finish_reason", "stop_reason"),
    "stream": ("stream", "streaming", "is_streaming"),
    "service_tier": ("service_tier",),
    "prompt_name": ("prompt_name", "prompt_key"),
    "prompt_version": ("prompt_version",),
    "trace_id": ("trace_id", "traceId", "trace.id"),
    "span_id": ("span_id", "spanId", "span.id"),
    "parent_id": ("parent_id", "parent_span_id", "parentSpanId"),
    "session_id": ("session_id", "conversation_id", "thread_id"),
    "response_id": ("response_id", "completion_id"),
    "error": ("error", "error_message", "exception"),
    "error_type": ("error_type", "error_code", "error.type", "exception_type"),
    "status_code": ("status_code", "http_status"),
    "success": ("success", "ok"),
    "timestamp": ("timestamp", "@timestamp", "ts", "time"),
    "service": ("service", "service_name", "service.name"),
    "environment": ("environment", "env"),
    "team": ("team",),
    "feature": ("feature", "use_case"),
    "user_tier": ("user_tier",),
    "customer": ("customer", "tenant", "tenant_id"),
    "quality_score": ("quality_score",),
    "semantic_hash": ("semantic_hash",),
}  # fmt: skip
"""The table of the configuration as it is by default. `semantic_hash` is not counted."""
_PROOFS: Final = ("input_tokens", "output_tokens", "total_tokens", "latency_ms", "latency_s", "cost_usd")
"""One of these, beside a model, is what makes a line a call."""
_SPELT: Final = {
    "error_type": "error.type",
    "environment": "deployment.environment.name",
    "team": "app.team",
    "feature": "app.feature",
    "user_tier": "app.user_tier",
    "customer": "app.customer",
}
"""Fields that any dialect's spans may have, as they are called there."""
_TASKS: Final = ("prompt.id", "prompt_id")
"""What the events of one task have in common, where they belong to no trace."""
_KINDS: Final = ("event.kind", "endpoint")
"""What tells events of one name apart."""
_ERRORS: Final = ("error.message", "error_message", "exception.message", "error", "exception")
_SAID_OF_ERRORS: Final = (*_ERRORS, "output")
_ERROR_TYPES: Final = ("error.type", "error_type", "error_code", "exception.type")
_STATUS_CODES: Final = ("http.response.status_code", "http.status_code", "status_code")
_DECISIONS: Final = ("decision_type", "decision")
_NO_ERROR: Final = frozenset({"", "0", "false", "no", "nil", "null", "none", "ok"})
_NOT_OK: Final = frozenset({"0", "false", "no"})
_WORD: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,80}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
MAX_ERROR: Final = 1024
DAY_NS: Final = 86_400 * 10**9
_EVENT_DURATIONS: Final[Mapping[str, float]] = {"duration_ms": 1e6}
_LINE_DURATIONS: Final[Mapping[str, float]] = {"latency_ms": 1e6, "latency_s": 1e9}
_LINE_IDS: Final = ("trace_id", "span_id", "parent_id")
_EMPTY: Final = delimited(b"\x0a", b"")
_fixed64: Final = Struct("<Q").pack


class Translated(NamedTuple):
    """What the records of a request became."""

    request: bytes
    """An encoded ExportTraceServiceRequest, empty where no record counts."""
    read: int
    ignored: int
    """Records about something else than what counts."""
    invalid: int
    """Records that cannot be decoded."""
    results: tuple[tuple[bytes, tuple[Evaluation, ...]], ...] = ()
    """Results of evaluators, by the encoded resource that they came with."""


class _Made(NamedTuple):
    """A span made of a record."""

    scope: bytes
    """Encoded; empty for that of the record."""
    service: str
    """Name of the service that a line says it comes from."""
    span: bytes
    result: Evaluation | None = None
    """What else a line says: how good the answer is."""


class _Ids(NamedTuple):
    trace_id: bytes
    span_id: bytes
    parent_id: bytes


class _Writer(NamedTuple):
    """A writer of events, as its dialect has them."""

    scope: bytes
    operations: Mapping[str, str]
    proofs: frozenset[str]
    """Attributes one of which an answer has."""


class Translator:
    """Turns log records into spans, under one table of keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = dict(keys)
        self._writers = _writers()
        self._line_scope = _scope(LINE)
        self._marks = (*(f"{name}.".encode() for name in self._writers), DETAILS.encode(), RESULTS.encode())
        self._model_marks = _marks(self._keys.get("model", ()))
        self._proof_marks = _marks(key for field in _PROOFS for key in self._keys.get(field, ()))

    def translate(self, request: bytes) -> Translated:
        """Return the spans of an encoded ExportLogsServiceRequest, under its resources and scopes.

        Raises:
            DecodeError: it is none.
        """
        resources = []
        results: list[tuple[bytes, tuple[Evaluation, ...]]] = []
        read = ignored = invalid = 0
        for resource, scopes in opened(request):
            groups: dict[tuple[str, bytes], list[bytes]] = {}
            found: dict[str, list[Evaluation]] = {}
            for encoded, scope, records in scopes:
                if not self._may_count(encoded):
                    ignored += len(records)
                    continue
                name = _scope_name(scope)
                for raw in records:
                    try:
                        made = self._span_of(raw, name)
                    except DecodeError:
                        invalid += 1
                        continue
                    if made is None:
                        ignored += 1
                        continue
                    read += 1
                    if made.span:
                        groups.setdefault((made.service, made.scope or scope), []).append(made.span)
                    if made.result is not None:
                        found.setdefault(made.service, []).append(made.result)
            resources += [
                _resource_spans(_named(resource, service), scope, spans)
                for (service, scope), spans in groups.items()
            ]
            results += [(_named(resource, service), tuple(said)) for service, said in found.items()]
        return Translated(b"".join(resources), read, ignored, invalid, tuple(results))

    def _may_count(self, raw: bytes) -> bool:
        """Return whether these bytes can be about an LLM: most logs are not, and are not opened."""
        if any(mark in raw for mark in self._marks):
            return True
        return any(mark in raw for mark in self._model_marks) and any(
            mark in raw for mark in self._proof_marks
        )

    def _span_of(self, raw: bytes, scope: str) -> _Made | None:
        if not self._may_count(raw):
            return None
        record = log_records.opened(raw)
        for name in record.names:
            full = self._full_name(name, scope)
            writer = self._writers.get(full.partition(".")[0])
            if writer is not None:
                return _event(raw, record, full, writer)
            if full == DETAILS:
                if _repeats(scope):
                    return None
                ids = _ids_of_event(raw, record)
                return _Made(b"", "", _span(record, DETAILS, record.attributes, ids, _EVENT_DURATIONS))
            if full.startswith(RESULTS):
                result = of_record(record, raw)
                return _Made(b"", "", b"", result) if result is not None else None
        if any(name.startswith("gen_ai.") for name in record.names):
            # Messages: parts of a call.
            return None
        return self._line(raw, record)

    def _full_name(self, name: str, scope: str) -> str:
        """Return the name of an event with that of its writer, which may stand in the scope alone."""
        if name.partition(".")[0] in self._writers:
            return name
        for writer in self._writers:
            if writer in scope:
                return f"{writer}.{name}"
        return name

    def _line(self, raw: bytes, record: LogRecord) -> _Made | None:
        found = {}
        for field, keys in self._keys.items():
            value = next((value for key in keys if (value := _entry(record.attributes, key))), b"")
            if value:
                found[field] = value
        if "model" not in found or not any(field in found for field in _PROOFS):
            return None
        # What happens to be called like a field, without being it, stays out.
        attributes = {key: value for key, value in record.attributes.items() if key not in KEYS}
        attributes |= {_SPELT.get(field, field): value for field, value in found.items()}
        if not record.time:
            record = record._replace(time=_time(text(found.get("timestamp", b""))))
        ids = _ids_of_line(raw, record, {field: text(found.get(field, b"")) for field in _LINE_IDS})
        span = _span(record, LINE, attributes, ids, _LINE_DURATIONS)
        result = _quality(found.get("quality_score", b""), ids)
        return _Made(self._line_scope, text(found.get("service", b"")), span, result)


def _quality(raw: bytes, ids: _Ids) -> Evaluation | None:
    """Return the result that a line holds of its own call, None where there is none."""
    score = number(raw) if raw else None
    if score is None:
        return None
    result = Evaluation("quality_score", score, trace_id=ids.trace_id, span_id=ids.span_id)
    return result._replace(key=target_key(result))


def unread(request: bytes) -> Translated:
    """Return what becomes of the records of a request where none is to be read.

    Raises:
        DecodeError: it is no encoded ExportLogsServiceRequest.
    """
    records = sum(len(scope.items) for _, scopes in opened(request) for scope in scopes)
    return Translated(b"", 0, records, 0)


@lru_cache(maxsize=8)
def translator(keys: Keys) -> Translator:
    """Return the translator for a table of keys."""
    return Translator(keys)


@lru_cache(maxsize=1)
def _writers() -> Mapping[str, _Writer]:
    """Return the writers of events that a dialect knows, by the first word of their names."""
    found = {}
    for dialect in dialects.all_dialects().values():
        for scope in dialect.scopes:
            if scope.startswith(SCOPE) and dialect.name != LINE:
                name = scope.removeprefix(SCOPE)
                found[name] = _Writer(_scope(name), dialect.operations, frozenset(_numbers(dialect)))
    return found


@lru_cache(maxsize=1024)
def _repeats(scope: str) -> bool:
    """Return whether events under this scope only repeat spans that their writer sends as well."""
    found = (dialect for dialect in dialects.all_dialects().values() if dialect.events_repeat_spans)
    return any(fnmatchcase(scope, pattern) for dialect in found for pattern in dialect.scopes)


def _numbers(dialect: Dialect) -> list[str]:
    fields = (Field.INPUT, Field.OUTPUT, Field.COST)
    return [source for field in fields for source in dialect.fields.get(field, ()) if isinstance(source, str)]


def _event(raw: bytes, record: LogRecord, name: str, writer: _Writer) -> _Made | None:
    """Return the span of an event, None where its writer's dialect does not know it or it says nothing of its call."""
    attributes = record.attributes
    kind = next((said for key in _KINDS if (said := text(attributes.get(key, b"")))), "")[:128]
    form = f"{name} {kind}" if kind else name
    failed = _failed(form, attributes)
    for known in (f"{form} failed", form) if failed else (form,):
        operation = writer.operations.get(known)
        if operation is None:
            continue
        if operation == "chat" and not failed and writer.proofs.isdisjoint(attributes):
            return None
        # What tells one event of a stream from another also says that its duration is no call's.
        durations = {} if "event.kind" in attributes else _EVENT_DURATIONS
        span = _span(record, known, attributes, _ids_of_event(raw, record), durations)
        return _Made(writer.scope, "", span)
    return None


def _span(
    record: LogRecord, name: str, attributes: Mapping[str, bytes], ids: _Ids, durations: Mapping[str, float]
) -> bytes:
    """Return the encoded Span of a record, named after its event."""
    shown = dict(attributes)
    status = b""
    if _failed(name, attributes):
        said = _error_text(attributes).encode("utf-8", "replace")
        status = delimited(b"\x7a", delimited(b"\x12", said) + b"\x18\x02")
        for key in (*_SAID_OF_ERRORS, *_ERROR_TYPES):
            shown.pop(key, None)
        kind = _error_type(attributes)
        if kind:
            shown["error.type"] = delimited(b"\x0a", kind.encode())
    else:
        shown.pop("error.type", None)
    shown["event.name"] = delimited(b"\x0a", name.encode())
    end = record.time or record.observed
    start = end - _duration(attributes, durations)
    if start >= end or start < 0:
        # How long it took is not known, and zero would be a lie: it has no end.
        start, end = end, 0
    encoded = [
        delimited(b"\x0a", ids.trace_id),
        delimited(b"\x12", ids.span_id),
        delimited(b"\x22", ids.parent_id) if ids.parent_id else b"",
        delimited(b"\x2a", name.encode()),
        b"\x39" + _fixed64(start),
        b"\x41" + _fixed64(end),
    ]
    encoded += [
        delimited(b"\x4a", delimited(b"\x0a", key.encode("utf-8", "replace")) + delimited(b"\x12", value))
        for key, value in shown.items()
    ]
    return b"".join(encoded) + status


def _failed(name: str, attributes: Mapping[str, bytes]) -> bool:
    """Return whether the record says that what it is about failed."""
    success = _said(attributes, ("success",)).lower()
    if success:
        return success in _NOT_OK
    if name.endswith(("error", "failed")):
        return True
    if any(_said(attributes, (key,)).lower() not in _NO_ERROR for key in (*_ERRORS, *_ERROR_TYPES)):
        return True
    code = _said(attributes, _STATUS_CODES)
    return code.isdecimal() and len(code) == 3 and code >= "400"


def _error_text(attributes: Mapping[str, bytes]) -> str:
    """Return all that the record says about its failure: to be matched and dropped, as a span's status message is."""
    return f"{_said(attributes, _STATUS_CODES)} {_said(attributes, _SAID_OF_ERRORS)}".strip()[:MAX_ERROR]


def _error_type(attributes: Mapping[str, bytes]) -> str:
    """Return the word for the failure, if the record has one: never a message."""
    if _said(attributes, _DECISIONS).lower().startswith(("reject", "den")):
        return "rejected"
    said = _said(attributes, _ERROR_TYPES)
    return said if _WORD.fullmatch(said) else ""


def _said(attributes: Mapping[str, bytes], keys: Iterable[str]) -> str:
    return next((said for key in keys if (said := text(attributes.get(key, b"")))), "")


def _duration(attributes: Mapping[str, bytes], durations: Mapping[str, float]) -> int:
    """Return how long it took in nanoseconds, 0 where the record does not say."""
    for key, unit in durations.items():
        value = number(attributes.get(key, b""))
        if value is not None and 0 < value * unit <= DAY_NS:
            return round(value * unit)
    return 0


def _time(said: str) -> int:
    """Return a point in time as unix nanoseconds: ISO 8601, or unix time in any usual unit.

    0 where it is none, or before 2001 or after 2262: no time at which an LLM was called.
    """
    # A number of nanoseconds has more digits than one in a label or a count may have.
    value = int(said) if said.isascii() and said.isdecimal() and len(said) <= 19 else as_number(said)
    if value is None:
        try:
            at = datetime.fromisoformat(said[:64])
        except ValueError:
            return 0
        value = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    for unit in (10**9, 10**6, 10**3, 1):
        if 10**18 <= value * unit < 1 << 63:
            return round(value * unit)
    return 0


def _ids_of_event(raw: bytes, record: LogRecord) -> _Ids:
    """Return the ids of an event's span: below the span that it was logged in, else among those of its task."""
    own = _hash(raw, 8)
    if record.trace_id:
        return _Ids(record.trace_id, own, record.span_id)
    task = _said(record.attributes, _TASKS).encode("utf-8", "replace")
    if task:
        return _Ids(_hash(task, 16), own, _hash(task, 8))
    return _Ids(_hash(raw, 16), own, b"")


def _ids_of_line(raw: bytes, record: LogRecord, said: Mapping[str, str]) -> _Ids:
    """Return the ids of a line's span: below the span that it was logged in, else the one that it says it is."""
    if record.trace_id and record.span_id:
        return _Ids(record.trace_id, _hash(raw, 8), record.span_id)
    trace_id = record.trace_id or _id(said["trace_id"], 16) or _hash(raw, 16)
    return _Ids(trace_id, _id(said["span_id"], 8) or _hash(raw, 8), _id(said["parent_id"], 8))


def _id(said: str, size: int) -> bytes:
    """Return an id of this many bytes: as written if it is one of OpenTelemetry, else made from what is written."""
    if not said:
        return b""
    if len(said) == 2 * size and _HEX.fullmatch(said):
        found = bytes.fromhex(said)
        return found if any(found) else b""
    return _hash(said.encode("utf-8", "replace"), size)


def _hash(content: bytes, size: int) -> bytes:
    return blake2b(content, digest_size=size).digest()


def _entry(attributes: Mapping[str, bytes], key: str) -> bytes:
    """Return the encoded value of a key, which may lead into a nested object; empty where it says nothing."""
    value = attributes.get(key, b"")
    outer, dot, path = key.partition(".")
    if not value and dot and outer in attributes:
        return log_records.encode(Json(outer, path).read(attributes[outer]))
    return b"" if value == _EMPTY else value


def _named(resource: bytes, service: str) -> bytes:
    """Return an encoded Resource with the name of the service that a line says it comes from, if it has none."""
    if not service:
        return resource
    try:
        known = text(parse_resource(resource).attributes.get("service.name", b""))
    except DecodeError:
        return resource
    if known and not known.startswith("unknown_service"):
        return resource
    value = delimited(b"\x0a", service.encode("utf-8", "replace"))
    return resource + delimited(b"\x0a", delimited(b"\x0a", b"service.name") + delimited(b"\x12", value))


def _resource_spans(resource: bytes, scope: bytes, spans: list[bytes]) -> bytes:
    """Return field 1 of an ExportTraceServiceRequest."""
    items = b"".join(delimited(b"\x12", span) for span in spans)
    scope_spans = delimited(b"\x12", delimited(b"\x0a", scope) + items)
    return delimited(b"\x0a", delimited(b"\x0a", resource) + scope_spans)


def _scope(writer: str) -> bytes:
    return delimited(b"\x0a", f"{SCOPE}{writer}".encode())


def _scope_name(scope: bytes) -> str:
    """Return the name of an encoded InstrumentationScope, in which a writer's name can be looked for."""
    try:
        name = parse_scope(scope).name[:256].decode("utf-8", "replace")
    except DecodeError:
        return ""
    return str(name).lower().replace("-", "_")


def _marks(keys: Iterable[str]) -> tuple[bytes, ...]:
    """Return byte strings one of which is in every record that has one of the keys, as few as will do."""
    ends = sorted({key.rpartition(".")[2] for key in keys}, key=lambda end: (len(end), end))
    kept: list[str] = []
    for end in ends:
        if not any(shorter in end for shorter in kept):
            kept.append(end)
    return tuple(end.encode() for end in kept)
