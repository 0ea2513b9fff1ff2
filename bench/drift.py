"""What the drift rules detect, and how often they cry wolf, on real answers: `python -m bench drift --data DIR`.

DIR holds AlpacaEval's outputs, `<model>/model_outputs.json` with instruction, output and dataset; without it the
same is done with made-up questions to the demo's shop. Traffic is drawn with replacement, so that both sides of a
null are of one kind.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import struct
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final
from zlib import crc32

from bench.report import Report, Table
from llm_exporter import catalogue as c
from llm_exporter.demo.knowledge import HELP_CENTRE
from llm_exporter.signals.vector import BUCKETS, vector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ONE: Final = c.Unit.WEIGHT.scale
SIZES: Final = (200, 400, 1000, 4000)
POWER_SIZES: Final = (200, 1000)
SLOTS: Final = 12
"""Evaluations in an hour."""
LANE: Final = 8
"""Bytes of one bucket in a packed vector: sums of up to four million vectors fit."""

RATIO, EFFECT = 2.0, 0.001
KS, KS_SCALED = 0.1, 1.63
PSI_EXCESS: Final = 0.15

SWAPS: Final = (
    ("claude-2", "claude-2.1"),
    ("gpt-4o-2024-05-13", "gpt-4o-mini-2024-07-18"),
    ("gpt4_0314", "gpt4_0613"),
    ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    ("claude-3-opus-20240229", "claude-3-5-sonnet-20240620"),
    ("gpt4_0613", "gpt4_1106_preview"),
    ("gpt4_0613", "claude-2"),
    ("gpt4_0613", "gpt4_0613_concise"),
)
CANARY: Final = ("gpt4_0613", "gpt4_1106_preview")


@dataclass(frozen=True, slots=True)
class Text:
    """What the exporter keeps of a text: its vector, here packed into one number, and the bucket of its length."""

    packed: int
    length: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """Prompts by where they come from, answers by who gave them, and which exchanges of models to try."""

    name: str
    prompts: dict[str, list[Text]]
    answers: dict[str, list[Text]]
    swaps: tuple[tuple[str, str], ...]
    canary: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Side:
    """The counters of one window."""

    n: int
    lengths: Counter[int]
    packed: int

    @classmethod
    def of(cls, texts: Sequence[Text]) -> Side:
        """Add texts up."""
        return cls(len(texts), Counter(t.length for t in texts), sum(t.packed for t in texts))

    def __add__(self, other: Side) -> Side:
        return Side(self.n + other.n, self.lengths + other.lengths, self.packed + other.packed)

    def mean(self) -> list[float]:
        """Return the mean vector."""
        size = -(-self.packed.bit_length() // (8 * LANE)) * LANE
        sums = struct.unpack(f"<{size // LANE}Q", self.packed.to_bytes(size, "little"))
        return [weight / (self.n * ONE) for weight in sums]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the rules record of two windows."""

    ratio: float
    effect: float
    ks: float
    ks_scaled: float
    psi: float
    psi_excess: float

    @property
    def content_alarm(self) -> bool:
        """Whether the words have changed, by the recommended thresholds."""
        return self.ratio > RATIO and self.effect > EFFECT

    @property
    def ks_alarm(self) -> bool:
        """Whether the lengths have changed, by the largest gap."""
        return self.ks > KS and self.ks_scaled > KS_SCALED

    @property
    def psi_alarm(self) -> bool:
        """Whether the lengths have changed, by the index."""
        return self.psi_excess > PSI_EXCESS


ALARMS: Final[dict[str, Callable[[Statistics], bool]]] = {
    "content": lambda found: found.content_alarm,
    "KS of lengths": lambda found: found.ks_alarm,
    "PSI of lengths": lambda found: found.psi_alarm,
}


def pack(weights: Iterable[int]) -> int:
    """Return a vector as one number, so that adding vectors is adding numbers."""
    return int.from_bytes(b"".join(weight.to_bytes(LANE, "little") for weight in weights), "little")


