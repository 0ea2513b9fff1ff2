"""Results in spans: each form, what they are about, and that none is read twice."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.building import any_value
from evaluations.building import (
    OTHER_SPAN,
    OTHER_TRACE,
    PARENT,
    RESULT,
    SPAN,
    TRACE,
    read_span,
    span_with,
    without_key,
)
from llm_exporter.evaluations.evaluation import MAX_NAME, Evaluation
from llm_exporter.evaluations.spans import MAX_RESULTS, MAX_SCORES, of_span
from llm_exporter.otlp.encode import delimited
from llm_exporter.otlp.schema import DecodeError, parse_span

ITSELF = {"trace_id": TRACE, "span_id": SPAN}
LINKED = {"trace_id": OTHER_TRACE, "span_id": OTHER_SPAN}
LINK = (OTHER_TRACE, OTHER_SPAN)
HALLUCINATION = {
    "name": "hallucination",
    "score": 1,
    "label": "hallucinated",
    "explanation": "words",
    "annotator_kind": "LLM",
    "identifier": "judge-v2",
    "metadata": '{"rubric_version":"2"}',
}


def annotation(
    said: dict[str, Any], index: int = 0, *, scope: str = "", spelling: str = "annotation"
) -> dict[str, Any]:
    """Return the attributes of one result of OpenInference."""
    return {f"{scope}{spelling}s.{index}.{spelling}.{field}": value for field, value in said.items()}


def said_by(encoded: bytes) -> list[Evaluation | None]:
    """Return the results in a span without their keys."""
    return [without_key(result) for result in read_span(encoded)]


def test_an_event_in_a_span_is_about_that_span() -> None:
    """The form of the conventions before results became log records."""
    attributes = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.85}
    encoded = span_with({"gen_ai.operation.name": "chat"}, [("other", {}), (RESULT, attributes)])
    assert said_by(encoded) == [Evaluation("Relevance", 0.85, **ITSELF)]


def test_an_event_in_a_carrier_is_about_what_that_links_to() -> None:
    """A span that has ended takes no event any more."""
    attributes = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.85}
    encoded = span_with({"openinference.span.kind": "EVALUATOR"}, [(RESULT, attributes)], [LINK])
    assert said_by(encoded) == [Evaluation("Relevance", 0.85, **LINKED)]


@pytest.mark.parametrize("spelling", ["annotation", "evaluation"])
def test_an_annotation_is_about_its_span(spelling: str) -> None:
    """Both spellings of OpenInference are the same; explanation and metadata are not kept."""
    encoded = span_with({"openinference.span.kind": "CHAIN", **annotation(HALLUCINATION, spelling=spelling)})
    assert said_by(encoded) == [Evaluation("hallucination", 1.0, "hallucinated", "judge", **ITSELF)]


@pytest.mark.parametrize(
    ("kind", "source"),
    [("HUMAN", "human"), ("LLM", "judge"), ("CODE", "code"), ("HYBRID", "external"), ("", "external")],
)
def test_the_kind_of_annotator_is_the_source(kind: str, source: str) -> None:
    """Kinds of someone's own are external."""
    (result,) = read_span(span_with(annotation({"name": "a", "score": 1, "annotator_kind": kind})))
    assert result.source == source


def test_trace_and_session_have_scopes_of_their_own() -> None:
    """A result about the task names no span; one about a conversation names only that."""
    encoded = span_with(
        {
            "session.id": "session-123",
            **annotation(
                {"name": "retrieval_quality", "score": 0.92, "annotator_kind": "CODE"}, scope="trace."
            ),
            **annotation(
                {"name": "coherence", "label": "coherent", "annotator_kind": "HUMAN"}, scope="session."
            ),
        }
    )
    assert said_by(encoded) == [
        Evaluation("coherence", None, "coherent", "human", session="session-123"),
        Evaluation("retrieval_quality", 0.92, source="code", trace_id=TRACE),
    ]


@pytest.mark.parametrize(
    ("scope", "about"),
    [("", LINKED), ("trace.", {"trace_id": OTHER_TRACE}), ("session.", {"session": "session-123"})],
)
def test_a_carrier_is_about_what_it_links_to(scope: str, about: dict[str, Any]) -> None:
    """It has exactly one link, and its parent means nothing. A conversation is named by its id even there."""
    attributes = {"session.id": "session-123", "openinference.span.kind": "EVALUATOR"}
    encoded = span_with({**attributes, **annotation({"name": "a", "score": 0.5}, scope=scope)}, links=[LINK])
    assert said_by(encoded) == [Evaluation("a", 0.5, **about)]


