"""LiteLLM: the SDK and proxy, with the older OpenTelemetry callback (version 1) and the newer one (version 2).

Version 1 writes a request's attributes to `litellm_request` or, from 1.81 on, to the proxy's own span. Callbacks for
other products put OpenInference's names on the same spans.
"""

from llm_exporter.dialects._dialect import (
    Check,
    Choice,
    Contents,
    Dialect,
    Field,
    Json,
    Numbered,
)

_STATUS = "litellm.guardrail.status"
_MASKED = "litellm.guardrail.masked_entity_count"
# what the provider said, as `str(dict)`
_USAGE = "metadata.usage_object"
_COUNTS = frozenset(str(count) for count in range(1, 65))
# What was masked passed. The answer of a guardrail is the provider's: Bedrock's has an action, Lakera's a flag.
_VERDICTS = (
    Choice(_STATUS, frozenset({"guardrail_failed_to_respond", "guardrail_intervened"})),
    Choice(_MASKED, _COUNTS),
    _STATUS,
    Json("guardrail_response", "action"),
    Json("guardrail_response", "flagged"),
)

DIALECT = Dialect(
    name="litellm",
    authority=(
        "https://github.com/BerriAI/litellm/blob/main/litellm/integrations/opentelemetry.py",
        "https://github.com/BerriAI/litellm/blob/main/litellm/integrations/otel/mappers/genai.py",
        "https://github.com/BerriAI/litellm/blob/main/litellm/integrations/otel/model/semconv.py",
    ),
    scopes=("litellm",),
    # spans of the proxy's own services and of the raw request have no attribute that says LLM
    scope_suffices=True,
    prefixes=("litellm.",),
    # The type of call tells more than the operation, which calls all that it does not know a chat.
    operations={
        "aembedding": "embeddings",
        "agenerate_content": "chat",
        "agenerate_content_stream": "chat",
        "aimage_edit": "image_generation",
        "aimage_generation": "image_generation",
        "amoderation": "workflow",
        "anthropic_messages": "chat",
        "aquery": "retrieval",
        "arerank": "rerank",
        "aresponses": "chat",
        "asend_message": "invoke_agent",
        "asend_message_streaming": "invoke_agent",
        "aspeech": "speech",
        "atext_completion": "text_completion",
        "atranscription": "transcription",
        "avector_store_search": "retrieval",
        "call_mcp_tool": "execute_tool",
        "completion_with_retries": "chat",
        "generate_content_stream": "chat",
        "image_edit": "image_generation",
        "list_mcp_tools": "workflow",
        "litellm.moderation": "workflow",
        "litellm.responses_management": "workflow",
        "litellm.vector_store_file_management": "workflow",
        "litellm.vector_store_management": "workflow",
        "moderation": "workflow",
        "pass_through_endpoint": "chat",
        "query": "retrieval",
        "send_message": "invoke_agent",
        "vector_store_search": "retrieval",
    },
    implied=(("litellm.guardrail.name", "guardrail"), ("guardrail_name", "guardrail")),
    verdicts={
        "guardrail_failed_to_respond": "error",
        "guardrail_intervened": "block",
        "not_run": "allow",
        "success": "allow",
        **dict.fromkeys(_COUNTS, "mask"),
    },
    checks=(
        Check(
            attribute="litellm.guardrail.name",
            names=("litellm.guardrail.name",),
            verdicts=_VERDICTS,
            directions=("litellm.guardrail.mode",),
            latencies=("litellm.guardrail.duration",),
        ),
        Check(
            attribute="guardrail_name",
            names=("guardrail_name",),
            verdicts=_VERDICTS,
            directions=("guardrail_mode",),
        ),
    ),
    directions={
        "during_call": "input",
        "during_mcp_call": "input",
        "post_call": "output",
        "post_mcp_call": "output",
        "pre_call": "input",
        "pre_mcp_call": "input",
        "realtime_input_transcription": "input",
    },
    fields={
        Field.OPERATION: (
            "litellm.call_type",
            "gen_ai.operation.name",
            "llm.request.type",
            "openinference.span.kind",
        ),
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
        Field.RESPONSE_MODEL: ("gen_ai.response.model", "llm.model_name"),
        Field.STREAM: ("litellm.request.streaming", "llm.is_streaming"),
        Field.GUARDRAIL: ("litellm.guardrail.name", "guardrail_name"),
        Field.VERDICT: _VERDICTS,
        Field.DIRECTION: ("litellm.guardrail.mode", "guardrail_mode"),
        Field.PROMPT_NAME: ("gen_ai.prompt.name", Json("metadata.prompt_management_metadata", "prompt_id")),
        Field.INPUT: (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
        ),
        Field.OUTPUT: (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
        ),
        Field.CACHE_READ: (
            Json(_USAGE, "cache_read_input_tokens"),
            Json(_USAGE, "prompt_tokens_details.cached_tokens"),
            Json(_USAGE, "input_tokens_details.cached_tokens"),
        ),
        Field.CACHE_WRITE: (Json(_USAGE, "cache_creation_input_tokens"),),
        Field.REASONING: (
            Json(_USAGE, "completion_tokens_details.reasoning_tokens"),
            Json(_USAGE, "output_tokens_details.reasoning_tokens"),
        ),
        Field.INPUT_AUDIO: (Json(_USAGE, "prompt_tokens_details.audio_tokens"),),
        Field.OUTPUT_AUDIO: (Json(_USAGE, "completion_tokens_details.audio_tokens"),),
        Field.COST: (
            "litellm.cost.total",
            "gen_ai.cost.total_cost",
            "llm.cost.total",
            Json("hidden_params", "response_cost"),
        ),
    },
    # version 1 in the older names of the conventions; the callbacks for other products in OpenInference's
    content=Contents(
        question=("gen_ai.input.messages", Numbered("gen_ai.prompt."), Numbered("llm.input_messages.")),
        answer=("gen_ai.output.messages", Numbered("gen_ai.completion."), Numbered("llm.output_messages.")),
        form=(Json("llm.invocation_parameters", "response_format"),),
    ),
)
