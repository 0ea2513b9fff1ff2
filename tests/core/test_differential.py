"""Random requests: the pipeline against the straightforward way, and against itself warm, split and shuffled."""

import random
from typing import Any

from hypothesis import given, note
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from core.building import START, Exporter, any_value, key_values
from core.reference import totals
from dialects.writing import Said, attribute, can_say, one_of, say, sources
from llm_exporter import dialects
from llm_exporter.dialects._dialect import (
    NUMBERS,
    Choice,
    EventAttribute,
    EventTime,
    Field,
    HttpError,
    Json,
    Not,
    Part,
    Present,
    Scaled,
    SpanName,
    Sum,
    Timestamp,
)
from llm_exporter.pipeline import LOG_SCOPE
from llm_exporter.pricing import PriceBook

PRICES = PriceBook(Exporter().engine._parts.settings.pricing.for_price_book())
TABLES = dialects.all_dialects().values()
SCOPES = [
    "",
    "",
    "my.app",
    "opentelemetry.instrumentation.requests",
    "openinference.instrumentation.bedrock",
    "opentelemetry.instrumentation.bedrock",
    *sorted(
        {one_of(p) for dialect in TABLES for p in dialect.scopes if not p.startswith(LOG_SCOPE)},
    ),
]
VERSIONS = ["", "0.1", "2.10.3"]
MODELS = ["gpt-4o", "gpt-4o-2024-08-06", "claude-3-5-sonnet-20240620", "nobody-knows", "", "None"]
OPERATIONS = [
    "chat",
    "LLM",
    "embeddings",
    "rerank",
    "execute_tool",
    "invoke_agent",
    "retrieval",
    "guardrail",
    "odd",
    "ai.streamText.doStream",
]
SAID: dict[Field, list[Any]] = {
    Field.OPERATION: OPERATIONS,
    Field.PROVIDER: ["openai", "anthropic", "openai.responses", "langchain", "AWS"],
    Field.RESPONSE_MODEL: MODELS,
    Field.REQUEST_MODEL: MODELS,
    Field.FINISH_REASON: [
        ["stop"],
        "length",
        '["tool_calls"]',
        ["stop", "content_filter"],
        "odd",
        "FinishReason.STOP",
    ],
    Field.STREAM: [True, False, "true"],
    Field.SERVICE_TIER: ["default", "priority", "odd"],
    Field.ERROR_TYPE: ["429", "timeout", "ValidationError", "odd"],
    Field.FAILED: ["ERROR", "true", False, "odd"],
    Field.TOKEN_SEMANTICS: ["inclusive", "exclusive", ""],
    Field.VERDICT: ["blocked", True, False, "pass", *sorted({v for d in TABLES for v in d.verdicts})],
    Field.DIRECTION: ["input", "OUTPUT"],
    Field.FIRST_TOKEN: [0.25, 0, 3, "0.5", -1, 1e9],
    Field.COST: [0.001, 0, "0.25", -1, 1e9],
}
COUNTS: list[Any] = [
    0,
    3,
    50,
    100,
    100,
    2000,
    12.0,
    "7",
    " 8",
    -1,
    2**40,
    1.5,
    "None",
    True,
    float("nan"),
    None,
]
KEYS = sorted(
    {
        (attribute(source), field)
        for _, field, source in sources()
        if isinstance(source, str | Scaled | Choice)
    },
    key=str,
)
DERIVED = sorted(
    {
        (source, field)
        for _, field, source in sources()
        if isinstance(source, Json | Part | Sum | Not | Present | HttpError)
    },
    key=str,
)
TIMES = sorted({source.attribute for _, _, source in sources() if isinstance(source, Timestamp)})
WHEN: list[Any] = [
    "2026-05-28T20:26:40.25Z",
    '"2026-05-28T22:26:41+02:00"',
    "2026-05-28T20:26:40.5",
    START + 10**8,
    str(START + 10**8),
    START - 1,
    "soon",
    0.25,
    None,
]
OWN = sorted(
    {(key, "x") for dialect in TABLES for key in (*dialect.keys, *dialect.shared)}
    | {(key, value) for dialect in TABLES for key, values in dialect.values.items() for value in values}
    | {(f"{prefix}x", "x") for dialect in TABLES for prefix in dialect.prefixes}
    | {(key, "x") for dialect in TABLES for key, _ in dialect.implied}
)
NAMES = [
    "a span",
    "0b9d",
    *sorted(
        {one_of(p) for _, _, source in sources() if isinstance(source, SpanName) for p, _ in source.words}
    ),
]


