"""The events of OpenAI's Codex CLI, which it writes as log records.

Of a streamed answer it logs every event, and two of them are called `response.completed`: only one has the
tokens. A request that succeeds is counted there, one that fails by its own event.
"""

from llm_exporter.dialects._dialect import Dialect, Field, Scaled

DIALECT = Dialect(
    name="codex_events",
    authority=(
        "https://github.com/openai/codex/blob/main/codex-rs/otel/src/events/session_telemetry.rs",
        "https://github.com/openai/codex/blob/main/codex-rs/otel/README.md",
    ),
    scopes=("logs:codex",),
    scope_suffices=True,
    # the kind of event or the endpoint comes after the name, see `llm_exporter.logs`
    operations={
        "codex.sse_event response.completed": "chat",
        "codex.sse_event response.failed": "chat",
        "codex.websocket_event response.completed": "chat",
        "codex.websocket_event response.failed": "chat",
        "codex.api_request failed": "chat",
        "codex.api_request unknown failed": "chat",
        "codex.api_request /responses failed": "chat",
        "codex.tool_result": "execute_tool",
        "codex.tool_decision": "workflow",
        "codex.user_prompt": "workflow",
    },
    fields={
        Field.OPERATION: ("event.name",),
        Field.REQUEST_MODEL: ("model",),
        Field.TOOL: ("tool_name",),
        Field.TOOL_ARGUMENTS: ("arguments",),
        Field.SESSION: ("conversation.id",),
        # as decimal text up to now, and the cache and reasoning are inside
        Field.INPUT: ("input_token_count",),
        Field.OUTPUT: ("output_token_count",),
        Field.CACHE_READ: ("cached_token_count",),
        Field.CACHE_WRITE: ("cache_write_token_count",),
        Field.REASONING: ("reasoning_token_count",),
        Field.FIRST_TOKEN: (Scaled("ttft_ms", 1e-3),),
    },
)
