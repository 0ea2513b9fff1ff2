"""Guardrails AI: a guard, its steps, and a span for each validator."""

from llm_exporter.dialects._dialect import Choice, Dialect, Field, Json, Present, SpanName

_TYPE = "guardrails/guard"

DIALECT = Dialect(
    name="guardrails_ai",
    authority=(
        "https://github.com/guardrails-ai/guardrails/blob/main/guardrails/telemetry/guard_tracing.py",
        "https://github.com/guardrails-ai/guardrails/blob/main/guardrails/telemetry/runner_tracing.py",
        "https://github.com/guardrails-ai/guardrails/blob/main/guardrails/telemetry/validator_tracing.py",
        "https://github.com/guardrails-ai/guardrails/blob/main/guardrails/hub_telemetry/hub_tracing.py",
    ),
    # the third is that of the vendor's own statistics, which count the same again
    scopes=("guardrails-ai", "guardrails.telemetry.*", "gr_hub"),
    scope_suffices=True,
    keys=frozenset({"guardrails.version", "validator.validate.output.outcome"}),
    values={"type": frozenset({_TYPE, f"{_TYPE}/step", f"{_TYPE}/step/call", f"{_TYPE}/step/validator"})},
    prefixes=("validator.init.", "validator.validate."),
    # All spans but the call's have the same kind in OpenInference. The call's may be one to any function, or to none,
    # and what a guard spent is the sum of what its calls say. A guard that raised has no verdict of its own: its
    # validators say whether something was blocked, or went wrong.
    operations={
        _TYPE: "workflow",
        "false": "guardrail",
        "true": "guardrail",
        f"{_TYPE}/step": "workflow",
        f"{_TYPE}/step/call": "workflow",
        f"{_TYPE}/step/validator": "guardrail",
    },
    # of a validator, and of a guard: whether what came out passed
    verdicts={"fail": "block", "false": "block", "pass": "allow", "true": "allow"},
    fields={
        Field.OPERATION: (
            # one for every chunk of a streamed answer
            SpanName((("stream_guard_span", "workflow"), ("async_stream_span", "workflow"))),
            Choice("validation_passed", frozenset({"false", "true"})),
            "type",
        ),
        Field.GUARDRAIL: ("validator.name", "guard.name"),
        Field.VERDICT: (
            "validator.validate.output.outcome",
            # versions that leave the first empty
            Json("output.value", "outcome"),
            Present("validator.validate.output.error_message", "fail"),
            "validation_passed",
        ),
    },
)
