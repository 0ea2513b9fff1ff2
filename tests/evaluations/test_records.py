"""Results in log records: each writer's form, what they are about, and what makes them the same again."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.building import (
    OTHER_SPAN,
    RESULT,
    SPAN,
    TRACE,
    read_record,
    read_span,
    record_with,
    span_with,
    without_key,
)
from llm_exporter.evaluations.evaluation import MAX_ID, MAX_LABEL, MAX_NAME, Evaluation, key_of
from llm_exporter.evaluations.records import of_attributes, of_record
from llm_exporter.otlp import log_records
from llm_exporter.otlp.schema import DecodeError

NAME, SCORE, LABEL = (
    "gen_ai.evaluation.name",
    "gen_ai.evaluation.score.value",
    "gen_ai.evaluation.score.label",
)
FORMS: dict[str, tuple[dict[str, Any], Evaluation]] = {
    "conventions": (
        {NAME: "Relevance", SCORE: 0.85, LABEL: "relevant", "gen_ai.response.id": "chatcmpl-1"},
        Evaluation("Relevance", 0.85, "relevant", response_id="chatcmpl-1"),
    ),
    "conventions, an integer for a double": ({NAME: "Relevance", SCORE: 4}, Evaluation("Relevance", 4.0)),
    "conventions, a failure": (
        {NAME: "Relevance", "error.type": "TimeoutError", "gen_ai.evaluation.explanation": "too slow"},
        Evaluation("Relevance", error="failed"),
    ),
    "conventions, an explanation alone": (
        {NAME: "Relevance", "gen_ai.evaluation.explanation": "words"},
        Evaluation("Relevance"),
    ),
    "conventions, of a conversation": (
        {NAME: "Relevance", SCORE: 0.5, "gen_ai.conversation.id": "conv-1"},
        Evaluation("Relevance", 0.5, session="conv-1"),
    ),
    "pydantic-evals, a boolean": (
        {
            NAME: "EqualsExpected",
            SCORE: 1.0,
            LABEL: "pass",
            "gen_ai.evaluation.target": "my_agent",
            "gen_ai.evaluation.evaluator.version": "2",
            "gen_ai.evaluation.evaluator.source": '{"name":"EqualsExpected","arguments":null}',
        },
        Evaluation("EqualsExpected", 1.0, "pass", "code"),
    ),
    "pydantic-evals, a judge": (
        {
            NAME: "Polite",
            SCORE: 0.73,
            "gen_ai.evaluation.evaluator.source": '{"name":"LLMJudge","arguments":{"rubric":"words"}}',
        },
        Evaluation("Polite", 0.73, source="judge"),
    ),
    "pydantic-evals, an evaluator in short": (
        {NAME: "Short", LABEL: "ok", "gen_ai.evaluation.evaluator.source": '{"MaxDuration": {"seconds": 2}}'},
        Evaluation("Short", None, "ok", "code"),
    ),
    "pydantic-evals, an evaluator of one's own": (
        {NAME: "Tone", LABEL: "warm", "gen_ai.evaluation.evaluator.source": '"Tone"'},
        Evaluation("Tone", None, "warm"),
    ),
    "OpenLIT, a vote": (
        {
            NAME: "user_feedback",
            SCORE: 0.0,
            LABEL: "false",
            "gen_ai.evaluation.explanation": "comment",
            "openlit.score.idempotency_key": "vote-1",
        },
        Evaluation("user_feedback", 0.0, "false"),
    ),
    "Azure AI Foundry, numbers as text": (
        {
            NAME: "task_completion",
            SCORE: "1.0",
            LABEL: "pass",
            "microsoft.custom_event.name": RESULT,
            "microsoft.gen_ai.evaluation.actor.type": "human",
            "microsoft.gen_ai.human_evaluation.source": "end_user",
            "internal_properties": '{"gen_ai.evaluation.threshold": "1.0"}',
        },
        Evaluation("task_completion", 1.0, "pass", "human", tool="azure"),
    ),
    "an evaluator's kind": (
        {NAME: "grounded", SCORE: True, "gen_ai.evaluation.evaluator.type": "llm-judge"},
        Evaluation("grounded", 1.0, "true", "judge"),
    ),
    "the judge of this project": (
        {NAME: "judge.faithfulness", SCORE: 4.0},
        Evaluation("judge.faithfulness", 4.0, source="judge"),
    ),
    "keys of before": (
        {NAME: "Relevance", "gen_ai.evaluation.score": 0.5, "gen_ai.evaluation.label": "so so"},
        Evaluation("Relevance", 0.5, "so so"),
    ),
    "a word where the number stands": ({NAME: "Relevance", SCORE: "good"}, Evaluation("Relevance", None, "good")),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "expected"), FORMS.values(), ids=FORMS)
def test_each_form_of_the_event_says_what_its_writer_meant(
    attributes: dict[str, Any], expected: Evaluation
) -> None:
    """Name, score, label, source and ids are read; explanations and specifications are not kept."""
    about = expected._replace(trace_id=TRACE, span_id=SPAN)
    result = read_record(record_with(attributes))
    assert without_key(result) == about
    assert result is not None
    assert len(result.key) == 16


@pytest.mark.parametrize("written", ["NaN", "nan", "inf", float("nan"), float("inf")])
def test_a_score_that_is_no_number_stays_one(written: object) -> None:
    """NaN and infinity reach whoever counts errors, written as numbers or as text."""
    result = read_record(record_with({NAME: "Relevance", SCORE: written}))
    assert result is not None
    assert result.score is not None
    assert not math.isfinite(result.score)


def test_an_event_named_after_its_evaluator_is_a_result_of_that() -> None:
    """Azure's older form has an event name for each evaluator, and the score under an older key."""
    attributes = {"gen_ai.response.id": "chatcmpl-1", "gen_ai.evaluation.score": 4.0}
    result = read_record(
        record_with(attributes, event="gen_ai.evaluation.coherence", trace_id=b"", span_id=b"")
    )
    assert without_key(result) == Evaluation("coherence", 4.0, response_id="chatcmpl-1")


