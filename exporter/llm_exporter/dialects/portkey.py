"""Portkey's gateway, exporting its logs as GenAI spans: an HTTP status stands for the error."""

from llm_exporter.dialects._dialect import Dialect

DIALECT = Dialect(
    name="portkey",
    authority=(
        "https://github.com/Portkey-AI/docs-core/blob/main/product/enterprise-offering/otel/complete-logs.mdx",
        "https://github.com/Portkey-AI/gateway/blob/main/src/handlers/services/logsService.ts",
    ),
    scopes=("custom.genai.instrumentation",),
    fields={},
)
