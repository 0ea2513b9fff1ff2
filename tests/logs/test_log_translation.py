"""Log records become spans: which do, with which times, ids, status and attributes."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from core.building import SECOND, START
from llm_exporter import dialects
from llm_exporter.dialects._dialect import Choice, Field, Scaled
from llm_exporter.logs import DETAILS, KEYS, Translator
from llm_exporter.otlp.encode import delimited
from llm_exporter.otlp.schema import DecodeError
from llm_exporter.vocabulary import attribute_of
from logs.building import LINE, TIME, a_record, attributes_of, logs, span_of, spans, translated

CLAUDE = "com.anthropic.claude_code.events"
TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def claude(event: str, **attributes: Any) -> Any:
    """Return an event as Claude Code writes it: the whole name in the body, the short one as an attribute."""
    return a_record(f"claude_code.{event}", {"event.name": event, **attributes})


ANSWER = {"model": "claude-sonnet-4-6", "input_tokens": 12, "output_tokens": 431, "duration_ms": 4210}


@pytest.mark.parametrize(
    "record",
    [
        a_record("claude_code.api_request", {"event.name": "api_request", **ANSWER}),
        a_record("anything else", {"event.name": "claude_code.api_request", **ANSWER}),
        a_record(None, ANSWER, event_name="claude_code.api_request"),
        a_record({"event.name": "claude_code.api_request", **ANSWER}),
        a_record(json.dumps({"event.name": "claude_code.api_request", **ANSWER})),
        a_record(None, {"event.name": "api_request", **ANSWER}),
    ],
    ids=["body", "attribute", "field", "map", "JSON", "scope"],
)
def test_an_event_is_known_wherever_its_name_stands(record: Any) -> None:
    """Attribute, field, body, an object in the body; or the short name with the writer's in the scope."""
    span = span_of(record, CLAUDE)
    assert span.name == "claude_code.api_request"
    assert attributes_of(span)["event.name"] == "claude_code.api_request"
    assert attributes_of(span)["input_tokens"] == 12


def test_an_event_keeps_the_name_that_a_dialect_knows() -> None:
    """A tracing library's own event name (file and line) does not hide the one that the writer gave."""
    record = a_record(None, {"event.name": "codex.user_prompt"}, event_name="event.otel.events.rs.617")
    assert span_of(record).name == "codex.user_prompt"


def test_times_come_from_the_end_and_the_duration() -> None:
    """The record is written when the call is over."""
    span = span_of(claude("api_request", **ANSWER))
    assert span.end_time_unix_nano == TIME
    assert span.start_time_unix_nano == TIME - 4_210_000_000


@pytest.mark.parametrize("duration", [None, 0, -5, "soon", 10**12, float("nan"), True])
def test_a_record_without_a_credible_duration_has_no_end(duration: Any) -> None:
    """What is not said is no zero: a histogram of durations gets nothing."""
    span = span_of(claude("api_request", **{**ANSWER, "duration_ms": duration}))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (TIME, 0)


@pytest.mark.parametrize("duration", [1500, "1500", 1500.0, "1500.0"])
def test_a_duration_may_be_text(duration: Any) -> None:
    """Older releases and Codex write numbers as text."""
    span = span_of(claude("api_request", **{**ANSWER, "duration_ms": duration}))
    assert span.start_time_unix_nano == TIME - 1_500_000_000


def test_the_time_of_a_line_is_its_own_before_that_of_whoever_read_it() -> None:
    """Of the record, of the line, and only then when a Collector saw it."""
    said = {**LINE, "timestamp": "2026-05-28T20:00:00Z"}
    own = 1_779_998_400 * SECOND
    assert span_of(a_record(json.dumps(said), time_ns=0, observed_ns=TIME)).end_time_unix_nano == own
    assert span_of(a_record(json.dumps(LINE), time_ns=0, observed_ns=TIME)).end_time_unix_nano == TIME
    assert span_of(a_record(json.dumps(said), time_ns=TIME)).end_time_unix_nano == TIME