@pytest.mark.parametrize(
    ("attributes", "links"),
    [
        ({}, [LINK, (TRACE, PARENT)]),
        ({"openinference.span.kind": "LLM"}, [LINK]),
        ({"gen_ai.operation.name": "chat"}, [LINK]),
        ({}, [(b"", b"")]),
        ({}, [(bytes(16), OTHER_SPAN)]),
    ],
    ids=["two links", "a call of OpenInference", "a call of the conventions", "empty link", "invalid link"],
)
def test_other_spans_with_links_are_about_themselves(
    attributes: dict[str, Any], links: list[tuple[bytes, bytes]]
) -> None:
    """Calls link to what caused them, as those that a queue brought do."""
    assert said_by(span_with({**attributes, **annotation({"name": "a", "score": 0.5})}, links=links)) == [
        Evaluation("a", 0.5, **ITSELF)
    ]


def test_both_spellings_of_one_result_are_one() -> None:
    """Gateways write both; whether it has an identifier or not."""
    for said in (HALLUCINATION, {"name": "a", "score": 0.5, "label": "so so"}):
        attributes = annotation(said) | annotation(said, 3, spelling="evaluation")
        assert len(read_span(span_with(attributes))) == 1


def test_results_of_one_name_stay_apart_by_identifier_annotator_and_scope() -> None:
    """Two judges may both look at one span, and one at span and trace."""
    attributes = (
        annotation(HALLUCINATION)
        | annotation({**HALLUCINATION, "identifier": "judge-v3"}, 1)
        | annotation({"name": "hallucination", "score": 1, "annotator_kind": "HUMAN"}, 2)
        | annotation({"name": "hallucination", "score": 1, "annotator_kind": "CODE"}, 3)
        | annotation(HALLUCINATION, scope="trace.")
    )
    assert len(read_span(span_with(attributes))) == 5


def test_an_identifier_makes_a_result_the_same_in_the_span_and_in_a_carrier() -> None:
    """Scope, target, name and identifier count; what the result says does not."""
    carrier = span_with(annotation({**HALLUCINATION, "score": 0}), links=[LINK])
    target = span_with(annotation(HALLUCINATION)).replace(TRACE, OTHER_TRACE).replace(SPAN, OTHER_SPAN)
    assert [result.key for result in read_span(carrier)] == [result.key for result in read_span(target)]


def test_annotations_without_a_name_or_with_another_shape_are_none() -> None:
    """Index and spelling must be those of the conventions."""
    attributes = {
        "annotations.0.annotation.score": 1,
        "annotations.x.annotation.name": "a",
        "annotations.1.evaluation.name": "b",
        "document.annotations.1.annotation.name": "c",
        "annotations.2.annotation.name.first": "d",
    }
    assert read_span(span_with(attributes)) == []


@pytest.mark.parametrize(
    ("value", "score", "label"),
    [
        (0.1, 0.1, ""),
        (4, 4.0, ""),
        (True, 1.0, "true"),
        (False, 0.0, "false"),
        ("very rude", None, "very rude"),
    ],
)
def test_feedback_of_logfire_is_about_the_parent(value: object, score: float | None, label: str) -> None:
    """The value stands under the name that another attribute gives; comments are not read."""
    attributes = {
        "logfire.span_type": "annotation",
        "logfire.feedback.name": "factuality",
        "factuality": value,
        "logfire.feedback.comment": "words",
    }
    assert said_by(span_with(attributes)) == [
        Evaluation("factuality", score, label, trace_id=TRACE, span_id=PARENT)
    ]


def test_a_span_that_only_names_feedback_is_none() -> None:
    """Logfire sends spans of other types first, while the real one is still open."""
    attributes = {"logfire.span_type": "pending_span", "logfire.feedback.name": "a", "a": 1}
    assert read_span(span_with(attributes)) == []


def test_scores_of_braintrust_are_from_0_to_1_by_name() -> None:
    """Null means that a scorer does not apply; words and objects are no scores."""
    scores = {"accuracy": 0.9, "exact": True, "skipped": None, "odd": "words", "": 1, "deep": {"score": 1}}
    assert said_by(span_with({"braintrust.scores": json.dumps(scores)})) == [
        Evaluation("accuracy", 0.9, tool="braintrust", **ITSELF),
        Evaluation("exact", 1.0, "true", tool="braintrust", **ITSELF),
    ]


