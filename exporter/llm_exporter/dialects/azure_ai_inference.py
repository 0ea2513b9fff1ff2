"""Azure AI Inference SDK for Python."""

from llm_exporter.dialects._dialect import Dialect

DIALECT = Dialect(
    name="azure_ai_inference",
    authority=(
        "https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/ai/azure-ai-inference/azure/ai/inference/tracing.py",
    ),
    # The scope is that of all of Azure's SDKs.
    values={"gen_ai.system": frozenset({"az.ai.inference"})},
    fields={},
)