@pytest.mark.parametrize(
    "said",
    [
        "2026-05-28T20:26:40Z", "2026-05-28T22:26:40+02:00", "2026-05-28 20:26:40", 1_780_000_000, 1_780_000_000_000,
        1_780_000_000_000_000, "1780000000000000000", 1_780_000_000.0,
    ],
)  # fmt: skip
def test_a_timestamp_may_be_in_any_usual_form(said: Any) -> None:
    """ISO 8601, UTC unless it says otherwise, or unix time in seconds to nanoseconds."""
    line = json.dumps({**LINE, "timestamp": said})
    assert span_of(a_record(line, time_ns=0)).end_time_unix_nano == START


@pytest.mark.parametrize(
    "said", ["yesterday", 12.5, -1, 10**19, "", [], "9999-12-31T23:59:59Z", "0001-01-01"]
)
def test_what_is_no_timestamp_is_none(said: Any) -> None:
    """Then the time at which the record was noticed holds."""
    line = json.dumps({**LINE, "timestamp": said})
    assert span_of(a_record(line, time_ns=0, observed_ns=TIME)).end_time_unix_nano == TIME


def test_an_event_in_a_span_is_its_child() -> None:
    """It was logged in that span; its own id is of its bytes, so that a retry is the same span again."""
    record = claude("api_request", **ANSWER)
    record.trace_id, record.span_id = TRACE, SPAN
    first, again = span_of(record), span_of(record)
    assert (first.trace_id, first.parent_span_id) == (TRACE, SPAN)
    assert len(first.span_id) == 8
    assert first.span_id != SPAN
    assert first == again
    record.time_unix_nano += 1
    assert span_of(record).span_id != first.span_id


def test_events_of_one_task_share_a_trace() -> None:
    """Claude Code's `prompt.id` and Gemini CLI's `prompt_id` stand for a trace where there is none."""
    for scope, key, event in (
        (CLAUDE, "prompt.id", "claude_code.user_prompt"),
        ("gemini-cli", "prompt_id", "gemini_cli.user_prompt"),
    ):
        one, two, other = (
            span_of(a_record(None, {"event.name": event, key: prompt, "n": n}), scope)
            for n, prompt in enumerate(("p1", "p1", "p2"))
        )
        assert (one.trace_id, one.parent_span_id) == (two.trace_id, two.parent_span_id)
        assert one.span_id != two.span_id
        assert other.trace_id != one.trace_id
        assert (len(one.trace_id), len(one.parent_span_id)) == (16, 8)


def test_an_event_of_nothing_is_alone() -> None:
    """Without a trace and a task, each has a trace of its own."""
    one, two = (span_of(claude("api_request", **ANSWER, n=n)) for n in range(2))
    assert one.trace_id != two.trace_id
    assert one.parent_span_id == two.parent_span_id == b""


def test_a_line_is_the_span_that_it_says_it_is() -> None:
    """Ids of OpenTelemetry are taken as they are, any other text makes ids that are always the same."""
    hexadecimal = {**LINE, "trace_id": TRACE.hex(), "span_id": SPAN.hex().upper(), "parent_id": "0f" * 8}
    span = span_of(a_record(json.dumps(hexadecimal)))
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE, SPAN, b"\x0f" * 8)
    one = span_of(a_record(json.dumps(LINE)))
    two = span_of(a_record(json.dumps({**LINE, "output_tokens": 1}), time_ns=TIME + 1))
    assert (one.trace_id, one.span_id) == (two.trace_id, two.span_id)
    assert (len(one.trace_id), len(one.span_id), one.parent_span_id) == (16, 8, b"")
    elsewhere = span_of(a_record(json.dumps({**LINE, "span_id": "step-4"})))
    assert elsewhere.trace_id == one.trace_id
    assert elsewhere.span_id != one.span_id


def test_a_line_in_a_span_is_its_child() -> None:
    """The ids that the record came with say where it was logged; the line's own then say nothing new."""
    span = span_of(a_record(json.dumps(LINE), trace_id=TRACE, span_id=SPAN))
    assert (span.trace_id, span.parent_span_id) == (TRACE, SPAN)
    assert span.span_id not in (SPAN, span_of(a_record(json.dumps(LINE))).span_id)


