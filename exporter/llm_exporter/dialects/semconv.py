"""OpenTelemetry GenAI semantic conventions: the current names and every older spelling.

The fallback: it claims a span that no other dialect claims, and fills what another dialect leaves open.
"""

from llm_exporter.dialects._dialect import (
    Check,
    Contents,
    Dialect,
    Documents,
    Field,
    HttpError,
    InEvents,
    Numbered,
    Scaled,
    SpanName,
    When,
)

_DETAILS = "gen_ai.client.inference.operation.details"
# the second is how Azure and Semantic Kernel for .NET write it
_MESSAGE = ("content", "gen_ai.event.content")

DIALECT = Dialect(
    name="semconv",
    authority=(
        "https://github.com/open-telemetry/semantic-conventions/tree/v1.41.1/docs/gen-ai",
        "https://github.com/open-telemetry/semantic-conventions-genai/tree/main/docs/gen-ai",
    ),
    prefixes=("gen_ai.",),
    fields={
        Field.OPERATION: (
            "gen_ai.operation.name",
            # Microsoft.Extensions.AI under a name that the application gave its source: the sum of what is below it
            SpanName((("orchestrate_tools", "workflow"),), without="gen_ai.operation.name"),
        ),
        # renamed in v1.37.0; the third is Cloudflare's AI Gateway
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system", "gen_ai.model.provider"),
        Field.RESPONSE_MODEL: ("gen_ai.response.model",),
        Field.REQUEST_MODEL: ("gen_ai.request.model",),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"),
        Field.STREAM: ("gen_ai.request.stream", "gen_ai.request.is_stream"),
        Field.SERVICE_TIER: ("openai.response.service_tier", "gen_ai.openai.response.service_tier"),
        Field.ERROR_TYPE: ("error.type", HttpError("http.response.status_code")),
        Field.TOOL: ("gen_ai.tool.name",),
        Field.AGENT: ("gen_ai.agent.name",),
        Field.RETRIEVER: ("gen_ai.data_source.id", "db.collection.name", "db.system.name", "db.system"),
        # opentelemetry-instrumentation-openai-agents-v2; the conventions have no guardrail span
        Field.GUARDRAIL: ("gen_ai.guardrail.name",),
        Field.VERDICT: ("gen_ai.guardrail.action", "gen_ai.guardrail.triggered", "gen_ai.guardrail.status"),
        Field.DIRECTION: ("gen_ai.guardrail.direction",),
        Field.PROMPT_NAME: ("gen_ai.prompt.name",),
        Field.PROMPT_VERSION: ("gen_ai.prompt.version",),
        # Grafana's agento11y: `inclusive` where the writer follows the conventions for the prompt cache
        Field.TOKEN_SEMANTICS: ("gen_ai.token.semantics",),
        # the second is the general session attribute of the conventions
        Field.SESSION: ("gen_ai.conversation.id", "session.id"),
        Field.RESPONSE_ID: ("gen_ai.response.id",),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments",),
        # not in the conventions: what an application may say of a user's request, as it says its feature
        Field.REGENERATED: ("app.regenerate", "regenerate"),
        Field.INPUT: ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        Field.OUTPUT: ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        Field.CACHE_READ: (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cache_read_tokens",
            "gen_ai.usage.details.cache_read_tokens",
            "gen_ai.usage.details.cache_read_input_tokens",
            "gen_ai.usage.input_tokens.cached",
            "gen_ai.usage.prompt_tokens_details.cached_tokens",
            "gen_ai.usage.prompt_tokens_details.cache_read",
            "gen_ai.usage.input_cached_tokens",
            "gen_ai.usage.cached_tokens",
        ),
        # cache_creation became cache_write in semantic-conventions-genai#440
        Field.CACHE_WRITE: (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_write_tokens",
            "gen_ai.usage.details.cache_write_tokens",
            "gen_ai.usage.details.cache_creation_input_tokens",
            "gen_ai.usage.input_tokens.cache_write",
            "gen_ai.usage.input_cache_creation",
            "gen_ai.usage.prompt_tokens_details.cache_write",
        ),
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
            "gen_ai.usage.output_tokens.reasoning",
            "gen_ai.usage.completion_tokens_details.reasoning",
        ),
        # not in the conventions, but written by most
        Field.TOTAL: ("gen_ai.usage.total_tokens",),
        # the second and third are metric names that some writers put on spans
        Field.FIRST_TOKEN: (
            "gen_ai.response.time_to_first_chunk",
            "gen_ai.client.operation.time_to_first_chunk",
            "gen_ai.client.inference.time_to_first_chunk",
            "gen_ai.response.time_to_first_token",
            Scaled("gen_ai.response.time_to_first_token_ms", 1e-3),
        ),
        # not in the conventions; written by OpenRouter, OpenLIT and Cloudflare
        Field.COST: ("gen_ai.usage.cost",),
    },
    # Spring AI's calls have the scope of every span of Spring Boot, and pass the API's counts through.
    cache_outside_input=(When("org.springframework.boot", "anthropic"),),
    documents=Documents(
        listed=("gen_ai.retrieval.documents",),
        # of the conventions for databases
        counted=("db.response.returned_rows",),
        queries=("gen_ai.retrieval.query.text",),
    ),
    checks=(
        Check(
            attribute="gen_ai.guardrail.name",
            names=("gen_ai.guardrail.name",),
            verdicts=("gen_ai.guardrail.action", "gen_ai.guardrail.triggered", "gen_ai.guardrail.status"),
            directions=("gen_ai.guardrail.direction",),
        ),
        # the guardrail that Bedrock was told to apply: that it did something only the finish reason says
        Check(
            attribute="aws.bedrock.guardrail.id",
            names=("aws.bedrock.guardrail.id",),
            verdicts=("gen_ai.response.finish_reasons",),
            words={"guardrail_intervened": "block", "*": "allow"},
        ),
    ),
    content=Contents(
        # the messages as they are now, as events of the span, and under the names before them
        question=(
            "gen_ai.input.messages",
            InEvents(_DETAILS, ("gen_ai.input.messages",)),
            InEvents("gen_ai.user.message", _MESSAGE),
            "gen_ai.prompt",
            Numbered("gen_ai.prompt."),
            InEvents("gen_ai.content.prompt", ("gen_ai.prompt", "content")),
            # not in the conventions: OpenInference's, which many add to spans of theirs
            "input.value",
        ),
        answer=(
            "gen_ai.output.messages",
            InEvents(_DETAILS, ("gen_ai.output.messages",)),
            InEvents("gen_ai.choice", ("message", *_MESSAGE)),
            "gen_ai.completion",
            Numbered("gen_ai.completion."),
            InEvents("gen_ai.content.completion", ("gen_ai.completion", "content")),
            "output.value",
        ),
        system=(
            "gen_ai.system_instructions",
            InEvents(_DETAILS, ("gen_ai.system_instructions",)),
            InEvents("gen_ai.system.message", _MESSAGE),
        ),
        form=("gen_ai.output.type", "gen_ai.openai.request.response_format"),
    ),
)
