"""Anthropic's own telemetry: spans of its SDKs, and of its API in the same trace."""

from llm_exporter.dialects._dialect import Dialect, Field, SpanName

DIALECT = Dialect(
    name="anthropic_native",
    authority=("https://platform.claude.com/docs/en/api/opentelemetry/spans",),
    scopes=("com.anthropic.claude-platform", "com.anthropic.sdk.*"),
    scope_suffices=True,
    prefixes=("anthropic.organization.", "anthropic.request.", "anthropic.workspace."),
    fields={
        Field.OPERATION: (
            "gen_ai.operation.name",
            # named after the method of the API; all others list, count, or manage something
            SpanName(
                (
                    ("anthropic.messages.create", "chat"),
                    ("anthropic.messages.stream", "chat"),
                    ("anthropic.completions.create", "text_completion"),
                    ("anthropic.tool_use *", "execute_tool"),
                    ("anthropic.*", "workflow"),
                )
            ),
        ),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", "anthropic.message.stop_reason"),
        Field.SERVICE_TIER: ("anthropic.response.service_tier",),
        Field.CACHE_WRITE_1H: ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    },
)
