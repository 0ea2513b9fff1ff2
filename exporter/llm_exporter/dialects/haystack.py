"""Haystack's own tracing: components by their type; models and usage in the JSON of the output, if that is traced."""

from llm_exporter.dialects._dialect import Contents, Dialect, Documents, Field, Json, SpanName

_COMPONENT = "haystack.component.output"
_INPUT = "haystack.component.input"
_STEP = "haystack.agent.step.llm.output"
_TOOL = "haystack.agent.step.tool.output"

# Classes of haystack-ai and of the integrations in haystack-core-integrations, by what they do.
_GENERATORS = (
    "AIMLAPIChatGenerator", "AmazonBedrockChatGenerator", "AmazonBedrockGenerator", "AnthropicChatGenerator",
    "AnthropicGenerator", "AnthropicVertexChatGenerator", "AzureOpenAIChatGenerator", "AzureOpenAIGenerator",
    "AzureOpenAIResponsesChatGenerator", "CohereChatGenerator", "CohereGenerator", "CometAPIChatGenerator",
    "FallbackChatGenerator", "GoogleAIGeminiChatGenerator", "GoogleAIGeminiGenerator", "GoogleGenAIChatGenerator",
    "HuggingFaceAPIChatGenerator", "HuggingFaceAPIGenerator", "HuggingFaceLocalChatGenerator",
    "HuggingFaceLocalGenerator", "LiteLLMChatGenerator", "LlamaCppChatGenerator", "LlamaCppGenerator",
    "LlamaStackChatGenerator", "LLM", "MetaLlamaChatGenerator", "MistralChatGenerator", "NvidiaChatGenerator",
    "NvidiaGenerator", "OllamaChatGenerator", "OllamaGenerator", "OpenAIChatGenerator", "OpenAIGenerator",
    "OpenAIResponsesChatGenerator", "OpenRouterChatGenerator", "PerplexityChatGenerator", "STACKITChatGenerator",
    "TogetherAIChatGenerator", "TogetherAIGenerator", "VertexAIGeminiChatGenerator", "VertexAIGeminiGenerator",
    "VertexAITextGenerator", "VLLMChatGenerator", "WatsonxChatGenerator", "WatsonxGenerator",
)  # fmt: skip
_EMBEDDERS = tuple(
    f"{maker}{what}Embedder"
    for maker in (
        "AmazonBedrock", "AzureOpenAI", "Cohere", "Fastembed", "GoogleGenAI", "HuggingFaceAPI", "Jina", "Mistral",
        "Nvidia", "Ollama", "OpenAI", "OptimumIntel", "Optimum", "SentenceTransformers", "STACKIT", "VertexAI", "VLLM",
        "Voyage", "Watsonx",
    )
    for what in ("Document", "Text")
)  # fmt: skip
_RANKERS = (
    "AmazonBedrockRanker", "CohereRanker", "FastembedRanker", "HuggingFaceTEIRanker", "JinaRanker", "NvidiaRanker",
    "SentenceTransformersDiversityRanker", "SentenceTransformersSimilarityRanker", "TransformersSimilarityRanker",
    "VoyageRanker",
)  # fmt: skip
_RETRIEVERS = (
    "AstraEmbeddingRetriever", "AutoMergingRetriever", "AzureAISearchBM25Retriever",
    "AzureAISearchEmbeddingRetriever", "AzureAISearchHybridRetriever", "ChromaEmbeddingRetriever",
    "ChromaQueryTextRetriever", "ElasticsearchBM25Retriever", "ElasticsearchEmbeddingRetriever",
    "ElasticsearchHybridRetriever", "FAISSEmbeddingRetriever", "FilterRetriever", "InMemoryBM25Retriever",
    "InMemoryEmbeddingRetriever", "MilvusEmbeddingRetriever", "MilvusHybridRetriever",
    "MongoDBAtlasEmbeddingRetriever", "MongoDBAtlasFullTextRetriever", "OpenSearchBM25Retriever",
    "OpenSearchEmbeddingRetriever", "OpenSearchHybridRetriever", "PgvectorEmbeddingRetriever",
    "PgvectorKeywordRetriever", "PineconeEmbeddingRetriever", "QdrantEmbeddingRetriever", "QdrantHybridRetriever",
    "QdrantSparseEmbeddingRetriever", "SentenceWindowRetriever", "SnowflakeTableRetriever", "WeaviateBM25Retriever",
    "WeaviateEmbeddingRetriever", "WeaviateHybridRetriever",
)  # fmt: skip

