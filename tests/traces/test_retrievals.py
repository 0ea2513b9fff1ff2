"""A retriever and the database below it tell of one retrieval: it counts once, with what either of them says."""

import json
from itertools import permutations
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from traces.building import Timed, agent, chat, named, other, step, tool


def retriever(name: str, parent: str = "", scores: list[float] | None = None, **more: Any) -> Span:
    """Return a retriever's span; with `scores` it lists that many documents."""
    said: dict[str, Any] = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": name}
    if scores is not None:
        listed = [{"id": f"d{place}", "score": score} for place, score in enumerate(scores)]
        said["gen_ai.retrieval.documents"] = json.dumps(listed)
    return named(name, parent, said | more.pop("attributes", {}), **more)


def distance(name: str, *distances: float) -> dict[str, Any]:
    """Return the attributes of a retrieval by distance."""
    listed = [{"id": f"d{place}", "distance": value} for place, value in enumerate(distances)]
    return {"gen_ai.retrieval.documents": json.dumps(listed), "gen_ai.data_source.id": name}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_retriever_and_its_database_are_one_retrieval(timed: Timed, order: tuple[int, ...]) -> None:
    """In every order of arrival the innermost counts, and the other is a repetition."""
    spans = [other("root"), retriever("outer", "root", [0.5]), retriever("inner", "outer", [0.5])]
    for place in order:
        timed.send(spans[place])
    timed.wait(20)
    assert timed.value("llm_retrievals_total") == 1
    assert timed.value("llm_retrieval_documents_count") == 1
    assert timed.value("llm_retrieval_score_count") == 1
    assert timed.outcomes() == {"retrieval": 1, "repeated": 1, "not_llm": 1}
    assert timed.value("llm_usage_anomalies_total") == 0


def test_a_step_between_does_not_hide_that_it_is_one(timed: Timed) -> None:
    """Spans that only group others may stand between the two."""
    timed.send(retriever("outer"), step("step", "outer"), retriever("inner", "step"))
    assert timed.value("llm_retrievals_total") == 1
    assert timed.value("llm_retrievals_total", retriever="inner") == 1


@pytest.mark.parametrize("between", [tool, agent, chat])
def test_work_of_its_own_between_makes_two(timed: Timed, between: Any) -> None:
    """A retrieval that a tool, an agent or a call makes is not the one above it."""
    timed.send(retriever("outer"), between("work", "outer"), retriever("inner", "work"))
    assert timed.value("llm_retrievals_total") == 2


def test_an_embedding_inside_a_retrieval_counts(timed: Timed) -> None:
    """The query must be embedded: that is a call, and the retrieval is still one."""
    embed = chat("embed", "outer", attributes={"gen_ai.operation.name": "embeddings"})
    timed.send(retriever("outer", scores=[0.5]), embed)
    assert timed.value("llm_requests_total", operation="embeddings") == 1
    assert timed.value("llm_retrievals_total") == 1


def test_what_only_the_retriever_says_is_kept(timed: Timed) -> None:
    """A client that does not say what it found leaves that to the retriever around it."""
    timed.send(retriever("outer", scores=[0.25, 0.5]), retriever("inner", "outer"))
    assert timed.value("llm_retrieval_documents_sum", retriever="inner") == 2
    assert timed.value("llm_retrieval_score_sum", retriever="inner") == 0.75


def test_an_empty_retrieval_is_told_by_the_retriever(timed: Timed) -> None:
    """Nothing found is nothing found, whoever says so."""
    timed.send(retriever("outer", scores=[]), retriever("inner", "outer"))
    assert timed.value("llm_retrievals_total", result="empty") == 1


def test_a_distance_is_not_filled_up_with_a_score(timed: Timed) -> None:
    """Where the database gives distances, the retriever's scores for the same documents are not counted too."""
    timed.send(
        retriever("outer", scores=[0.75, 0.5]),
        retriever("inner", "outer", attributes=distance("store", 0.25, 1.5)),
    )
    assert timed.value("llm_retrieval_distance_count", retriever="store") == 2
    assert timed.value("llm_retrieval_distance_sum") == 1.75
    assert timed.value("llm_retrieval_score_count") == 0
    assert timed.value("llm_retrieval_documents_sum") == 2


def test_a_retriever_around_several_does_not_say_which_brought_what(timed: Timed) -> None:
    """Two searches of a hybrid retriever are two retrievals, without the documents of the whole."""
    timed.send(retriever("outer", scores=[0.5]), retriever("dense", "outer"), retriever("sparse", "outer"))
    assert timed.value("llm_retrievals_total") == 2
    assert timed.value("llm_retrieval_documents_count") == 0


def test_retrievals_side_by_side_are_as_many(timed: Timed) -> None:
    """Two that stand beside each other are two."""
    timed.send(other("root"), retriever("a", "root"), retriever("b", "root"))
    assert timed.value("llm_retrievals_total") == 2


def test_a_failed_retrieval_is_an_error_and_not_empty(timed: Timed) -> None:
    """What failed brought nothing because it failed: it has no number of documents."""
    timed.send(retriever("one", scores=[], status="ERROR"))
    assert timed.value("llm_retrievals_total", result="error") == 1
    assert timed.value("llm_retrievals_total", result="empty") == 0
    assert timed.value("llm_retrieval_documents_count") == 0


def test_a_reranker_with_tokens_still_tells_its_documents(timed: Timed) -> None:
    """A call that would be a plain one is no plain one if it reranked."""
    said = {
        "openinference.span.kind": "RERANKER",
        "llm.provider": "cohere",
        "reranker.model_name": "rerank-v3.5",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 10,
        "reranker.input_documents.0.document.content": "x",
        "reranker.input_documents.1.document.content": "y",
        "reranker.output_documents.0.document.score": 0.75,
    }
    timed.send(named("one", attributes=said), named("two", attributes=said))
    assert timed.value("llm_requests_total", operation="rerank") == 2
    assert timed.tokens() == {"input": 200, "output": 20}
    assert timed.value("llm_rerank_documents_sum", side="in") == 4
    assert timed.value("llm_rerank_documents_sum", side="out") == 2
    assert timed.value("llm_rerank_score_sum", model="rerank-v3.5") == 1.5
