"""vLLM's server: one span for each request, with its times in seconds and no provider."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="vllm",
    authority=(
        "https://github.com/vllm-project/vllm/blob/main/vllm/tracing/utils.py",
        "https://github.com/vllm-project/vllm/blob/main/vllm/v1/engine/output_processor.py",
        "https://docs.vllm.ai/en/latest/examples/online_serving/opentelemetry.html",
    ),
    # of all spans of the engine: those inside it have nothing that any dialect knows
    scopes=("vllm", "vllm.*"),
    prefixes=("gen_ai.latency.",),
    fields={
        Field.FIRST_TOKEN: ("gen_ai.latency.time_to_first_token",),
        # of the prefix cache, and inside the prompt's
        Field.CACHE_READ: ("gen_ai.usage.cached_tokens",),
    },
)
