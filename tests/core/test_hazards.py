"""What hostile and sloppy senders write: each has its outcome, and the exporter counts on correctly."""

import json
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from core.building import SECOND, START, Exporter, a_call, a_request, a_span, any_value
from llm_exporter.otlp.json import traces_to_protobuf
from llm_exporter.receive.sink import Malformed

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"
REASONING, COST = "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.cost"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"


def delimited(number: int, content: bytes) -> bytes:
    """Encode a length-delimited field below 16 KiB, its length in more bytes than it needs."""
    size = len(content)
    return bytes([number << 3 | 2, size & 0x7F | 0x80, size >> 7 | 0x80, 0]) + content


def request_of(*raw_spans: bytes, resources: tuple[bytes, ...] = ()) -> bytes:
    """Return a request with spans, and `resource` fields, that are already encoded."""
    scope_spans = b"".join(delimited(2, span) for span in raw_spans)
    in_resource = b"".join(delimited(1, resource) for resource in resources)
    return delimited(1, in_resource + delimited(2, scope_spans))


def pair(key: bytes, value: bytes) -> bytes:
    """Return an encoded attribute of a span."""
    return delimited(9, delimited(1, key) + delimited(2, value))


def counts_on(exporter: Exporter) -> bool:
    """Say whether a plain call that comes now is counted in full."""
    before = exporter.tokens().get("input", 0)
    exporter.send(a_call())
    return exporter.tokens()["input"] == before + 100


def test_the_last_of_duplicate_keys_wins(exporter: Exporter) -> None:
    """An attribute that stands twice has its last value; a parser that builds a map does the same."""
    span = a_call()
    span.attributes.append(KeyValue(key=INPUT, value=AnyValue(int_value=7)))
    exporter.send(span)
    assert exporter.tokens() == {"input": 7, "output": 10}


def test_the_last_of_two_resources_wins(exporter: Exporter) -> None:
    """Of two resource fields in one ResourceSpans the last is the resource."""
    resources = [
        a_request(resource={"service.name": name}).resource_spans[0].resource for name in ("one", "two")
    ]
    raw = [resource.SerializeToString() for resource in resources]
    exporter.send_request(request_of(a_call().SerializeToString(), resources=(raw[0], raw[1])))
    assert exporter.open_labels()["service_name"] == {"two"}


def test_a_key_that_is_not_utf8_rejects_its_span_only(exporter: Exporter) -> None:
    """That span is invalid and told so in the partial success; the others of the batch are counted."""
    good = a_call().SerializeToString()
    bad = good + pair(b"gen_ai.\xff", any_value("x").SerializeToString())
    verdict = exporter.send_request(request_of(good, bad, a_call().SerializeToString()))
    assert (verdict.rejected, verdict.message) == (1, "1 spans cannot be decoded")
    assert exporter.outcomes() == {"call": 2, "invalid": 1}


def test_a_value_that_is_not_utf8_is_repaired(exporter: Exporter) -> None:
    """The value keeps what can be read; its span counts."""
    model = bytes([0x0A, 8]) + b"gpt-\xff4o-"
    span = a_call({"gen_ai.request.model": None}).SerializeToString() + pair(b"gen_ai.request.model", model)
    exporter.send_request(request_of(span))
    assert exporter.open_labels()["model"] == {"gpt-_4o-"}


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x09\x01", b"\x0a\x80", b"\x4a\x05ab"]
)
def test_bytes_that_are_no_request_are_malformed(exporter: Exporter, raw: bytes) -> None:
    """They are refused as a whole, and the exporter counts on."""
    with pytest.raises(Malformed, match="not a protobuf ExportTraceServiceRequest"):
        exporter.send_request(raw)
    assert counts_on(exporter)


def test_a_cut_span_is_invalid(exporter: Exporter) -> None:
    """A span whose bytes end too early is rejected alone."""
    good = a_call().SerializeToString()
    assert exporter.send_request(request_of(good[:-1], good)).rejected == 1
    assert exporter.outcomes() == {"call": 1, "invalid": 1}


