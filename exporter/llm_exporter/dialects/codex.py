"""OpenAI's Codex CLI: a span for each event of a streamed answer, of which the last has the tokens."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="codex",
    authority=(
        "https://github.com/openai/codex/blob/main/codex-rs/otel/src/events/session_telemetry.rs",
        "https://github.com/openai/codex/blob/main/codex-rs/core/src/session/turn.rs",
    ),
    # the scope is the name of the program that runs it
    keys=frozenset({"codex.usage.reasoning_output_tokens", "codex.usage.total_tokens"}),
    prefixes=("codex.",),
    # A span that says usage is a call. It is named after the event, and does not say its model.
    fields={
        Field.REASONING: ("gen_ai.usage.reasoning.output_tokens", "codex.usage.reasoning_output_tokens"),
        Field.TOTAL: ("gen_ai.usage.total_tokens", "codex.usage.total_tokens"),
    },
)
