"""OpenLIT's SDKs: the conventions with a cost, and a time to first token on every call."""

from llm_exporter.dialects._dialect import (
    Check,
    Contents,
    Dialect,
    Documents,
    Field,
    InEvents,
    Plain,
    Scaled,
    When,
)

DIALECT = Dialect(
    name="openlit",
    authority=(
        "https://github.com/openlit/openlit/blob/main/sdk/python/src/openlit/semcov/__init__.py",
        "https://github.com/openlit/openlit/blob/main/sdk/python/src/openlit/instrumentation/openai/utils.py",
        "https://github.com/openlit/openlit/blob/main/sdk/python/src/openlit/instrumentation/anthropic/utils.py",
        "https://github.com/openlit/openlit/blob/main/sdk/typescript/src/semantic-convention.ts",
    ),
    scopes=("openlit", "openlit.*", "@openlit/*"),
    scope_suffices=True,
    values={"telemetry.sdk.name": frozenset({"openlit"})},
    operations={
        "image": "image_generation",
        "audio": "speech",
        "text_to_speech": "speech",
        "speech_to_text": "transcription",
        "speech_to_text_translate": "transcription",
        # The operation of every span of a vector database is `vectordb`: which of them read says db.operation.name.
        "fetch": "retrieval",
        "get": "retrieval",
        "query": "retrieval",
        "search": "retrieval",
        "select": "retrieval",
        # Spans of frameworks repeat the usage of the calls in them.
        "execute_task": "workflow",
        "model_request": "workflow",
        "tool_coordination": "workflow",
        "user_prompt_processing": "workflow",
    },
    fields={
        Field.OPERATION: ("gen_ai.operation.name", "db.operation.name"),
        # On a chat these are the tools that the model asked for, joined by commas.
        Field.TOOL: ("gen_ai.tool.name",),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "gen_ai.tool.args"),
        # the guards before they became events of the span that they guard
        Field.GUARDRAIL: ("guard.name", "guard.validator"),
        Field.VERDICT: ("guard.action", "guard.verdict", "guard.denied"),
        Field.DIRECTION: ("guard.phase",),
        Field.STREAM: ("gen_ai.request.stream", "gen_ai.request.is_stream"),
        # seconds
        Field.FIRST_TOKEN: ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
        Field.OUTPUT_AUDIO: ("gen_ai.usage.completion_tokens_details.audio",),
        Field.COST: ("gen_ai.usage.cost",),
    },
    # One scope for all at first, one for each library later; through LangChain and LiteLLM the cache is inside.
    cache_outside_input=(
        When("openlit.otel.tracing", "anthropic"),
        When("openlit.otel.tracing", "aws.bedrock"),
        When("openlit.instrumentation.anthropic", "anthropic"),
        When("openlit.instrumentation.bedrock", "aws.bedrock"),
        When("@openlit/instrumentation-anthropic", "anthropic"),
        When("@openlit/instrumentation-bedrock", "aws.bedrock"),
    ),
    implied=(("guard.action", "guardrail"), ("guard.verdict", "guardrail"), ("guard.denied", "guardrail")),
    # before they were actions, verdicts were answers to whether there is anything to object to
    verdicts={"deny": "block", "no": "allow", "redact": "mask", "warn": "flag", "yes": "flag"},
    directions={"postflight": "output", "preflight": "input"},
    checks=(
        # of the span that is current where the model is called: mostly the application's own, about no LLM
        Check(
            event="guard.evaluation",
            resource="openlit",
            names=("guard.name",),
            verdicts=("guard.action",),
            directions=("guard.phase",),
            latencies=(Scaled("guard.latency_ms", 1e-3),),
        ),
        Check(
            attribute="guard.verdict",
            names=("guard.validator", "guard.name"),
            verdicts=("guard.verdict",),
            directions=("guard.phase",),
        ),
    ),
    documents=Documents(queries=("db.query.text",)),
    first_token_needs_stream=True,
    zero_cost_is_unknown=True,
    # They are written for each span, for a stream outside of its trace.
    events_repeat_spans=True,
    # until there were attributes for messages: one text, each message with its role before it
    content=Contents(
        question=(
            "gen_ai.input.messages",
            InEvents("gen_ai.content.prompt", ("gen_ai.prompt",), spoken=True),
            Plain("gen_ai.content.prompt", spoken=True),
        ),
        answer=(
            "gen_ai.output.messages",
            InEvents("gen_ai.content.completion", ("gen_ai.completion",), spoken=True),
            Plain("gen_ai.content.completion"),
        ),
    ),
)
