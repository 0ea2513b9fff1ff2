"""Datadog: dd-trace's spans of model calls, and spans of the conventions written for its LLM Observability."""

from llm_exporter.dialects._dialect import Dialect, Field, Json, SpanName

_PROMPT = "_dd.ml_obs.prompt_tracking"
_NAME = SpanName((("*", ""),))

DIALECT = Dialect(
    name="datadog",
    authority=(
        "https://github.com/DataDog/dd-trace-py/blob/main/ddtrace/llmobs/_constants.py",
        "https://github.com/DataDog/dd-trace-py/blob/main/ddtrace/llmobs/_integrations/base.py",
        "https://docs.datadoghq.com/llm_observability/instrumentation/otel_instrumentation/",
        "https://docs.datadoghq.com/llm_observability/monitoring/prompt_tracking/",
    ),
    prefixes=("_dd.llmobs.", "_dd.ml_obs.", "dd.llmobs."),
    fields={
        # A span that dd-trace makes of another's, so that it has a kind at all, comes second.
        Field.OPERATION: ("_dd.llmobs.span_kind", "dd.llmobs.span.kind", "gen_ai.operation.name"),
        Field.PROVIDER: ("_dd.llmobs.model_provider", "gen_ai.provider.name", "gen_ai.system"),
        Field.REQUEST_MODEL: ("_dd.llmobs.model_name", "gen_ai.request.model"),
        # dd-trace names a span after the method that its integration wraps, and says no more of a tool or an agent.
        Field.TOOL: ("gen_ai.tool.name", _NAME),
        Field.AGENT_RUN: ("gen_ai.agent.name", _NAME),
        Field.RETRIEVER: ("gen_ai.data_source.id", _NAME),
        Field.PROMPT_NAME: (Json(_PROMPT, "id"), Json(_PROMPT, "name"), "gen_ai.prompt.name"),
        Field.PROMPT_VERSION: (Json(_PROMPT, "version"), "gen_ai.prompt.version"),
        # dd-trace adds the cache to Anthropic's input.
        Field.INPUT: ("gen_ai.usage.input_tokens", "_dd.llmobs.input_tokens"),
        Field.OUTPUT: ("gen_ai.usage.output_tokens", "_dd.llmobs.output_tokens"),
        Field.CACHE_READ: (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "_dd.llmobs.cache_read_input_tokens",
        ),
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "_dd.llmobs.cache_write_input_tokens",
        ),
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_output_tokens",
        ),
        Field.TOTAL: ("gen_ai.usage.total_tokens", "_dd.llmobs.total_tokens"),
    },
)
