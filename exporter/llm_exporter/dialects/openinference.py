"""OpenInference, as written by Arize's instrumentors and Phoenix."""

from llm_exporter.dialects._dialect import (
    Choice,
    Contents,
    Dialect,
    Documents,
    EventTime,
    Field,
    Json,
    Numbered,
    SpanName,
    When,
)

DIALECT = Dialect(
    name="openinference",
    authority=(
        "https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md",
        "https://github.com/Arize-ai/openinference/tree/main/python/openinference-semantic-conventions",
    ),
    scopes=("openinference.instrumentation.*", "@arizeai/openinference-*"),
    keys=frozenset({"openinference.span.kind"}),
    fields={
        Field.OPERATION: (
            # The LlamaIndex instrumentor makes every method of a model a call of it, also what only writes the request.
            SpanName((("*._prepare_chat_with_tools", "workflow"),), scope="openinference.instrumentation.llama_index"),
            "openinference.span.kind",
        ),
        Field.PROVIDER: ("llm.provider", "llm.system"),
        Field.RESPONSE_MODEL: (
            "llm.response.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
        ),
        # a call that failed has its model in the parameters only
        Field.REQUEST_MODEL: (
            "llm.request.model_name",
            Json("llm.invocation_parameters", "model"),
            Json("embedding.invocation_parameters", "model"),
        ),
        Field.FINISH_REASON: ("llm.finish_reason",),
        Field.STREAM: (Json("llm.invocation_parameters", "stream"),),
        Field.TOOL: ("tool.name",),
        Field.AGENT: ("agent.name",),
        # Guardrails AI's instrumentor: the validator's name, and pass or fail as the output
        Field.GUARDRAIL: ("validator_name",),
        Field.VERDICT: (Choice("output.value", frozenset({"pass", "fail"})),),
        Field.PROMPT_NAME: ("prompt.id",),
        Field.PROMPT_VERSION: ("llm.prompt_template.version",),
        Field.SESSION: ("session.id",),
        # the specification means `tool.parameters` for the tool's definition; some write the arguments there
        Field.TOOL_ARGUMENTS: ("input.value", "tool.parameters"),
        Field.INPUT: ("llm.token_count.prompt",),
        Field.OUTPUT: ("llm.token_count.completion",),
        Field.CACHE_READ: (
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        Field.CACHE_WRITE: ("llm.token_count.prompt_details.cache_write",),
        Field.REASONING: ("llm.token_count.completion_details.reasoning",),
        Field.TOTAL: ("llm.token_count.total",),
        Field.INPUT_AUDIO: ("llm.token_count.prompt_details.audio",),
        Field.OUTPUT_AUDIO: ("llm.token_count.completion_details.audio",),
        # the openai, mistralai and llama-index instrumentors, and Envoy AI Gateway
        Field.FIRST_TOKEN: (EventTime("First Token Stream Event"),),
        Field.COST: ("llm.cost.total",),
    },
    # the bedrock instrumentor passes Converse and Nova counts through; those of Agno and the Claude Agent SDK the API's
    cache_outside_input=(
        When("openinference.instrumentation.agno", "anthropic"),
        When("openinference.instrumentation.bedrock", "aws.bedrock"),
        When("openinference.instrumentation.claude_agent_sdk"),
    ),
    # A retriever that found nothing has no attribute of a document, and says so in its output alone.
    documents=Documents(
        indexed=("retrieval.documents.",), listed=("output.value",), queries=("input.value",)
    ),
    reranked=Documents(indexed=("reranker.output_documents.",)),
    candidates=Documents(indexed=("reranker.input_documents.",)),
    content=Contents(
        question=(Numbered("llm.input_messages."), Numbered("llm.prompts."), "llm.prompts", "input.value"),
        answer=(Numbered("llm.output_messages."), Numbered("llm.choices."), "output.value"),
        form=(
            Json("llm.invocation_parameters", "response_format"),
            Json("llm.invocation_parameters", "text.format"),
            Json("llm.invocation_parameters", "response_mime_type"),
        ),
    ),
)  # fmt: skip
