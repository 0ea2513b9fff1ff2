"""OpenRouter's Broadcast: a span for each generation, written by the gateway."""

from llm_exporter.dialects._dialect import Dialect, Field, Scaled

_OWN = "trace.metadata.openrouter"

DIALECT = Dialect(
    name="openrouter",
    authority=(
        "https://openrouter.ai/docs/guides/features/broadcast/overview",
        "https://openrouter.ai/docs/guides/features/broadcast/otel-collector",
    ),
    prefixes=(f"{_OWN}.", f"{_OWN}_generation.", "span.metadata.openrouter_generation."),
    operations={"generation": "chat"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "span.type"),
        # the maker of the model; who served it stands beside
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system"),
        Field.CACHE_READ: ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.input_tokens.cached"),
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.input_tokens.cache_write",
            "gen_ai.usage.input_tokens.cache_creation",
        ),
        Field.FIRST_TOKEN: (Scaled(f"{_OWN}.first_token_ms", 1e-3),),
        Field.COST: ("gen_ai.usage.total_cost", "gen_ai.usage.cost"),
    },
)
