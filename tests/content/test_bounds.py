"""What is too big, broken or made up: it says nothing, and never is an error."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from content.building import heard
from core.building import a_span, any_value
from llm_exporter import dialects
from llm_exporter.content import MAX_ANSWER, MAX_DOCUMENTS, MAX_QUESTION, MAX_SYSTEM, Content, clipped
from llm_exporter.content.places import MAX_JSON, places_of
from llm_exporter.dialects._dialect import InEvents, Json, Numbered, Plain
from llm_exporter.otlp.schema import DecodeError, parse_span

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.output_tokens": 9}
KEYS = ["role", "content", "parts", "type", "text", "message", "messages", "choices", "kwargs", "id", "data", "refusal",
        "tool_calls", "event.name", "input", "output", "generations", "candidates", "documents", "metadata", "config",
        "system", "instructions", "additional_kwargs", "_content", "thought"]  # fmt: skip
WORDS = [
    "user",
    "assistant",
    "system",
    "tool",
    "text",
    "refusal",
    "tool_call",
    "constructor",
    "json",
    "",
    "\ud83d",
    "é",
]
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=24,
)


def everywhere() -> tuple[list[str], list[str]]:
    """Return the attributes and the events in which any dialect has content."""
    attributes, events = set(), set()
    for dialect in dialects.all_dialects().values():
        content = dialect.content
        for told in (*content.question, *content.answer, *content.system, *content.form):
            if isinstance(told, InEvents):
                events |= {told.event}
            elif isinstance(told, Numbered):
                attributes |= {
                    f"{told.prefix}0.{rest}"
                    for rest in (
                        "role",
                        "content",
                        "message.content",
                        "message.contents.0.message_content.text",
                        "message.contents.0.message_content.type",
                    )
                }
            else:
                attributes.add(told if isinstance(told, str) else told.attribute)
        attributes |= {
            *dialect.documents.listed,
            *(f"{prefix}0.document.content" for prefix in dialect.documents.indexed),
        }
    return sorted(attributes), sorted(events)


ATTRIBUTES, EVENTS = everywhere()
EVENT_KEYS = sorted(
    {key for dialect in dialects.all_dialects().values() for part in (dialect.content.question, dialect.content.answer)
     for told in part if isinstance(told, InEvents) for key in told.keys}
)  # fmt: skip


def check(span: Span) -> None:
    """Read a span as every dialect would, and check what comes of it."""
    try:
        parsed = parse_span(span.SerializeToString())
    except DecodeError:
        return
    names = frozenset(parsed.attributes)
    for dialect in dialects.all_dialects():
        places = places_of(dialect, names)
        content, documents = places.read(parsed), places.documents(parsed)
        assert len(content.question) <= MAX_QUESTION
        assert len(content.answer) <= MAX_ANSWER
        assert len(content.system) <= MAX_SYSTEM
        assert sum(map(len, documents)) <= MAX_DOCUMENTS
        assert content.said_answer or not (content.answer or content.refused)
        # Half a character, which JSON can hold, would be an error for whoever writes the text anywhere.
        "".join((*content[:3], *documents)).encode()


def with_values(values: list[AnyValue]) -> Span:
    """Return a span with these values at all places in turn."""
    span = a_span({})
    for n, name in enumerate(ATTRIBUTES):
        span.attributes.add(key=name).value.CopyFrom(values[n % len(values)])
    for name in EVENTS:
        event = span.events.add(name=name)
        for n, key in enumerate(EVENT_KEYS):
            event.attributes.add(key=key).value.CopyFrom(values[n % len(values)])
    return span


@settings(max_examples=60, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=5), st.sampled_from([0, 1, 2]))
def test_any_json_can_be_read(trees: list[Any], times: int) -> None:
    """Whatever stands where messages should, as JSON or as a map, says something or nothing."""
    values: list[Any] = trees
    for _ in range(times):
        values = [json.dumps(value) for value in values]
    check(with_values([any_value(_writable(value)) for value in values]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text() | st.sampled_from(['[{"role":', '"', '{"', "[[", "user: ", "null"]), min_size=1, max_size=5
    )
)
def test_any_text_can_be_read(texts: list[str]) -> None:
    """Broken JSON too."""
    check(with_values([any_value(text.encode("utf-8", "replace").decode()) for text in texts]))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ATTRIBUTES), st.binary(max_size=64))
def test_any_bytes_can_be_read(name: str, value: bytes) -> None:
    """What is no encoded value at all says nothing."""
    key = name.encode()
    entry = b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value)]) + value
    try:
        parsed = parse_span(b"\x4a" + bytes([len(entry)]) + entry if len(entry) < 128 else b"")
    except DecodeError:
        return
    for dialect in dialects.all_dialects():
        places = places_of(dialect, frozenset(parsed.attributes))
        "".join((*places.read(parsed)[:3], *places.documents(parsed))).encode()


def _writable(value: Any) -> Any:
    """Return a value as OTLP can hold it: no half characters, no big numbers."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    return value if not isinstance(value, int) or abs(value) < 1 << 60 else 0


