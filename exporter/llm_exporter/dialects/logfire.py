"""Logfire's own instrumentations of the OpenAI, Anthropic and OpenAI Agents SDKs, and its annotations."""

from llm_exporter.dialects._dialect import Choice, Contents, Dialect, Field, Json, SpanName, When

_RAW = "gen_ai.usage.raw"
# versions before gen_ai.usage.*
_RESPONSE = "response_data"

DIALECT = Dialect(
    name="logfire",
    authority=(
        "https://github.com/pydantic/logfire/tree/main/logfire/_internal/integrations/llm_providers",
        "https://github.com/pydantic/logfire/blob/main/logfire/_internal/integrations/openai_agents.py",
        "https://github.com/pydantic/logfire/blob/main/logfire/experimental/annotations.py",
        "https://github.com/pydantic/logfire/pull/1812",
    ),
    scopes=(
        "logfire.openai",
        "logfire.anthropic",
        "logfire.azure_ai_inference",
        "logfire.openai_agents",
        "logfire.feedback",
    ),
    scope_suffices=True,
    keys=frozenset({"logfire.feedback.name"}),
    operations={
        # the same span again, sent at its start
        "pending_span": "workflow",
        "annotation": "workflow",
        # A streamed call has two spans: the request without usage, and this one, beside it, with all the usage.
        "streamed": "chat",
        "true": "workflow",
    },
    fields={
        Field.OPERATION: (
            Choice("logfire.span_type", frozenset({"pending_span", "annotation"})),
            SpanName((("streaming response from *", "streamed"),)),
            Json("request_data", "stream"),
            "gen_ai.operation.name",
            SpanName(
                (
                    ("Embedding Creation with *", "embeddings"),
                    ("Image Generation with *", "image_generation"),
                    ("Function: *", "execute_tool"),
                    ("Agent run: *", "invoke_agent"),
                    ("Guardrail *", "guardrail"),
                    ("Handoff: *", "handoff"),
                    ("Speech * Text with *", "transcription"),
                    ("Task: *", "task"),
                    ("Turn * for agent *", "step"),
                )
            ),
        ),
        Field.STREAM: (SpanName((("streaming response from *", "true"),)),),
        Field.SERVICE_TIER: (
            "openai.response.service_tier",
            Json("response", "service_tier"),
            Json(_RAW, "service_tier"),
        ),
        Field.TOOL: ("gen_ai.tool.name", "name"),
        Field.AGENT_RUN: ("gen_ai.agent.name", "name"),
        Field.GUARDRAIL: ("name",),
        Field.VERDICT: ("triggered",),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "input"),
        Field.RESPONSE_ID: ("gen_ai.response.id", "response_id"),
        Field.INPUT: (
            "gen_ai.usage.input_tokens",
            Json(_RESPONSE, "usage.prompt_tokens"),
            Json(_RESPONSE, "usage.input_tokens"),
        ),
        Field.OUTPUT: (
            "gen_ai.usage.output_tokens",
            Json(_RESPONSE, "usage.completion_tokens"),
            Json(_RESPONSE, "usage.output_tokens"),
        ),
        Field.CACHE_READ: tuple(
            Json(attribute, f"{prefix}{path}")
            for attribute, prefix in ((_RAW, ""), (_RESPONSE, "usage."), ("response", "usage."))
            for path in (
                "cache_read_input_tokens",
                "prompt_tokens_details.cached_tokens",
                "input_tokens_details.cached_tokens",
            )
        ),
        Field.CACHE_WRITE: (
            Json(_RAW, "cache_creation_input_tokens"),
            Json(_RESPONSE, "usage.cache_creation_input_tokens"),
        ),
        Field.CACHE_WRITE_1H: (
            Json(_RAW, "cache_creation.ephemeral_1h_input_tokens"),
            Json(_RESPONSE, "usage.cache_creation.ephemeral_1h_input_tokens"),
        ),
        Field.REASONING: tuple(
            Json(attribute, f"{prefix}{path}")
            for attribute, prefix in ((_RAW, ""), (_RESPONSE, "usage."), ("response", "usage."))
            for path in (
                "completion_tokens_details.reasoning_tokens",
                "output_tokens_details.reasoning_tokens",
            )
        ),
        Field.INPUT_AUDIO: (Json(_RAW, "prompt_tokens_details.audio_tokens"),),
        Field.OUTPUT_AUDIO: (Json(_RAW, "completion_tokens_details.audio_tokens"),),
        Field.COST: ("operation.cost",),
    },
    cache_outside_input=(When("logfire.anthropic", before="4.31.0"),),
    content=Contents(
        question=("gen_ai.input.messages", "request_data", "events", "raw_input"),
        answer=("gen_ai.output.messages", _RESPONSE, "events", "response"),
        form=(Json("request_data", "response_format"), Json("request_data", "text.format")),
    ),
)