@pytest.mark.parametrize("zeros", [b"", bytes(16), b"short"])
def test_an_invalid_trace_id_is_none(zeros: bytes) -> None:
    """All zeros, or of another length: as if it were not there."""
    span = span_of(a_record(json.dumps(LINE), trace_id=zeros, span_id=SPAN))
    assert span.trace_id == span_of(a_record(json.dumps(LINE))).trace_id
    assert span.parent_span_id == b""


def test_the_details_of_a_span_are_its_child_under_its_own_scope() -> None:
    """The event of the conventions is read as its instrumentation's spans are: by scope and attributes."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 52}
    record = a_record(None, attributes, event_name=DETAILS, trace_id=TRACE, span_id=SPAN)
    found = translated(logs(record, scope="my.instrumentation", resource={"service.name": "shop"}))
    request = ExportTraceServiceRequest.FromString(found.request)
    (of_resource,) = request.resource_spans
    assert of_resource.resource.attributes[0].value.string_value == "shop"
    assert of_resource.scope_spans[0].scope.name == "my.instrumentation"
    (span,) = of_resource.scope_spans[0].spans
    assert (span.trace_id, span.parent_span_id) == (TRACE, SPAN)
    assert attributes_of(span) == {**attributes, "event.name": DETAILS}


@pytest.mark.parametrize("scope", ["gemini-cli", "codex_otel.log_only", CLAUDE])
def test_the_details_of_a_writer_with_events_of_its_own_are_left_out(scope: str) -> None:
    """Gemini CLI writes both for each answer."""
    record = a_record(None, {"gen_ai.usage.input_tokens": 52}, event_name=DETAILS)
    assert spans(record, scope=scope) == []


@pytest.mark.parametrize(
    "name",
    ["gen_ai.choice", "gen_ai.user.message", "gen_ai.evaluation.result", "gen_ai.client.operation.exception"],
)
def test_messages_and_evaluations_are_no_calls(name: str) -> None:
    """They are parts of a call or about one, even with all that a line needs to be a call."""
    record = a_record(
        None, {**LINE, "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 1}, event_name=name
    )
    assert spans(record) == []


@pytest.mark.parametrize("missing", ["model", "numbers"])
def test_a_line_needs_a_model_and_a_number(missing: str) -> None:
    """Tokens, latency or cost: without any of them, or without a model, it is about something else."""
    numbers = ("input_tokens", "output_tokens", "latency_ms", "cost_usd")
    without = ("model",) if missing == "model" else numbers
    line = {key: value for key, value in LINE.items() if key not in without}
    assert translated(logs(a_record(json.dumps(line))))[1:4] == (0, 1, 0)
    for number in numbers:
        kept = {"model": "gpt-4o", number: 1}
        assert len(spans(a_record(json.dumps(kept)))) == 1


@pytest.mark.parametrize(
    "record",
    [
        a_record(json.dumps(LINE)),
        a_record(LINE),
        a_record("a call", LINE),
        a_record(f"  {json.dumps(LINE)}\n"),
    ],
    ids=["JSON", "map", "attributes", "spaces"],
)
def test_a_line_may_stand_in_body_or_attributes(record: Any) -> None:
    """As text, as a map, or parsed into attributes by a Collector: the same."""
    found = attributes_of(span_of(record))
    assert found == {
        "cost_usd": 0.043,
        "event.name": "structured_line",
        "input_tokens": 2847,
        "latency_ms": 1834,
        "model": "claude-sonnet-4-20250514",
        "output_tokens": 512,
        "prompt_version": "v2.4.1",
        "quality_score": 0.87,
        "semantic_hash": "e7f2a1...",
        "span_id": "step-3-generate",
        "trace_id": "abc-123",
        "ttft_ms": 287,
    }


def test_a_line_may_have_any_names() -> None:
    """The table says which key is which; a dot leads into a nested object, and the first that is set wins."""
    keys = {**KEYS, "model": ("llm", "answer.model.name"), "input_tokens": ("in",), "latency_ms": ()}
    line = {
        "llm": "",
        "answer": {"model": {"name": "gpt-4o"}},
        "in": 7,
        "input_tokens": 1,
        "latency_ms": 5,
        "model": "a car",
    }
    request = logs(a_record(json.dumps(line)))
    found = ExportTraceServiceRequest.FromString(translated(request, keys).request)
    span = found.resource_spans[0].scope_spans[0].spans[0]
    said = attributes_of(span)
    assert (said["model"], said["input_tokens"]) == ("gpt-4o", 7)
    assert "latency_ms" not in said
    assert span.end_time_unix_nano == 0


def test_nested_usage_is_found() -> None:
    """The provider's `usage` object, logged as it came, in a map too."""
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}
    line = {"model": "gpt-4o", "usage": usage}
    for record in (a_record(json.dumps(line)), a_record(line), a_record(None, line)):
        found = attributes_of(span_of(record))
        assert (found["input_tokens"], found["output_tokens"], found["cache_read_tokens"]) == (9, 4, 3)


