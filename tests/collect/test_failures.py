"""Which traces are collected, when, and with what: in bounded memory."""

import pytest

from collect.building import CALL, FAIL, OTHER, PASS, SUBJECT, TRACE, Collected
from llm_exporter.content import Content
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.scales import Scaled


def test_a_failed_trace_is_given_once_it_has_settled() -> None:
    """Not before other evaluators had their time, and once."""
    collected = Collected(settle_seconds=30)
    collected.judged()
    collected.now = 29.9
    assert [*collected.table.due()] == []
    collected.now = 30
    (failure,) = collected.table.due()
    assert (failure.trace_id, failure.subject) == (TRACE, SUBJECT)
    assert [*collected.table.due()] == [*collected.table.all()] == []


def test_another_failure_does_not_put_it_off() -> None:
    """A trace that is judged again and again is given all the same."""
    collected = Collected(settle_seconds=30)
    collected.judged("faithfulness")
    collected.now = 29
    collected.judged("relevance")
    collected.now = 30
    (failure,) = collected.table.due()
    assert len(failure.results) == 2


@pytest.mark.parametrize(
    ("scaled", "sentiment", "fails"),
    [
        (FAIL, "", True),
        (FAIL, "negative", True),
        (Scaled(None, 3.0, "unscored", ""), "negative", True),
        (PASS, "", False),
        (Scaled(None, 3.0, "unscored", ""), "", False),
        (Scaled(None, None, "error", "evaluator_failed"), "", False),
        (PASS, "positive", False),
        (Scaled(None, None, "unscored", ""), "neutral", False),
    ],
)
def test_what_fails_a_trace(scaled: Scaled, sentiment: str, fails: bool) -> None:
    """A result that did not pass, or a vote against the answer; an evaluator that failed says nothing of it."""
    collected = Collected()
    collected.judged(scaled=scaled, sentiment=sentiment)
    assert len([*collected.table.all()]) == fails


def test_all_results_of_a_trace_are_given_together() -> None:
    """Those that passed as well, and those that came before the one that failed."""
    collected = Collected()
    collected.judged("relevance", PASS)
    collected.judged("faithfulness")
    collected.judged("relevance", PASS, trace_id=OTHER)
    (failure,) = collected.table.all()
    assert [result.evaluation.name for result in failure.results] == ["relevance", "faithfulness"]


def test_a_trace_that_fails_again_is_given_again() -> None:
    """With everything that is known of it by then; a late pass is no reason."""
    collected = Collected(settle_seconds=10)
    collected.judged("faithfulness")
    collected.now = 10
    assert len([*collected.table.due()]) == 1
    collected.judged("relevance", PASS)
    collected.now = 100
    assert [*collected.table.due()] == []
    collected.judged("user_feedback", sentiment="negative")
    collected.now = 110
    (failure,) = collected.table.due()
    assert len(failure.results) == 3


def test_a_result_with_the_provider_s_id_joins_its_trace() -> None:
    """Where the exporter knows which call gave that answer."""
    collected = Collected()
    collected.places["resp-1"] = (TRACE, CALL)
    collected.judged("relevance", response_id="resp-1")
    collected.judged("faithfulness")
    (failure,) = collected.table.all()
    assert (failure.trace_id, failure.span_id, failure.response_id) == (TRACE, CALL, "")
    assert len(failure.results) == 2


def test_what_is_about_no_known_trace_stands_for_itself() -> None:
    """An unknown answer and a conversation are given under their own ids; what is about nothing is not."""
    collected = Collected()
    collected.judged(response_id="resp-1", subject=None)
    collected.judged(session="session-1")
    collected.table.judged(collected_nothing(), None, FAIL, "")
    found = [*collected.table.all()]
    assert [(one.trace_id, one.response_id, one.session) for one in found] == [
        (b"", "resp-1", ""),
        (b"", "", "session-1"),
    ]


def collected_nothing() -> Evaluation:
    """Return a result that names nothing that it is about."""
    return Evaluation("faithfulness", 0.1)


def test_the_texts_are_those_of_the_call_that_failed() -> None:
    """A result about a span has that call's texts; one about the trace has the last call's."""
    collected = Collected()
    collected.answered("first", span_id=b"span-001")
    collected.answered("last", span_id=b"span-002")
    collected.judged(span_id=b"span-001")
    collected.answered("elsewhere", trace_id=OTHER)
    collected.judged(trace_id=OTHER)
    first, other = collected.table.all()
    assert first.said is not None
    assert other.said is not None
    assert (first.span_id, first.said.content.answer) == (b"span-001", "first")
    assert (other.span_id, other.said.content.answer) == (CALL, "elsewhere")


def test_a_result_about_another_span_has_the_last_answer() -> None:
    """The span of a request or of an agent says nothing itself."""
    collected = Collected()
    collected.answered("first", span_id=b"span-001")
    collected.answered("last", span_id=b"span-002")
    collected.judged(span_id=b"the-root")
    (failure,) = collected.table.all()
    assert failure.said is not None
    assert (failure.span_id, failure.said.content.answer) == (b"span-002", "last")


def test_texts_are_bounded_by_their_characters() -> None:
    """The texts of the trace that was idle for longest go first; its failure is given without them."""
    collected = Collected(characters=1000)
    for number in range(100):
        collected.answered("x" * 100, "d" * 100, trace_id=bytes([number + 1]) * 16)
        assert sum(said.characters for one in collected.table._said.values() for said in one.values()) <= 1000
        assert collected.table._characters <= 1000
    collected.judged(trace_id=bytes([1]) * 16)
    collected.judged(trace_id=bytes([100]) * 16)
    assert [failure.said is not None for failure in collected.table.all()] == [False, True]


def test_texts_of_one_call_larger_than_all_room_are_dropped() -> None:
    """And the books stay right."""
    collected = Collected(characters=100)
    collected.answered("x" * 200)
    assert collected.table._characters == 0
    assert collected.table._said == {}


def test_calls_of_one_trace_are_bounded() -> None:
    """An agent that never ends keeps the texts of its last calls."""
    collected = Collected()
    for number in range(1000):
        collected.answered("x", span_id=number.to_bytes(8))
    (calls,) = collected.table._said.values()
    assert len(calls) == 64
    assert next(reversed(calls)) == (999).to_bytes(8)
    assert collected.table._characters == 64 * len("xwhy?be kind")


def test_traces_are_bounded_and_no_failure_is_lost() -> None:
    """A failed trace that makes room is given early; one that passed is forgotten."""
    collected = Collected(traces=10, settle_seconds=1000)
    for number in range(30):
        collected.judged(scaled=FAIL if number % 3 == 0 else PASS, trace_id=bytes([number + 1]) * 16)
        assert len(collected.table._judged) <= 10
    early = [*collected.table.due()]
    rest = [*collected.table.all()]
    assert [failure.trace_id[0] for failure in early + rest] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]
    assert len(early) == 7


def test_results_of_one_trace_are_bounded() -> None:
    """Whoever judges a trace ten thousand times is not remembered ten thousand times."""
    collected = Collected()
    for _ in range(10_000):
        collected.judged()
    (failure,) = collected.table.all()
    assert len(failure.results) == 64
    assert collected.table.n_results == 10_000


def test_calls_without_texts_take_no_room() -> None:
    """An instrumentation that keeps content to itself leaves nothing to keep."""
    collected = Collected()
    collected.table.answered(SUBJECT.record, Content(), (), TRACE, CALL, "stop", 1)
    collected.answered("alone", trace_id=b"")
    assert collected.table._said == {}
