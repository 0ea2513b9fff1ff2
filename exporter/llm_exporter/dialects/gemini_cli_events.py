"""The events of Google's Gemini CLI, which it writes as log records.

It writes two for each answer: one of its own, which counts, and `gen_ai.client.inference.operation.details`, which
`llm_exporter.logs` leaves out for a writer that has events of its own.
"""

from llm_exporter.dialects._dialect import Choice, Contents, Dialect, Field, SpanName, When

_CONSECA = "gemini_cli.conseca.verdict"

DIALECT = Dialect(
    name="gemini_cli_events",
    authority=(
        "https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/telemetry.md",
        "https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/telemetry/types.ts",
    ),
    scopes=("logs:gemini_cli",),
    scope_suffices=True,
    operations={
        "gemini_cli.api_response": "chat",
        "gemini_cli.api_error": "chat",
        "gemini_cli.tool_call": "execute_tool",
        "gemini_cli.agent.finish": "invoke_agent",
        _CONSECA: "guardrail",
        "gemini_cli.user_prompt": "workflow",
    },
    verdicts={"accept": "allow", "ask_user": "flag", "deny": "block", "modify": "mask", "reject": "block"},
    fields={
        Field.OPERATION: ("event.name",),
        Field.REQUEST_MODEL: ("model",),
        Field.FINISH_REASON: ("finish_reasons",),
        Field.ERROR_TYPE: (
            "error.type",
            # how an agent's run ended, unless it reached its goal
            Choice(
                "terminate_reason",
                frozenset({"aborted", "error", "error_no_complete_task_call", "max_turns", "timeout"}),
            ),
        ),
        Field.TOOL: ("function_name",),
        Field.TOOL_ARGUMENTS: ("function_args",),
        Field.AGENT_RUN: ("agent_name",),
        Field.GUARDRAIL: (SpanName(((_CONSECA, "conseca"),)),),
        Field.VERDICT: ("decision", "verdict"),
        Field.SESSION: ("session.id",),
        Field.RESPONSE_ID: ("response_id",),
        Field.INPUT: ("input_token_count",),
        Field.OUTPUT: ("output_token_count",),
        Field.CACHE_READ: ("cached_content_token_count",),
        Field.REASONING: ("thoughts_token_count",),
        Field.TOTAL: ("total_token_count",),
    },
    # the API's candidatesTokenCount leaves thoughts out
    reasoning_outside_output=(When(),),
    # the question is in an event of its own
    content=Contents(answer=("response_text",)),
)
