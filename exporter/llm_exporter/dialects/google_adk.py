"""Google's Agent Development Kit: version 1 with JSON beside the tokens, and version 2, close to the conventions."""

from llm_exporter.dialects._dialect import Choice, Contents, Dialect, Field, Json, SpanName

_RESPONSE = "gcp.vertex.agent.llm_response"
_ITSELF = frozenset({"gcp.vertex.agent"})

DIALECT = Dialect(
    name="google_adk",
    authority=(
        "https://github.com/google/adk-python/blob/main/src/google/adk/telemetry/tracing.py",
        "https://github.com/google/adk-python/blob/main/src/google/adk/telemetry/node_tracing.py",
    ),
    scopes=("gcp.vertex.agent",),
    scope_suffices=True,
    prefixes=("gcp.vertex.agent.",),
    values={"gen_ai.system": _ITSELF},
    operations={
        # a span beside those of several tools that were called at once
        "(merged tools)": "workflow",
        "compact_events": "workflow",
        "invoke_node": "workflow",
    },
    fields={
        Field.OPERATION: (
            Choice("gen_ai.tool.name", frozenset({"(merged tools)"})),
            "gen_ai.operation.name",
            SpanName((("call_llm", "chat"), ("execute_tool (merged tools)", "workflow"))),
        ),
        Field.RESPONSE_MODEL: ("gen_ai.response.model", Json(_RESPONSE, "model_version")),
        Field.REQUEST_MODEL: ("gen_ai.request.model", Json("gcp.vertex.agent.llm_request", "model")),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", Json(_RESPONSE, "finish_reason")),
        Field.SESSION: ("gen_ai.conversation.id", "gcp.vertex.agent.session_id"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "gcp.vertex.agent.tool_call_args"),
        Field.INPUT: ("gen_ai.usage.input_tokens", Json(_RESPONSE, "usage_metadata.prompt_token_count")),
        Field.OUTPUT: (
            "gen_ai.usage.output_tokens",
            Json(_RESPONSE, "usage_metadata.candidates_token_count"),
        ),
        Field.CACHE_READ: (
            "gen_ai.usage.cache_read.input_tokens",
            Json(_RESPONSE, "usage_metadata.cached_content_token_count"),
        ),
        # The output has the thoughts in it since 2.3.0; until then the total of the answer shows that it has not.
        Field.REASONING: (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.experimental.reasoning_tokens",
            Json(_RESPONSE, "usage_metadata.thoughts_token_count"),
        ),
        Field.TOTAL: ("gen_ai.usage.total_tokens", Json(_RESPONSE, "usage_metadata.total_token_count")),
    },
    content=Contents(
        question=("gcp.vertex.agent.llm_request",),
        answer=(_RESPONSE,),
        form=(Json("gcp.vertex.agent.llm_request", "config.response_mime_type"),),
    ),
)
