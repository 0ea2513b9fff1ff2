"""What a span says of its documents beyond what is counted: what was asked for, and their ids in order."""

import json
from typing import Any

import pytest

from core.building import Exporter, a_request, a_span
from dialects.writing import Said, read
from llm_exporter.documents import MAX_EVENTS, MAX_SCORE

RETRIEVAL = {"gen_ai.operation.name": "retrieval"}
LISTED = json.dumps([{"id": "b", "score": 0.5}, {"score": 0.25}, {"id": "a"}])
VECTORS = "opentelemetry.instrumentation."


def hit(name: str, **said: Any) -> dict[str, Any]:
    """Return the event of a document."""
    return {"name": name, "attributes": {f"{name}.{key}": value for key, value in said.items()}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            Said(
                {
                    **RETRIEVAL,
                    "gen_ai.retrieval.query.text": "a question",
                    "gen_ai.retrieval.documents": LISTED,
                }
            ),
            ("a question", ["b", "a"]),
        ),
        (
            Said(
                {
                    "openinference.span.kind": "RETRIEVER",
                    "input.value": "a question",
                    **{f"retrieval.documents.{n}.document.id": f"d{n}" for n in (10, 2, 0)},
                }
            ),
            ("a question", ["d0", "d2", "d10"]),
        ),
        (
            Said(
                {"db.system": "chroma"},
                name="chroma.query",
                events=[hit("db.query.result", id="b", distance=0.5), hit("db.query.result", id=7)],
                scope=f"{VECTORS}chromadb",
            ),
            ("", ["b", "7"]),
        ),
        (
            Said(
                {"db.system": "marqo", "db.marqo.search.query": "a question"},
                name="marqo.search",
                events=[{"name": "db.query.result", "attributes": {"_id": "b", "_score": 0.5}}],
                scope=f"{VECTORS}marqo",
            ),
            ("a question", ["b"]),
        ),
        (
            Said(
                {
                    "haystack.component.type": "InMemoryBM25Retriever",
                    "haystack.component.input": json.dumps({"query": "a question", "top_k": 2}),
                    "haystack.component.output": json.dumps({"documents": [{"id": "b"}, {"id": "a"}]}),
                }
            ),
            ("a question", ["b", "a"]),
        ),
        (Said(RETRIEVAL), ("", [])),
    ],
    ids=["a list", "numbered attributes", "events", "fields of their own", "JSON", "nothing"],
)
def test_the_query_and_the_ids_in_order(said: Said, expected: tuple[str, list[str]]) -> None:
    """What was asked for, and the ids of the documents as they were ranked; those without one are left out."""
    variant, _, span = read(said)
    assert variant.plan.documents.asked(span.attributes, span) == expected


def test_measures_beyond_reason_are_left_out() -> None:
    """A distance that no store gives, or that is no number, is none; the document still is one."""
    exporter = Exporter()
    listed = [{"distance": MAX_SCORE * 10}, {"distance": "far"}, {"distance": "0.5"}, {"distance": True}, 7]
    exporter.send(a_span({**RETRIEVAL, "gen_ai.retrieval.documents": json.dumps(listed)}))
    assert exporter.value("llm_retrieval_documents_sum") == 5
    assert exporter.value("llm_retrieval_distance_count") == 1
    assert exporter.value("llm_retrieval_distance_sum") == 0.5


def test_events_are_bounded_and_the_count_is_still_right() -> None:
    """Of very many events only the first are opened; a number that the span gives itself comes first."""
    exporter = Exporter()
    events = [hit("db.search.result", id=str(n), distance=0.5) for n in range(MAX_EVENTS + 100)]
    span = a_span({"db.vector.query.result_count": 228}, name="milvus.search", events=events)
    exporter.send_request(a_request(span, scope=f"{VECTORS}milvus").SerializeToString())
    assert exporter.value("llm_retrieval_documents_sum") == 228
    assert exporter.value("llm_retrieval_distance_count") == MAX_EVENTS
