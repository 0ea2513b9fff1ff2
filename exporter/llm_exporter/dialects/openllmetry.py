"""OpenLLMetry by Traceloop: the vocabulary before 0.5, and the one since, close to the conventions."""

from llm_exporter.dialects._dialect import (
    Check,
    Contents,
    Dialect,
    Documents,
    Field,
    Json,
    Numbered,
    Present,
    When,
)

# The packages of packages/opentelemetry-instrumentation-* whose scope the OpenTelemetry project's own
# instrumentations do not share (those are named openai_v2, openai_agents_v2, google_genai and so on).
_LIBRARIES = (
    "alephalpha", "anthropic", "bedrock", "cohere", "crewai", "groq", "haystack", "langchain", "llamaindex", "mcp",
    "mistralai", "ollama", "openai", "openai.v0", "openai.v1", "openai_agents", "replicate", "sagemaker", "together",
    "transformers", "voyageai", "watsonx", "writer",
)  # fmt: skip


def _bedrock(direction: str, path: str) -> Check:
    """Return how a call of Bedrock tells what its guardrail found: names of all that applied, in JSON at the path.

    It is there whether anything applied or not.
    """
    found = f"gen_ai.bedrock.guardrail.{direction}_filter"
    kinds = ("topic", "content", "words", "sensitive.pii", "sensitive.regex")
    return Check(
        attribute=found,
        called="bedrock",
        verdicts=(*(Json(found, f"{path}{kind}.0") for kind in kinds), Present(found, "nothing found")),
        checked=direction,
        words={"nothing found": "allow", "*": "block"},
    )


DIALECT = Dialect(
    name="openllmetry",
    authority=(
        "https://github.com/traceloop/openllmetry/tree/main/packages/opentelemetry-semantic-conventions-ai",
        "https://github.com/traceloop/openllmetry/tree/main/packages/traceloop-sdk",
    ),
    scopes=(
        *(f"opentelemetry.instrumentation.{library}" for library in _LIBRARIES),
        "traceloop.*",
        "@traceloop/*",
    ),
    keys=frozenset({"gen_ai.guardrail.guard_count", "gen_ai.is_streaming", "llm.headers"}),
    prefixes=("traceloop.",),
    shared=frozenset(
        {"gen_ai.prompt.0.role", "llm.is_streaming", "llm.request.type", "llm.usage.total_tokens"}
    ),
    operations={"completion": "text_completion", "vector_db_retrieve": "retrieval"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "llm.request.type", "traceloop.span.kind"),
        Field.RESPONSE_MODEL: ("gen_ai.response.model", "llm.response.model"),
        Field.REQUEST_MODEL: ("gen_ai.request.model", "llm.request.model"),
        Field.FINISH_REASON: (
            "gen_ai.response.finish_reasons",
            "gen_ai.completion.0.finish_reason",
            "llm.response.finish_reason",
            "llm.response.stop_reason",
        ),
        Field.STREAM: ("gen_ai.is_streaming", "llm.is_streaming"),
        # traceloop.entity.name is the name of whatever traceloop.span.kind says
        Field.TOOL: ("gen_ai.tool.name", "traceloop.entity.name"),
        Field.RETRIEVER: ("gen_ai.data_source.id", "traceloop.entity.name"),
        Field.AGENT_RUN: ("gen_ai.agent.name", "traceloop.entity.name"),
        Field.PROMPT_NAME: ("traceloop.prompt.key",),
        Field.PROMPT_VERSION: ("traceloop.prompt.version",),
        Field.INPUT: ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
        Field.OUTPUT: (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.usage.completion_tokens",
        ),
        Field.REASONING: ("gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
        Field.TOTAL: ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        Field.SESSION: ("gen_ai.conversation.id", "traceloop.association.properties.session_id"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "traceloop.entity.input"),
    },
    documents=Documents(
        listed=("traceloop.entity.output", "gen_ai.task.output"),
        queries=(Json("traceloop.entity.input", "query"), Json("gen_ai.task.input", "query")),
    ),
    checks=(_bedrock("input", ""), _bedrock("output", "0.")),
    # the anthropic package adds the cache to the input; these two pass the API's count through
    cache_outside_input=(
        When("opentelemetry.instrumentation.bedrock", "aws.bedrock"),
        When("opentelemetry.instrumentation.llamaindex", "anthropic"),
    ),
    content=Contents(
        question=("gen_ai.input.messages", Numbered("gen_ai.prompt."), "traceloop.entity.input"),
        answer=("gen_ai.output.messages", Numbered("gen_ai.completion."), "traceloop.entity.output"),
        # the schema itself
        form=(Present("gen_ai.request.structured_output_schema", "json"),),
    ),
)
