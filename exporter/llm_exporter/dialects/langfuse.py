"""Langfuse's SDKs for Python and JavaScript, and spans that give themselves Langfuse's observation attributes."""

from llm_exporter.dialects._dialect import (
    Contents,
    Dialect,
    Documents,
    Field,
    Json,
    SpanName,
    Sum,
    Timestamp,
    When,
)

_USAGE = "langfuse.observation.usage_details"
_COST = "langfuse.observation.cost_details"
_OUTPUT = "langfuse.observation.output"
# what the application called the observation
_NAME = SpanName((("*", ""),))

DIALECT = Dialect(
    name="langfuse",
    authority=(
        "https://github.com/langfuse/langfuse/blob/main/packages/shared/src/server/otel/attributes.ts",
        "https://github.com/langfuse/langfuse-python/blob/main/langfuse/_client/attributes.py",
        "https://github.com/langfuse/langfuse-python/blob/main/langfuse/langchain/CallbackHandler.py",
        "https://github.com/langfuse/langfuse-python/blob/main/langfuse/openai.py",
    ),
    scopes=("langfuse-sdk",),
    keys=frozenset({"langfuse.observation.type"}),
    # Not all of `langfuse.`: the SDK copies session, user and trace name to spans of every library.
    prefixes=("langfuse.observation.",),
    operations={"generation": "chat", "evaluator": "workflow"},
    implied=((_USAGE, "chat"), ("langfuse.observation.model.name", "chat")),
    fields={
        Field.OPERATION: ("langfuse.observation.type", "gen_ai.operation.name"),
        Field.RESPONSE_MODEL: ("langfuse.observation.model.name", "gen_ai.response.model"),
        Field.FINISH_REASON: (
            "gen_ai.response.finish_reasons",
            Json(_OUTPUT, "finish_reason"),
            Json(_OUTPUT, "stop_reason"),
        ),
        Field.STREAM: (
            Json("langfuse.observation.model.parameters", "stream"),
            Json("langfuse.observation.model_parameters", "stream"),
        ),
        Field.FAILED: ("langfuse.observation.level",),
        Field.TOOL: ("gen_ai.tool.name", _NAME),
        Field.AGENT_RUN: ("gen_ai.agent.name", _NAME),
        Field.RETRIEVER: ("gen_ai.data_source.id", _NAME),
        Field.GUARDRAIL: ("gen_ai.guardrail.name", _NAME),
        Field.PROMPT_NAME: ("langfuse.observation.prompt.name", "langfuse.prompt.name"),
        Field.PROMPT_VERSION: ("langfuse.observation.prompt.version", "langfuse.prompt.version"),
        Field.SESSION: ("langfuse.session.id", "session.id"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "langfuse.observation.input"),
        Field.INPUT: (
            Json(_USAGE, "input"),
            Json(_USAGE, "prompt_tokens"),
            Json(_USAGE, "input_tokens"),
            "gen_ai.usage.input_tokens",
        ),
        # Langfuse adds up what it is told, so that its own word `input` leaves out all that has a word of its own.
        Field.UNCACHED: (Json(_USAGE, "input"),),
        Field.OUTPUT: (
            Json(_USAGE, "output"),
            Json(_USAGE, "completion_tokens"),
            Json(_USAGE, "output_tokens"),
            "gen_ai.usage.output_tokens",
        ),
        # Langfuse's words, Anthropic's, then OpenAI's
        Field.CACHE_READ: (
            Json(_USAGE, "input_cache_read"),
            Json(_USAGE, "input_cached_tokens"),
            Json(_USAGE, "cache_read_input_tokens"),
            Json(_USAGE, "prompt_tokens_details.cached_tokens"),
            Json(_USAGE, "input_tokens_details.cached_tokens"),
        ),
        Field.CACHE_WRITE: (
            Json(_USAGE, "input_cache_creation"),
            Json(_USAGE, "cache_creation_input_tokens"),
        ),
        Field.REASONING: (
            Json(_USAGE, "output_reasoning"),
            Json(_USAGE, "output_reasoning_tokens"),
            Json(_USAGE, "completion_tokens_details.reasoning_tokens"),
            Json(_USAGE, "output_tokens_details.reasoning_tokens"),
        ),
        Field.TOTAL: (Json(_USAGE, "total"), Json(_USAGE, "total_tokens")),
        Field.INPUT_AUDIO: (Json(_USAGE, "prompt_tokens_details.audio_tokens"),),
        Field.OUTPUT_AUDIO: (Json(_USAGE, "completion_tokens_details.audio_tokens"),),
        Field.FIRST_TOKEN: (Timestamp("langfuse.observation.completion_start_time"),),
        Field.COST: (Sum(_COST), Json(_COST, "total"), "gen_ai.usage.cost"),
    },
    # the API's own usage object handed on
    cache_outside_input=(When(provider="anthropic"), When(provider="aws.bedrock")),
    documents=Documents(
        listed=(_OUTPUT,),
        queries=(Json("langfuse.observation.input", "query"), "langfuse.observation.input"),
    ),
    content=Contents(
        question=("langfuse.observation.input",),
        answer=(_OUTPUT,),
        form=(
            "langfuse.observation.metadata.response_format",
            Json("langfuse.observation.model.parameters", "response_format"),
        ),
    ),
)
