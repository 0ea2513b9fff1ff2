"""Results of evaluators: whose labels they take, when they are counted, and how often."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from core.building import a_call, a_span
from llm_exporter.evaluations.evaluation import Evaluation, key_of
from llm_exporter.settings.evaluations import ScaleSettings
from logs.building import Logged, a_record

TRACE, SPAN, ROOT = b"\x07" * 16, b"\x01" * 8, b"\x02" * 8
RESOURCE = {"service.name": "chat", "deployment.environment.name": "production"}
SCALES = {"evaluations.scales": {"quality": ScaleSettings(low=1, high=5, better="up", pass_at=4)}}
PROMPT = {"gen_ai.prompt.name": "support", "gen_ai.prompt.version": "7"}


@pytest.fixture
def configured() -> Iterator[Callable[..., Logged]]:
    """Makes an exporter that takes log records, with the time to be what the test says."""
    made: list[Logged] = []

    def make(changes: Mapping[str, Any] | None = None) -> Logged:
        made.append(Logged(changes))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


@pytest.fixture
def exporter(configured: Callable[..., Logged]) -> Logged:
    """An exporter with default settings."""
    return configured()


def result(**said: Any) -> Evaluation:
    """Return a result about the call in the fixture trace, unless told otherwise."""
    found = {
        "name": "toxicity_check",
        "score": 1.0,
        "label": "pass",
        "trace_id": TRACE,
        "span_id": SPAN,
        **said,
    }
    return Evaluation(**found)


def call(**of_span: Any) -> Any:
    """Return the call that results are about."""
    return a_call(PROMPT, trace_id=TRACE, span_id=SPAN, **of_span)


def test_a_result_takes_the_labels_of_its_call(exporter: Logged) -> None:
    """Service, environment, prompt and model are those of the call; it counts once and says when."""
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result()])
    said = {"service_name": "chat", "environment": "production", "evaluator": "toxicity_check"}
    assert exporter.value("llm_evaluations_total", result="pass", source="external", **said) == 1
    of_prompt = {"prompt_name": "support", "prompt_version": "7", "model": "gpt-4o"}
    assert exporter.value("llm_prompt_evaluation_score_count", **said, **of_prompt) == 1
    assert exporter.value("llm_evaluation_last_timestamp_seconds", **said) > 0


def test_both_sides_of_the_ratio_exist_from_the_start(exporter: Logged) -> None:
    """Where one result passed, those that failed are shown as 0, and not as nothing."""
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result()])
    shown = {
        labels["result"]: value
        for name, labels, value in exporter.samples()
        if name == "llm_evaluations_total" and labels["source"] == "external"
    }
    assert shown == {"pass": 1, "fail": 0, "unscored": 0, "error": 0}


def test_labels_of_an_ancestor_reach_the_result(exporter: Logged) -> None:
    """The feature stands on the root alone, which came after the call; the result waited for it."""
    exporter.send(call(parent=ROOT), resource=RESOURCE)
    exporter.engine.results([result()])
    assert exporter.value("llm_evaluations_total") == 0
    exporter.send(
        a_span({"app.feature": "refunds"}, trace_id=TRACE, span_id=ROOT, seconds=5), resource=RESOURCE
    )
    exporter.wait(1)
    assert exporter.value("llm_evaluations_total", feature="refunds", service_name="chat") == 1


@pytest.mark.parametrize("seconds", [15, 120, 4000], ids=["open", "at rest or closed", "long closed"])
def test_a_call_is_remembered_after_its_trace_is_over(exporter: Logged, seconds: float) -> None:
    """A result that comes minutes later still finds its labels."""
    root = a_span(
        {"app.feature": "refunds", "gen_ai.operation.name": "invoke_agent"}, trace_id=TRACE, span_id=ROOT
    )
    exporter.send(root, call(parent=ROOT), resource=RESOURCE)
    exporter.wait(seconds)
    exporter.engine.results([result()])
    said = {"service_name": "chat", "feature": "refunds", "prompt_version": "7", "model": "gpt-4o"}
    assert exporter.value("llm_prompt_evaluation_score_count", **said) == 1


@pytest.mark.parametrize("seconds", [0, 120], ids=["open", "closed"])
def test_of_several_calls_each_has_its_own_results(exporter: Logged, seconds: float) -> None:
    """A result about one of two calls of a trace has the model of that one."""
    other = a_call({"gen_ai.request.model": "gpt-4o-mini"}, trace_id=TRACE, span_id=b"\x03" * 8)
    exporter.send(other, call(), resource=RESOURCE)
    exporter.wait(seconds)
    exporter.engine.results([result(span_id=b"\x03" * 8), result(name="other_check")])
    assert (
        exporter.value("llm_prompt_evaluation_score_count", model="gpt-4o-mini", evaluator="toxicity_check")
        == 1
    )
    assert exporter.value("llm_prompt_evaluation_score_count", model="gpt-4o", evaluator="other_check") == 1


@pytest.mark.parametrize("seconds", [0, 120], ids=["open", "closed"])
def test_a_result_about_a_task_has_the_labels_of_its_last_call(exporter: Logged, seconds: float) -> None:
    """A trace id alone means the whole task."""
    exporter.send(call(), resource=RESOURCE)
    exporter.wait(seconds)
    exporter.engine.results([result(span_id=b"")])
    assert (
        exporter.value("llm_prompt_evaluation_score_count", service_name="chat", prompt_name="support") == 1
    )


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_result_finds_its_call_by_the_id_of_the_answer(exporter: Logged, asked_before: bool) -> None:
    """The provider's id is enough, whether or not somebody asked for one before the call came."""
    if asked_before:
        exporter.engine.results([result(trace_id=b"", span_id=b"", response_id="resp-0")])
    answered = a_call({**PROMPT, "gen_ai.response.id": "resp-1"}, trace_id=TRACE, span_id=SPAN)
    exporter.send(answered, resource=RESOURCE)
    exporter.engine.results([result(trace_id=b"", span_id=b"", response_id="resp-1")])
    assert exporter.value("llm_evaluations_total", service_name="chat") == 1


