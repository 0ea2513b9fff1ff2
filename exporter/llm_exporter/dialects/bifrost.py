"""Bifrost, Maxim's gateway: a span for each attempt at a call, its details under `gen_ai.` and, since 1.4, `bifrost.`.

Where it is set to write OpenInference instead, its spans are no others than those of OpenInference.
"""

from llm_exporter.dialects._dialect import Dialect, Field, Scaled, SpanName

_PROMPT = "gen_ai.usage.prompt_token_details"
_COMPLETION = "gen_ai.usage.completion_token_details"

DIALECT = Dialect(
    name="bifrost",
    authority=(
        "https://github.com/maximhq/bifrost/blob/main/core/schemas/trace.go",
        "https://github.com/maximhq/bifrost/blob/main/core/bifrost.go",
        "https://github.com/maximhq/bifrost/blob/main/plugins/otel/converter.go",
        "https://docs.getbifrost.ai/features/otel",
    ),
    # the scope is the name of the service, as configured
    keys=frozenset(
        {
            "gen_ai.fallback_index",
            "gen_ai.number_of_retries",
            "gen_ai.request.message_count",
            "gen_ai.selected_key_id",
            "gen_ai.selected_key_name",
            "gen_ai.virtual_key_id",
        }
    ),
    prefixes=("bifrost.",),
    operations={
        "chat_completion": "chat",
        "chat_completion_stream": "chat",
        "count_tokens": "workflow",
        "image_generation_stream": "image_generation",
        "list_models": "workflow",
        "responses_stream": "chat",
        "speech_stream": "speech",
        "text_completion_stream": "text_completion",
        "transcription_stream": "transcription",
    },
    fields={
        Field.OPERATION: (
            # A fallback's span names its model, and has the spans of its attempts below it.
            SpanName((("fallback.*", "workflow"), ("key.selection", "workflow"), ("plugin.*", "workflow"))),
            "request.type",
            "gen_ai.operation.name",
        ),
        Field.PROVIDER: ("gen_ai.provider.name", "bifrost.provider.name"),
        Field.SERVICE_TIER: ("openai.response.service_tier", "gen_ai.response.service_tier"),
        Field.ERROR_TYPE: ("error.type", "gen_ai.error.code", "gen_ai.error.type"),
        Field.CACHE_READ: ("gen_ai.usage.cache_read.input_tokens", f"{_PROMPT}.cached_read_tokens"),
        Field.CACHE_WRITE: ("gen_ai.usage.cache_creation.input_tokens", f"{_PROMPT}.cached_write_tokens"),
        Field.REASONING: ("gen_ai.usage.reasoning.output_tokens", f"{_COMPLETION}.reasoning_tokens"),
        Field.INPUT_AUDIO: (f"{_PROMPT}.audio_tokens", "gen_ai.usage.input_token_details.audio_tokens"),
        Field.OUTPUT_AUDIO: (f"{_COMPLETION}.audio_tokens",),
        # nanoseconds, under a name that others give seconds
        Field.FIRST_TOKEN: (Scaled("gen_ai.response.time_to_first_token", 1e-9),),
    },
)
