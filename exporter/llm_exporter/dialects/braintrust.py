"""Braintrust's SDKs, which write JSON in a handful of attributes."""

from llm_exporter.dialects._dialect import Contents, Dialect, Field, Json

_KIND = "braintrust.span_attributes"
_METADATA = "braintrust.metadata"
_METRICS = "braintrust.metrics"

DIALECT = Dialect(
    name="braintrust",
    authority=(
        "https://github.com/braintrustdata/braintrust-sdk-go/tree/main/trace/contrib",
        "https://github.com/braintrustdata/braintrust-sdk-go/blob/main/eval/eval.go",
        "https://www.braintrust.dev/docs/integrations/sdk-integrations/opentelemetry",
    ),
    # Not braintrust.parent: it is on every span of an application, whoever writes it.
    keys=frozenset({_KIND, _METADATA, _METRICS, "braintrust.input_json", "braintrust.output_json"}),
    operations={
        "automation": "workflow",
        "eval": "workflow",
        "facet": "workflow",
        "function": "workflow",
        "preprocessor": "workflow",
        "review": "workflow",
        "score": "workflow",
    },
    # Go's OpenAI and Anthropic tracers give no type.
    implied=((_METRICS, "chat"),),
    fields={
        Field.OPERATION: (Json(_KIND, "type"), "gen_ai.operation.name"),
        Field.PROVIDER: (Json(_METADATA, "provider"),),
        Field.REQUEST_MODEL: (Json(_METADATA, "model"),),
        Field.FINISH_REASON: (
            Json("braintrust.output_json", "0.finish_reason"),
            Json("braintrust.output_json", "0.stop_reason"),
        ),
        Field.STREAM: (Json(_METADATA, "stream"),),
        Field.TOOL: ("gen_ai.tool.name", Json(_KIND, "name")),
        Field.AGENT: ("gen_ai.agent.name",),
        Field.TOOL_ARGUMENTS: ("braintrust.input_json",),
        # Anthropic's tracers add the cache to the input.
        Field.INPUT: (Json(_METRICS, "prompt_tokens"),),
        Field.OUTPUT: (Json(_METRICS, "completion_tokens"),),
        Field.CACHE_READ: (Json(_METRICS, "prompt_cached_tokens"),),
        Field.CACHE_WRITE: (Json(_METRICS, "prompt_cache_creation_tokens"),),
        Field.REASONING: (Json(_METRICS, "completion_reasoning_tokens"),),
        Field.TOTAL: (Json(_METRICS, "tokens"), Json(_METRICS, "total_tokens")),
        # seconds; the whole duration where the answer was not streamed
        Field.FIRST_TOKEN: (Json(_METRICS, "time_to_first_token"),),
    },
    first_token_needs_stream=True,
    content=Contents(
        question=("braintrust.input_json", "braintrust.input"),
        answer=("braintrust.output_json", "braintrust.output"),
        form=(Json(_METADATA, "response_format"), Json(_METADATA, "text.format")),
    ),
)
