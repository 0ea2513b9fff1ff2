"""Bodies with scores, our own and Langfuse's: what they say, and what is said of those that say nothing."""

import json
import math
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.building import SPAN, TRACE, without_key
from llm_exporter.evaluations.evaluation import MAX_ID, MAX_LABEL, MAX_NAME, Evaluation
from llm_exporter.evaluations.scores import MAX_LANGFUSE_SCORES, MAX_SCORES, of_body

TRACE_ID, SPAN_ID = TRACE.hex(), SPAN.hex()
SECRET = "what-a-user-wrote"  # noqa: S105 - looked for in messages


def read(body: Any, *, langfuse: bool = False) -> list[Evaluation]:
    """Return the results in a body that is still to be written as JSON."""
    return of_body(json.dumps(body).encode(), langfuse=langfuse)


OURS: dict[str, tuple[dict[str, Any], Evaluation]] = {
    "number": ({"name": "a", "value": 0.5, "trace_id": TRACE_ID}, Evaluation("a", 0.5, trace_id=TRACE)),
    "boolean": (
        {"name": "a", "value": True, "trace_id": TRACE_ID, "span_id": SPAN_ID},
        Evaluation("a", 1.0, "true", trace_id=TRACE, span_id=SPAN),
    ),
    "word": ({"name": "a", "value": "correct", "response_id": "r"}, Evaluation("a", None, "correct", response_id="r")),
    "label": ({"name": "a", "value": 4, "label": "pass", "session_id": "s"}, Evaluation("a", 4.0, "pass", session="s")),
    "label alone": ({"name": " a ", "label": "pass"}, Evaluation("a", None, "pass")),
    "source": ({"name": "a", "value": 1, "source": "human"}, Evaluation("a", 1.0, source="human")),
    "failure": ({"name": "a", "error": SECRET}, Evaluation("a", error="failed")),
    "more": ({"name": "a", "value": 1, "comment": SECRET, "metadata": {}, "trace_id": None}, Evaluation("a", 1.0)),
}  # fmt: skip
LANGFUSE: dict[str, tuple[dict[str, Any], Evaluation]] = {
    "of a trace": (
        {
            "id": "1",
            "name": "novelty",
            "value": 0.9,
            "traceId": TRACE_ID,
            "comment": SECRET,
            "metadata": {"a": 1},
        },
        Evaluation("novelty", 0.9, trace_id=TRACE),
    ),
    "of an observation": (
        {"name": "a", "value": 0.5, "traceId": TRACE_ID, "observationId": SPAN_ID, "dataType": "NUMERIC"},
        Evaluation("a", 0.5, trace_id=TRACE, span_id=SPAN),
    ),
    "of a session": ({"name": "a", "value": 1, "sessionId": "s"}, Evaluation("a", 1.0, session="s")),
    "boolean": (
        {"name": "hallucination", "value": 0, "dataType": "BOOLEAN", "traceId": TRACE_ID},
        Evaluation("hallucination", 0.0, "false", trace_id=TRACE),
    ),
    "category": (
        {"name": "toxicity", "value": "not toxic", "dataType": "CATEGORICAL"},
        Evaluation("toxicity", None, "not toxic"),
    ),
    "category of a configuration": (
        {"name": "a", "value": "good", "configId": "c"},
        Evaluation("a", None, "good"),
    ),
    "text": ({"name": "feedback", "value": SECRET, "dataType": "TEXT"}, Evaluation("feedback")),
    "correction": ({"name": "output", "value": SECRET, "dataType": "CORRECTION"}, Evaluation("output")),
    "annotation": ({"name": "a", "value": 1, "source": "ANNOTATION"}, Evaluation("a", 1.0, source="human")),
    "its evaluators": ({"name": "a", "value": 1, "source": "EVAL"}, Evaluation("a", 1.0, source="judge")),
    "ids of its own": (
        {"name": "a", "value": 1, "traceId": "cdef-1234-5678-90ab", "observationId": SPAN_ID, "source": None},
        Evaluation("a", 1.0),
    ),
}


