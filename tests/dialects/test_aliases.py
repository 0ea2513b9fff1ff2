"""Every spelling that a dialect's table lists, alone on a span, gives the same reading."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from core.building import Exporter, a_span, any_value
from dialects.writing import Said, attribute, can_say, marked, read, say, sources
from llm_exporter import dialects, normalise
from llm_exporter.checks import ACTIONS
from llm_exporter.dialects._dialect import IDENTITIES, NUMBERS, WORDS, Dialect, Field, Source

CALL: dict[str, Any] = {"gen_ai.operation.name": "chat"}
TOOL: dict[str, Any] = {"gen_ai.operation.name": "execute_tool"}
AGENT: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent"}
RETRIEVAL: dict[str, Any] = {"gen_ai.operation.name": "retrieval"}
GUARDRAIL: dict[str, Any] = {"gen_ai.operation.name": "guardrail"}
USAGE: dict[str, Any] = {**CALL, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 100}

WORD: dict[Field, tuple[dict[str, Any], Any, str]] = {
    Field.OPERATION: ({}, "chat", "llm_requests_total{operation=chat}"),
    Field.PROVIDER: (CALL, "openai", "llm_requests_total{provider=openai}"),
    Field.RESPONSE_MODEL: (CALL, "m-1", "llm_requests_total{model=m-1}"),
    Field.REQUEST_MODEL: (CALL, "m-1", "llm_requests_total{model=m-1}"),
    Field.FINISH_REASON: (CALL, "length", "llm_finish_reasons_total{finish_reason=length}"),
    Field.STREAM: (CALL, True, "llm_requests_total{stream=true}"),
    Field.SERVICE_TIER: (CALL, "priority", "service_tier=priority"),
    Field.ERROR_TYPE: (CALL, "429", "llm_request_errors_total{error_type=rate_limit}"),
    Field.FAILED: (CALL, "error", "llm_requests_total{status=error}"),
    Field.TOOL: (TOOL, "search", "llm_tool_calls_total{tool=search}"),
    Field.AGENT: (AGENT, "planner", "llm_agent_runs_total{agent=planner}"),
    Field.AGENT_RUN: (AGENT, "planner", "llm_agent_runs_total{agent=planner}"),
    Field.RETRIEVER: (RETRIEVAL, "docs", "llm_retrievals_total{retriever=docs}"),
    Field.GUARDRAIL: (GUARDRAIL, "pii", "llm_guardrail_checks_total{guardrail=pii}"),
    Field.VERDICT: (GUARDRAIL, "blocked", "llm_guardrail_checks_total{action=block}"),
    Field.DIRECTION: (GUARDRAIL, "output", "llm_guardrail_checks_total{direction=output}"),
    Field.PROMPT_NAME: (CALL, "greeting", "llm_prompt_requests_total{prompt_name=greeting}"),
    Field.PROMPT_VERSION: (CALL, "7", "llm_prompt_requests_total{prompt_version=7}"),
    Field.RESPONSE_CACHE: (CALL, "hit", "response_cache=hit"),
    Field.TOKEN_SEMANTICS: (CALL, "inclusive", "input_excludes_cache=False"),
}
"""Per field of words: the rest of the span, the value, and a series that then counts 1, or what the record says."""
NUMBER: dict[Field, tuple[Any, str, int]] = {
    Field.INPUT: (30, "input", 1),
    Field.OUTPUT: (30, "output", 1),
    Field.CACHE_READ: (30, "cache_read", 1),
    Field.CACHE_WRITE: (30, "cache_write", 1),
    Field.REASONING: (30, "reasoning", 1),
    Field.FIRST_TOKEN: (0.25, "first_token_ns", 10**9),
    Field.COST: (0.125, "cost_pico", 10**12),
    Field.UNCACHED: (30, "uncached", 1),
    Field.CACHE_WRITE_1H: (30, "cache_write_1h", 1),
    Field.TOTAL: (300, "total", 1),
    Field.INPUT_AUDIO: (30, "input_audio", 1),
    Field.OUTPUT_AUDIO: (30, "output_audio", 1),
}
"""Per field of numbers: the value, and under which name and in which unit it is read."""
IDENTITY: dict[Field, tuple[dict[str, Any], str]] = {
    Field.SESSION: (CALL, "session"),
    Field.RESPONSE_ID: (CALL, "response_id"),
    Field.TOOL_ARGUMENTS: (TOOL, "arguments"),
    Field.REGENERATED: (CALL, "regenerated"),
}
"""Per identity: the rest of the span, and what picks it."""
# Other numbers that decide whether one is read at all.
BESIDE: dict[Field, dict[str, Any]] = {
    Field.TOTAL: {**USAGE, "gen_ai.usage.cache_read.input_tokens": 20},
    Field.FIRST_TOKEN: {**CALL, "gen_ai.request.stream": True},
}


def owned_by_another(dialect: Dialect, source: Source) -> bool:
    """Return whether a spelling alone makes the span another dialect's, as sure as this one's own marks."""
    others = [other for other in dialects.all_dialects().values() if other is not dialect]
    return not dialect.scopes and any(attribute(source) in (*other.keys, *other.values) for other in others)


def words_of(dialect: Dialect, field: Field) -> Iterator[Any]:
    """Yield values that a writer of this dialect may use to say the same."""
    usual = WORD[field][1]
    if field is Field.OPERATION:
        own = dialect.operations
        candidates = (usual, "llm", *own)
        yield from (word for word in candidates if (own.get(word) or normalise.operation(word)) == usual)
    elif field is Field.VERDICT:
        actions = {**ACTIONS, **dialect.verdicts}
        yield from (word for word, action in actions.items() if action == "block")
    elif field is Field.FAILED:
        yield from (usual, True, "failed", "failure")
    elif field is Field.RESPONSE_CACHE:
        yield from (usual, True)
    else:
        yield usual


def word_of(dialect: Dialect, field: Field, source: Source) -> Any:
    """Return a value that says the same at this place, None where the place has other words only."""
    return next((word for word in words_of(dialect, field) if can_say(source, word)), None)


def spelling(dialect: Dialect, source: Source, value: Any, rest: dict[str, Any]) -> Said:
    """Return a span of a dialect that says a value in one place only."""
    said = marked(dialect, without=attribute(source))
    assert said is not None
    said.attributes = {**said.attributes, **rest}
    say(source, value, said)
    return said


def shown(source: Source) -> str:
    """Return a source as text that is the same in every process, unlike that of a set."""
    if isinstance(source, str):
        return source
    parts = [getattr(source, field.name) for field in dataclasses.fields(source)]
    said = [",".join(sorted(part)) if isinstance(part, frozenset) else str(part) for part in parts]
    return f"{type(source).__name__}({';'.join(said)})"


def spellings(fields: Any) -> list[Any]:
    """Return the spellings of these fields that a span can have alone."""
    return [
        pytest.param(dialect, field, source, id=f"{dialect.name}-{field.value}-{shown(source)}"[:120])
        for dialect, field, source in sources()
        if field in fields
        and marked(dialect, attribute(source))
        and not owned_by_another(dialect, source)
        and (field not in WORD or word_of(dialect, field, source) is not None)
    ]


@pytest.mark.parametrize(("dialect", "field", "source"), spellings(WORDS))
def test_each_spelling_of_a_word_alone_says_the_same(dialect: Dialect, field: Field, source: Source) -> None:
    """A word under any of its names ends in the same series with the same value."""
    rest, _, expected = WORD[field]
    value = word_of(dialect, field, source)
    said = spelling(dialect, source, value, rest)
    exporter = Exporter()
    exporter.send_request(said.request().SerializeToString())
    series, _, label = expected.rstrip("}").rpartition("{")
    name, _, wanted = label.partition("=")
    if series:
        assert exporter.value(series, **{name: wanted}) == 1
    else:
        variant, values, _ = read(said)
        context = exporter.engine.pipeline.context_of(b"")
        record = variant.record(context, None, variant.words_of(values))
        assert str(getattr(record, name)) == wanted
    assert exporter.value("llm_exporter_dialect_spans_total", dialect=dialect.name) == 1


@pytest.mark.parametrize(("dialect", "field", "source"), spellings(NUMBERS))
def test_each_spelling_of_a_number_alone_says_the_same(
    dialect: Dialect, field: Field, source: Source
) -> None:
    """A number under any of its names, in whatever unit, is read as the same number."""
    value, name, scale = NUMBER[field]
    variant, values, span = read(spelling(dialect, source, value, BESIDE.get(field, CALL)))
    assert variant.plan.dialect is dialect
    assert getattr(variant.quantities.read(values, span), name) == value * scale


@pytest.mark.parametrize(("dialect", "field", "source"), spellings(IDENTITIES))
def test_each_spelling_of_an_identity_alone_is_found(dialect: Dialect, field: Field, source: Source) -> None:
    """A session, a response's id and a tool's arguments are the same bytes for the same value, and never a word."""
    rest, name = IDENTITY[field]
    variant, values, _ = read(spelling(dialect, source, "id-1", rest))
    assert variant.plan.dialect is dialect
    encoded = any_value("id-1").SerializeToString() if isinstance(source, str) else b"id-1"
    assert getattr(variant, name)(values) == encoded
    assert encoded not in variant.words_of(values)


def test_every_field_is_tried() -> None:
    """A field that is added to the mechanism gets its line in the tables above."""
    assert WORD.keys() == set(WORDS)
    assert NUMBER.keys() == set(NUMBERS)
    assert IDENTITY.keys() == set(IDENTITIES)


@pytest.mark.parametrize("value", ["0", 0, 0.0, "None", "N/A", None, "", []])
def test_an_empty_first_spelling_does_not_hide_the_next(exporter: Exporter, value: Any) -> None:
    """Of several spellings of a number the first that is not zero counts, whatever the others hold."""
    first, second = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"
    exporter.send(a_span({**USAGE, first: value, second: 40}))
    assert exporter.tokens() == {"input": 60, "input_cache_read": 40, "output": 100}
