"""What the judge replied: verdicts from JSON, however it is wrapped, and never a low score for a bad reply."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter.judge.item import Verdict
from llm_exporter.judge.prompt import MAX_REASON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_exporter.judge.rubrics import Rubric

MAX_REPLY: Final = 65_536
_MAX_OBJECTS: Final = 64
_THINKING: Final = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_REFUSAL: Final = re.compile(
    r"(?:(?:i'?m|i am) )?(?:very |truly )?sorry\b|as an ai\b"
    r"|i (?:can(?:no|')?t|am unable|am not able|won't|must decline)\b|i'm (?:unable|not able)\b",
    re.IGNORECASE,
)
_WORDS: Final = {"true": True, "yes": True, "false": False, "no": False}
_NOT_APPLICABLE: Final = frozenset({"na", "n/a", "null", "none", "not applicable"})


class Judgement(NamedTuple):
    """What a reply says."""

    verdicts: dict[str, Verdict]
    """By the evaluator's name, those that are of the form."""
    refused: bool = False
    """Whether the judge would not judge."""


def read_reply(text: str, rubrics: Sequence[Rubric]) -> Judgement:
    """Return the verdicts in a reply; of several JSON objects the last counts that has the most of them."""
    text = _THINKING.sub("", text[:MAX_REPLY]).strip()
    best: dict[str, Verdict] = {}
    found = _objects(text)
    for candidate in found:
        verdicts = _verdicts(candidate, rubrics)
        if verdicts and len(verdicts) >= len(best):
            best = verdicts
    return Judgement(best, not found and _REFUSAL.match(text.replace("\u2019", "'")) is not None)


def _objects(text: str) -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    place = text.find("{")
    tried = 0
    while place >= 0 and tried < _MAX_OBJECTS:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if isinstance(value, dict):
                found.append(value)
        place = text.find("{", end)
    return found


def _verdicts(said: dict[str, Any], rubrics: Sequence[Rubric]) -> dict[str, Verdict]:
    reason = said.get("reason")
    explanation = reason[:MAX_REASON] if isinstance(reason, str) else ""
    verdicts = {}
    for rubric in rubrics:
        if rubric.name in said:
            verdict = (
                _level(said[rubric.name], rubric) if rubric.kind == "scale" else _rule(said[rubric.name])
            )
            if verdict is not None:
                verdicts[rubric.evaluator] = verdict._replace(explanation=explanation)
    return verdicts


def _level(value: object, rubric: Rubric) -> Verdict | None:
    if isinstance(value, str):
        value = value.strip()
        if value.lower() in _NOT_APPLICABLE and rubric.needs_documents:
            return Verdict("judged", label="na")
        value = int(value) if re.fullmatch(r"[0-9]", value) else None
    elif value is None and rubric.needs_documents:
        return Verdict("judged", label="na")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= 5:
        return None
    return Verdict("judged", float(value), "pass" if value >= rubric.pass_at else "fail")


def _rule(value: object) -> Verdict | None:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _NOT_APPLICABLE:
            return Verdict("judged", label="na")
        value = _WORDS.get(word)
    elif value is None:
        return Verdict("judged", label="na")
    if type(value) is not bool:
        return None
    return Verdict("judged", float(value), "pass" if value else "fail")
