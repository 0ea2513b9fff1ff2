"""Cloudflare's AI Gateway: a name of its own for the provider, and the caller's metadata as plain attributes."""

from llm_exporter.dialects._dialect import Contents, Dialect, Field

DIALECT = Dialect(
    name="cloudflare_ai_gateway",
    authority=("https://developers.cloudflare.com/ai-gateway/observability/otel-integration/",),
    keys=frozenset({"gen_ai.completion_json", "gen_ai.model.provider", "gen_ai.prompt_json"}),
    fields={Field.PROVIDER: ("gen_ai.model.provider", "gen_ai.provider.name")},
    content=Contents(question=("gen_ai.prompt_json",), answer=("gen_ai.completion_json",)),
)
