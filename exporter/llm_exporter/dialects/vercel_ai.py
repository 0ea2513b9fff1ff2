"""Vercel AI SDK: `ai.*` spans up to version 6 and in the legacy mode of 7, else GenAI spans with extras."""

from llm_exporter.dialects._dialect import (
    Choice,
    Contents,
    Dialect,
    Documents,
    EventTime,
    Field,
    Json,
    Plain,
    Scaled,
)

_METADATA = "ai.response.providerMetadata"

DIALECT = Dialect(
    name="vercel_ai",
    authority=(
        "https://github.com/vercel/ai/blob/main/packages/otel/src/open-telemetry.ts",
        "https://github.com/vercel/ai/blob/main/packages/otel/src/legacy-open-telemetry.ts",
    ),
    scopes=("ai", "gen_ai"),
    keys=frozenset({"ai.operationId", "ai.toolCall.name", _METADATA}),
    prefixes=("ai.model.", "ai.usage.", "ai.settings.", "ai.telemetry."),
    # The outer span of a pair repeats what its do* spans say.
    operations={
        "ai.embed": "workflow",
        "ai.embed.doembed": "embeddings",
        "ai.embedmany": "workflow",
        "ai.embedmany.doembed": "embeddings",
        "ai.generateobject": "workflow",
        "ai.generateobject.dogenerate": "chat",
        "ai.generatetext": "workflow",
        "ai.generatetext.dogenerate": "chat",
        "ai.rerank": "workflow",
        "ai.rerank.dorerank": "rerank",
        "ai.streamobject": "workflow",
        "ai.streamobject.dostream": "chat",
        "ai.streamtext": "workflow",
        "ai.streamtext.dostream": "chat",
        "ai.toolcall": "execute_tool",
    },
    fields={
        Field.OPERATION: ("ai.operationId", "gen_ai.operation.name"),
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system", "ai.model.provider"),
        Field.RESPONSE_MODEL: ("gen_ai.response.model", "ai.response.model"),
        Field.REQUEST_MODEL: ("gen_ai.request.model", "ai.model.id"),
        # the third until version 4
        Field.FINISH_REASON: (
            "gen_ai.response.finish_reasons",
            "ai.response.finishReason",
            "ai.finishReason",
        ),
        Field.TOOL: ("gen_ai.tool.name", "ai.toolCall.name"),
        Field.AGENT: ("gen_ai.agent.name", "ai.telemetry.functionId"),
        Field.PROMPT_NAME: ("gen_ai.prompt.name", Json("ai.telemetry.metadata.langfusePrompt", "name")),
        Field.PROMPT_VERSION: (
            "gen_ai.prompt.version",
            Json("ai.telemetry.metadata.langfusePrompt", "version"),
        ),
        Field.SESSION: ("gen_ai.conversation.id", "ai.telemetry.metadata.sessionId"),
        Field.RESPONSE_ID: ("gen_ai.response.id", "ai.response.id"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "ai.toolCall.args"),
        Field.INPUT: (
            "gen_ai.usage.input_tokens",
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
        ),
        Field.OUTPUT: ("gen_ai.usage.output_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"),
        # Versions before 6 give Anthropic's and Bedrock's own counts, whose split stands only in the
        # metadata: there the input tokens are those outside the cache.
        Field.CACHE_READ: (
            "gen_ai.usage.cache_read.input_tokens",
            "ai.usage.inputTokenDetails.cacheReadTokens",
            "ai.usage.cachedInputTokens",
            Json(_METADATA, "anthropic.usage.cache_read_input_tokens"),
            Json(_METADATA, "bedrock.usage.cacheReadInputTokens"),
        ),
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "ai.usage.inputTokenDetails.cacheWriteTokens",
            Json(_METADATA, "anthropic.usage.cache_creation_input_tokens"),
            Json(_METADATA, "bedrock.usage.cacheWriteInputTokens"),
        ),
        Field.UNCACHED: (
            "ai.usage.inputTokenDetails.noCacheTokens",
            Json(_METADATA, "anthropic.usage.input_tokens"),
            Json(_METADATA, "bedrock.usage.inputTokens"),
        ),
        Field.CACHE_WRITE_1H: (Json(_METADATA, "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"),),
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "ai.usage.outputTokenDetails.reasoningTokens",
            "ai.usage.reasoningTokens",
        ),
        Field.TOTAL: ("gen_ai.usage.total_tokens", "ai.usage.totalTokens"),
        Field.FIRST_TOKEN: (
            "gen_ai.client.operation.time_to_first_chunk",
            Scaled("ai.response.msToFirstChunk", 1e-3),
            Scaled("ai.stream.msToFirstChunk", 1e-3),
            EventTime("ai.stream.firstChunk"),
        ),
        Field.SERVICE_TIER: (Json(_METADATA, "openai.serviceTier"),),
    },
    content=Contents(
        question=("ai.prompt.messages", "ai.prompt"),
        # `result` until version 4; the objects are JSON
        answer=(
            Plain("ai.response.text"),
            Plain("ai.response.object"),
            Plain("ai.result.text"),
            Plain("ai.result.object"),
        ),
        form=(
            Choice("ai.operationId", frozenset({"ai.generateobject.dogenerate", "ai.streamobject.dostream"})),
        ),
        calls=("ai.response.toolCalls", "ai.result.toolCalls"),
    ),
    # in the order of relevance; what went in stands on the outer span alone
    reranked=Documents(listed=("ai.ranking",)),
)
