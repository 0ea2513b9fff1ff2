"""Checks of guardrails that spans tell of which stand for something else: counted beside them, under their labels."""

from typing import Any

from traces.building import Timed, chat, named, other, step

OPENLIT = {"service.name": "support", "telemetry.sdk.name": "openlit"}
CALL = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10}


def guard(name: str = "pii", action: str = "deny", **more: Any) -> dict[str, Any]:
    """Return the event of a check."""
    said = {"guard.name": name, "guard.action": action, "guard.phase": "preflight", "guard.latency_ms": 250.0}
    return {"name": "guard.evaluation", "attributes": {**said, **more}}


def test_an_outcome_is_one_a_span_whatever_it_tells_of(timed: Timed) -> None:
    """Checks are counted beside the spans: each span has the outcome that it would have without them."""
    spans = [
        chat("call", "step", events=[guard(), guard("moderation", "allow")]),
        step("step", "root", events=[guard("topics", "warn")]),
        other("root", events=[guard("schema", "redact")]),
    ]
    timed.send(*spans, resource=OPENLIT)
    assert timed.outcomes() == {"call": 1, "structure": 1, "not_llm": 1}
    assert timed.tokens() == {"input": 100, "output": 10}
    for name, action in (("pii", "block"), ("moderation", "allow"), ("topics", "flag"), ("schema", "mask")):
        assert (
            timed.value("llm_guardrail_checks_total", guardrail=name, action=action, direction="input") == 1
        )
    assert timed.value("llm_guardrail_checks_total") == 4
    assert timed.value("llm_guardrail_duration_seconds_sum") == 1


def test_checks_have_the_labels_of_the_spans_above(timed: Timed) -> None:
    """A check takes over what stands above its span, as a call does."""
    root = other("root", attributes={"app.feature": "search", "app.team": "core"})
    timed.send(root, step("step", "root"), chat("call", "step", events=[guard()]), resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total", feature="search", team="core") == 1


def test_a_span_that_comes_again_tells_of_nothing_new(timed: Timed) -> None:
    """The same spans again count their checks once, those of spans about no LLM too."""
    spans = [other("root", events=[guard()]), chat("call", "root", events=[guard("moderation")])]
    for _ in range(2):
        timed.send(*spans, resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total") == 2


def test_a_call_that_was_blocked_leaves_its_check(timed: Timed) -> None:
    """Where the guardrail keeps the model from being called, the application's span is all there is."""
    timed.send(other("root", events=[guard()]), resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total", action="block") == 1
    assert timed.outcomes() == {"not_llm": 1}


def test_under_a_web_framework_it_is_found_too(timed: Timed) -> None:
    """Spans of OpenTelemetry's own instrumentations are searched for the event where the SDK is OpenLIT's."""
    scope = "opentelemetry.instrumentation.fastapi"
    timed.send(other("root", events=[guard()]), scope=scope, resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total", action="block") == 1


def test_a_repetition_still_tells_of_its_checks(timed: Timed) -> None:
    """A gateway's span that repeats the call inside it has its own guardrails."""
    timed.send(chat("outer", events=[guard()]), chat("inner", "outer"), resource=OPENLIT)
    assert timed.outcomes() == {"call": 1, "repeated": 1}
    assert timed.value("llm_guardrail_checks_total", guardrail="pii") == 1


def test_a_guardrails_own_span_is_its_check(timed: Timed) -> None:
    """An event on the span of a guardrail tells of the same check again."""
    said = {
        "gen_ai.operation.name": "guardrail",
        "gen_ai.guardrail.name": "pii",
        "gen_ai.guardrail.action": "allow",
    }
    timed.send(named("one", attributes=said, events=[guard()]), resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total") == 1
    assert timed.value("llm_guardrail_checks_total", action="allow") == 1


def test_a_check_without_a_verdict_is_none(timed: Timed) -> None:
    """Where nobody says what was decided nothing is counted: not that it passed."""
    event = {"name": "guard.evaluation", "attributes": {"guard.name": "pii"}}
    timed.send(chat("call", events=[event]), resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total") == 0
    assert timed.value("llm_requests_total") == 1


def test_a_latency_that_cannot_be_is_left_out(timed: Timed) -> None:
    """The check counts; how long it took is not known."""
    late = [
        chat("one", events=[guard(**{"guard.latency_ms": -1.0})]),
        chat("two", events=[guard(**{"guard.latency_ms": 1e12})]),
        chat("three", events=[guard(**{"guard.latency_ms": "soon"})]),
    ]
    timed.send(*late, resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total") == 3
    assert timed.value("llm_guardrail_duration_seconds_count") == 0


def test_broken_events_tell_of_nothing(timed: Timed) -> None:
    """Events that look like one without being one are passed over."""
    event = {"name": "not guard.evaluation", "attributes": {"guard.action": "deny"}}
    timed.send(chat("call", events=[event]), resource=OPENLIT)
    assert timed.value("llm_guardrail_checks_total") == 0


def test_a_disabled_dialect_tells_of_nothing() -> None:
    """Whoever switches a dialect off does not get its checks."""
    exporter = Timed({"dialects.disabled": frozenset({"openlit"})})
    exporter.send(other("root", events=[guard()]), chat("call", "root", events=[guard()]), resource=OPENLIT)
    assert exporter.value("llm_guardrail_checks_total") == 0
    exporter.close()