def test_a_line_may_name_its_service() -> None:
    """Where the resource does not: a Collector that reads files knows none."""
    records = [
        a_record(json.dumps({**LINE, "service": name}), time_ns=TIME + n) for n, name in enumerate("aba")
    ]
    for resource, expected in (
        ({}, ["a", "b"]),
        ({"service.name": "unknown_service:python"}, ["a", "b"]),
        ({"service.name": "shop"}, ["shop", "shop"]),
    ):
        found = ExportTraceServiceRequest.FromString(translated(logs(*records, resource=resource)).request)
        names = [
            [kv.value.string_value for kv in of.resource.attributes if kv.key == "service.name"][-1]
            for of in found.resource_spans
        ]
        assert names == expected
        assert [len(of.scope_spans[0].spans) for of in found.resource_spans] == [2, 1]


@pytest.mark.parametrize(
    ("attributes", "kind", "text"),
    [
        ({"error": "Overloaded", "status_code": 529}, None, "529 Overloaded"),
        ({"error": {"message": "no", "code": 1}, "error_type": "rate_limit_error"}, "rate_limit_error", ""),
        ({"success": False}, None, ""),
        ({"success": "False", "error_type": "Error:ENOENT"}, "Error:ENOENT", ""),
        ({"success": "false", "decision_type": "reject"}, "rejected", ""),
        ({"error_type": "what the user wrote, in words"}, None, ""),
        ({"http.response.status_code": 429}, None, "429"),
    ],
)
def test_a_failure_is_a_status_and_never_a_message_in_an_attribute(
    attributes: dict[str, Any], kind: str | None, text: str
) -> None:
    """What was said goes where a span's status message goes, to be matched and dropped."""
    span = span_of(claude("tool_result", tool_name="Bash", **attributes))
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message == text
    found = attributes_of(span)
    assert found.get("error.type") == kind
    assert not found.keys() & {"error", "error_type", "error.message"}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"success": True, "error": "left over"},
        {"success": "true"},
        {"error": ""},
        {"error": False},
        {"error": None},
        {"error": "None"},
        {"status_code": 200},
        {"error_type": ""},
    ],
)
def test_what_is_no_failure_is_none(attributes: dict[str, Any]) -> None:
    """Empty errors, and codes below 400."""
    span = span_of(claude("tool_result", tool_name="Bash", **attributes))
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert "error.type" not in attributes_of(span)


def test_most_logs_are_not_opened() -> None:
    """A record without a mark is ignored, even one that could not be decoded; a scope without one as a whole."""
    broken = b"\x32\x05\x0a\x03\xff\xfe\xfd"
    request = logs(a_record("GET / 200"), a_record(json.dumps(LINE))).SerializeToString() + around(broken)
    assert Translator(tuple(KEYS.items())).translate(request)[1:4] == (1, 2, 0)


def test_a_record_that_cannot_be_decoded_is_told_from_the_others() -> None:
    """It is counted as invalid, and the rest of its batch is read."""
    request = logs(a_record(json.dumps(LINE)), a_record(json.dumps(LINE))).SerializeToString()
    # The name of an attribute that is no UTF-8, in the place of the last record.
    broken = b"\x32\x05\x0a\x03\xff\xfe\xfdmodel input_tokens"
    request += around(broken)
    assert Translator(tuple(KEYS.items())).translate(request)[1:4] == (2, 0, 1)


