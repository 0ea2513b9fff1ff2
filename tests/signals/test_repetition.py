"""Loops are seen, and lists, tables and verse are not taken for them."""

import pytest

from llm_exporter.signals.repetition import SHORTEST, repeats

CITIES = (
    "Oslo",
    "Bergen",
    "Lille",
    "Porto",
    "Gdansk",
    "Turin",
    "Ghent",
    "Malmo",
    "Cork",
    "Graz",
    "Brno",
    "Split",
)
TABLE = "| city | trains | buses |\n| --- | --- | --- |\n" + "".join(
    f"| {name} | {number * 7} | {number * 13} |\n" for number, name in enumerate(CITIES, 3)
)
VERSE = "".join(
    f"{number} green bottles hanging on the wall,\nand if one green bottle should accidentally fall,\n"
    for number in (10, 9, 8)
)


@pytest.mark.parametrize(
    "text",
    [
        "The parcel is on its way to you. " * 12,
        "The parcel is on its way now. " * 7,
        "A good start, and a plan that is new. " + "and then we go on " * 40,
        "no " * 200,
        "a" * SHORTEST,
        "\u6211\u4eec\u5728\u8fd9\u91cc\u3002" * 60,
        "ha" * 150,
    ],
)
def test_loops(text: str) -> None:
    """The same words over and over repeat, in scripts without spaces too."""
    assert repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no no no no no no",
        "a" * (SHORTEST - 1),
        TABLE,
        VERSE,
        " ".join(f"Step {number}: turn the screw marked {chr(65 + number)}." for number in range(20)),
        "import os\n"
        + "\n".join(f"def test_{name}() -> None:\n    assert {name}(1) == {name}(2)" for name in "abcdefgh"),
    ],
)
def test_what_only_has_a_form(text: str) -> None:
    """What repeats its form but not its words does not go round."""
    assert not repeats(text)