@pytest.mark.parametrize(("body", "expected"), OURS.values(), ids=OURS)
def test_each_form_of_our_own_is_read(body: dict[str, Any], expected: Evaluation) -> None:
    """A value of any kind, a target of any kind, who judged; comments are not kept."""
    assert [without_key(result) for result in read(body)] == [expected]
    assert [without_key(result) for result in read([body, body])] == [expected, expected]


@pytest.mark.parametrize(("body", "expected"), LANGFUSE.values(), ids=LANGFUSE)
def test_each_form_of_langfuse_is_read(body: dict[str, Any], expected: Evaluation) -> None:
    """Types of values, targets and sources; what people wrote is not kept, nor are ids that cannot be found."""
    assert [without_key(result) for result in read(body, langfuse=True)] == [expected]


BAD_TRACE_ID = "`trace_id` must be 32 hexadecimal digits, as in the header traceparent"
BAD_SPAN_ID = "`span_id` must be 16 hexadecimal digits, as in the header traceparent"
BAD_TYPE = "`dataType` must be NUMERIC, BOOLEAN, CATEGORICAL, TEXT or CORRECTION"
WRONG: list[tuple[Any, str]] = [
    ([1], "a score must be a JSON object"),
    (SECRET, "a score must be a JSON object"),
    ({}, "a score needs a `name`, a string that is not empty"),
    ({"name": ""}, "a score needs a `name`, a string that is not empty"),
    ({"name": 1}, "a score needs a `name`, a string that is not empty"),
    ({"name": "a"}, "a score needs a `value` (number, boolean or string), a `label`, or an `error`"),
    ({"name": "a", "value": [SECRET]}, "`value` must be a number, a boolean or a string"),
    ({"name": "a", "value": 10**400}, "`value` is a number too large to be a score"),
    ({"name": "a", "value": 1, "label": 2}, "`label` must be a string"),
    ({"name": "a", "value": 1, "label": SECRET * 99}, "`label` may have 128 characters"),
    ({"name": "a", "value": 1, "source": SECRET}, "`source` must be judge, human, code or external"),
    ({"name": "a", "value": 1, "source": []}, "`source` must be judge, human, code or external"),
    ({"name": "a", "value": 1, "id": 7}, "`id` must be a string"),
    ({"name": "a", "value": 1, "id": SECRET * 99}, "`id` may have 256 characters"),
    ({"name": "a", "value": 1, "trace_id": SECRET}, BAD_TRACE_ID),
    ({"name": "a", "value": 1, "trace_id": "0" * 32}, BAD_TRACE_ID),
    ({"name": "a", "value": 1, "trace_id": " f" * 16}, BAD_TRACE_ID),
    ({"name": "a", "value": 1, "trace_id": TRACE_ID, "span_id": "1"}, BAD_SPAN_ID),
    ({"name": "a", "value": 1, "span_id": SPAN_ID}, "a `span_id` needs the `trace_id` that it belongs to"),
    ([{"name": "a", "value": 1}] * (MAX_SCORES + 1), "a list may hold 100 scores; send several requests"),
]  # fmt: skip
WRONG_FOR_LANGFUSE: list[tuple[Any, str]] = [
    ({"value": 1}, "a score needs a `name`, a string that is not empty"),
    ({"name": "a"}, "a score needs a `value`: a number or a string"),
    ({"name": "a", "value": 1, "dataType": SECRET}, BAD_TYPE),
    ({"name": "a", "value": 1, "dataType": {}}, BAD_TYPE),
    ({"name": "a", "value": 2, "dataType": "BOOLEAN"}, "the `value` of a BOOLEAN score must be 0 or 1"),
    ({"name": "a", "value": SECRET, "dataType": "BOOLEAN"}, "the `value` of a BOOLEAN score must be 0 or 1"),
    ({"name": "a", "value": SECRET, "dataType": "NUMERIC"}, "the `value` of a NUMERIC score must be a number"),
    ({"name": "a", "value": 1, "dataType": "CATEGORICAL"}, "the `value` of a CATEGORICAL score must be a string"),
    ({"name": "a", "value": 1, "traceId": {}}, "`traceId` must be a string"),
    ([{"name": "a", "value": 1}] * (MAX_LANGFUSE_SCORES + 1), "a list may hold 1000 scores; send several requests"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "message", "langfuse"),
    [(*case, False) for case in WRONG] + [(*case, True) for case in WRONG_FOR_LANGFUSE],
)
def test_what_is_wrong_is_said_without_a_word_of_it(body: Any, message: str, *, langfuse: bool) -> None:
    """The message says what to send instead."""
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}$") as raised:
        read(body, langfuse=langfuse)
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 8192, SECRET.encode(), b"1" * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """However deep it is nested."""
    with pytest.raises(
        ValueError, match=r"^(the body must be JSON: .*|a score must be a JSON object)$"
    ) as raised:
        of_body(body, langfuse=False)
    assert raised.value.__suppress_context__