@pytest.mark.parametrize("request_bytes", [b"", b"\x0a\x00", request_of()])
def test_a_request_without_spans_changes_nothing(exporter: Exporter, request_bytes: bytes) -> None:
    """Nothing is received, nothing is rejected."""
    assert exporter.send_request(request_bytes).rejected == 0
    assert exporter.outcomes() == {}


def test_an_empty_span_is_not_about_a_model(exporter: Exporter) -> None:
    """A span without any field is counted as not_llm."""
    exporter.send_request(request_of(b""))
    assert exporter.outcomes() == {"not_llm": 1}


def test_a_mark_in_the_wrong_place_is_no_claim(exporter: Exporter) -> None:
    """Words of a dialect in a span's name or in values make no LLM span of it."""
    exporter.send(
        a_span({"http.route": "gen_ai.usage.input_tokens"}, name="openinference.span.kind ai.model.id")
    )
    assert exporter.outcomes() == {"not_llm": 1}


@pytest.mark.parametrize(
    "value",
    [12, 12.0, "12", " 12 ", "12.0", "1.2e1", "+12", AnyValue(bytes_value=b"12")],
    ids=str,
)
def test_a_count_may_be_written_in_many_types(exporter: Exporter, value: Any) -> None:
    """Integers, integral doubles and decimal text say the same number of tokens."""
    exporter.send(a_call({INPUT: value}))
    assert exporter.tokens() == {"input": 12, "output": 10}


NO_NUMBER = [
    "None", "N/A", "", "unknown", "null", "1_000", "0x10", "\u0661\u0662", "9" * 60, True, False,
    float("nan"), float("inf"), float("-inf"), [], [12], {}, {"n": 3}, AnyValue(),
    AnyValue(bytes_value=b"\xff"),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_NUMBER, ids=repr)
def test_what_is_no_number_says_nothing(exporter: Exporter, value: Any) -> None:
    """Usage of placeholders only is missing usage: no tokens, no cost of 0."""
    exporter.send(a_call({INPUT: value, OUTPUT: value}))
    assert exporter.outcomes() == {"call": 1}
    assert exporter.tokens() == {}
    assert exporter.value("llm_usage_anomalies_total", kind="missing_usage") == 1
    assert exporter.value("llm_unpriced_requests_total", reason="no_usage") == 1
    assert exporter.value("llm_request_cost_usd_count") == 0


@pytest.mark.parametrize("value", NO_NUMBER, ids=repr)
@pytest.mark.parametrize("key", [READ, WRITE, REASONING, COST, FIRST_CHUNK])
def test_a_placeholder_beside_usage_changes_nothing(exporter: Exporter, key: str, value: Any) -> None:
    """A number that says nothing is as good as absent."""
    exporter.send(a_call({key: value}))
    plain = Exporter()
    plain.send(a_call())
    assert exporter.counted() == plain.counted()


@pytest.mark.parametrize(
    "value", [-1, -0.5, 10**9 + 1, 2**63 - 1, -(2**63), 1e300, -1e300, 12.5, "-3", "1e99"]
)
@pytest.mark.parametrize("key", [INPUT, OUTPUT, READ, WRITE, REASONING])
def test_an_impossible_count_leaves_the_usage_out(exporter: Exporter, key: str, value: Any) -> None:
    """No token of such a call is counted, the call is, and an anomaly says why."""
    exporter.send(a_call({key: value}))
    assert exporter.value("llm_requests_total", status="ok") == 1
    assert exporter.tokens() == {}
    assert exporter.value("llm_usage_anomalies_total", kind="implausible_usage") == 1


