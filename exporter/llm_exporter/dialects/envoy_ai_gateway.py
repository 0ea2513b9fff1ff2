"""Envoy AI Gateway, in either of its vocabularies: OpenInference, which is the default, or the GenAI conventions.

In the first it adds the prompt cache to Anthropic's input, in the second it passes the API's counts through. Its
event for the first token is written when the answer has ended, so it is not read.
"""

from llm_exporter.dialects._dialect import (
    Contents,
    Dialect,
    Documents,
    Field,
    Json,
    Numbered,
    SpanName,
    When,
)

DIALECT = Dialect(
    name="envoy_ai_gateway",
    authority=(
        "https://github.com/envoyproxy/ai-gateway/tree/main/internal/tracing/otelgenai",
        "https://github.com/envoyproxy/ai-gateway/tree/main/internal/tracing/openinference",
        "https://github.com/envoyproxy/ai-gateway/blob/main/internal/tracing/span.go",
    ),
    scopes=("envoyproxy/ai-gateway",),
    scope_suffices=True,
    # What counts tokens calls no model, although the one vocabulary says LLM there.
    operations={
        "initialize": "workflow",
        "tokenize": "workflow",
        "tools/call": "execute_tool",
        "tools/list": "workflow",
        "translation": "transcription",
    },
    fields={
        Field.OPERATION: (
            SpanName(
                (
                    ("CountTokens", "tokenize"),
                    ("ResponsesInputTokens", "tokenize"),
                    ("Tokenize", "tokenize"),
                    ("AudioSpeech", "speech"),
                    ("Completion", "text_completion"),
                    ("ImagesResponse", "image_generation"),
                    ("Transcription", "transcription"),
                    ("Translation", "transcription"),
                )
            ),
            "openinference.span.kind",
            "gen_ai.operation.name",
            "mcp.method.name",
        ),
        Field.PROVIDER: ("gen_ai.provider.name", "llm.provider", "llm.system"),
        Field.RESPONSE_MODEL: (
            "gen_ai.response.model",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
        ),
        Field.REQUEST_MODEL: ("gen_ai.request.model", Json("llm.invocation_parameters", "model")),
        Field.STREAM: ("gen_ai.request.stream", Json("llm.invocation_parameters", "stream")),
        # how OpenInference's span of Anthropic's endpoint is called
        Field.TOKEN_SEMANTICS: ("gen_ai.token.semantics", SpanName((("Message", "inclusive"),))),
        Field.TOOL: ("gen_ai.tool.name", "mcp.tool.name"),
        Field.INPUT: ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
        Field.OUTPUT: ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
        Field.CACHE_READ: (
            "gen_ai.usage.cache_read.input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_creation.input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ),
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
        Field.TOTAL: ("gen_ai.usage.total_tokens", "llm.token_count.total"),
    },
    # Anthropic itself is reached by its own API only. Claude on a cloud may also be asked in OpenAI's form, where the
    # gateway adds the cache: there only the numbers can tell.
    cache_outside_input=(When(provider="anthropic"),),
    reranked=Documents(indexed=("reranker.output_documents.",)),
    candidates=Documents(indexed=("reranker.input_documents.",)),
    content=Contents(
        question=(Numbered("llm.input_messages."), Numbered("llm.prompts.")),
        answer=(Numbered("llm.output_messages."), Numbered("llm.choices.")),
        form=(Json("llm.invocation_parameters", "response_format"),),
    ),
)