def test_an_evaluator_in_a_span_of_its_own_means_the_answer_that_it_names(exporter: Logged) -> None:
    """The ids of the span around an evaluator are its own; the id of the answer says what it judged."""
    answered = a_call({**PROMPT, "gen_ai.response.id": "resp-1"}, trace_id=TRACE, span_id=SPAN)
    exporter.send(answered, resource=RESOURCE)
    around = a_span({"gen_ai.operation.name": "chain"}, trace_id=b"\x09" * 16, span_id=b"\x09" * 8)
    exporter.send(around, resource={"service.name": "evaluator"})
    exporter.engine.results([result(trace_id=b"\x09" * 16, span_id=b"\x09" * 8, response_id="resp-1")])
    assert exporter.value("llm_evaluations_total", service_name="chat") == 1


def test_a_result_about_a_conversation_has_its_labels(exporter: Logged) -> None:
    """A session id alone means the conversation of that service."""
    in_session = a_call({**PROMPT, "gen_ai.conversation.id": "c-1", "app.feature": "refunds"}, trace_id=TRACE)
    exporter.send(in_session, resource=RESOURCE)
    exporter.wait(30)
    record = a_record(
        attributes={
            "gen_ai.evaluation.name": "csat_check",
            "gen_ai.evaluation.score.label": "pass",
            "gen_ai.conversation.id": "c-1",
        },
        event_name="gen_ai.evaluation.result",
    )
    exporter.log(record, resource=RESOURCE)
    assert exporter.value("llm_evaluations_total", feature="refunds", evaluator="csat_check") == 1


def test_what_is_not_found_counts_under_what_it_says_itself(exporter: Logged) -> None:
    """After its time is up a result without a call has the labels of its own resource."""
    record = a_record(
        attributes={"gen_ai.evaluation.name": "check", "gen_ai.evaluation.score.label": "fail"},
        event_name="gen_ai.evaluation.result",
        trace_id=TRACE,
        span_id=SPAN,
    )
    exporter.log(record, resource=RESOURCE)
    assert exporter.value("llm_evaluations_total") == 0
    assert exporter.value("llm_exporter_evaluations_waiting") == 1
    exporter.wait(61)
    assert exporter.value("llm_evaluations_total", service_name="chat", result="fail") == 1
    assert exporter.value("llm_exporter_evaluations_waiting") == 0
    assert exporter.value("llm_prompt_evaluation_score_count") == 0