def test_every_field_of_a_line_is_read_by_someone() -> None:
    """The dialect reads a field of the table, the translation does, or it is for later."""
    dialect = dialects.all_dialects()["structured_line"]
    by_dialect = {attribute_of(source) for sources in dialect.fields.values() for source in sources}
    by_translation = {
        "latency_ms", "latency_s", "trace_id", "span_id", "parent_id", "error", "error_type", "status_code",
        "success", "timestamp", "service", "environment", "team", "feature", "user_tier", "customer",
    }  # fmt: skip
    later = {"quality_score", "semantic_hash"}
    assert by_dialect | by_translation | later == set(KEYS)
    assert not by_dialect & by_translation


@pytest.mark.parametrize(
    "name", ["claude_code_events", "codex_events", "gemini_cli_events", "structured_line"]
)
def test_dialects_of_logs_are_claimed_by_scope_alone(name: str) -> None:
    """No span of a tracer can pass for an event: the scope begins with `logs:`."""
    dialect = dialects.all_dialects()[name]
    assert dialect.scopes
    assert all(scope.startswith("logs:") for scope in dialect.scopes)
    for sources in dialect.fields.values():
        assert all(
            isinstance(source, Choice | Scaled | str) or sources is dialect.fields[Field.GUARDRAIL]
            for source in sources
        )


thorough = hypothesis_settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [key for keys in KEYS.values() for key in keys]
    + ["event.name", "event.kind", "duration_ms", "usage", "error.message", "prompt.id", "decision"]
)
EVENTS = st.sampled_from(
    [name for dialect in dialects.all_dialects().values() for name in dialect.operations if "." in name]
    + [DETAILS]
)


@given(st.dictionaries(NAMES, JSON_VALUES | EVENTS, max_size=12))
@thorough
def test_any_line_is_translated_or_left(line: dict[str, Any]) -> None:
    """Whatever the values are, nothing raises, and what comes out is a request not much larger than what went in."""
    body = json.dumps({"model": "gpt-4o", "input_tokens": 1, **line})
    request = logs(a_record(body))
    found = translated(request)
    assert found.read + found.ignored == 1
    ExportTraceServiceRequest.FromString(found.request)
    assert len(found.request) <= 4 * request.ByteSize() + 1024


def around(record: bytes) -> bytes:
    """Return a request with this as the bytes of its one record."""
    return delimited(b"\x0a", delimited(b"\x12", delimited(b"\x12", record)))


@given(
    st.binary(max_size=400)
    | st.builds(lambda a, b: a + b"model tokens_in codex." + b, st.binary(), st.binary())
)
@thorough
def test_any_bytes_are_a_record_or_refused(raw: bytes) -> None:
    """As a request only `DecodeError` is raised; as a record of one, nothing."""
    translator = Translator(tuple(KEYS.items()))
    with suppress(DecodeError):
        translator.translate(raw)
    found = translator.translate(around(raw))
    assert found.read + found.ignored + found.invalid == 1


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"model":' * 20_000,
        '{"model": ' + "9" * 50_000 + ', "input_tokens": 1}',
        json.dumps({"model": "m", "input_tokens": 1, **{f"k{n}": n for n in range(300)}}),
        json.dumps({"model": "m", "input_tokens": 1, "text": "x" * 70_000}),
        '{"model": "\\ud800", "input_tokens": 1e400, "latency_ms": NaN}',
        '{"model": "m", "model": "n", "input_tokens": Infinity}',
    ],
    ids=["brackets", "braces", "digits", "keys", "size", "surrogate", "infinity"],
)
def test_hostile_bodies_are_bounded(body: str) -> None:
    """Too deep, too long, too many keys, impossible numbers: read as nothing, or within bounds."""
    found = translated(logs(a_record(body)))
    assert found.read + found.ignored == 1
    assert len(found.request) < 70_000
