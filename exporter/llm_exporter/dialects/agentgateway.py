"""agentgateway: GenAI attributes on the server span of a request, the same for MCP and for requests between agents."""

from llm_exporter.dialects._dialect import Choice, Dialect, Field

_FAILURES = frozenset(str(status) for status in range(400, 600))

DIALECT = Dialect(
    name="agentgateway",
    authority=(
        "https://github.com/agentgateway/agentgateway/blob/main/crates/agentgateway/src/telemetry/log.rs",
        "https://github.com/agentgateway/agentgateway/blob/main/crates/agentgateway/src/telemetry/trc.rs",
    ),
    # of all spans of the gateway: those of other requests have nothing that any dialect knows
    scopes=("agentgateway",),
    keys=frozenset({"a2a.response.outcome"}),
    prefixes=("agentgateway.outbound.", "agw.ai."),
    # a request between agents that was not answered says no more
    shared=frozenset({"a2a.method"}),
    operations={
        "message/send": "invoke_agent",
        "message/stream": "invoke_agent",
        "tasks/send": "invoke_agent",
        "tasks/sendsubscribe": "invoke_agent",
        "tools/call": "execute_tool",
    },
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "mcp.method.name", "a2a.method"),
        # A status that the provider answered with is no error of the span.
        Field.ERROR_TYPE: ("error.type", Choice("http.status", _FAILURES), "mcp.error.code"),
        Field.FAILED: ("a2a.response.outcome",),
        Field.SESSION: ("gen_ai.conversation.id", "a2a.context.id"),
        # it adds the cache to the input where the API does not
        Field.INPUT_AUDIO: ("gen_ai.usage.input_audio_tokens",),
        Field.OUTPUT_AUDIO: ("gen_ai.usage.output_audio_tokens",),
        Field.FIRST_TOKEN: ("agw.ai.time_to_first_token",),
        # decimal text
        Field.COST: ("agw.ai.usage.cost.total",),
    },
)
