"""How well a retrieval ranked: precision and recall at k, reciprocal rank, nDCG, from labels of relevance.

The definitions are those of trec_eval (usnistgov/trec_eval: `P`, `recall`, `recip_rank`, `ndcg_cut`), so that figures
can be held against offline ones:

- precision and recall at k: Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), section 8.4.
  Precision divides by k even where fewer documents came.
- reciprocal rank: Voorhees, The TREC-8 Question Answering Track Report (1999). MRR is its mean over queries.
- nDCG: Järvelin, Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, ACM TOIS 20(4) (2002), with the grade
  itself as the gain, the discount log2(rank + 1), and the best order of all labelled documents as the ideal.

A document without a label is not relevant, as with pooled labels; one that came twice counts where it came first.
"""

from __future__ import annotations

from math import fsum, log2
from typing import TYPE_CHECKING, Final

from llm_exporter.evaluations.evaluation import CODE, Evaluation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llm_exporter.evaluations.qrels import Qrels

RELEVANT: Final = 1
"""Lowest grade of a relevant document."""
PRECISION_AT: Final = 5
RECALL_AT: Final = 5
NDCG_AT: Final = 10


def precision(documents: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the share of the first k places that a relevant document took."""
    return _relevant(_distinct(documents)[:k], grades) / k


def recall(documents: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the share of the relevant documents that are among the first k. There must be a relevant one."""
    return _relevant(_distinct(documents)[:k], grades) / _relevant(grades, grades)


def reciprocal_rank(documents: Sequence[str], grades: Mapping[str, int]) -> float:
    """Return 1 over the place of the first relevant document, 0 where none came."""
    places = enumerate(_distinct(documents), 1)
    return next((1 / place for place, name in places if grades.get(name, 0) >= RELEVANT), 0.0)


def ndcg(documents: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the discounted gain of the first k over that of the best order. There must be a relevant document."""
    gained = [max(grades.get(name, 0), 0) for name in _distinct(documents)[:k]]
    ideal = sorted((max(grade, 0) for grade in grades.values()), reverse=True)[:k]
    return _discounted(gained) / _discounted(ideal)


def of_retrieval(query: str, documents: Sequence[str], qrels: Qrels) -> list[Evaluation]:
    """Return the results for what a retrieval brought, none for a query without labels.

    Where no labelled document is relevant there is nothing to find: then only precision means something.

    Args:
        query: What was asked for. Only its hash is looked up.
        documents: Ids of what came, best first.
        qrels: Which documents are relevant to which queries.
    """
    grades = qrels.of(query)
    if not grades:
        return []
    found = [Evaluation(f"precision@{PRECISION_AT}", precision(documents, grades, PRECISION_AT), source=CODE)]
    if _relevant(grades, grades):
        found += [
            Evaluation(f"recall@{RECALL_AT}", recall(documents, grades, RECALL_AT), source=CODE),
            Evaluation("mrr", reciprocal_rank(documents, grades), source=CODE),
            Evaluation(f"ndcg@{NDCG_AT}", ndcg(documents, grades, NDCG_AT), source=CODE),
        ]
    return found


def of_judgements(relevant: Mapping[int, bool]) -> list[Evaluation]:
    """Return the precision at k where an evaluator judged the single documents of a retrieval.

    Nothing is known of documents that did not come, so that there is neither recall nor nDCG. It is only told where
    each of the first k places was judged, or all that came if those are fewer: places that nobody judged are no misses.

    Args:
        relevant: By a document's place, from 0 on, whether it is relevant.
    """
    judged = range(min(len(relevant), PRECISION_AT))
    if not relevant or any(place not in relevant for place in judged):
        return []
    hits = sum(relevant[place] for place in judged)
    return [Evaluation(f"precision@{PRECISION_AT}", hits / PRECISION_AT, source=CODE)]


def _distinct(documents: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(documents)]


def _relevant(documents: Iterable[str], grades: Mapping[str, int]) -> int:
    return sum(grades.get(name, 0) >= RELEVANT for name in documents)


def _discounted(gains: Iterable[int]) -> float:
    return fsum(gain / log2(place + 1) for place, gain in enumerate(gains, 1))