@pytest.mark.parametrize(("score", "label"), [(1.0, ""), (-1.0, ""), (0.0, "neutral")])
def test_user_feedback_of_the_older_form_goes_from_minus_one_to_one(score: float, label: str) -> None:
    """There 0 is neither for nor against the answer, which in other forms is a thumb down."""
    attributes = {"gen_ai.response.id": "chatcmpl-1", "gen_ai.evaluation.score": score}
    result = read_record(record_with(attributes, event="gen_ai.evaluation.user_feedback"))
    expected = Evaluation("user_feedback", score, label, "human", "", TRACE, SPAN, "chatcmpl-1")
    assert without_key(result) == expected


def test_the_score_of_user_feedback_may_stand_in_the_body() -> None:
    """The first form of the event had it there."""
    encoded = record_with(
        {"gen_ai.response.id": "r"}, event="gen_ai.evaluation.user_feedback", body={"score": -1}
    )
    result = read_record(encoded)
    assert result is not None
    assert result.score == -1.0


@pytest.mark.parametrize(
    ("attributes", "event"),
    [
        ({SCORE: 1.0}, RESULT),
        ({NAME: " ", SCORE: 1.0}, RESULT),
        ({NAME: "x"}, "gen_ai.choice"),
        ({NAME: "x"}, ""),
    ],
)
def test_what_names_no_evaluator_or_is_another_event_is_no_result(
    attributes: dict[str, Any], event: str
) -> None:
    """Other events of the conventions are not taken for results."""
    assert read_record(record_with(attributes, event=event)) is None


def test_the_name_of_the_event_may_stand_in_its_attributes() -> None:
    """SDKs from before log records had event names write `event.name`."""
    result = read_record(record_with({"event.name": RESULT, NAME: "Relevance", SCORE: 1.0}, event=""))
    assert result is not None
    assert result.name == "Relevance"


def test_a_result_told_as_span_event_and_as_log_record_has_one_key() -> None:
    """OpenLIT sends each score both ways, with the same attributes at slightly different times."""
    attributes = {NAME: "helpful", SCORE: 1.0, LABEL: "true", "gen_ai.evaluation.explanation": "words"}
    (in_span,) = read_span(span_with({}, [(RESULT, attributes)]))
    in_record = read_record(record_with(attributes, time=1_700_000_000_000_000_000))
    with_name = read_record(record_with({**attributes, "event.name": RESULT}))
    assert in_span == in_record == with_name