def written(source: Any, value: Any) -> tuple[str, Any]:
    """Return an attribute that says a value where this source reads it."""
    if isinstance(source, Not | Present | HttpError) and not can_say(source, value):
        return source.attribute, value
    said = Said()
    say(source, value if can_say(source, value) else "odd", said)
    ((key, found),) = said.attributes.items()
    return key, found


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """Return what writers put into a field, mostly sensible."""
    usual = SAID.get(field) or (
        COUNTS if field in NUMBERS else ["one", "two words", "ada@example.com", "Ünï", ""]
    )
    return st.sampled_from(usual)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PAIRS = st.one_of(
    st.sampled_from([key for key in KEYS if key[0].startswith("gen_ai.")]).flatmap(
        lambda key: st.tuples(st.just(key[0]), value_of(key[1]))
    ),
    st.sampled_from(KEYS).flatmap(lambda key: st.tuples(st.just(key[0]), value_of(key[1]))),
    st.sampled_from(DERIVED).flatmap(
        lambda place: value_of(place[1]).map(lambda value: written(place[0], value))
    ),
    st.tuples(
        st.sampled_from(["app.feature", "app.customer", "team", "feature"]), st.sampled_from(["x", "y", ""])
    ),
    st.tuples(st.sampled_from(TIMES or ["a.time"]), st.sampled_from(WHEN)),
    st.tuples(st.text(max_size=6), ANYTHING),
)
# What makes a span a typical one, so that most examples reach the arithmetic.
TYPICAL = st.fixed_dictionaries(
    {
        "gen_ai.operation.name": st.sampled_from(["chat", "chat", *OPERATIONS]),
        "gen_ai.request.model": st.sampled_from(MODELS),
        "gen_ai.usage.input_tokens": st.sampled_from(COUNTS),
        "gen_ai.usage.output_tokens": st.sampled_from(COUNTS),
    }
)
DOCUMENTS = st.sampled_from(
    [
        [],
        [("gen_ai.retrieval.documents", '[{"score": 0.25}, {"score": 1}]')],
        [("gen_ai.retrieval.documents", '[{"distance": 0.5}, {"distance": 2}, {"id": "x"}]')],
    ]
)
EVENT_NAMES = sorted({source.event for _, _, source in sources() if isinstance(source, EventTime)})
TOLD = sorted(
    {(source, field) for _, field, source in sources() if isinstance(source, EventAttribute)}, key=str
)


def event_of(source: EventAttribute, value: Any) -> Span.Event:
    """Return the event that says a value where this source reads it."""
    said = Said()
    say(source, value if isinstance(value, str) else "odd", said)
    (event,) = said.events
    return Span.Event(name=event["name"], attributes=key_values(event["attributes"]))


