"""Traceloop's Hub, a gateway: OpenLLMetry's older vocabulary, and whichever counts the provider gives."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="traceloop_hub",
    authority=("https://github.com/traceloop/hub/blob/main/src/pipelines/otel.rs",),
    scopes=("traceloop_hub",),
    operations={"completion": "text_completion"},
    fields={
        Field.OPERATION: ("llm.request.type", "gen_ai.operation.name"),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", "gen_ai.completion.0.finish_reason"),
        Field.INPUT: ("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
        Field.OUTPUT: ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
    },
)
