"""What a line says: ids, scores and labels always, texts only where that is allowed."""

import json
import math
from typing import Any

import pytest

from collect.building import CALL, FAIL, PASS, TRACE, Collected
from llm_exporter.collect.lines import line_of
from llm_exporter.evaluations.scales import Scaled

CANARY = "zebra-quartz"


def the_line(collected: Collected, *, include_content: bool = False) -> dict[str, Any]:
    """Return the only line, parsed."""
    (failure,) = collected.table.all()
    line = line_of(failure, include_content=include_content)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_says_what_failed_and_where() -> None:
    """Everything that docs/test-cases.md lists, in that order."""
    collected = Collected()
    collected.judged("relevance", PASS, score=5.0, label="pass", source="judge", span_id=CALL)
    collected.now = 1.5
    collected.judged("faithfulness", score=2.0, source="judge", span_id=CALL)
    assert the_line(collected) == {
        "id": TRACE.hex(),
        "time": "2026-05-28T20:26:41.750Z",
        "failed": ["faithfulness"],
        "trace_id": TRACE.hex(),
        "span_id": CALL.hex(),
        "service_name": "assistant",
        "environment": "prod",
        "team": "support",
        "feature": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "prompt_name": "greet",
        "prompt_version": "7",
        "results": [
            {
                "evaluator": "relevance",
                "result": "pass",
                "failed": False,
                "score": 1.0,
                "raw_score": 5.0,
                "label": "pass",
                "source": "judge",
                "span_id": CALL.hex(),
                "time": "2026-05-28T20:26:40.250Z",
            },
            {
                "evaluator": "faithfulness",
                "result": "fail",
                "failed": True,
                "score": 0.25,
                "raw_score": 2.0,
                "label": "",
                "source": "judge",
                "span_id": CALL.hex(),
                "time": "2026-05-28T20:26:41.750Z",
            },
        ],
    }


def test_a_vote_says_its_sentiment() -> None:
    """Beside what the score means, which for a vote may be nothing."""
    collected = Collected()
    collected.judged("user_feedback", Scaled(None, 0.0, "unscored", ""), "negative", source="human")
    (result,) = the_line(collected)["results"]
    assert (result["sentiment"], result["result"], result["failed"], result["score"]) == (
        "negative",
        "unscored",
        True,
        None,
    )


def test_no_text_is_written_without_permission() -> None:
    """Neither what was asked and answered, nor a sentence or an address where a label belongs."""
    collected = Collected()
    collected.answered(CANARY, CANARY, question=CANARY)
    collected.judged("faithfulness", label=f"the answer about {CANARY} is made up")
    collected.judged(f"{CANARY}@example.com", label=f"{CANARY}@example.com")
    (failure,) = collected.table.all()
    assert CANARY.encode() not in line_of(failure, include_content=False)


def test_texts_are_written_with_permission() -> None:
    """Those of the call: question, answer, instructions and documents, whatever characters they have."""
    collected = Collected()
    collected.answered('line\n"two" \u2028 é \ud800', "one", "two", question="why?\x00")
    collected.judged()
    found = the_line(collected, include_content=True)
    assert found["answer"] == 'line\n"two" \u2028 é ?'
    assert (found["question"], found["system"]) == ("why?\x00", "be kind")
    assert found["documents"] == ["one", "two"]
    assert found["clipped"] is False


def test_a_text_that_lost_its_middle_says_so() -> None:
    """Whoever judges it again should know."""
    collected = Collected()
    collected.answered("x" * 8192)
    collected.judged()
    assert the_line(collected, include_content=True)["clipped"] is True


def test_a_trace_whose_texts_are_gone_has_none() -> None:
    """No empty question stands for one that was not kept."""
    collected = Collected()
    collected.judged()
    assert not {"question", "answer", "documents"} & the_line(collected, include_content=True).keys()


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_null(score: float) -> None:
    """JSON has no word for it."""
    collected = Collected()
    collected.judged("faithfulness", FAIL, score=score)
    assert the_line(collected)["results"][0]["raw_score"] is None


def test_what_has_no_trace_is_found_by_its_own_id() -> None:
    """The provider's id of the answer, or the conversation's."""
    collected = Collected()
    collected.judged(response_id="resp-1", subject=None)
    found = the_line(collected)
    assert (found["id"], found["response_id"], found["trace_id"]) == ("resp-1", "resp-1", "")
    assert (found["service_name"], found["model"]) == ("", "")
    collected.judged(session="s-1")
    assert the_line(collected)["id"] == "s-1"
