"""Messages in the forms of providers and frameworks."""

import json
from typing import Any

import pytest

from llm_exporter.content import forms

QUESTIONS: dict[str, tuple[Any, str]] = {
    "conventions": ([{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}], "Why?"),
    "chat completions": (
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "Why?",
    ),
    "parts": ([{"role": "user", "content": [{"type": "text", "text": "Why"}, {"type": "image_url"}]}], "Why"),
    "several parts": (
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "One."}, {"type": "input_text", "text": "Two."}],
            }
        ],
        "One.\nTwo.",
    ),
    "the last one counts": (
        [
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "Second?"},
            {"role": "assistant", "content": "No."},
        ],
        "Second?",
    ),
    "a tool's result is not asked by the user": (
        [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "rain"}]},
            {"role": "tool", "content": "rain"},
        ],
        "Weather?",
    ),
    "request": ({"model": "m", "messages": [{"role": "user", "content": "Why?"}]}, "Why?"),
    "responses": ({"model": "m", "instructions": "Be brief.", "input": "Why?"}, "Why?"),
    "responses with items": (
        {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Why?"}]}]},
        "Why?",
    ),
    "completions": ({"prompt": "Once upon"}, "Once upon"),
    "gemini": ({"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]}, "Why?"),
    "bedrock": ({"messages": [{"role": "user", "content": [{"text": "Why?"}]}]}, "Why?"),
    "langchain": (
        {
            "messages": [
                [
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "SystemMessage"],
                        "kwargs": {"content": "s"},
                    },
                    {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "HumanMessage"],
                        "kwargs": {"content": "Why?"},
                    },
                ]
            ]
        },
        "Why?",
    ),
    "langchain, older": (
        [{"type": "human", "data": {"content": "Why?"}}, {"type": "ai", "data": {"content": "x"}}],
        "Why?",
    ),
    "events": (
        [
            {"event.name": "gen_ai.user.message", "content": "Why?", "role": "user"},
            {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "So."}},
        ],
        "Why?",
    ),
    "events without roles": ([{"event.name": "gen_ai.user.message", "content": "Why?"}], "Why?"),
    "haystack": ([{"_role": "user", "_content": [{"text": "Why?"}]}], "Why?"),
    "entity": ({"args": ["Why?"], "kwargs": {"subject": "x"}}, "Why?"),
    "chain": ({"inputs": {"question": "Why?", "chat_history": []}}, "Why?"),
    "messages written as JSON": ([json.dumps({"role": "user", "content": "Why?"})], "Why?"),
    "parts alone": ([{"text": "Why?"}], "Why?"),
    "text": ("Why?", "Why?"),
    "nobody asks": ([{"role": "assistant", "content": "Hello"}], ""),
    "only the system speaks": ([{"role": "system", "content": "Be brief."}], ""),
    "no messages": ([], ""),
    "nothing": ({}, ""),
    "a number": (3, ""),
    "parts without text": ([{"role": "user", "parts": [{"type": "text"}]}], ""),
}
ANSWERS: dict[str, tuple[Any, str | None]] = {
    "conventions": (
        [{"role": "assistant", "parts": [{"type": "text", "content": "So."}], "finish_reason": "stop"}],
        "So.",
    ),
    "thoughts are no answer": (
        [
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "tool_call", "name": "f"},
                    {"type": "text", "content": "So."},
                ],
            }
        ],
        "So.",
    ),
    "chat completions": (
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "So."}}]},
        "So.",
    ),
    "the first of several": (
        {"choices": [{"message": {"content": "So."}}, {"message": {"content": "Or so."}}]},
        "So.",
    ),
    "completions": ({"choices": [{"text": "So."}]}, "So."),
    "anthropic": (
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "So."}],
        },
        "So.",
    ),
    "responses": (
        {
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]},
            ]
        },
        "So.",
    ),
    "gemini": (
        {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "So."}]}}
            ]
        },
        "So.",
    ),
    "gemini, chunk by chunk": (
        [{"candidates": [{"content": {"parts": [{"text": t}]}}]} for t in ("So", ".")],
        "So.",
    ),
    "bedrock": ({"output": {"message": {"role": "assistant", "content": [{"text": "So."}]}}}, "So."),
    "titan": ({"results": [{"outputText": "So."}]}, "So."),
    "langchain": (
        {
            "generations": [
                [{"text": "", "message": {"lc": 1, "type": "constructor", "kwargs": {"content": "So."}}}]
            ]
        },
        "So.",
    ),
    "langgraph": (
        {"messages": [{"type": "human", "content": "Why?"}, {"type": "ai", "content": "So."}]},
        "So.",
    ),
    "haystack": ({"replies": [{"role": "assistant", "content": [{"text": "So."}], "meta": {}}]}, "So."),
    "haystack, older": ({"replies": ["So."], "meta": []}, "So."),
    "genkit": ({"finishReason": "stop", "message": {"role": "model", "content": [{"text": "So."}]}}, "So."),
    "parsed JSON": ({"message": {"role": "model", "content": [{"text": {"sure": 0.5}}]}}, '{"sure":0.5}'),
    "text with a finish reason": ({"text": "So.", "finish_reason": "stop"}, "So."),
    "stream put together": ({"combined_chunk_content": "So.", "chunk_count": 2}, "So."),
    "parts alone": ([{"text": "So."}], "So."),
    "texts": (["So.", "Or so."], "So."),
    "text": ("So.", "So."),
    "all messages": (
        [
            {"role": "user", "parts": [{"type": "text", "content": "Why?"}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "So."}]},
        ],
        "So.",
    ),
    "nothing since the user spoke": (
        [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Why?"}],
        None,
    ),
    "an empty answer is one": ([{"role": "assistant", "parts": [{"type": "text", "content": ""}]}], ""),
    "no content is an empty answer": ({"role": "assistant", "content": [], "stop_reason": "end_turn"}, ""),
    "parts kept to themselves are none": ([{"role": "assistant", "parts": [{"type": "text"}]}], None),
    "no parts are none": ([{"role": "assistant", "parts": [], "finish_reason": "stop"}], None),
    "asking for a tool is none": ({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, None),
    "asking for a tool, with an empty text": (
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
        None,
    ),
    "asking for a tool, in parts": (
        [{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}],
        None,
    ),
    "asking for a tool, bedrock": ([{"toolUse": {"name": "f"}}], None),
    "asking for a tool, gemini": (
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]},
        None,
    ),
    "no choices": ({"choices": []}, None),
    "usage alone": ({"usage": {"total_tokens": 1}}, None),
    "what the user says": ({"role": "user", "content": "Why?"}, None),
    "nothing": ({}, None),
    "a number": (3, None),
    "none": (None, None),
}
REFUSALS: dict[str, Any] = {
    "chat completions": {"choices": [{"message": {"role": "assistant", "content": None, "refusal": "No."}}]},
    "responses": {
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
        ]
    },
    "conventions": [{"role": "assistant", "parts": [{"type": "refusal", "content": "No."}]}],
}
SYSTEMS: dict[str, tuple[Any, str]] = {
    "messages": (
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "Be brief.",
    ),
    "developer": ([{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}], "Be brief."),
    "two": ([{"role": "system", "content": "One."}, {"role": "system", "content": "Two."}], "One.\nTwo."),
    "anthropic": ({"system": [{"type": "text", "text": "Be brief."}], "messages": []}, "Be brief."),
    "responses": ({"instructions": "Be brief.", "input": "Why?"}, "Be brief."),
    "gemini": ({"config": {"system_instruction": "Be brief."}, "contents": []}, "Be brief."),
    "request": ({"messages": [{"role": "system", "content": "Be brief."}]}, "Be brief."),
    "none": ([{"role": "user", "content": "Why?"}], ""),
    "nothing": (3, ""),
}
DOCUMENTS: dict[str, tuple[Any, list[str]]] = {
    "conventions": ([{"id": "1", "score": 0.9, "content": "a"}, {"id": "2", "content": "b"}], ["a", "b"]),
    "langchain": ([{"page_content": "a", "metadata": {"source": "x"}}], ["a"]),
    "langchain, written out": ({"documents": [{"lc": 1, "kwargs": {"page_content": "a"}}]}, ["a"]),
    "haystack": ({"documents": [{"id": "1", "content": "a", "score": 0.5}]}, ["a"]),
    "genkit": ({"documents": [{"content": [{"text": "a"}, {"text": "b"}]}]}, ["a\nb"]),
    "llama index": ([{"node": {"text": "a"}, "score": 0.5}], ["a"]),
    "pinecone": ({"matches": [{"id": "1", "metadata": {"text": "a"}}]}, ["a"]),
    "several queries": ([["a", "b"]], ["a", "b"]),
    "ids alone": ([{"id": "1", "score": 0.9}], []),
    "none": ([], []),
    "nothing": ("x", []),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_last_message_of_the_user_is_the_question(name: str) -> None:
    """In every form, and through what comes after it."""
    value, expected = QUESTIONS[name]
    assert forms.question_in(value) == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_what_the_model_says_in_words(name: str) -> None:
    """A request for tools is no answer; one without words is an empty one."""
    value, expected = ANSWERS[name]
    assert forms.answer_in(value) == (None if expected is None else forms.Answer(expected))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_part_that_is_marked_as_a_refusal_makes_the_answer_one(name: str) -> None:
    """Its text is the answer, and the mark is kept."""
    assert forms.answer_in(REFUSALS[name]) == forms.Answer("No.", refused=True)


@pytest.mark.parametrize("name", SYSTEMS)
def test_instructions_are_the_systems_messages_or_have_a_place_of_their_own(name: str) -> None:
    """In every form."""
    value, expected = SYSTEMS[name]
    assert forms.system_in(value) == expected


@pytest.mark.parametrize("name", DOCUMENTS)
def test_texts_of_documents(name: str) -> None:
    """Best first, as they are listed."""
    value, expected = DOCUMENTS[name]
    assert forms.documents_in(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("json", True),
        ("JSON", True),
        ("application/json", True),
        ({"type": "json_object"}, True),
        ({"type": "json_schema", "json_schema": {"schema": {}}}, True),
        ({"format": {"type": "json_schema"}}, True),
        ("text", False),
        ({"type": "text"}, False),
        (True, False),
        (None, False),
        ([], False),
    ],
)
def test_a_wish_for_json(value: Any, expected: bool) -> None:
    """A word for JSON, or a provider's object with it."""
    assert forms.means_json(value) is expected


def test_nesting_ends() -> None:
    """What is nested deeper than any writer would says nothing."""
    question: Any = {"prompt": "Why?"}
    answer: Any = {"message": "So."}
    for _ in range(forms.MAX_DEPTH):
        question, answer = {"input": question}, {"output": answer}
    assert forms.question_in(question) == ""
    assert forms.answer_in(answer) is None


def test_nested_parts_end_too() -> None:
    """A part in a part in a part says nothing at some depth, instead of raising there."""
    nested: Any = "So."
    for _ in range(900):
        nested = {"content": nested}
    assert forms.answer_in(nested) is None
    assert forms.question_in({"content": nested}) == ""
    assert forms.answer_in({"content": {"content": {"content": "So."}}}) == forms.Answer("So.")
