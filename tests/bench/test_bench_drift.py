"""The simulation of drift does the arithmetic of the rules, and tells change from chance on a corpus of its own."""

import math
from collections import Counter
from random import Random

import pytest

from bench import drift
from llm_exporter.signals.vector import vector

ONE = drift.ONE


def side(n: int, lengths: dict[int, int], weights: tuple[float, ...]) -> drift.Side:
    """Return a window from its counters."""
    return drift.Side(n, Counter(lengths), drift.pack(int(weight * ONE) for weight in weights))


def test_numbers_of_the_rules_cases() -> None:
    """The two windows of alerts/drift.test.yml give the numbers that are worked out there."""
    found = drift.compare(
        side(400, {2: 100, 3: 300}, (300, 100, 0)), side(400, {2: 200, 3: 200}, (200, 200, 0))
    )
    assert found.ks == 0.25
    assert found.ks_scaled == pytest.approx(0.25 * math.sqrt(200))
    assert found.psi == pytest.approx(0.2721, abs=5e-5)
    assert found.psi_excess == pytest.approx(0.2671, abs=5e-5)
    assert found.ratio == pytest.approx(57)
    assert found.effect == pytest.approx(0.125 - 0.875 / 399)


def test_packed_vectors_add_up_exactly() -> None:
    """Adding packed vectors is adding vectors, whatever their number."""
    texts = ["one two three", "two, three!", "four " * 50]
    read = [found for text in texts * 400 if (found := drift.read(text)) is not None]
    mean = drift.Side.of(read).mean()
    plain = [sum(column) * 400 / (1200 * ONE) for column in zip(*map(vector, texts), strict=True)]
    assert mean + [0.0] * (64 - len(mean)) == plain


def test_other_vectors_are_the_same_but_for_their_size() -> None:
    """What stands in for other numbers of buckets is the exporter's vector at 64."""
    text = "Orders can be cancelled until they are packed; the button is in My orders."
    assert drift.hashed(text, 64) == pytest.approx(list(vector(text)), abs=1)
    assert len(drift.hashed(text, 256)) == 256


def test_chance_is_silent_and_change_is_loud() -> None:
    """Windows of one kind have a ratio about 1 and pass no threshold for an hour; another model's answers do."""
    corpus, rng = drift.shop(), Random(1)
    plain, polite = corpus.answers["plain"], corpus.answers["polite"]
    alike = [drift.compare(drift.drawn(rng, plain, 400), drift.drawn(rng, plain, 400)) for _ in range(40)]
    changed = drift.compare(drift.drawn(rng, polite, 400), drift.drawn(rng, plain, 400))
    assert 0.7 < sum(one.ratio for one in alike) / len(alike) < 1.4
    assert (changed.content_alarm, changed.ks_alarm) == (True, True)
    assert all(held == 0 for _, held in drift.week(plain, 240, rng, hours=12).values())


def test_every_table_has_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m bench drift --quick` prints all tables without any data of others."""
    drift.main(["--quick"])
    printed = capsys.readouterr().out
    for title in (
        "nothing changed",
        "false alarms of one evaluation",
        "changes detected",
        "a week",
        "other vectors",
    ):
        assert title in printed
    assert "plain → polite" in printed
