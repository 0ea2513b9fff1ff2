"""The look at a span's attributes before it is encoded changes no count."""

from __future__ import annotations

import string
import time

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from llm_exporter.dialects import all_dialects
from llm_exporter.engine import Engine
from llm_exporter.families import families
from llm_exporter.sdk.counting import SpanCounter

from .conftest import samples, settings

SCOPES = sorted({s.replace("*", "x") for d in all_dialects().values() for s in d.scopes} | {"", "http"})
PARTS = sorted({text for d in all_dialects().values() for text in (*d.keys, *d.prefixes)})
NAMES = st.text(string.ascii_lowercase + "._", max_size=12)
KEYS = st.one_of(
    st.builds(str.__add__, st.sampled_from(PARTS), st.sampled_from(["", "x", ".name", "operation.name"])),
    st.sampled_from(["http.route", "gen_ai", "llm.", "xgen_ai.y", "app.feature", "ai.", "service.name"]),
    NAMES.filter(bool),
)
VALUES = st.one_of(
    st.sampled_from(["gen_ai.x", "LLM", "chat", "ai.y", "llm.", "a.span.kind"]), st.integers(-1, 9), NAMES
)
RESOURCE = Resource({"service.name": "shop"})


@st.composite
def spans(draw: st.DrawFn) -> ReadableSpan:
    """A span of any scope with attributes that some dialect knows, nearly knows, or does not."""
    start = draw(st.integers(0, 2**40))
    return ReadableSpan(
        name=draw(st.sampled_from(["GET", "chat", "gen_ai.chat", "ai.generateText"])),
        context=SpanContext(draw(st.integers(1, 9)), draw(st.integers(1, 9)), False, TraceFlags(1)),
        resource=RESOURCE,
        attributes=draw(st.dictionaries(KEYS, VALUES, max_size=6)),
        instrumentation_scope=InstrumentationScope(draw(st.sampled_from(SCOPES))),
        start_time=start,
        end_time=start + draw(st.integers(0, 2**36)),
    )


@given(st.lists(spans(), max_size=12))
def test_counts_equal_those_of_an_otlp_request(batch: list[ReadableSpan]) -> None:
    """Whatever spans an application ends, every sample is that of the same spans sent to the exporter."""
    inside, outside = Engine(settings()), Engine(settings())
    refused: list[int] = []
    SpanCounter(inside, refused.append).count(batch)
    if batch:
        outside.traces(encode_spans(batch).SerializeToString(), "grpc")
    assert not refused

    def shown(engine: Engine) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        engine.sweep()
        return samples(families(engine.store, time.monotonic()))

    assert shown(inside) == shown(outside)
