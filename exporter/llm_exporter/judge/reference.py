"""Comparison with right answers: exact after normalising, and by how much the words agree. Asks no model.

The file is JSON lines: `{"question": "…", "answer": "…"}`; a question that stands there several times has several right
answers, and the nearest counts. Questions are remembered by their hash.
"""

from __future__ import annotations

import json
import unicodedata
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from rapidfuzz.fuzz import token_sort_ratio

from llm_exporter.judge.item import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llm_exporter.judge.item import Item

EXACT: Final = "judge.exact_match"
FUZZY: Final = "judge.fuzzy_match"
MAX_COMPARED: Final = 4096
"""Characters of each side: the time of a comparison grows with their product."""
MAX_LINES: Final = 100_000


class BadReference(Exception):  # noqa: N818
    """A file of right answers is not of the form."""


class ReferenceComparison:
    """Holds answers to known questions against right ones. Implements `item.Evaluator`."""

    names: tuple[str, ...] = (EXACT, FUZZY)

    def __init__(self, answers: Mapping[bytes, tuple[str, ...]]) -> None:
        self._answers = answers

    def applies(self, item: Item) -> tuple[str, ...]:
        """Return both names where the question is known."""
        return self.names if question_key(item.question) in self._answers else ()

    async def evaluate(self, item: Item) -> Mapping[str, Verdict]:
        """Return whether the answer is a right one, and how near it comes to the nearest."""
        answer = normalised(item.answer)
        right = self._answers.get(question_key(item.question), ())
        exact = answer in right
        nearest = 1.0 if exact else max((_ratio(answer, other) for other in right), default=0.0)
        return {
            EXACT: Verdict("judged", float(exact), "pass" if exact else "fail"),
            FUZZY: Verdict("judged", nearest),
        }


def load_reference(path: Path) -> ReferenceComparison:
    """Return the comparison with a file.

    Raises:
        BadReference: it is not of the form.
        OSError: it cannot be read.
    """
    answers: dict[bytes, tuple[str, ...]] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if number > MAX_LINES:
                raise BadReference(f"{path}: more than {MAX_LINES} lines are not allowed")
            question, answer = _pair(line, f"{path}:{number}")
            key = question_key(question)
            answers[key] = (*answers.get(key, ()), normalised(answer))
    return ReferenceComparison(answers)


def _pair(line: str, where: str) -> tuple[str, str]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        question, answer = said.get("question"), said.get("answer")
        if isinstance(question, str) and isinstance(answer, str) and question.strip():
            return question, answer
    raise BadReference(f'{where}: not an object with the texts "question" and "answer"')


def normalised(text: str) -> str:
    """Return a text in which case, width, composition and spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def question_key(question: str) -> bytes:
    """Return what stands for a question."""
    return blake2b(normalised(question).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _ratio(one: str, other: str) -> float:
    return token_sort_ratio(one[:MAX_COMPARED], other[:MAX_COMPARED]) / 100.0
