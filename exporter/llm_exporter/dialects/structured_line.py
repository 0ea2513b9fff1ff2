"""The line that an application logs for each call, a JSON object with names of its own.

`llm_exporter.logs` gives these names to the keys of the line, by the table `logs.structured.keys` of the
configuration.
"""

from llm_exporter.dialects._dialect import Choice, Dialect, Field, Scaled

DIALECT = Dialect(
    name="structured_line",
    authority=("docs/logs.md",),
    scopes=("logs:structured_line",),
    scope_suffices=True,
    fields={
        # an application's own word for what it did says nothing of the kind of call
        Field.OPERATION: (
            Choice(
                "operation",
                frozenset({"chat", "completion", "embedding", "embeddings", "rerank", "text_completion"}),
            ),
        ),
        Field.PROVIDER: ("provider",),
        Field.RESPONSE_MODEL: ("model",),
        Field.REQUEST_MODEL: ("request_model",),
        Field.FINISH_REASON: ("finish_reason",),
        Field.STREAM: ("stream",),
        Field.SERVICE_TIER: ("service_tier",),
        Field.PROMPT_NAME: ("prompt_name",),
        Field.PROMPT_VERSION: ("prompt_version",),
        Field.SESSION: ("session_id",),
        Field.RESPONSE_ID: ("response_id",),
        Field.INPUT: ("input_tokens",),
        Field.OUTPUT: ("output_tokens",),
        Field.CACHE_READ: ("cache_read_tokens",),
        Field.CACHE_WRITE: ("cache_write_tokens",),
        Field.REASONING: ("reasoning_tokens",),
        Field.TOTAL: ("total_tokens",),
        Field.FIRST_TOKEN: (Scaled("ttft_ms", 1e-3), "ttft_s"),
        Field.COST: ("cost_usd",),
    },
)
