"""Claude Code's events, which it writes as log records."""

from llm_exporter.dialects._dialect import Dialect, Field, Scaled, When

DIALECT = Dialect(
    name="claude_code_events",
    authority=("https://code.claude.com/docs/en/monitoring-usage#events",),
    scopes=("logs:claude_code",),
    scope_suffices=True,
    operations={
        "claude_code.api_request": "chat",
        "claude_code.api_error": "chat",
        "claude_code.tool_result": "execute_tool",
        "claude_code.tool_decision": "workflow",
        "claude_code.user_prompt": "workflow",
    },
    fields={
        Field.OPERATION: ("event.name",),
        Field.REQUEST_MODEL: ("model",),
        Field.FINISH_REASON: ("stop_reason",),
        Field.TOOL: ("tool_name",),
        Field.TOOL_ARGUMENTS: ("tool_input", "tool_parameters"),
        Field.SESSION: ("session.id",),
        Field.RESPONSE_ID: ("request_id",),
        Field.INPUT: ("input_tokens",),
        Field.OUTPUT: ("output_tokens",),
        Field.CACHE_READ: ("cache_read_tokens",),
        Field.CACHE_WRITE: ("cache_creation_tokens",),
        Field.FIRST_TOKEN: (Scaled("ttft_ms", 1e-3),),
        Field.COST: ("cost_usd",),
    },
    # its four counts are disjoint
    cache_outside_input=(When(),),
)
