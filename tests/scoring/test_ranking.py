"""Retrievals held against the qrels file: the results count, once, under the labels of their retrieval."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.building import a_span
from llm_exporter.evaluations.qrels import hash_of
from traces.building import Timed

QUERY = "How do I return a broken lamp?"
RESOURCE = {"service.name": "shop"}


@pytest.fixture
def labelled(tmp_path: Path) -> Iterator[Timed]:
    """An exporter that knows which documents are relevant to one query, by the hash of it alone."""
    file = tmp_path / "qrels"
    file.write_text("".join(f"{hash_of(QUERY)} 0 {document} 1\n" for document in ("returns", "warranty")))
    exporter = Timed({"evaluations.qrels_file": file})
    yield exporter
    exporter.close()


def retrieval(query: str, *documents: str) -> object:
    """Return a retriever's span."""
    found = {f"retrieval.documents.{place}.document.id": said for place, said in enumerate(documents)}
    return a_span({"openinference.span.kind": "RETRIEVER", "input.value": query, **found})


def test_a_labelled_query_is_ranked(labelled: Timed) -> None:
    """One of two relevant documents, in the second place of four."""
    labelled.send(retrieval(QUERY.upper(), "lamps", "returns", "stores", "jobs"), resource=RESOURCE)
    said = {"service_name": "shop", "source": "code"}
    assert labelled.value("llm_evaluations_total", evaluator="mrr", **said) == 1
    assert labelled.value("llm_evaluation_score_sum", evaluator="mrr") == 0.5
    assert labelled.value("llm_evaluation_score_sum", evaluator="recall@5") == 0.5


def test_a_query_without_labels_is_not(labelled: Timed) -> None:
    """Nothing is implied of traffic that nobody labelled."""
    labelled.send(retrieval("Where are you?", "returns"), resource=RESOURCE)
    assert labelled.value("llm_retrievals_total") == 1
    assert labelled.value("llm_evaluations_total") == 0


def test_a_batch_that_comes_again_is_ranked_once(labelled: Timed) -> None:
    """The same span is the same retrieval."""
    span = retrieval(QUERY, "returns")
    for _ in range(2):
        labelled.send(span, resource=RESOURCE)
    assert labelled.value("llm_evaluations_total", evaluator="mrr") == 1