EVENTS = st.lists(
    st.sampled_from(TOLD).flatmap(
        lambda place: value_of(place[1]).map(lambda value: event_of(place[0], value))
    )
    | st.builds(
        lambda name, offset, error: Span.Event(
            name=name, time_unix_nano=START + offset, attributes=key_values({"exception.type": error})
        ),
        st.sampled_from(["exception", "odd", *EVENT_NAMES]),
        st.integers(-5, 2 * 10**9),
        st.sampled_from(["RateLimitError", "TimeoutError", "odd", ""]),
    ),
    max_size=2,
)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Draw a span: mostly one that some instrumentation could write, sometimes nonsense."""
    pairs = [*draw(TYPICAL).items()] if draw(st.integers(0, 3)) else []
    pairs += draw(st.lists(PAIRS, max_size=6)) + draw(DOCUMENTS)
    pairs += draw(st.lists(st.sampled_from(OWN), max_size=1))
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    return Span(
        name=draw(st.sampled_from(NAMES)),
        start_time_unix_nano=draw(st.sampled_from([START, START, START, 0, START + 10**18])),
        end_time_unix_nano=draw(st.sampled_from([START, START + 1, START + 10**9, START + 5 * 10**12])),
        attributes=[KeyValue(key=key, value=any_value(value)) for key, value in pairs],
        events=draw(EVENTS),
        status={
            "code": draw(st.sampled_from([0, 0, 1, 2])),
            "message": draw(st.sampled_from(["", "429 slow down"])),
        },
    )


RESOURCES = st.sampled_from(
    [{}, {"service.name": "shop"}, {"service.name": "shop", "app.team": "search", "feature": "f"}]
)
REQUESTS = st.lists(
    st.builds(
        lambda resource, scope, version, of_scope: ResourceSpans(
            resource={"attributes": key_values(resource)},
            scope_spans=[ScopeSpans(scope={"name": scope, "version": version}, spans=of_scope)],
        ),
        RESOURCES,
        st.sampled_from(SCOPES),
        st.sampled_from(VERSIONS),
        st.lists(spans(), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: ExportTraceServiceRequest(resource_spans=parts))
thorough = hypothesis_settings(deadline=None, max_examples=60)


def shown(exporter: Exporter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample about applications that is not 0."""
    return {
        (name, frozenset(labels.items())): value
        for name, labels, value in exporter.samples()
        if value and not name.startswith("llm_exporter_")
    }


def lines(exporter: Exporter) -> list[str]:
    """Return the exposition about applications, sorted."""
    return sorted(line for line in exporter.scrape().splitlines() if "llm_exporter_" not in line)


def single_spans(request: ExportTraceServiceRequest) -> list[bytes]:
    """Return one request per span."""
    return [
        ExportTraceServiceRequest(
            resource_spans=[
                ResourceSpans(
                    resource=part.resource, scope_spans=[ScopeSpans(scope=scope.scope, spans=[span])]
                )
            ]
        ).SerializeToString()
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


@given(REQUESTS)
@thorough
def test_the_pipeline_counts_what_the_straightforward_way_counts(request: ExportTraceServiceRequest) -> None:
    """Every sample that is not 0 is the same to the last digit, and there is no other."""
    note(str(request))
    exporter = Exporter()
    exporter.send_request(request.SerializeToString())
    found, wanted = shown(exporter), totals(request, PRICES).samples()
    assert found == wanted


@given(REQUESTS, st.randoms(use_true_random=False))
@thorough
def test_order_and_batches_do_not_matter(request: ExportTraceServiceRequest, shuffler: random.Random) -> None:
    """The same spans one by one in any order give the same exposition, byte for byte."""
    whole, split = Exporter(), Exporter()
    whole.send_request(request.SerializeToString())
    parts = single_spans(request)
    shuffler.shuffle(parts)
    for part in parts:
        split.send_request(part)
    assert lines(split) == lines(whole)
    assert split.outcomes() == whole.outcomes()


@given(REQUESTS, REQUESTS)
@thorough
def test_what_came_before_does_not_matter(
    first: ExportTraceServiceRequest, second: ExportTraceServiceRequest
) -> None:
    """Memories warmed by other spans, forgotten, or too small change nothing that is counted."""
    cold, warm, small = Exporter(), Exporter(), Exporter({"limits.bindings": 1})
    for request in (first, second, first):
        cold.engine.pipeline.forget_bindings()
        for exporter in (cold, warm, small):
            exporter.send_request(request.SerializeToString())
    assert lines(warm) == lines(cold) == lines(small)


@given(REQUESTS)
@thorough
def test_every_span_has_one_outcome(request: ExportTraceServiceRequest) -> None:
    """Outcomes add up to the spans that came, and those about LLMs to the spans by dialect."""
    exporter = Exporter()
    exporter.send_request(request.SerializeToString())
    outcomes = exporter.outcomes()
    assert sum(outcomes.values()) == len(single_spans(request))
    assert exporter.value("llm_exporter_dialect_spans_total") == sum(outcomes.values()) - outcomes.get(
        "not_llm", 0
    )


def test_the_generator_knows_every_field() -> None:
    """No field of the dialects is left out of the random spans."""
    drawn = {field for _, field in [*KEYS, *DERIVED]}
    read_by_some = {field for _, field, _ in sources()}
    assert drawn == read_by_some
