"""Votes of users: which results are some, of what kind, and whether they are for or against the answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter import catalogue as c
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.feedback import feedback
from llm_exporter.evaluations.scales import Scale, scaled

FOR, AGAINST, NEITHER = "positive", "negative", "neutral"


@pytest.mark.parametrize(
    "name", ["user_feedback", "user-feedback", "User Feedback", "thumbs", "thumbs_up", "feedback"]
)
@pytest.mark.parametrize(
    ("score", "label", "sentiment"),
    [
        (1.0, "true", FOR),
        (0.0, "false", AGAINST),
        (1.0, "", FOR),
        (0.0, "", AGAINST),
        (-1.0, "", AGAINST),
        (None, "up", FOR),
        (None, "thumbs-down", AGAINST),
        (None, "👍", FOR),
        (None, "negative", AGAINST),
        (None, "+1", FOR),
        (None, "-1", AGAINST),
        (1.0, "pass", FOR),
        (0.0, "fail", AGAINST),
    ],
)
def test_thumbs_come_as_booleans_numbers_and_words(
    name: str, score: float | None, label: str, sentiment: str
) -> None:
    """1 and 0, 1 and -1, true and false, up and down."""
    assert feedback(Evaluation(name, score, label), ()) == ("thumbs", sentiment)


@pytest.mark.parametrize("name", ["rating", "star-rating", "CSAT", "user_rating"])
@pytest.mark.parametrize(
    ("score", "sentiment"),
    [(1.0, AGAINST), (2.0, AGAINST), (3.0, NEITHER), (3.5, NEITHER), (4.0, FOR), (5.0, FOR)],
)
def test_ratings_go_from_1_to_5(name: str, score: float, sentiment: str) -> None:
    """The middle is neither."""
    assert feedback(Evaluation(name, score), ()) == ("rating", sentiment)


@pytest.mark.parametrize(
    ("score", "sentiment"),
    [(0.0, AGAINST), (6.0, AGAINST), (7.0, NEITHER), (8.0, NEITHER), (9.0, FOR), (10.0, FOR)],
)
def test_nps_goes_from_0_to_10(score: float, sentiment: str) -> None:
    """Promoters, passives and detractors."""
    assert feedback(Evaluation("nps", score), ()) == ("rating", sentiment)


@pytest.mark.parametrize(("score", "sentiment"), [(0.25, AGAINST), (0.5, NEITHER), (0.75, FOR)])
def test_a_declared_scale_is_what_a_rating_is_on(score: float, sentiment: str) -> None:
    """Otherwise 0.75 of a rating would be nothing."""
    result = Evaluation("rating", score)
    found = scaled(result, {"rating": Scale(0, 1)})
    assert feedback(result, (), found) == ("rating", sentiment)
    assert feedback(result, (), scaled(result, {})) == ("other", NEITHER)


@pytest.mark.parametrize(
    "result",
    [
        Evaluation("rating", 7.0),
        Evaluation("nps", 11.0),
        Evaluation("user_feedback", 0.3),
        Evaluation("user_feedback", None, "too long"),
        Evaluation("user_feedback"),
        Evaluation("user_feedback", 0.0, "neutral"),
    ],
)
def test_a_vote_that_says_neither_is_other(result: Evaluation) -> None:
    """It is not dropped, and nothing is guessed."""
    assert feedback(result, ()) == ("other", NEITHER)


def test_a_thumb_down_counts_against_the_answer() -> None:
    """As a name, too; that somebody did not give one says nothing."""
    assert feedback(Evaluation("thumbs_down", 1.0), ()) == ("thumbs", AGAINST)
    assert feedback(Evaluation("thumbs_down", 1.0, "true"), ()) == ("thumbs", AGAINST)
    assert feedback(Evaluation("thumbs_down", None, "👎"), ()) == ("thumbs", AGAINST)
    assert feedback(Evaluation("thumbs_down", 0.0), ()) == ("thumbs", NEITHER)


def test_names_of_the_configuration_are_votes() -> None:
    """Compared like all names."""
    assert feedback(Evaluation("helpful vote", 1.0), ()) is None
    assert feedback(Evaluation("helpful vote", 1.0), ("Helpful-Vote",)) == ("thumbs", FOR)


def test_a_humans_thumb_is_a_vote_under_any_name() -> None:
    """But no other judgement of a human is, and no model has thumbs."""
    assert feedback(Evaluation("answer", None, "thumbs_up", "human"), ()) == ("thumbs", FOR)
    assert feedback(Evaluation("answer", None, "correct", "human"), ()) is None
    assert feedback(Evaluation("answer", None, "thumbs_up", "judge"), ()) is None
    assert feedback(Evaluation("ragas.faithfulness", 1.0), ()) is None


def test_what_is_no_result_is_no_vote() -> None:
    """Errors are counted elsewhere."""
    assert feedback(Evaluation("user_feedback", 1.0, error="failed"), ()) is None
    assert feedback(Evaluation("user_feedback", math.nan, "true"), ()) is None


@given(
    st.sampled_from(["user_feedback", "rating", "nps", "thumbs_down", "x"]),
    st.none() | st.floats(),
    st.text(max_size=20),
)
def test_any_vote_has_a_kind_and_a_sentiment_of_the_catalogue(
    name: str, score: float | None, label: str
) -> None:
    """Whatever it says."""
    result = Evaluation(name, score, label)
    found = feedback(result, ("x",), scaled(result, {}))
    if found is not None:
        assert found[0] in c.FEEDBACK_KIND.values
        assert found[1] in c.SENTIMENT.values