@pytest.mark.parametrize("value", [-0.01, 10_000.01, 1e300, -1e300, 2**63 - 1, "-1"])
def test_an_impossible_cost_is_computed_instead(exporter: Exporter, value: Any) -> None:
    """A reported cost that cannot be true is replaced by the computed one, and an anomaly says so."""
    exporter.send(a_call({COST: value}))
    assert exporter.value("llm_usage_anomalies_total", kind="implausible_cost") == 1
    assert exporter.value("llm_cost_usd_total", source="reported") == 0
    assert exporter.value("llm_cost_usd_total", source="computed") == (100 * 2.5 + 10 * 10) / 10**6


@pytest.mark.parametrize("value", [0, 0.0, "0", 10_000, "0.000001"])
def test_a_possible_cost_is_taken_as_it_is(exporter: Exporter, value: Any) -> None:
    """A reported cost counts to the last digit, also when it is 0: a free call is not an unpriced one."""
    exporter.send(a_call({COST: value}))
    assert exporter.value("llm_cost_usd_total", source="reported") == float(value)
    assert exporter.value("llm_request_cost_usd_count") == 1
    assert exporter.value("llm_cost_usd_total", source="computed") == 0


def test_more_cache_than_input_means_that_it_stands_beside(exporter: Exporter) -> None:
    """Cache reads and writes above the input cannot be part of it; nothing is subtracted, and it is said."""
    exporter.send(a_call({INPUT: 5, READ: 30, WRITE: 40}))
    assert exporter.tokens() == {"input": 5, "input_cache_read": 30, "input_cache_write": 40, "output": 10}
    assert exporter.value("llm_request_input_tokens_sum") == 75
    assert exporter.value("llm_usage_anomalies_total", kind="cache_exceeds_input") == 1


def test_more_reasoning_than_output_means_that_it_stands_beside(exporter: Exporter) -> None:
    """Reasoning above the output cannot be part of it."""
    exporter.send(a_call({OUTPUT: 5, REASONING: 30}))
    assert exporter.tokens() == {"input": 100, "output": 5, "output_reasoning": 30}
    assert exporter.value("llm_request_output_tokens_sum") == 35
    assert exporter.value("llm_usage_anomalies_total", kind="reasoning_exceeds_output") == 1


@pytest.mark.parametrize(
    ("start", "end"),
    [(START, START - 1), (0, START), (START, 0), (0, 0), (2**64 - 1, 1)],
    ids=["end before start", "no start", "no end", "neither", "start in the far future"],
)
@pytest.mark.parametrize("operation", ["chat", "execute_tool", "invoke_agent", "retrieval", "guardrail"])
def test_times_that_cannot_be_give_no_duration(
    exporter: Exporter, operation: str, start: int, end: int
) -> None:
    """The span counts, its duration does not."""
    span = a_call({"gen_ai.operation.name": operation})
    span.start_time_unix_nano, span.end_time_unix_nano = start, end
    exporter.send(span)
    counted = exporter.counted()
    assert [name for name in counted if name.startswith("llm_")]
    assert not [name for name in counted if "duration_seconds" in name]
    assert exporter.value("llm_usage_anomalies_total", kind="negative_duration") == (operation == "chat")


@pytest.mark.parametrize("operation", ["chat", "execute_tool", "invoke_agent", "retrieval", "guardrail"])
def test_the_longest_duration_there_is_counts(exporter: Exporter, operation: str) -> None:
    """A span from the first nanosecond to the last is counted, in the highest bucket, and can be shown."""
    span = a_call({"gen_ai.operation.name": operation})
    span.start_time_unix_nano, span.end_time_unix_nano = 1, 2**64 - 1
    assert exporter.send(span).rejected == 0
    assert exporter.scrape("openmetrics").endswith("# EOF\n")
    assert counts_on(exporter)


