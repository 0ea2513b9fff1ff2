"""Sentry's SDKs: the conventions with a type beside the operation, and Sentry's words for tokens and cost."""

from llm_exporter.dialects._dialect import Contents, Dialect, Field, Plain

DIALECT = Dialect(
    name="sentry",
    authority=(
        "https://github.com/getsentry/sentry-conventions/tree/main/model/attributes/gen_ai",
        "https://docs.sentry.io/platforms/python/tracing/instrumentation/custom-instrumentation/ai-agents-module/",
    ),
    keys=frozenset(
        {
            "gen_ai.context.utilization",
            "gen_ai.cost.input_tokens",
            "gen_ai.cost.output_tokens",
            "gen_ai.cost.total_tokens",
            "gen_ai.response.tokens_per_second",
        }
    ),
    values={"gen_ai.operation.type": frozenset({"agent", "ai_client", "handoff", "tool"})},
    operations={"ai_client": "chat"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "gen_ai.operation.type"),
        Field.STREAM: ("gen_ai.response.streaming", "gen_ai.request.stream"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "gen_ai.tool.input"),
        Field.CACHE_READ: ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.input_tokens.cached"),
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.input_tokens.cache_write",
        ),
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.output_tokens.reasoning",
        ),
        # seconds
        Field.FIRST_TOKEN: ("gen_ai.response.time_to_first_token",),
        # USD, whatever the name says
        Field.COST: ("gen_ai.cost.total_tokens",),
    },
    content=Contents(
        question=("gen_ai.input.messages", "gen_ai.request.messages"),
        answer=("gen_ai.output.messages", "gen_ai.response.text", Plain("gen_ai.response.object")),
        calls=("gen_ai.response.tool_calls",),
    ),
)