def test_scores_in_the_span_of_a_scorer_are_about_the_task() -> None:
    """In its experiments a scorer has a span of its own beside the task."""
    attributes = {"braintrust.scores": '{"accuracy":0.9}', "braintrust.span_attributes": '{"type":"score"}'}
    assert said_by(span_with(attributes)) == [Evaluation("accuracy", 0.9, tool="braintrust", trace_id=TRACE)]


@pytest.mark.parametrize("scores", ["", "[1]", "{", "1", '"words"', "[" * 50_000, '{"a":' * 30_000])
def test_scores_that_are_no_object_are_none(scores: str) -> None:
    """Whatever stands there."""
    assert read_span(span_with({"braintrust.scores": scores})) == []


def test_scores_of_braintrust_are_bounded() -> None:
    """What is too long is not parsed."""
    assert read_span(span_with({"braintrust.scores": '{"a": 1}' + " " * MAX_SCORES})) == []


def test_a_span_gives_a_bounded_number_of_results() -> None:
    """However many it has."""
    attributes: dict[str, Any] = {}
    for index in range(2 * MAX_RESULTS):
        attributes |= annotation({"name": f"evaluator {index}", "score": 1}, index)
    assert len(read_span(span_with(attributes))) == MAX_RESULTS


def test_the_same_span_again_gives_the_same_keys() -> None:
    """A retry of a batch is not another result."""
    attributes = {
        **annotation(HALLUCINATION),
        "braintrust.scores": '{"accuracy":0.9}',
        "logfire.span_type": "annotation",
        "logfire.feedback.name": "a",
        "a": 1,
    }
    events = [(RESULT, {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.85})]
    first, again = read_span(span_with(attributes, events)), read_span(span_with(attributes, events))
    assert first == again
    assert len({result.key for result in first}) == len(first) == 4


def test_a_span_without_results_has_none() -> None:
    """A call with an event and attributes of its own."""
    assert (
        read_span(span_with({"gen_ai.operation.name": "chat", "annotations": 3}, [("gen_ai.choice", {})]))
        == []
    )


KEYS = st.sampled_from(
    [
        *annotation(HALLUCINATION),
        *annotation(HALLUCINATION, 1, scope="session.", spelling="evaluation"),
        "session.id", "logfire.span_type", "logfire.feedback.name", "annotation", "braintrust.scores",
        "braintrust.span_attributes", "openinference.span.kind",
    ]
)  # fmt: skip
WORDS = st.sampled_from(["annotation", '{"a":1}', '{"type":"score"}', "NaN", "LLM"]) | st.text(max_size=300)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | WORDS | st.lists(WORDS)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(KEYS, VALUES, max_size=12),
    st.lists(st.tuples(st.binary(max_size=17), st.binary(max_size=9)), max_size=2),
    st.dictionaries(st.sampled_from(["gen_ai.evaluation.name", "gen_ai.evaluation.score.value"]), VALUES),
)
def test_no_attributes_make_it_fail(
    attributes: dict[str, Any], links: list[tuple[bytes, bytes]], event: dict[str, Any]
) -> None:
    """Whatever the values are, what comes out is bounded, has a key, and a mark was there to find it."""
    results = read_span(span_with(attributes, [(RESULT, event)], links))
    assert len(results) <= MAX_RESULTS
    for result in results:
        assert len(result.key) == 16
        assert 0 < len(result.name) <= MAX_NAME
        assert len(result.trace_id) in (0, 16)
        assert len(result.span_id) in (0, 8)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([9, 11, 13]), st.binary(max_size=60)), max_size=6))
def test_no_bytes_make_it_fail(fields: list[tuple[int, bytes]]) -> None:
    """Attributes, events and links of arbitrary bytes: protobuf refuses the span, or it is read."""
    encoded = span_with(annotation(HALLUCINATION)) + b"".join(
        delimited(bytes([number << 3 | 2]), content) for number, content in fields
    )
    try:
        span = parse_span(encoded)
    except DecodeError:
        return
    assert len(of_span(span)) <= MAX_RESULTS


def test_a_value_of_any_kind_of_anyvalue_is_read() -> None:
    """Maps where JSON is expected, bytes where text is."""
    attributes = {
        "braintrust.scores": any_value({"accuracy": 0.5}),
        **annotation({"name": b"raw", "score": "0.5"}),
    }
    assert [(result.name, result.score) for result in read_span(span_with(attributes))] == [
        ("raw", 0.5),
        ("accuracy", 0.5),
    ]