def test_a_first_token_after_the_end_is_left_out(exporter: Exporter) -> None:
    """A time to first token above the duration is no observation but an anomaly."""
    exporter.send(a_call({FIRST_CHUNK: 1.000000001}, seconds=1))
    assert exporter.value("llm_time_to_first_token_seconds_count") == 0
    assert exporter.value("llm_usage_anomalies_total", kind="ttft_exceeds_duration") == 1


@pytest.mark.parametrize("value", [-0.1, 86_401, 1e300, -(2**63)])
def test_an_impossible_first_token_is_left_out(exporter: Exporter, value: float) -> None:
    """So is one that no call can have."""
    exporter.send(a_call({FIRST_CHUNK: value}))
    assert exporter.value("llm_time_to_first_token_seconds_count") == 0
    assert exporter.value("llm_usage_anomalies_total", kind="ttft_exceeds_duration") == 1
    assert exporter.tokens() == {"input": 100, "output": 10}


@pytest.mark.parametrize(
    "score", [1e308, -1e308, 10**400, float("nan"), "1e99", None, True, {"a": 1}, "x" * 5000]
)
def test_any_score_of_a_document_can_be_shown(exporter: Exporter, score: Any) -> None:
    """A score beyond all reason is left out; the documents are counted, and /metrics stays readable."""
    listed = json.dumps([{"id": "a", "score": score}, {"id": "b", "score": 0.5}])
    exporter.send(a_span({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": listed}))
    assert exporter.value("llm_retrieval_documents_sum") == 2
    assert exporter.value("llm_retrieval_score_count") == 1
    assert exporter.value("llm_retrieval_score_sum") == 0.5
    assert "llm_retrieval_score_bucket" in exporter.scrape("openmetrics")


@pytest.mark.parametrize(
    "reasons",
    [
        "[" * 1024,
        '["stop"',
        "[]",
        "[1]",
        '{"a":1}',
        ["stop", None, 7],
        {"a": "b"},
        "x" * 100_000,
        "[null]",
        '["\\ud800"]',
    ],
    ids=lambda value: str(value)[:12],
)
def test_finish_reasons_may_be_anything(exporter: Exporter, reasons: Any) -> None:
    """The call is counted whatever stands where its finish reasons belong."""
    exporter.send(a_call({"gen_ai.response.finish_reasons": reasons}))
    assert exporter.outcomes() == {"call": 1}
    assert exporter.tokens() == {"input": 100, "output": 10}
    assert exporter.value("llm_finish_reasons_total") <= 1


def nested(depth: int) -> AnyValue:
    """Return a list in a list in a list."""
    value = AnyValue(string_value="deep")
    for _ in range(depth):
        value = AnyValue(array_value={"values": [value]})
    return value


@pytest.mark.parametrize("depth", [15, 16, 17, 40])
@pytest.mark.parametrize(
    "key", ["gen_ai.request.model", INPUT, "gen_ai.response.finish_reasons", "gen_ai.input.messages"]
)
def test_nesting_is_no_danger(exporter: Exporter, key: str, depth: int) -> None:
    """A value nested deeper than anyone reads leaves the rest of the span as it is."""
    exporter.send(a_call({key: nested(depth)}))
    assert exporter.outcomes() == {"call": 1}
    assert exporter.tokens()["output"] == 10


def test_json_nested_without_end_says_nothing(exporter: Exporter) -> None:
    """JSON in an attribute, nested beyond Python's stack, reads as nothing said."""
    for text in ("[" * 60_000, '{"a":' * 10_000, "{" * 70_000):
        exporter.send(
            a_call({"ai.response.providerMetadata": text, "ai.operationId": "ai.generateText.doGenerate"})
        )
    assert exporter.tokens() == {"input": 300, "output": 30}


def test_a_surrogate_without_its_pair_stays_inside(exporter: Exporter) -> None:
    """JSON can name half a character; as a label it becomes an underscore."""
    body = {"key": "gen_ai.request.model", "value": {"stringValue": "m-\ud800"}}
    more = {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [body, more]}]}]}]}
    exporter.send_request(traces_to_protobuf(json.dumps(request).encode()).request)
    prompt = json.dumps({"name": "greet\ud800", "version": 1})
    exporter.send(
        a_call(
            {"ai.operationId": "ai.generateText.doGenerate", "ai.telemetry.metadata.langfusePrompt": prompt}
        )
    )
    exporter.scrape().encode()
    assert exporter.open_labels()["prompt_name"] == {"greet_"}
    assert sum(exporter.outcomes().values()) == 2


