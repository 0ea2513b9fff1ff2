"""The share of an answer's content words that the documents have."""

import pytest

from llm_exporter.signals.overlap import overlap

DOCUMENTS = (
    "Parcels are shipped from the warehouse in Ghent every weekday at 17:30.",
    "Returns are free within 45 days.",
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Parcels are shipped every weekday.", 1.0),
        ("PARCELS, shipped: weekday!", 1.0),
        ("Parcels shipped by balloon weekly.", 0.5),
        ("Kittens enjoy knitting yarn.", 0.0),
        ("Returns within 45 days: parcels, 99 kittens", 2 / 3),
    ],
)
def test_share(answer: str, expected: float) -> None:
    """Distinct words of content count once each, whatever their case; short and common words do not."""
    assert overlap(answer, DOCUMENTS) == expected


@pytest.mark.parametrize("answer", ["", "Yes.", "It is what it is, and that was that.", "Parcels weekday."])
def test_too_short(answer: str) -> None:
    """An answer of hardly any content says nothing about the documents."""
    assert overlap(answer, DOCUMENTS) is None


def test_no_documents() -> None:
    """Without documents there is nothing to hold an answer against."""
    assert overlap("Parcels are shipped every weekday.", ()) is None


def test_scripts_without_spaces() -> None:
    """A text whose words cannot be told apart is not looked at."""
    sentence = "\u5305\u88f9\u6bcf\u5468\u4ece\u4ed3\u5e93\u53d1\u51fa" * 2
    assert overlap("\u3002".join([sentence, sentence[1:], sentence[2:]]), (sentence,)) is None


def test_digits_at_the_start_of_a_word_are_no_number() -> None:
    """A text overlaps itself wholly, however its words begin."""
    assert overlap("01:000:00A sixteen", ["01:000:00A sixteen"]) == 1.0
