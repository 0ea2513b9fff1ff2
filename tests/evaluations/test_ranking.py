"""Ranking: precision, recall, reciprocal rank and nDCG by hand, against a reference, and as results of evaluators."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.evaluations import ranking
from llm_exporter.evaluations.evaluation import CODE
from llm_exporter.evaluations.qrels import hash_of, parse
from llm_exporter.evaluations.scales import scale_of

GRADES = {"a": 3, "b": 2, "c": 3, "d": 0, "e": 1, "f": 2}
"""The example of Wikipedia's article on discounted cumulative gain, whose figures are rounded there."""
RANKED = ["a", "b", "c", "d", "e", "f"]


def test_ndcg_is_that_of_the_known_example() -> None:
    """Gains 3, 2, 3, 0, 1, 2 give a DCG of 6.861 against an ideal one of 7.141 with the documents that came."""
    assert ranking.ndcg(RANKED, GRADES, 6) == pytest.approx(6.861126688593501 / 7.140995184095700, rel=1e-14)


def test_ndcg_is_held_against_the_best_order_of_all_labelled_documents() -> None:
    """Documents that did not come are missed: two of grades 3 and 2 make the ideal one 8.740."""
    missed = {**GRADES, "g": 3, "h": 2}
    assert ranking.ndcg(RANKED, missed, 6) == pytest.approx(6.861126688593501 / 8.740262365546284, rel=1e-14)


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        (["a", "x", "b", "y", "z"], (Fraction(2, 5), Fraction(2, 3), 1, Fraction(1))),
        (["x", "a"], (Fraction(1, 5), Fraction(1, 3), 2, None)),
        ([], (Fraction(0), Fraction(0), 0, None)),
        (["x", "y", "z", "v", "w", "a", "b", "c"], (Fraction(0), Fraction(0), 6, None)),
        (["a", "a", "a", "a", "b"], (Fraction(2, 5), Fraction(2, 3), 1, None)),
    ],
    ids=["usual", "fewer than k", "nothing", "too late", "the same again"],
)
def test_precision_recall_and_rank_by_hand(
    documents: list[str], expected: tuple[Fraction, Fraction, int, Fraction | None]
) -> None:
    """Precision divides by k, recall by the relevant ones, the rank is of the first; repetitions count once."""
    grades = {"a": 1, "b": 1, "c": 2, "x": 0}
    precise, found, place, _ = expected
    assert ranking.precision(documents, grades, 5) == float(precise)
    assert ranking.recall(documents, grades, 5) == float(found)
    assert ranking.reciprocal_rank(documents, grades) == (1 / place if place else 0.0)


def test_a_negative_grade_is_no_loss() -> None:
    """TREC's junk documents, graded below 0, gain nothing and lose nothing."""
    grades = {"a": 1, "spam": -2}
    assert ranking.ndcg(["spam", "a"], grades, 10) == 1 / math.log2(3)
    assert ranking.precision(["spam", "a"], grades, 5) == 1 / 5


def reference(documents: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    """Return the same figures by loops over places, as the definitions are written."""
    seen: list[str] = []
    for name in documents:
        if name not in seen:
            seen.append(name)
    relevant = {name for name, grade in grades.items() if grade >= 1}
    found = {"precision@5": sum(1 for place in range(5) if place < len(seen) and seen[place] in relevant) / 5}
    if not relevant:
        return found
    found["recall@5"] = len(relevant & set(seen[:5])) / len(relevant)
    found["mrr"] = 0.0
    for place in range(len(seen), 0, -1):
        if seen[place - 1] in relevant:
            found["mrr"] = 1 / place
    gain = ideal = 0.0
    for place in range(1, 11):
        if place <= len(seen):
            gain += max(0, grades.get(seen[place - 1], 0)) / (math.log(place + 1) / math.log(2))
        best = sorted((max(0, grade) for grade in grades.values()), reverse=True)
        if place <= len(best):
            ideal += best[place - 1] / (math.log(place + 1) / math.log(2))
    found["ndcg@10"] = gain / ideal
    return found


NAMES = st.sampled_from([f"d{n}" for n in range(14)])


@given(
    documents=st.lists(NAMES, max_size=16),
    grades=st.dictionaries(NAMES, st.integers(-1, 4), min_size=1, max_size=14),
)
def test_results_are_those_of_the_reference(documents: list[str], grades: dict[str, int]) -> None:
    """Whatever comes in whatever order, the results are those of the straightforward way, each 0 to 1."""
    lines = [f"{hash_of('the query')} 0 {name} {grade}" for name, grade in grades.items()]
    results = ranking.of_retrieval("the query", documents, parse("\n".join(lines)))
    expected = reference(documents, grades)
    assert [result.name for result in results] == list(expected)
    for result in results:
        assert result.score == pytest.approx(expected[result.name], rel=1e-12, abs=1e-12)
        assert result.score is not None
        assert 0 <= result.score <= 1 + 1e-12
        assert result.source == CODE


def test_a_query_without_labels_has_no_results() -> None:
    """Nothing is implied of traffic that nobody labelled."""
    labelled = parse(f"{hash_of('known')} 0 a 1")
    assert ranking.of_retrieval("unknown", ["a"], labelled) == []
    assert ranking.of_retrieval("", ["a"], labelled) == []
    assert len(ranking.of_retrieval("known", [], labelled)) == 4


def test_where_nothing_is_relevant_only_precision_is_told() -> None:
    """A query whose labelled documents are all irrelevant has nothing to find: recall would divide by 0."""
    results = ranking.of_retrieval("known", ["a"], parse(f"{hash_of('known')} 0 a 0"))
    assert [(result.name, result.score) for result in results] == [("precision@5", 0.0)]


def test_results_are_on_a_known_scale() -> None:
    """Each name is that of an evaluator whose scores are known to be 0 to 1, up being good."""
    results = ranking.of_retrieval("known", ["a"], parse(f"{hash_of('known')} 0 a 1"))
    scales = [scale_of(result.name) for result in results]
    assert all(scale is not None and (scale.low, scale.high, scale.up) == (0, 1, True) for scale in scales)


@pytest.mark.parametrize(
    ("relevant", "expected"),
    [
        ({0: True, 1: False, 2: True, 3: False, 4: False}, [Fraction(2, 5)]),
        ({0: True, 1: True, 2: True, 3: True, 4: False, 9: True}, [Fraction(4, 5)]),
        ({0: True, 1: False}, [Fraction(1, 5)]),
        ({0: True, 2: True}, []),
        ({3: True}, []),
        ({}, []),
    ],
    ids=["five", "more", "two came", "a gap", "no first", "none"],
)
def test_judged_documents_give_precision_alone(relevant: dict[int, bool], expected: list[Fraction]) -> None:
    """Precision of the first five, or of as many as came, and nothing where a place was not judged."""
    results = ranking.of_judgements(relevant)
    assert [(result.name, result.score) for result in results] == [
        ("precision@5", float(share)) for share in expected
    ]
