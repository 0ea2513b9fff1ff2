"""Replies of judges: JSON however it is wrapped, and nothing at all from what is not of the form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.items import all_rubrics, two_rubrics
from llm_exporter.judge.reply import read_reply

GOOD = '{"reason": "r", "relevance": 4, "answers_question": "TRUE"}'


def said(text: str) -> dict[str, tuple[float | None, str]]:
    """Return score and label by the rubric's name."""
    verdicts = read_reply(text, two_rubrics()).verdicts
    return {name.removeprefix("judge."): (v.score, v.label) for name, v in verdicts.items()}


BOTH = {"relevance": (4.0, "pass"), "answers_question": (1.0, "pass")}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f'<think>{{"relevance": 1, "answers_question": "FALSE"}} or not?</think>\n{GOOD}',
        f"<THINKING>hm</THINKING>{GOOD}",
        f"Here is my judgement:\n\n{GOOD}\n\nI hope this helps {{you}}!",
        f'For example {{"relevance": 9}}. Now: {GOOD}',
        f'{{"relevance": 1, "answers_question": "FALSE"}} — no, wait: {GOOD}',
        GOOD.replace("4", '"4"'),
        GOOD.replace("4", "4.0"),
        GOOD.replace('"TRUE"', "true"),
        GOOD.replace('"TRUE"', '"True"'),
        GOOD[:-1] + ', "confidence": 0.9}',
    ],
)
def test_a_judgement_is_found_in_what_models_write(text: str) -> None:
    """Fences, thoughts, prose, an earlier draft, numbers as text: the last whole judgement counts."""
    assert said(text) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "relevance: 4",
        "[4, true]",
        GOOD[:30],
        "{}",
        '{"relevance": 9, "answers_question": "MAYBE"}',
        '{"relevance": 0, "answers_question": 1}',
        '{"relevance": 4.5, "answers_question": []}',
        '{"relevance": true, "answers_question": {}}',
        '{"relevance": NaN, "answers_question": 0.5}',
        '{"relevance": null, "answers_question": "4"}',
        "{" * 100_000,
        '{"a":' * 50_000,
        f"<think>{GOOD}",
    ],
)
def test_what_is_not_of_the_form_says_nothing(text: str) -> None:
    """There is no score for it, neither a low one nor another."""
    assert said(text) == {}


def test_one_good_verdict_beside_a_bad_one_is_kept() -> None:
    """What is out of range is missing, the rest is there."""
    assert said(GOOD.replace("4", "7")) == {"answers_question": BOTH["answers_question"]}


@pytest.mark.parametrize(("level", "label"), [(1, "fail"), (3, "fail"), (4, "pass"), (5, "pass")])
def test_levels_pass_from_the_rubrics_level_on(level: int, label: str) -> None:
    """The label is the rubric's own threshold, the score stays as it is."""
    assert said(GOOD.replace("4", str(level)))["relevance"] == (float(level), label)


@pytest.mark.parametrize("word", ['"NA"', '"n/a"', "null"])
def test_not_applicable_is_no_score(word: str) -> None:
    """A rule that does not apply has neither passed nor failed."""
    assert said(GOOD.replace('"TRUE"', word))["answers_question"] == (None, "na")


def test_a_scale_applies_always_unless_it_needs_documents() -> None:
    """Without documents faithfulness cannot be told, and is not 5; relevance can always be told."""
    text = '{"faithfulness": null, "relevance": null}'
    verdicts = read_reply(text, all_rubrics()).verdicts
    assert {name: (v.score, v.label) for name, v in verdicts.items()} == {"judge.faithfulness": (None, "na")}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "As an AI, I must…",
        "I\u2019m unable to",
    ],
)
def test_a_refusal_in_words_is_one(text: str) -> None:
    """The judge would not judge, which is something else than a broken reply."""
    assert read_reply(text, two_rubrics()).refused


@pytest.mark.parametrize("text", [GOOD, f"I cannot say more than this: {GOOD}", "{broken", ""])
def test_other_replies_are_no_refusals(text: str) -> None:
    """Where there is a judgement, or just nothing, nobody refused."""
    assert not read_reply(text, two_rubrics()).refused


def test_the_reason_is_kept_short() -> None:
    """It comes from content: there is never more than a little of it."""
    verdicts = read_reply(GOOD.replace('"r"', '"' + "x" * 5000 + '"'), two_rubrics()).verdicts
    assert {len(verdict.explanation) for verdict in verdicts.values()} == {400}


@given(st.text(alphabet='{}[]":,0123456789 \n`<>/abcthinkTRUEFALSErelevance_answers_question', max_size=300))
def test_any_reply_is_read_without_failing(text: str) -> None:
    """Whatever comes back, scores are 1 to 5 for a scale and 0 or 1 for a rule."""
    for name, verdict in read_reply(text, two_rubrics()).verdicts.items():
        allowed = {None, 0.0, 1.0} if name.endswith("question") else {1.0, 2.0, 3.0, 4.0, 5.0}
        assert verdict.score in allowed
