"""LlamaIndex's own OpenTelemetry integration; instrumentations by others are dialects of theirs."""

from llm_exporter.dialects._dialect import Dialect

DIALECT = Dialect(
    name="llama_index",
    authority=(
        "https://github.com/run-llama/llama_index/tree/main/llama-index-integrations/observability/llama-index-observability-otel",
    ),
    # Spans of this scope say all in events, by the names of classes; with `genai_enabled` there are others beside
    # them that follow the conventions and name the framework as the provider where they know none.
    scopes=("llamaindex.opentelemetry.tracer",),
    scope_suffices=True,
    values={"gen_ai.provider.name": frozenset({"llama_index"})},
    operations={"completion": "text_completion"},
    fields={},
)
