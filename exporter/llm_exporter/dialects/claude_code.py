"""Claude Code's spans: names of its own, tokens without a prefix, times in milliseconds."""

from llm_exporter.dialects._dialect import Dialect, Field, Not, Scaled, SpanName, When

DIALECT = Dialect(
    name="claude_code",
    authority=("https://code.claude.com/docs/en/monitoring-usage#traces-beta",),
    scopes=("com.anthropic.claude_code", "com.anthropic.claude_code.*"),
    scope_suffices=True,
    keys=frozenset({"interaction.sequence", "llm_request.context", "num_blocking"}),
    values={
        "span.type": frozenset(
            {"hook", "interaction", "llm_request", "tool", "tool.blocked_on_user", "tool.execution"}
        )
    },
    # A tool's span has two below it: the wait for permission, and the execution, which alone says that it failed.
    operations={
        "hook": "guardrail",
        "interaction": "invoke_agent",
        "llm_request": "chat",
        "tool": "execute_tool",
        "tool.blocked_on_user": "workflow",
        "tool.execution": "workflow",
    },
    # how many of the hooks that ran blocked what was about to happen
    verdicts={"0": "allow", **{str(count): "block" for count in range(1, 65)}},
    fields={
        Field.OPERATION: ("span.type",),
        Field.REQUEST_MODEL: ("gen_ai.request.model", "model"),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", "stop_reason"),
        Field.ERROR_TYPE: ("error.type", "status_code", "error_class", "error"),
        Field.FAILED: (Not("success"),),
        Field.TOOL: ("tool_name",),
        Field.AGENT_RUN: (SpanName((("claude_code.interaction", "claude-code"),)),),
        Field.GUARDRAIL: ("hook_name", "hook_event"),
        Field.VERDICT: ("num_blocking",),
        # with these details switched on; a file's path alone is not all that a tool was told
        Field.TOOL_ARGUMENTS: ("tool_input", "full_command"),
        Field.RESPONSE_ID: ("gen_ai.response.id", "request_id"),
        Field.INPUT: ("input_tokens",),
        Field.OUTPUT: ("output_tokens",),
        Field.CACHE_READ: ("cache_read_tokens",),
        Field.CACHE_WRITE: ("cache_creation_tokens",),
        Field.FIRST_TOKEN: (Scaled("ttft_ms", 1e-3),),
    },
    # its four counts are disjoint, whichever cloud serves the model
    cache_outside_input=(When(),),
)
