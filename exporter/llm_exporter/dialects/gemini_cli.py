"""Google's Gemini CLI: GenAI spans with operations of its own.

A call's output leaves thoughts out, and neither they nor the prompt cache are on the span.
"""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="gemini_cli",
    authority=(
        "https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/telemetry.md#traces",
        "https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/telemetry/trace.ts",
        "https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/core/loggingContentGenerator.ts",
    ),
    scopes=("gemini-cli",),
    # every span of it says so, whichever agent acts
    values={"gen_ai.agent.name": frozenset({"gemini-cli"})},
    # A prompt's span ends with the first answer, and what comes after the tools has a span of its own: no whole run.
    operations={
        "schedule_tool_calls": "workflow",
        "system_prompt": "workflow",
        "user_prompt": "workflow",
    },
    fields={Field.OPERATION: ("gen_ai.operation.name",)},
)