DIALECT = Dialect(
    name="haystack",
    authority=(
        "https://github.com/deepset-ai/haystack/blob/main/haystack/core/pipeline/base.py",
        "https://github.com/deepset-ai/haystack/blob/main/haystack/components/agents/tool_calling.py",
        "https://github.com/deepset-ai/haystack-core-integrations/tree/main/integrations",
    ),
    # the tracer, and with it the scope, is the application's
    prefixes=("haystack.",),
    operations={
        **{name.lower(): "chat" for name in _GENERATORS},
        **{name.lower(): "embeddings" for name in _EMBEDDERS},
        **{name.lower(): "rerank" for name in _RANKERS},
        **{name.lower(): "retrieval" for name in _RETRIEVERS},
        "openaiimagegenerator": "image_generation",
    },
    fields={
        Field.OPERATION: (
            "haystack.component.type",
            # what a step of an agent's loop does has no component
            SpanName(
                (
                    ("haystack.agent.run", "invoke_agent"),
                    ("haystack.agent.step.llm", "chat"),
                    ("haystack.agent.step.tool", "execute_tool"),
                    ("haystack.*", "workflow"),
                )
            ),
        ),
        # a chat generator's answers carry them each, an older generator's and an embedder's stand beside the answers
        Field.RESPONSE_MODEL: (
            Json(_COMPONENT, "replies.0.meta.model"),
            Json(_STEP, "replies.0.meta.model"),
            Json(_COMPONENT, "meta.0.model"),
            Json(_COMPONENT, "meta.model"),
        ),
        Field.FINISH_REASON: (
            Json(_COMPONENT, "replies.0.meta.finish_reason"),
            Json(_STEP, "replies.0.meta.finish_reason"),
            Json(_COMPONENT, "meta.0.finish_reason"),
        ),
        Field.TOOL: ("haystack.tool.name",),
        Field.TOOL_ARGUMENTS: ("haystack.agent.step.tool.input",),
        Field.RETRIEVER: ("haystack.component.name",),
        Field.FAILED: ("haystack.tool.error",),
        # all that older versions say of a tool that failed
        Field.ERROR_TYPE: ("error.type", Json(_TOOL, "error")),
        Field.INPUT: (
            Json(_COMPONENT, "replies.0.meta.usage.prompt_tokens"),
            Json(_STEP, "replies.0.meta.usage.prompt_tokens"),
            Json(_COMPONENT, "meta.0.usage.prompt_tokens"),
            Json(_COMPONENT, "meta.usage.prompt_tokens"),
        ),
        Field.OUTPUT: (
            Json(_COMPONENT, "replies.0.meta.usage.completion_tokens"),
            Json(_STEP, "replies.0.meta.usage.completion_tokens"),
            Json(_COMPONENT, "meta.0.usage.completion_tokens"),
        ),
        Field.CACHE_READ: (
            Json(_COMPONENT, "replies.0.meta.usage.prompt_tokens_details.cached_tokens"),
            Json(_STEP, "replies.0.meta.usage.prompt_tokens_details.cached_tokens"),
        ),
        Field.REASONING: (
            Json(_COMPONENT, "replies.0.meta.usage.completion_tokens_details.reasoning_tokens"),
            Json(_STEP, "replies.0.meta.usage.completion_tokens_details.reasoning_tokens"),
        ),
        Field.TOTAL: (
            Json(_COMPONENT, "replies.0.meta.usage.total_tokens"),
            Json(_STEP, "replies.0.meta.usage.total_tokens"),
        ),
    },
    documents=Documents(listed=(_COMPONENT,), queries=(Json(_INPUT, "query"),)),
    reranked=Documents(listed=(_COMPONENT,)),
    candidates=Documents(listed=(_INPUT,)),
    content=Contents(
        question=("haystack.component.input", "haystack.agent.step.llm.input"),
        answer=(_COMPONENT, _STEP),
        form=(Json("haystack.component.input", "generation_kwargs.response_format"),),
    ),
)
