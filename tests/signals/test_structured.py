"""JSON that was asked for is valid, fenced, broken or cut off."""

import pytest

from llm_exporter.signals.structured import Structure, structure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2.5e3, true, null, "x"]}', Structure.VALID),
        (' \n["a"]\n', Structure.VALID),
        ("17", Structure.VALID),
        (f"[{'9' * 6000}]", Structure.VALID),
        ('```json\n{"a": 1}\n```', Structure.FENCED),
        ('\n```\n{"a": 1}\n```\n', Structure.FENCED),
        ('Here you are:\n```json\n{"a": 1}\n```', Structure.INVALID),
        ('```json\n{"a": 1\n```', Structure.INVALID),
        ('{"a": 1,}', Structure.INVALID),
        ("{'a': 1}", Structure.INVALID),
        ('{"a": NaN}', Structure.INVALID),
        ('{"a": 1} {"b": 2}', Structure.INVALID),
        ("I cannot do that.", Structure.INVALID),
        ("", Structure.INVALID),
        ("[" * 5000, Structure.INVALID),
        ('{"a": "\ud800"}', Structure.VALID),
    ],
)
def test_structure(text: str, expected: Structure) -> None:
    """Strict JSON is valid; a code block around it is a class of its own; everything else is not."""
    assert structure(text) is expected
    assert structure(text, "stop") is expected


def test_what_was_cut_off_is_truncated() -> None:
    """At the limit of length broken JSON is cut off, whole JSON is whole."""
    assert structure('{"a": [1, 2', "length") is Structure.TRUNCATED
    assert structure('```json\n{"a": [1, 2', "length") is Structure.TRUNCATED
    assert structure('{"a": 1}', "length") is Structure.VALID