def test_results_that_wait_are_bounded(configured: Callable[..., Logged]) -> None:
    """One too many makes the oldest count at once; none is lost."""
    exporter = configured({"evaluations.max_waiting": 2})
    exporter.engine.results([result(span_id=bytes([n]) * 8, name=f"check {n}") for n in (1, 2, 3)])
    assert exporter.value("llm_evaluations_total", evaluator="check 1") == 1
    assert exporter.value("llm_evaluations_total") == 1
    exporter.wait(61)
    assert exporter.value("llm_evaluations_total") == 3


def test_the_same_result_told_again_counts_once(exporter: Logged) -> None:
    """Whoever sends a batch again changes nothing but the counter of repetitions."""
    exporter.send(call(), resource=RESOURCE)
    for _ in range(3):
        exporter.engine.results([result(key=key_of("one"))])
    assert exporter.value("llm_evaluations_total") == 1
    assert exporter.value("llm_exporter_evaluations_repeated_total") == 2


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"score": math.nan, "label": ""}, "not_a_number"),
        ({"score": math.inf, "label": ""}, "not_a_number"),
        ({"score": 5.5, "label": ""}, "out_of_range"),
        ({"score": 0.9, "label": ""}, "out_of_range"),
        ({"score": None, "label": "", "error": "TimeoutError"}, "evaluator_failed"),
    ],
)
def test_what_is_no_result_is_an_error(
    configured: Callable[..., Logged], said: dict[str, Any], reason: str
) -> None:
    """It counts as one, with the reason, and in no score."""
    exporter = configured(SCALES)
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result(name="quality", **said)])
    assert exporter.value("llm_evaluations_total", result="error") == 1
    assert exporter.value("llm_evaluation_errors_total", reason=reason) == 1
    assert (
        exporter.value("llm_evaluation_score_count") == exporter.value("llm_evaluation_raw_score_count") == 0
    )


@pytest.mark.parametrize(("score", "scaled", "passed"), [(1, 0, "fail"), (4, 0.75, "pass"), (5, 1, "pass")])
def test_a_declared_scale_makes_the_score_0_to_1(
    configured: Callable[..., Logged], score: float, scaled: float, passed: str
) -> None:
    """A 4 of 1 to 5 is 0.75, and passes at 4."""
    exporter = configured(SCALES)
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result(name="quality", score=score, label="")])
    assert exporter.value("llm_evaluation_score_sum", evaluator="quality") == scaled
    assert exporter.value("llm_evaluations_total", result=passed) == 1


def test_an_unknown_scale_keeps_its_score_apart(exporter: Logged) -> None:
    """Nothing is guessed from the number."""
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result(name="vibes", score=0.4, label="")])
    assert exporter.value("llm_evaluations_total", result="unscored") == 1
    assert exporter.value("llm_evaluation_raw_score_sum", evaluator="vibes") == 0.4
    assert exporter.value("llm_evaluation_score_count") == 0


def test_a_vote_is_feedback(exporter: Logged) -> None:
    """A thumb down counts with the labels of the answer that it is about."""
    exporter.send(call(), resource=RESOURCE)
    exporter.engine.results([result(name="user_feedback", score=0.0, label="", source="human")])
    assert exporter.value("llm_feedback_total", service_name="chat", kind="thumbs", sentiment="negative") == 1


def test_a_result_in_a_span_counts(exporter: Logged) -> None:
    """An event of the conventions on the call's own span is a result about it."""
    told = {
        "name": "gen_ai.evaluation.result",
        "attributes": {"gen_ai.evaluation.name": "check", "gen_ai.evaluation.score.label": "pass"},
    }
    exporter.send(call(events=[told]), resource=RESOURCE)
    assert exporter.value("llm_evaluations_total", service_name="chat", evaluator="check", result="pass") == 1
    exporter.send(call(events=[told]), resource=RESOURCE)
    assert exporter.value("llm_evaluations_total") == 1


def test_a_span_that_only_tells_a_result_is_no_task(exporter: Logged) -> None:
    """A carrier span in a trace of its own is counted as a result, and not as work of the application."""
    told = {"annotations.0.annotation.name": "check", "annotations.0.annotation.label": "pass"}
    exporter.send(a_span({"openinference.span.kind": "EVALUATOR", **told}), resource=RESOURCE)
    exporter.wait(30)
    assert exporter.value("llm_evaluations_total", service_name="chat", result="pass") == 1
    assert exporter.value("llm_tasks_total") == exporter.value("llm_exporter_tasks_open") == 0
    assert exporter.value("llm_prompt_evaluation_score_count") == 0