def test_a_span_of_too_many_attributes_is_over_limit() -> None:
    """Over limits.attributes_per_span a span is rejected and counted; at the limit it is read."""
    exporter = Exporter({"limits.attributes_per_span": 20})
    spans = [a_call({f"junk.{i}": i for i in range(n - 5)}) for n in (20, 21, 10_000)]
    verdict = exporter.send(*spans)
    assert exporter.outcomes() == {"call": 1, "over_limit": 2}
    assert verdict.rejected == 2
    assert "limits.attributes_per_span" in verdict.message


def test_big_spans_are_read_like_small_ones() -> None:
    """Hundreds of attributes that mean nothing do not hide those that do."""
    exporter = Exporter()
    exporter.send(*(a_call({f"junk.{n}.{i}": i for i in range(n)}) for n in (60, 70, 500)))
    assert exporter.tokens() == {"input": 300, "output": 30}


def test_spans_over_the_limit_of_a_request_are_rejected() -> None:
    """The first spans_per_request spans are counted, over all scopes and resources together."""
    exporter = Exporter({"limits.spans_per_request": 3})
    request = a_request(a_call(), a_call())
    request.MergeFrom(a_request(a_call(), a_call()))
    request.resource_spans[1].scope_spans.append(
        a_request(a_call(), a_call()).resource_spans[0].scope_spans[0]
    )
    verdict = exporter.send_request(request.SerializeToString())
    assert exporter.outcomes() == {"call": 3, "over_limit": 3}
    assert (verdict.rejected, "limits.spans_per_request" in verdict.message) == (3, True)
    assert counts_on(exporter)


def test_other_encodings_of_the_same_words_share_series(exporter: Exporter) -> None:
    """Varints longer than needed, unknown fields, another order, bytes for a string: one series."""
    canonical = a_call(span_id=b"").SerializeToString()
    exporter.send_request(request_of(canonical))
    shown = exporter.scrape().count("\nllm_requests_total{")
    longer_varint = canonical + pair(OUTPUT.encode(), b"\x18\x8a\x80\x00")
    unknown_fields = (
        canonical + pair(b"gen_ai.request.model", b"\x0a\x06gpt-4o\xf8\x7f\x01") + b"\xfa\x7f\x02hi"
    )
    bytes_value = canonical + pair(b"gen_ai.provider.name", b"\x3a\x06openai")
    other_order = a_span({pair.key: pair.value for pair in reversed(a_call().attributes)}).SerializeToString()
    exporter.send_request(request_of(longer_varint, unknown_fields, bytes_value, other_order))
    assert exporter.tokens() == {"input": 500, "output": 50}
    assert exporter.scrape().count("\nllm_requests_total{") == shown


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (b"", b""),
        (bytes(16), b"12345678"),
        (b"short", b"12345678"),
        (b"x" * 16, b""),
        (b"x" * 40, b"y" * 40),
        (bytes(16), bytes(8)),
    ],
)
def test_an_id_that_is_none_makes_no_exemplar(exporter: Exporter, trace_id: bytes, span_id: bytes) -> None:
    """An exemplar must lead to a trace: a missing, zero or wrongly sized id shows none."""
    exporter.send(a_call(trace_id=trace_id, span_id=span_id))
    assert exporter.outcomes() == {"call": 1}
    assert "trace_id" not in exporter.scrape("openmetrics")


