"""Which results are votes of users, and whether a vote is for or against the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from llm_exporter.evaluations.evaluation import HUMAN
from llm_exporter.evaluations.scales import canonical

if TYPE_CHECKING:
    from collections.abc import Collection

    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.evaluations.scales import Scaled

THUMBS: Final = "thumbs"
RATING: Final = "rating"
OTHER: Final = "other"
POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
NEUTRAL: Final = "neutral"

_RATINGS: Final = frozenset(
    {"rating", "user_rating", "star_rating", "stars", "csat", "user_satisfaction", "satisfaction"}
)
_NPS: Final = frozenset({"nps", "net_promoter_score"})
_AGAINST: Final = frozenset({"thumbs_down", "dislike", "downvote"})
"""Names of votes that count against the answer when they are given."""
NAMES: Final = (
    frozenset(
        {
            "user_feedback", "userfeedback", "feedback", "human_feedback", "end_user_feedback", "user_score",
            "user_vote", "vote", "thumbs", "thumb", "thumbs_up", "thumbs_feedback", "thumbs_up_down", "like",
            "upvote", "reaction", "user_reaction",
        }
    )
    | _RATINGS
    | _NPS
    | _AGAINST
)  # fmt: skip
"""Known names, in the form of `canonical`."""
_FOR: Final = frozenset(
    {
        "thumbs_up", "thumbsup", "thumb_up", "up", "like", "liked", "upvote", "positive", "good", "helpful", "happy",
        "satisfied", "yes", "true", "pass", "👍", "+1", "1",
    }
)  # fmt: skip
_CONTRA: Final = frozenset(
    {
        "thumbs_down", "thumbsdown", "thumb_down", "down", "dislike", "disliked", "downvote", "negative", "bad",
        "unhelpful", "not_helpful", "unhappy", "dissatisfied", "no", "false", "fail", "👎", "-1", "_1", "0",
    }
)  # fmt: skip
_THUMBS_ALONE: Final = frozenset(
    {"thumbs_up", "thumbsup", "thumb_up", "👍", "thumbs_down", "thumbsdown", "thumb_down", "👎"}
)
"""Labels that are votes under any name, when a human gave them."""


def feedback(
    evaluation: Evaluation, names: Collection[str], found: Scaled | None = None
) -> tuple[str, str] | None:
    """Return kind and sentiment of a vote of a user; None where the result is none.

    A vote that is known by its name, but says neither yes nor no, is `other` and `neutral`.

    Args:
        evaluation: The result.
        names: Names of results that are votes, beside the known ones.
        found: What the result says on its scale, where the configuration or a tool declares one.
    """
    name = canonical(evaluation.name)
    label = canonical(evaluation.label)
    named = name in NAMES or name in names or any(canonical(one) == name for one in names)
    if not named and (evaluation.source != HUMAN or label not in _THUMBS_ALONE):
        return None
    if evaluation.error or (evaluation.score is not None and not math.isfinite(evaluation.score)):
        return None
    kind, sentiment = _vote(name, label, evaluation.score, found)
    if name in _AGAINST and label not in _THUMBS_ALONE:
        sentiment = NEGATIVE if sentiment == POSITIVE else NEUTRAL
    return kind, sentiment


def _vote(name: str, label: str, score: float | None, found: Scaled | None) -> tuple[str, str]:
    if label in _FOR:
        return THUMBS, POSITIVE
    if label in _CONTRA:
        return THUMBS, NEGATIVE
    if label == NEUTRAL or score is None:
        return OTHER, NEUTRAL
    if found is not None and found.score is not None:
        return RATING, _between(found.score, 0.4, 0.6)
    if name in _NPS:
        # Promoters give 9 or 10, detractors at most 6.
        return (RATING, _between(score, 6.5, 8.5)) if 0 <= score <= 10 else (OTHER, NEUTRAL)
    if name in _RATINGS:
        return (RATING, _between(score, 2.5, 3.5)) if 1 <= score <= 5 else (OTHER, NEUTRAL)
    if score in (1.0, 0.0, -1.0):
        return THUMBS, POSITIVE if score == 1.0 else NEGATIVE
    return OTHER, NEUTRAL


def _between(score: float, bad: float, good: float) -> str:
    return NEGATIVE if score < bad else POSITIVE if score > good else NEUTRAL
