"""Grafana's agento11y SDKs, formerly Sigil: the conventions with operations of its own."""

from llm_exporter.dialects._dialect import Dialect, Field, When

DIALECT = Dialect(
    name="agento11y",
    authority=(
        "https://github.com/grafana/agento11y/blob/main/go/agento11y/client.go",
        "https://github.com/grafana/agento11y/blob/main/go/agento11y/model/usage.go",
        "https://github.com/grafana/agento11y/tree/main/go/agento11y/testdata/otlpwire",
    ),
    scopes=("github.com/grafana/sigil-sdk/*", "github.com/grafana/agento11y/*"),
    prefixes=("agento11y.", "sigil."),
    fields={
        Field.OPERATION: ("gen_ai.operation.name",),
        Field.TOTAL: ("agento11y.gen_ai.usage.total_tokens", "gen_ai.usage.total_tokens"),
    },
    # gen_ai.token.semantics says `inclusive` where an adapter made the count so; without it, it is the provider's.
    cache_outside_input=(When(provider="anthropic"), When(provider="aws.bedrock")),
)