def test_a_scope_that_is_broken_has_no_name(exporter: Exporter) -> None:
    """Bytes that are no scope, or no UTF-8, leave the spans to be known by their attributes."""
    for raw_scope in (b"\xff", b"\x0a\x03\xff\xfeai", b"\x0a\x83\x80\x00abc"):
        scope_spans = delimited(1, raw_scope) + delimited(2, a_call().SerializeToString())
        exporter.send_request(delimited(1, delimited(2, scope_spans)))
    assert exporter.outcomes() == {"call": 3}


def test_a_resource_that_is_broken_says_nothing(exporter: Exporter) -> None:
    """Its spans count without a service name."""
    exporter.send_request(request_of(a_call().SerializeToString(), resources=(b"\xff",)))
    assert exporter.outcomes() == {"call": 1}
    assert "service_name" not in exporter.open_labels()


def test_an_event_that_is_broken_hides_no_other(exporter: Exporter) -> None:
    """An exception event that cannot be decoded is passed over; the next one says what went wrong."""
    broken = delimited(11, delimited(3, delimited(1, b"exception.\xff")))
    span = a_call(
        status="ERROR", events=[{"name": "exception", "attributes": {"exception.type": "RateLimitError"}}]
    )
    exporter.send_request(request_of(broken + span.SerializeToString()))
    assert exporter.value("llm_request_errors_total", error_type="rate_limit") == 1


def test_a_status_that_is_broken_is_no_error(exporter: Exporter) -> None:
    """Bytes that are no Status leave the call a success."""
    exporter.send_request(request_of(a_call().SerializeToString() + delimited(15, b"\xff")))
    assert exporter.value("llm_requests_total", status="ok") == 1


def test_events_without_end_are_not_all_read(exporter: Exporter) -> None:
    """Of ten thousand events the first are read; the span is counted in no more time than others."""
    events = [{"name": "gen_ai.choice"}] * 10_000
    last = {"name": "exception", "attributes": {"exception.type": "RateLimitError"}}
    exporter.send(a_call(status="ERROR", events=[*events, last]))
    assert exporter.value("llm_request_errors_total", error_type="unknown") == 1


def test_long_words_are_cut_and_not_remembered(exporter: Exporter) -> None:
    """A word of a megabyte becomes a label of 128 characters, and binds no memory."""
    for letter in "xy":
        exporter.send(a_call({"gen_ai.request.model": letter * (1 << 20), "gen_ai.provider.name": "p"}))
    assert exporter.open_labels()["model"] == {"x" * 128, "y" * 128}
    assert exporter.value("llm_exporter_bindings") == 0


def test_the_time_of_a_span_may_be_far_from_now(exporter: Exporter) -> None:
    """Spans of 1970 and of 2500 are priced by the nearest price there is."""
    for start in (1, 500 * 365 * 86_400 * SECOND):
        exporter.send(a_call(start_ns=start))
    assert exporter.tokens() == {"input": 200, "output": 20}
    assert exporter.value("llm_request_cost_usd_count") + exporter.value("llm_unpriced_requests_total") == 2


def test_no_span_goes_uncounted_however_many_operations_and_shapes_there_are(exporter: Exporter) -> None:
    """What the pipeline remembers is dropped when there is too much of it; each span still has its one outcome."""
    n_operations, n_shapes = 600, 5000
    spans = [
        a_span({"gen_ai.operation.name": f"chat{i}", "gen_ai.request.model": "m"})
        for i in range(n_operations)
    ]
    spans += [a_call({f"my.attribute.{i}": 1}) for i in range(n_shapes)]
    for start in range(0, len(spans), 500):
        exporter.send(*spans[start : start + 500])
    assert exporter.outcomes() == {"structure": n_operations, "call": n_shapes}
    assert exporter.value("llm_exporter_dialect_spans_total", dialect="semconv") == n_operations + n_shapes
    assert exporter.value("llm_requests_total") == n_shapes