def test_the_key_of_openlit_makes_a_result_the_same_wherever_it_is_told() -> None:
    """Its idempotency key counts, and neither comment nor time."""
    key = {"openlit.score.idempotency_key": "vote-1"}
    first = read_record(record_with({NAME: "vote", SCORE: 1.0, "gen_ai.evaluation.explanation": "a", **key}))
    again = read_record(record_with({NAME: "vote", SCORE: 0.0, **key}, span_id=OTHER_SPAN, time=9))
    other = read_record(record_with({NAME: "vote", SCORE: 1.0, "openlit.score.idempotency_key": "vote-2"}))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.key == again.key != other.key


def test_results_that_differ_in_anything_said_have_different_keys() -> None:
    """Name, score, label, explanation, target: another one is another result."""
    told = [
        record_with({NAME: "a", SCORE: 1.0}),
        record_with({NAME: "b", SCORE: 1.0}),
        record_with({NAME: "a", SCORE: 0.5}),
        record_with({NAME: "a", SCORE: 1.0, LABEL: "pass"}),
        record_with({NAME: "a", SCORE: 1.0, "gen_ai.evaluation.explanation": "words"}),
        record_with({NAME: "a", SCORE: 1.0}, span_id=OTHER_SPAN),
        record_with({NAME: "a", SCORE: 1.0, "gen_ai.response.id": "r"}),
    ]
    assert len({result.key for encoded in told if (result := read_record(encoded)) is not None}) == len(told)


def test_a_key_is_of_its_parts_and_not_of_their_sum() -> None:
    """One part more or less, or cut elsewhere, is another key."""
    keys = [key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("abc", ""), key_of(b"ab", b"c")]
    assert len(set(keys)) == 4
    assert keys[0] == keys[4]


def test_without_a_target_only_the_same_record_is_the_same_result() -> None:
    """Two equal results of a batch that names no calls are two; a record that is sent again is one."""
    nowhere = {"trace_id": b"", "span_id": b""}
    first, second = (record_with({NAME: "a", SCORE: 1.0}, time=time, **nowhere) for time in (7, 8))
    results = [read_record(encoded) for encoded in (first, second, first)]
    assert results[0] == results[2] != results[1]


def test_a_span_id_without_a_trace_says_nothing() -> None:
    """It would name a span of any trace."""
    result = read_record(record_with({NAME: "a", SCORE: 1.0}, trace_id=b""))
    assert without_key(result) == Evaluation("a", 1.0)


def test_everything_that_is_kept_is_bounded() -> None:
    """Names, labels and ids are cut; what cannot be encoded is replaced."""
    long = "x" * 10_000
    attributes = {NAME: long, LABEL: long, "gen_ai.response.id": long, "gen_ai.conversation.id": long}
    result = read_record(record_with({**attributes, "gen_ai.evaluation.evaluator.source": long}))
    assert result is not None
    assert [len(part) for part in (result.name, result.label, result.response_id, result.session)] == [
        MAX_NAME,
        MAX_LABEL,
        MAX_ID,
        MAX_ID,
    ]


KEYS = st.sampled_from(
    [
        NAME, SCORE, LABEL, "gen_ai.evaluation.score", "error.type", "gen_ai.response.id", "score",
        "gen_ai.evaluation.evaluator.source", "gen_ai.evaluation.evaluator.type", "openlit.score.idempotency_key",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([RESULT, "gen_ai.evaluation.x"]), st.dictionaries(KEYS, st.binary(max_size=40)))
def test_no_attributes_make_it_fail(event: str, attributes: dict[str, bytes]) -> None:
    """Values that are no AnyValues at all are left out."""
    result = of_attributes(event, attributes)
    if result is not None:
        assert len(result.name.encode()) <= 4 * MAX_NAME
        assert len(result.label.encode()) <= 4 * MAX_LABEL


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_record_makes_it_fail(noise: bytes) -> None:
    """A record with anything in its place is refused by protobuf, or read."""
    encoded = record_with({NAME: "a", SCORE: 1.0}) + noise
    try:
        record = log_records.opened(encoded)
    except DecodeError:
        return
    result = of_record(record, encoded)
    assert result is None or len(result.key) == 16
