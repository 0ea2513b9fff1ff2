"""No text makes a detector slow, fail, or give a part of it away."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter import signals
from llm_exporter.content import MAX_ANSWER, MAX_DOCUMENTS, MAX_QUESTION, clipped
from llm_exporter.signals.answers import Switches
from llm_exporter.signals.language import LANGUAGES, language
from llm_exporter.signals.overlap import overlap
from llm_exporter.signals.pii import KINDS, kinds
from llm_exporter.signals.refusal import Refusal, refusal
from llm_exporter.signals.repetition import repeats
from llm_exporter.signals.structured import Structure, structure
from llm_exporter.signals.vector import vector
from signals.test_answers import CALL, Listening

LONG = 100_000
DETECTORS: dict[str, tuple[Callable[[str], Any], set[Any]]] = {
    "refusal": (refusal, set(Refusal)),
    "language": (language, set(LANGUAGES)),
    "structure": (structure, set(Structure)),
    "repeats": (repeats, {True, False}),
}
UNITS = (
    "a", "A", "0", " ", "\n", "\t", "@", "-", ".", ":", "_", "[", "{", '"', "`", "\ud800", "\U0001f600", "中", "ж", "ـ",
    "a@", "@a.", "a.b@c.", "0 ", "0-", "000-00-", "00 ", "4929 1234 ", "GB29 ", "DE0", "A0", "0.", "1.2.3.", "a:", "::",
    "sk-", "sk-a0", "ghp_", "xox", "PRIVATE KEY", "-----BEGIN ", "i ", "i can't ", "i cannot provide ", " i do not ",
    "sorry i can't ", "it is not ", "is not a ", "it is important to note that ", "illegal and ", "as an ai ",
    "please provide ", "no image ", "the ", "der die ", "```json\n", "\n```", "\n``` ", "[[", '{"a":', "1e", "\\",
    "a b c d ",
)  # fmt: skip


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield every pattern of the detectors by its name."""
    for module in pkgutil.iter_modules(signals.__path__):
        for name, value in vars(importlib.import_module(f"{signals.__name__}.{module.name}")).items():
            items = value if isinstance(value, tuple) else (value,)
            for item in items:
                for part in item if isinstance(item, tuple) else (item,):
                    if isinstance(part, re.Pattern):
                        yield f"{module.name}.{name}", part


def repeats_in(tree: Any) -> Iterator[tuple[bool, Any]]:
    """Yield each repetition of a parsed pattern: whether it is without bound, and what it repeats."""
    if isinstance(tree, _parser.SubPattern | list):
        for item in tree:
            yield from repeats_in(item)
    elif isinstance(tree, tuple):
        if len(tree) == 2 and tree[0] in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            _, most, what = tree[1]
            yield most == _constants.MAXREPEAT, what
        for item in tree:
            yield from repeats_in(item)


def costs(tree: Any) -> int:
    """Return in how many ways, at most, the nested repetitions of a parsed pattern can share out a text."""
    if isinstance(tree, _parser.SubPattern | list):
        return max((costs(item) for item in tree), default=1)
    if (
        isinstance(tree, tuple)
        and len(tree) == 2
        and tree[0] in (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
    ):
        _, most, what = tree[1]
        inner = costs(what)
        return inner if most <= 1 else most * inner
    return max((costs(item) for item in tree), default=1) if isinstance(tree, tuple) else 1


def test_there_are_patterns() -> None:
    """The patterns are found, so that what follows is about something."""
    assert len(dict(patterns())) > 20
    (nested,) = (what for _, what in repeats_in(_parser.parse("(?:a+)*")) if costs(what) > 1)
    assert any(unbounded for unbounded, _ in repeats_in(nested))


@pytest.mark.parametrize(("name", "pattern"), [pytest.param(*found, id=found[0]) for found in patterns()])
def test_no_repetition_without_bound_is_in_another(name: str, pattern: re.Pattern[str]) -> None:
    """No pattern repeats a repetition without bound, and those with bounds are in few others."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    for unbounded, what in repeats_in(_parser.parse(source, pattern.flags & re.DOTALL)):
        inner = [inside for inside, _ in repeats_in(what)]
        assert not (unbounded and inner), name
        assert not any(inner), name
        assert costs(what) <= 100, name


@pytest.mark.parametrize("unit", UNITS)
def test_long_texts(unit: str) -> None:
    """A hundred thousand characters of anything are read to the end, with one of the values that are declared."""
    text = unit * (LONG // len(unit))
    for turned in (text, text + "!", "x" + text, text[: LONG // 2] + "\n" + text[: LONG // 2]):
        for detector, values in DETECTORS.values():
            assert detector(turned) in values
        assert set(kinds(turned)) <= set(KINDS)
        share = overlap(turned[:MAX_ANSWER], [turned])
        assert share is None or 0 <= share <= 1


@given(
    st.text(st.sampled_from("".join(UNITS)), max_size=400)
    | st.lists(st.sampled_from(UNITS), max_size=60).map("".join)
)
def test_any_text(text: str) -> None:
    """Whatever the text, every detector returns one of its values, and the same again."""
    for detector, values in DETECTORS.values():
        assert detector(text) in values
        assert detector(text) == detector(text)
    assert set(kinds(text)) <= set(KINDS)
    share = overlap(text, [text])
    assert share is None or share == 1.0
    assert len(vector(text)) in (0, 64)


@pytest.mark.parametrize("unit", UNITS)
def test_long_contents(unit: str) -> None:
    """Clipped as the pipeline clips them, questions, answers and documents of anything are counted."""
    text = unit * LONG
    told = Listening(Switches(samples_per_second=1000))
    told.tell(
        clipped(text, MAX_ANSWER),
        question=clipped(text, MAX_QUESTION),
        documents=[text[:MAX_DOCUMENTS]],
        wants_json=True,
        call=CALL,
    )
    assert told.value("llm_answers_read_total") == 1
    assert told.value("llm_input_languages_total") == 1
