"""NVIDIA NeMo Guardrails: rails, actions and the calls they make, in the spans of both of its engines."""

from llm_exporter.dialects._dialect import (
    Check,
    Choice,
    Dialect,
    Field,
    SpanName,
)

# What a call was for stands where its operation belongs: `Task` in nemoguardrails/llm/types.py.
_TASKS = frozenset(
    {
        "fact_checking",
        "general",
        "generate_bot_message",
        "generate_flow_continuation",
        "generate_flow_continuation_from_flow_nld",
        "generate_flow_from_instructions",
        "generate_flow_from_name",
        "generate_intent_steps_message",
        "generate_next_steps",
        "generate_user_intent",
        "generate_user_intent_and_bot_action_from_user_action",
        "generate_user_intent_from_user_action",
        "generate_value",
        "generate_value_from_instruction",
        "llama_guard_check_input",
        "llama_guard_check_output",
        "patronus_lynx_check_output_hallucination",
        "self_check_facts",
        "self_check_hallucination",
        "self_check_input",
        "self_check_output",
    }
)

_DECISION = "guardrails.governance.decision"

DIALECT = Dialect(
    name="nemo_guardrails",
    authority=(
        "https://github.com/NVIDIA-NeMo/Guardrails/blob/develop/nemoguardrails/tracing/spans.py",
        "https://github.com/NVIDIA-NeMo/Guardrails/blob/develop/nemoguardrails/tracing/span_extractors.py",
        "https://github.com/NVIDIA-NeMo/Guardrails/blob/develop/nemoguardrails/guardrails/telemetry.py",
    ),
    # the second is what an adapter's service name is unless it is configured
    scopes=("nemo-guardrails", "nemo_guardrails"),
    scope_suffices=True,
    keys=frozenset({"action.has_llm_calls", "llm.cache.hit", "rail.decisions", "rail.name", "rail.stop"}),
    values={"gen_ai.operation.name": _TASKS | {"guardrails"}},
    prefixes=("guardrails.governance.", "guardrails.rail.", "guardrails.request.", "speculative_generation."),
    shared=frozenset({"from_cache"}),
    # A request's span stands for all of its rails. Rails that are no checks steer the conversation.
    operations={
        **dict.fromkeys(_TASKS, "chat"),
        "dialog": "workflow",
        "generation": "workflow",
        "guardrails": "workflow",
        "input": "guardrail",
        "output": "guardrail",
        "retrieval": "guardrail",
        "tool_input": "guardrail",
        "tool_output": "guardrail",
    },
    implied=(
        ("rail.name", "guardrail"),
        ("action.name", "execute_tool"),
        ("gen_ai.request.model", "chat"),
    ),
    verdicts={"deny": "block", "escalate": "flag", "modify": "mask"},
    # What was retrieved, and what a tool returned, is about to be read by the model; the model asks for tools.
    directions={
        "bot_response": "output",
        "retrieval": "input",
        "tool_input": "input",
        "tool_output": "output",
        "user_message": "input",
    },
    # What policies decided, and what was found, on a span that is no rail's: the whole request's, or a call's. The last
    # decision stands in the span's attributes too.
    checks=(
        Check(
            event="guardrails.governance.decision",
            attribute=_DECISION,
            names=("rule_id", "category"),
            called="policy",
            verdicts=("decision",),
            directions=("guardrails.governance.position",),
        ),
        Check(
            event="guardrails.security.threat_detected",
            attribute="guardrails.security.threat_detected",
            names=("threat_type",),
            called="threat",
            did="flag",
        ),
        Check(
            event="guardrails.pii.detected",
            called="pii",
            verdicts=("pii.anonymised",),
            directions=("pii.source",),
            words={"true": "mask", "false": "flag"},
        ),
    ),
    fields={
        Field.OPERATION: (
            "gen_ai.operation.name",
            "rail.type",
            # The older adapter's spans say all else in their names, or with the model in the name of an attribute.
            SpanName(
                (
                    ("LLM: *", "chat"),
                    ("action: *", "workflow"),
                    ("api *", "workflow"),
                    ("guardrails.request", "workflow"),
                    ("interaction", "workflow"),
                    ("rail: *", "workflow"),
                )
            ),
        ),
        Field.TOOL: ("action.name",),
        Field.GUARDRAIL: ("rail.name",),
        # The first is absent where the rail passed; a policy may have had the text changed all the same.
        Field.VERDICT: (Choice("rail.stop", frozenset({"true"})), _DECISION, "rail.stop"),
        Field.DIRECTION: ("rail.type",),
        Field.RESPONSE_CACHE: ("from_cache", "llm.cache.hit"),
    },
)
