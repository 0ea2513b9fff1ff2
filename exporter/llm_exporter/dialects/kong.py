"""Kong's AI Gateway: one GenAI span for a request, and one for a request between agents."""

from llm_exporter.dialects._dialect import Choice, Dialect, Field

DIALECT = Dialect(
    name="kong",
    authority=(
        "https://developer.konghq.com/ai-gateway/llm-open-telemetry/",
        "https://developer.konghq.com/ai-gateway/ai-otel-metrics/",
    ),
    # of all spans of the gateway: those of its router and plugins have nothing that any dialect knows
    scopes=("kong-internal",),
    prefixes=("kong.a2a.", "kong.gen_ai."),
    operations={"message/send": "invoke_agent", "message/stream": "invoke_agent"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "kong.a2a.operation"),
        Field.FAILED: (Choice("kong.a2a.task.state", frozenset({"failed"})),),
        # documented for metrics; a span has it where a plugin adds it
        Field.RESPONSE_CACHE: ("kong.gen_ai.cache.status",),
        Field.SESSION: ("gen_ai.conversation.id", "kong.a2a.context.id"),
    },
)
