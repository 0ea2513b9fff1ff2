"""LangSmith's SDKs exporting runs as spans, which is how LangChain and LangGraph trace themselves."""

from llm_exporter.dialects._dialect import Dialect, Documents, Field, Json

_USAGE = "langsmith.usage_metadata"
# a chat model's run holds its message as LangChain serialises it
_MESSAGE = "generations.0.0.message.kwargs.usage_metadata"

DIALECT = Dialect(
    name="langsmith",
    authority=(
        "https://github.com/langchain-ai/langsmith-sdk/blob/main/python/langsmith/_internal/otel/_otel_exporter.py",
        "https://github.com/langchain-ai/langsmith-sdk/blob/main/js/src/experimental/otel/translator.ts",
        "https://github.com/langchain-ai/docs/blob/main/src/langsmith/trace-with-opentelemetry.mdx",
    ),
    scopes=("langsmith",),
    keys=frozenset({"langsmith.span.kind"}),
    prefixes=("langsmith.",),
    fields={
        # The operation calls a prompt template a chat and a retriever an embedding; the run's kind is right. Usage
        # is repeated on every run whose output holds a message with it, whatever its kind.
        Field.OPERATION: ("langsmith.span.kind", "gen_ai.operation.name"),
        # gen_ai.system is guessed from the model's name
        Field.PROVIDER: ("langsmith.metadata.ls_provider", "gen_ai.provider.name", "gen_ai.system"),
        Field.REQUEST_MODEL: ("gen_ai.request.model", "langsmith.metadata.ls_model_name"),
        Field.STREAM: ("langsmith.request.streaming",),
        Field.SERVICE_TIER: ("gen_ai.response.service_tier",),
        # the name of the run
        Field.TOOL: ("gen_ai.tool.name", "langsmith.trace.name"),
        Field.RETRIEVER: ("langsmith.metadata.ls_retriever_name", "langsmith.trace.name"),
        Field.PROMPT_NAME: ("langsmith.metadata.lc_hub_repo",),
        Field.PROMPT_VERSION: ("langsmith.metadata.lc_hub_commit_hash",),
        # not langsmith.trace.session_id, which is the project
        Field.SESSION: (
            "langsmith.metadata.thread_id",
            "langsmith.metadata.session_id",
            "langsmith.metadata.conversation_id",
        ),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "gen_ai.prompt"),
        Field.INPUT: (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            Json(_USAGE, "input_tokens"),
        ),
        Field.OUTPUT: (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            Json(_USAGE, "output_tokens"),
        ),
        Field.CACHE_READ: (
            Json("gen_ai.usage.input_token_details", "cache_read"),
            Json(_USAGE, "input_token_details.cache_read"),
            Json("gen_ai.completion", f"{_MESSAGE}.input_token_details.cache_read"),
        ),
        Field.CACHE_WRITE: (
            Json("gen_ai.usage.input_token_details", "cache_creation"),
            Json(_USAGE, "input_token_details.cache_creation"),
            Json("gen_ai.completion", f"{_MESSAGE}.input_token_details.cache_creation"),
        ),
        Field.REASONING: (
            Json("gen_ai.usage.output_token_details", "reasoning"),
            Json(_USAGE, "output_token_details.reasoning"),
            Json("gen_ai.completion", f"{_MESSAGE}.output_token_details.reasoning"),
        ),
        Field.INPUT_AUDIO: (
            Json("gen_ai.usage.input_token_details", "audio"),
            Json(_USAGE, "input_token_details.audio"),
        ),
        Field.OUTPUT_AUDIO: (
            Json("gen_ai.usage.output_token_details", "audio"),
            Json(_USAGE, "output_token_details.audio"),
        ),
        Field.COST: (Json(_USAGE, "total_cost"),),
    },
    documents=Documents(listed=("gen_ai.completion",), queries=(Json("gen_ai.prompt", "query"),)),
)