def compare(now: Side, then: Side) -> Statistics:
    """Return what the recording rules make of two windows."""
    a, b = now.mean(), then.mean()
    width = max(len(a), len(b))
    a, b = a + [0.0] * (width - len(a)), b + [0.0] * (width - len(b))
    distance = math.dist(a, b) ** 2
    noise = sum(max(1 - math.hypot(*mean) ** 2, 1e-9) / (n - 1) for mean, n in ((a, now.n), (b, then.n)))
    gap = cumulated = psi = 0.0
    bins = sorted(now.lengths.keys() | then.lengths.keys())
    for place in bins:
        x, y = now.lengths[place] / now.n, then.lengths[place] / then.n
        cumulated += x - y
        gap = max(gap, abs(cumulated))
        psi += 1.2 * (x - y) * math.log((11 * x + y) / (x + 11 * y))
    both = 1 / now.n + 1 / then.n
    return Statistics(
        distance / noise,
        max(distance - noise, 0.0),
        gap,
        gap / math.sqrt(both),
        psi,
        psi - (len(bins) - 1) * both,
    )


def hashed(text: str, buckets: int = BUCKETS, characters: int = 4000) -> list[int]:
    """Return a vector of any number of buckets, to see what others would give; English alone."""
    weights = [0.0] * buckets
    for token, times in Counter(re.findall(r"\w+|[^\w\s]", text[:characters].lower())).items():
        weights[crc32(token.encode()) % buckets] += math.sqrt(times)
    length = math.hypot(*weights) or 1.0
    return [int(weight / length * ONE) for weight in weights]


def read(text: str, into: Callable[[str], Sequence[int]] = vector) -> Text | None:
    """Return what is kept of a text, if it has words."""
    weights = into(text)
    if not any(weights):
        return None
    return Text(pack(weights), bisect_left(c.CHARACTER_BUCKETS, len(text)))


def _read_all(texts: Iterable[str], into: Callable[[str], Sequence[int]]) -> list[Text]:
    return [found for text in texts if (found := read(text, into)) is not None]


def alpaca(data: Path, into: Callable[[str], Sequence[int]] = vector) -> Corpus:
    """Return the prompts and the answers of models under a directory."""
    wanted = {model for pair in (*SWAPS, CANARY) for model in pair}
    answers, prompts = {}, {}
    for model in sorted(wanted):
        found = json.loads((data / model / "model_outputs.json").read_text())
        answers[model] = _read_all((one["output"] for one in found), into)
        if not prompts:
            sources = sorted({one["dataset"] for one in found})
            prompts = {
                source: _read_all((one["instruction"] for one in found if one["dataset"] == source), into)
                for source in sources
            }
    return Corpus("AlpacaEval", prompts, answers, SWAPS, CANARY)


def shop(into: Callable[[str], Sequence[int]] = vector) -> Corpus:
    """Return made-up questions about the demo's shop, by topic, and the answers of three made-up models."""
    rng = Random(5)
    topics = {"parcels": HELP_CENTRE[:5], "money": HELP_CENTRE[5:13], "account": HELP_CENTRE[13:]}
    openings = ("Hello,", "Hi,", "Good morning.", "", "", "Please help:", "Question:")
    asks = ("how does it work", "what can I do", "why is that", "is that right", "who can help me")
    times = ("today", "since Monday", "for a week now", "again", "", "on my phone", "as a business customer")
    prompts = {
        topic: [
            f"{rng.choice(openings)} {article.title.lower()}, {rng.choice(asks)}? {rng.choice(times)} "
            f"{' '.join(rng.sample(article.text.split(), 4))}"
            for article in rng.choices(articles, k=400)
        ]
        for topic, articles in topics.items()
    }
    plain = [" ".join(a.text for a in rng.sample(HELP_CENTRE, rng.choice((1, 1, 2, 3)))) for _ in range(900)]
    answers = {
        "plain": plain,
        "polite": [
            f"Thank you for your question. {text}" + rng.choice((" Anything else?", "", "")) for text in plain
        ],
        "listing": ["\n".join(f"- **{part.strip()}**" for part in text.split(".") if part) for text in plain],
    }
    return Corpus(
        "the demo's shop",
        {topic: _read_all(texts, into) for topic, texts in prompts.items()},
        {model: _read_all(texts, into) for model, texts in answers.items()},
        (("plain", "polite"), ("plain", "listing")),
        ("plain", "polite"),
    )


def drawn(rng: Random, texts: Sequence[Text], n: int) -> Side:
    """Return a window of `n` texts."""
    return Side.of(rng.choices(texts, k=n))


