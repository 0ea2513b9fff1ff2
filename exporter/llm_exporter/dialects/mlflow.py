"""MLflow Tracing, whose attributes are all JSON in strings."""

from llm_exporter.dialects._dialect import Contents, Dialect, Documents, Field, Json, SpanName

_USAGE = "mlflow.chat.tokenUsage"
_OUTPUT = "mlflow.spanOutputs"
_PROMPTS = "mlflow.linkedPrompts"
# the name of the function, unless the application gave another
_NAME = SpanName((("*", ""),))

DIALECT = Dialect(
    name="mlflow",
    authority=(
        "https://github.com/mlflow/mlflow/blob/master/mlflow/tracing/constant.py",
        "https://github.com/mlflow/mlflow/blob/master/mlflow/entities/span.py",
        "https://github.com/mlflow/mlflow/tree/master/mlflow/tracing/otel/translation",
    ),
    keys=frozenset({"mlflow.spanType"}),
    prefixes=("mlflow.",),
    operations={"chat_model": "chat", "evaluator": "workflow", "memory": "workflow", "unknown": "workflow"},
    implied=((_USAGE, "chat"),),
    fields={
        Field.OPERATION: ("mlflow.spanType", "gen_ai.operation.name"),
        Field.PROVIDER: ("mlflow.llm.provider", "gen_ai.provider.name"),
        Field.RESPONSE_MODEL: (Json(_OUTPUT, "model"), "gen_ai.response.model"),
        Field.REQUEST_MODEL: ("mlflow.llm.model", "gen_ai.request.model"),
        Field.FINISH_REASON: (
            Json(_OUTPUT, "choices.0.finish_reason"),
            Json(_OUTPUT, "stop_reason"),
        ),
        Field.STREAM: (Json("mlflow.spanInputs", "stream"),),
        Field.TOOL: ("gen_ai.tool.name", "mlflow.spanFunctionName", _NAME),
        Field.AGENT_RUN: ("gen_ai.agent.name", _NAME),
        Field.RETRIEVER: ("gen_ai.data_source.id", _NAME),
        Field.GUARDRAIL: ("gen_ai.guardrail.name", _NAME),
        Field.PROMPT_NAME: (Json(_PROMPTS, "0.name"),),
        Field.PROMPT_VERSION: (Json(_PROMPTS, "0.version"),),
        Field.SESSION: ("mlflow.trace.session", "session.id"),
        Field.RESPONSE_ID: (Json(_OUTPUT, "id"),),
        Field.TOOL_ARGUMENTS: ("mlflow.spanInputs",),
        Field.INPUT: (Json(_USAGE, "input_tokens"),),
        Field.OUTPUT: (Json(_USAGE, "output_tokens"),),
        Field.CACHE_READ: (Json(_USAGE, "cache_read_input_tokens"),),
        Field.CACHE_WRITE: (Json(_USAGE, "cache_creation_input_tokens"),),
        Field.TOTAL: (Json(_USAGE, "total_tokens"),),
        Field.COST: (Json("mlflow.llm.cost", "total_cost"),),
    },
    documents=Documents(listed=(_OUTPUT,), queries=(Json("mlflow.spanInputs", "query"), "mlflow.spanInputs")),
    reranked=Documents(listed=(_OUTPUT,)),
    content=Contents(
        question=("mlflow.spanInputs",),
        answer=(_OUTPUT,),
        form=(Json("mlflow.spanInputs", "response_format"), Json("mlflow.spanInputs", "text.format")),
    ),
)