def test_an_id_makes_a_score_the_same_again() -> None:
    """In both forms, and whatever else it says."""
    (first,) = read({"id": "1", "name": "a", "value": 1, "trace_id": TRACE_ID})
    (again,) = read({"id": "1", "name": "a", "value": 0}, langfuse=True)
    (other,) = read({"id": "2", "name": "a", "value": 1, "trace_id": TRACE_ID})
    assert first.key == again.key != other.key


def test_without_an_id_it_is_what_a_score_says_of_a_call() -> None:
    """So that a client may try again; of a conversation people may say the same thing twice."""
    told = [
        {"name": "a", "value": 1, "trace_id": TRACE_ID},
        {"name": "a", "value": 1, "trace_id": TRACE_ID, "comment": "words"},
        {"name": "a", "value": 0, "trace_id": TRACE_ID},
        {"name": "a", "value": 1, "trace_id": TRACE_ID, "span_id": SPAN_ID},
        {"name": "a", "value": 1, "response_id": "r"},
        {"name": "a", "value": 1, "trace_id": TRACE_ID, "source": "human"},
    ]
    keys = [result.key for result in read(told)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5
    assert [
        result.key
        for result in read([{"name": "a", "value": 1, "session_id": "s"}, {"name": "a", "value": 1}])
    ] == [
        b"",
        b"",
    ]


def test_nan_is_read() -> None:
    """Python's own encoder writes it, and whoever counts errors wants to know."""
    (result,) = read({"name": "a", "value": math.nan})
    assert result.score is not None
    assert math.isnan(result.score)


def test_names_are_cut_and_can_be_encoded() -> None:
    """Half a surrogate pair in JSON is a string that UTF-8 has no bytes for."""
    (result,) = read({"name": "\ud800" + "x" * 10_000, "value": "\udfff"})
    assert len(result.name.encode()) == MAX_NAME
    assert result.label == "?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        "name", "value", "label", "source", "error", "id", "trace_id", "span_id", "response_id", "session_id",
        "traceId", "observationId", "sessionId", "dataType",
    ]
)  # fmt: skip
VALUES = JSON | st.sampled_from([TRACE_ID, SPAN_ID, "BOOLEAN", "NUMERIC", "TEXT", "human", "EVAL", 0, 1])


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(FIELDS, VALUES, max_size=8), st.booleans())
def test_any_object_is_read_or_refused(body: dict[str, Any], langfuse: bool) -> None:
    """Nothing but ValueError is raised, and what is read is bounded."""
    try:
        results = of_body(json.dumps({"name": "a", "value": 1} | body).encode(), langfuse=langfuse)
    except ValueError:
        return
    for result in results:
        assert 0 < len(result.name) <= MAX_NAME
        assert len(result.label) <= MAX_LABEL
        assert max(len(result.response_id), len(result.session)) <= MAX_ID
        assert (len(result.trace_id), len(result.span_id)) in ((0, 0), (16, 0), (16, 8))
        assert len(result.key) in (0, 16)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()), st.booleans())
def test_any_bytes_are_read_or_refused(body: bytes, langfuse: bool) -> None:
    """Nothing but ValueError is raised."""
    with suppress(ValueError):
        of_body(body, langfuse=langfuse)
