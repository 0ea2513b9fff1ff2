"""Genkit for JavaScript, Go and Python: everything in `genkit:*`, usage in the JSON of the output."""

from llm_exporter.dialects._dialect import (
    Choice,
    Contents,
    Dialect,
    Documents,
    Field,
    Json,
    Part,
    When,
)

_OUTPUT = "genkit:output"

DIALECT = Dialect(
    name="genkit",
    authority=(
        "https://github.com/genkit-ai/genkit/tree/main/js/core/src/tracing",
        "https://github.com/genkit-ai/genkit/tree/main/js/plugins/anthropic/src/runner",
    ),
    scopes=("genkit-tracer",),
    prefixes=("genkit:",),
    # What is no model, tool and so on groups them; `generate` repeats the model's answer.
    operations={
        "action": "workflow",
        "background-model": "chat",
        "embedder": "embeddings",
        "error": "workflow",
        "flow": "workflow",
        "flowstep": "workflow",
        "indexer": "workflow",
        "model": "chat",
        "prompt": "workflow",
        "reranker": "rerank",
        "retriever": "retrieval",
        "success": "workflow",
        "tool": "execute_tool",
        "tool.v2": "execute_tool",
        "userengagement": "workflow",
        "util": "workflow",
    },
    fields={
        Field.OPERATION: (
            "genkit:metadata:subtype",
            "genkit:type",
            "gen_ai.operation.name",
            # a step that says none of them
            Choice("genkit:state", frozenset({"error", "success"})),
        ),
        Field.PROVIDER: (Part("genkit:name", "/", 0),),
        Field.REQUEST_MODEL: (Part("genkit:name", "/", 1), "genkit:name"),
        Field.FINISH_REASON: (Json(_OUTPUT, "finishReason"),),
        Field.FAILED: ("genkit:state",),
        Field.ERROR_TYPE: ("error.type", "genkit:error"),
        Field.TOOL: ("genkit:name",),
        Field.TOOL_ARGUMENTS: ("genkit:input",),
        Field.RETRIEVER: ("genkit:name",),
        Field.SESSION: ("genkit:sessionId",),
        Field.INPUT: (Json(_OUTPUT, "usage.inputTokens"),),
        Field.OUTPUT: (Json(_OUTPUT, "usage.outputTokens"),),
        Field.CACHE_READ: (
            Json(_OUTPUT, "usage.cachedContentTokens"),
            Json(_OUTPUT, "usage.custom.cache_read_input_tokens"),
        ),
        Field.CACHE_WRITE: (Json(_OUTPUT, "usage.custom.cache_creation_input_tokens"),),
        Field.CACHE_WRITE_1H: (Json(_OUTPUT, "usage.custom.ephemeral_1h_input_tokens"),),
        Field.REASONING: (Json(_OUTPUT, "usage.thoughtsTokens"),),
        Field.TOTAL: (Json(_OUTPUT, "usage.totalTokens"),),
    },
    # the plugin passes the API's counts through
    cache_outside_input=(When(provider="anthropic"),),
    documents=Documents(listed=(_OUTPUT,)),
    content=Contents(
        question=("genkit:input",),
        answer=(_OUTPUT,),
        form=(Json("genkit:input", "output.format"), Json("genkit:input", "output.contentType")),
    ),
)