@pytest.mark.parametrize(
    "broken",
    [
        '[{"role":"user","content":"What is',
        '{"messages":[{"role":"user"',
        "[" * 100_000,
        '[{"role":"user","content":' * 20_000,
        "[]",
        "{}",
        "null",
        '""',
        "",
    ],
    ids=lambda broken: broken[:20],
)
def test_broken_json_says_nothing(broken: str) -> None:
    """It is not taken for text."""
    messages = {
        "gen_ai.input.messages": broken,
        "gen_ai.output.messages": broken,
        "gen_ai.system_instructions": broken,
    }
    assert heard({**CHAT, **messages}) == Content()


def test_half_a_character_in_json_is_replaced() -> None:
    """Some writers cut texts in two between the halves of one."""
    written = '[{"role":"assistant","content":"ab\\ud83d"}]'
    assert heard({**CHAT, "gen_ai.output.messages": written}).answer == "ab?"
    assert (
        heard({**CHAT, "gen_ai.output.messages": '[{"role":"assistant","content":"ab","score":NaN}]'}).answer
        == "ab"
    )


def test_json_over_256_kib_is_not_parsed() -> None:
    """Up to that it is."""
    for size, expected in ((MAX_JSON - 100, "x"), (MAX_JSON + 100, "")):
        padding = "y" * (size - 90)
        messages = [{"role": "tool", "content": padding}, {"role": "assistant", "content": "x"}]
        assert heard({**CHAT, "gen_ai.output.messages": json.dumps(messages)}).answer == expected


def test_of_a_long_text_the_ends_are_kept() -> None:
    """Exactly as many characters as may be, the middle missing."""
    long = "a" * 5_000_000 + "z" * 5_000_000
    attributes = {"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": long, "ai.prompt": long}
    content = heard(attributes)
    assert len(content.answer) == MAX_ANSWER
    assert len(content.question) == MAX_QUESTION
    assert content.answer.strip("a").rstrip("z") == "\n…\n"
    assert heard({**attributes, "ai.response.text": "é" * MAX_ANSWER}).answer == "é" * MAX_ANSWER


@pytest.mark.parametrize("size", [MAX_DOCUMENTS // 4, MAX_DOCUMENTS // 3, MAX_DOCUMENTS, 2 * MAX_DOCUMENTS])
def test_documents_of_one_retrieval_are_bounded_together(size: int) -> None:
    """The best are kept, and as much of the last one as there is room for."""
    texts = [str(n) * size for n in range(7)]
    attributes = {"gen_ai.retrieval.documents": json.dumps([{"content": text} for text in texts])}
    found = places_of("semconv", frozenset(attributes)).documents(
        parse_span(a_span(attributes).SerializeToString())
    )
    whole = MAX_DOCUMENTS // size
    assert found[:whole] == texts[:whole]
    assert MAX_DOCUMENTS - 64 <= sum(map(len, found)) <= MAX_DOCUMENTS
    assert len(found) <= whole + 1


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
def test_clipping(size: int) -> None:
    """A text of the greatest length is whole; a longer one is as long as that."""
    text = "".join(chr(97 + n % 26) for n in range(size))
    kept = clipped(text, 100)
    assert len(kept) == min(size, 100)
    assert kept == text or (text.startswith(kept[:48]) and text.endswith(kept[-48:]))


def test_only_the_first_events_are_looked_at() -> None:
    """A span with very many is not searched to its end."""
    events = [{"name": "gen_ai.user.message", "attributes": {"content": str(n)}} for n in range(200)]
    assert heard(CHAT, events=events).question == "63"


def test_plain_places_take_no_part_in_json() -> None:
    """Every kind of place is among those that are tried here."""
    kinds = {
        type(told)
        for dialect in dialects.all_dialects().values()
        for told in (*dialect.content.question, *dialect.content.answer, *dialect.content.form)
    }
    assert {str, Plain, Numbered, InEvents, Json} <= kinds
