"""Every spelling that a dialect's table lists, alone on a span, gives the same reading."""

from typing import Any

import pytest

from core.building import Exporter, a_span
from llm_exporter import dialects
from llm_exporter.dialects._dialect import Dialect, Field, Scaled

CALL: dict[str, Any] = {"gen_ai.operation.name": "chat"}
TOOL: dict[str, Any] = {"gen_ai.operation.name": "execute_tool"}
AGENT: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent"}
RETRIEVAL: dict[str, Any] = {"gen_ai.operation.name": "retrieval"}
GUARDRAIL: dict[str, Any] = {"gen_ai.operation.name": "guardrail"}

WORD: dict[Field, tuple[dict[str, Any], Any, str]] = {
    Field.OPERATION: ({}, "chat", "llm_requests_total{operation=chat}"),
    Field.PROVIDER: (CALL, "openai", "llm_requests_total{provider=openai}"),
    Field.RESPONSE_MODEL: (CALL, "m-1", "llm_requests_total{model=m-1}"),
    Field.REQUEST_MODEL: (CALL, "m-1", "llm_requests_total{model=m-1}"),
    Field.FINISH_REASON: (CALL, ["length"], "llm_finish_reasons_total{finish_reason=length}"),
    Field.STREAM: (CALL, True, "llm_requests_total{stream=true}"),
    Field.ERROR_TYPE: (CALL, "429", "llm_request_errors_total{error_type=rate_limit}"),
    Field.TOOL: (TOOL, "search", "llm_tool_calls_total{tool=search}"),
    Field.AGENT: (AGENT, "planner", "llm_agent_runs_total{agent=planner}"),
    Field.RETRIEVER: (RETRIEVAL, "docs", "llm_retrievals_total{retriever=docs}"),
    Field.GUARDRAIL: (GUARDRAIL, "pii", "llm_guardrail_checks_total{guardrail=pii}"),
    Field.VERDICT: (GUARDRAIL, "blocked", "llm_guardrail_checks_total{action=block}"),
    Field.DIRECTION: (GUARDRAIL, "OUTPUT", "llm_guardrail_checks_total{direction=output}"),
    Field.PROMPT_NAME: (CALL, "greeting", "llm_prompt_requests_total{prompt_name=greeting}"),
    Field.PROMPT_VERSION: (CALL, "7", "llm_prompt_requests_total{prompt_version=7}"),
}
"""Per field of words: the rest of the span, the value, and a series that then counts 1."""
USAGE: dict[str, Any] = {**CALL, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 100}
NUMBER: dict[Field, tuple[dict[str, Any], Any, str, float]] = {
    Field.INPUT: (CALL, 30, "llm_tokens_total{token_type=input}", 30),
    Field.OUTPUT: (CALL, 30, "llm_tokens_total{token_type=output}", 30),
    Field.CACHE_READ: (USAGE, 30, "llm_tokens_total{token_type=input_cache_read}", 30),
    Field.CACHE_WRITE: (USAGE, 30, "llm_tokens_total{token_type=input_cache_write}", 30),
    Field.REASONING: (USAGE, 30, "llm_tokens_total{token_type=output_reasoning}", 30),
    Field.FIRST_TOKEN: (CALL, 0.25, "llm_time_to_first_token_seconds_sum", 0.25),
    Field.COST: (USAGE, 0.125, "llm_cost_usd_total{source=reported}", 0.125),
}
"""Per field of numbers: the rest of the span, the value, and a series with what it then counts."""
MARK: dict[str, dict[str, Any]] = {
    "semconv": {},
    "openllmetry": {"gen_ai.prompt.0.role": "user"},
    "openinference": {"openinference.span.kind": ""},
    "vercel_ai": {"ai.settings.maxRetries": 2},
}
"""What makes a span that dialect's without saying anything else."""
SPELLINGS = [
    pytest.param(dialect, field, source, id=f"{dialect.name}-{source}")
    for dialect in dialects.all_dialects().values()
    for field, sources in dialect.fields.items()
    for source in sources
    if isinstance(source, str | Scaled) and (field in WORD or field in NUMBER)
]


def read(exporter: Exporter, series: str) -> float:
    """Return the value of `name{label=value}`."""
    name, _, label = series.rstrip("}").partition("{")
    return exporter.value(name, **dict([label.split("=")] if label else []))


@pytest.mark.parametrize(("dialect", "field", "source"), SPELLINGS)
def test_each_spelling_alone_says_the_same(dialect: Dialect, field: Field, source: str | Scaled) -> None:
    """A field under any of its names ends in the same series with the same value."""
    rest, value, series, counts = (*WORD[field], 1) if field in WORD else NUMBER[field]
    key = source if isinstance(source, str) else source.attribute
    if isinstance(source, Scaled):
        value = value / source.factor
    exporter = Exporter()
    exporter.send(a_span({**MARK[dialect.name], **rest, key: value}))
    assert read(exporter, series) == counts
    assert exporter.value("llm_exporter_dialect_spans_total", dialect=dialect.name) == 1


@pytest.mark.parametrize("value", ["0", 0, 0.0, "None", "N/A", None, "", []])
def test_an_empty_first_spelling_does_not_hide_the_next(exporter: Exporter, value: Any) -> None:
    """Of several spellings of a number the first that is not zero counts, whatever the others hold."""
    first, second = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"
    exporter.send(a_span({**USAGE, first: value, second: 40}))
    assert exporter.tokens() == {"input": 60, "input_cache_read": 40, "output": 100}