def mixed(rng: Random, texts: Sequence[Text], others: Sequence[Text], share: float, n: int) -> Side:
    """Return a window of which a share are others."""
    changed = round(n * share)
    return drawn(rng, texts, n - changed) + drawn(rng, others, changed)


def quantile(values: Iterable[float], q: float) -> float:
    """Return a quantile, the higher neighbour where it falls between two."""
    ordered = sorted(values)
    return ordered[min(math.ceil(q * len(ordered)), len(ordered) - 1)]


def _kinds(corpus: Corpus) -> dict[str, list[Text]]:
    """Return everything of which two windows may be alike: each model's answers, and all prompts."""
    return {**corpus.answers, "prompts": [text for texts in corpus.prompts.values() for text in texts]}


def null(corpus: Corpus, times: int, rng: Random) -> list[Table]:
    """Return how the statistics are spread where nothing has changed, and how often they pass their thresholds."""
    spread: list[tuple[str | int | float, ...]] = []
    alarms: list[tuple[str | int | float, ...]] = []
    for n in SIZES:
        runs = max(times * 200 // n, 40)
        found = [
            compare(drawn(rng, texts, n), drawn(rng, texts, n))
            for texts in _kinds(corpus).values()
            for _ in range(runs)
        ]
        for name in ("ratio", "effect", "ks", "ks_scaled", "psi", "psi_excess"):
            values = [getattr(one, name) for one in found]
            spread.append((name, str(n), *(f"{quantile(values, q):.4f}" for q in (0.5, 0.95, 0.99))))
        shares = (f"{100 * sum(map(alarm, found)) / len(found):.2f} %" for alarm in ALARMS.values())
        alarms.append((str(n), str(len(found)), *shares))
    spread.sort(
        key=lambda row: ["ratio", "effect", "ks", "ks_scaled", "psi", "psi_excess"].index(str(row[0]))
    )
    return [
        Table(f"{corpus.name}: nothing changed", ("statistic", "n", "median", "95 %", "99 %"), spread),
        Table(f"{corpus.name}: false alarms of one evaluation", ("n", "pairs", *ALARMS), alarms),
    ]


def _scenarios(corpus: Corpus) -> Iterable[tuple[str, list[Text], list[Text], float]]:
    for before, after in corpus.swaps:
        yield f"answers: {before} → {after}", corpus.answers[before], corpus.answers[after], 1.0
    before, after = corpus.canary
    for share in (0.1, 0.3):
        yield (
            f"answers: {share:.0%} of {before} → {after}",
            corpus.answers[before],
            corpus.answers[after],
            share,
        )
    everything = [text for texts in corpus.prompts.values() for text in texts]
    for source, texts in corpus.prompts.items():
        for share in (0.3, 0.6, 1.0):
            yield f"prompts: {share:.0%} from {source}", everything, texts, share


def power(corpus: Corpus, times: int, rng: Random) -> Table:
    """Return how often a change passes the thresholds, and how large its effect is."""
    rows: list[tuple[str | int | float, ...]] = []
    for name, before, after, share in _scenarios(corpus):
        row: list[str | int | float] = [name]
        for n in POWER_SIZES:
            found = [
                compare(mixed(rng, before, after, share, n), drawn(rng, before, n)) for _ in range(times)
            ]
            row += [f"{sum(map(alarm, found)) / times:.2f}" for alarm in ALARMS.values()]
            if n == POWER_SIZES[-1]:
                row += [
                    f"{quantile((one.ratio for one in found), 0.5):.1f}",
                    f"{quantile((one.effect for one in found), 0.5):.4f}",
                ]
        rows.append(tuple(row))
    columns = [f"{name} {n}" for n in POWER_SIZES for name in ("content", "KS", "PSI")]
    return Table(
        f"{corpus.name}: share of changes detected by one evaluation",
        ("change", *columns, f"ratio {POWER_SIZES[-1]}", f"effect {POWER_SIZES[-1]}"),
        rows,
    )


def week(
    texts: Sequence[Text], an_hour: int, rng: Random, cluster: int = 1, hours: int = 168
) -> dict[str, tuple[int, int]]:
    """Return, per alarm, how many began in a week without any change: at once, and after an hour without a break.

    Both sides roll by five minutes, as the rules do. With a `cluster` each text comes that often in a row.
    """
    per_slot = max(an_hour // SLOTS // cluster, 1)
    slots = [
        tuple(
            Side.of([text for text in rng.choices(texts, k=per_slot) for _ in range(cluster)])
            for _ in range(2)
        )
        for _ in range(hours * SLOTS + SLOTS - 1)
    ]
    streak = dict.fromkeys(ALARMS, 0)
    begun = {name: [0, 0] for name in ALARMS}
    for end in range(SLOTS, len(slots) + 1):
        now, then = (_total(side) for side in zip(*slots[end - SLOTS : end], strict=True))
        found = compare(now, then)
        for name, alarm in ALARMS.items():
            streak[name] = streak[name] + 1 if alarm(found) else 0
            begun[name][0] += streak[name] == 1
            begun[name][1] += streak[name] == SLOTS + 1
    return {name: (at_once, held) for name, (at_once, held) in begun.items()}


def _total(sides: Iterable[Side]) -> Side:
    first, *others = sides
    for other in others:
        first += other
    return first


def weeks(corpus: Corpus, times: int, rng: Random) -> Table:
    """Return false alarms per week and series, at once and with the recommended hour."""
    rows: list[tuple[str | int | float, ...]] = []
    kinds = list(_kinds(corpus).values())
    for an_hour, cluster in ((240, 1), (1200, 1), (240, 3), (1200, 3), (1200, 10)):
        totals = {name: [0, 0] for name in ALARMS}
        for place in range(times):
            for name, (at_once, held) in week(kinds[place % len(kinds)], an_hour, rng, cluster).items():
                totals[name][0] += at_once
                totals[name][1] += held
        rows.append(
            (
                str(an_hour),
                str(cluster),
                *(f"{count / times:.2f}" for one in totals.values() for count in one),
            )
        )
    return Table(
        f"{corpus.name}: false alarms a week and series, {times} weeks without any change",
        (
            "an hour",
            "alike in a row",
            *(f"{name}{held}" for name in ALARMS for held in (" at once", ", 1 h")),
        ),
        rows,
        "1.00 where texts come ten in a row is one alarm that never ends.",
    )


def others(load: Callable[[Callable[[str], Sequence[int]]], Corpus], times: int, seed: int) -> Table:
    """Return what other vectors would detect, each at the ratio that one in a hundred nulls passes."""
    ways: dict[str, Callable[[str], Sequence[int]]] = {
        "64 buckets": lambda text: hashed(text, 64),
        "256 buckets": lambda text: hashed(text, 256),
        "64, first 1,000 characters": lambda text: hashed(text, 64, 1000),
    }
    rows: list[tuple[str | int | float, ...]] = []
    for name, way in ways.items():
        rng, corpus, n = Random(seed), load(way), POWER_SIZES[0]
        ratios = [
            compare(drawn(rng, texts, n), drawn(rng, texts, n)).ratio
            for texts in _kinds(corpus).values()
            for _ in range(times)
        ]
        limit = quantile(ratios, 0.99)
        detected = []
        for before, after in corpus.swaps:
            texts, changed = corpus.answers[before], corpus.answers[after]
            passed = sum(
                compare(drawn(rng, changed, n), drawn(rng, texts, n)).ratio > limit for _ in range(times)
            )
            detected.append(f"{passed / times:.2f}")
        rows.append((name, f"{limit:.2f}", *detected))
    return Table(
        f"{corpus.name}: other vectors at n = {POWER_SIZES[0]}, 1 % false alarms",
        ("vector", "ratio above", *(f"{before} → {after}" for before, after in corpus.swaps)),
        rows,
    )


def section(data: Path | None, quick: bool, seed: int = 3) -> list[Table]:
    """Return all tables, for real answers where there are some."""

    def load(into: Callable[[str], Sequence[int]] = vector) -> Corpus:
        return shop(into) if data is None else alpaca(data, into)

    corpus, rng = load(), Random(seed)
    times = 20 if quick else 200
    return [
        *null(corpus, times, rng),
        power(corpus, times, rng),
        weeks(corpus, 2 if quick else 30, rng),
        others(load, times, seed),
    ]


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench drift", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="AlpacaEval's results; else the demo's shop")
    parser.add_argument("--quick", action="store_true", help="a tenth of the draws")
    chosen = parser.parse_args(arguments)
    Report().add(section(chosen.data, chosen.quick))
