"""Which answers are drawn: how many of each route, with which probability, and what a mean over them is worth."""

import math
import random
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from llm_exporter.content import Content
from llm_exporter.judge.item import Item, Who
from llm_exporter.judge.sampler import OTHER_ROUTES, Rules, Sampler
from llm_exporter.record import Kind, Record

WINDOW = 300.0


class Tally:
    """Counts as the sampler tells them."""

    def __init__(self) -> None:
        self.offers: Counter[tuple[Who, str]] = Counter()
        self.outcomes: Counter[tuple[Who, str, str]] = Counter()
        self.ratios: dict[tuple[Who, str], float] = {}

    def offered(self, who: Who, evaluators: Iterable[str], times: int) -> None:
        """Add to the calls that could be drawn."""
        self.offers.update({(who, name): times for name in evaluators})

    def outcome(self, who: Who, evaluators: Iterable[str], outcome: str, times: int = 1) -> None:
        """Add to what will not be judged."""
        self.outcomes.update({(who, name, outcome): times for name in evaluators})

    def ratio(self, who: Who, evaluator: str, ratio: float) -> None:
        """Set a ratio."""
        self.ratios[who, evaluator] = ratio


class Draw:
    """A sampler whose clock stands still until it is told."""

    def __init__(self, rules: Rules, salt: bytes = b"salt") -> None:
        self.now = 0.0
        self.tally = Tally()
        self.sampler = Sampler(rules, _applies, self.tally, lambda: self.now, salt)

    def call(
        self,
        feature: str,
        number: int,
        times: int = 1,
        question: str = "q",
        answer: str = "a",
        **record: object,
    ) -> None:
        """Offer one call."""
        documents = record.pop("documents", ())
        finish = record.pop("finish", "stop")
        said = Record("", Kind.CALL, service_name="shop", feature=feature, operation="chat")._replace(
            **record
        )
        ids = (number + 1).to_bytes(16), (number + 1).to_bytes(8)
        self.sampler.answered(said, Content(question, answer), documents, *ids, finish, times)

    def window(self) -> list[Item]:
        """End the window of every route."""
        self.now += WINDOW
        return self.sampler.take()


def _applies(item: Item) -> tuple[str, ...]:
    return ("relevance", "grounded") if item.documents else ("relevance",)


def shop(feature: str) -> Who:
    """Return a route of the shop."""
    return Who("shop", "", "", feature)


def number(item: Item) -> int:
    """Return which call an item is."""
    return int.from_bytes(item.span_id) - 1


def test_each_route_gives_as_many() -> None:
    """A route with a thousand calls gives k of them, one with fewer than k all, and the ratios are k/N and 1."""
    draw = Draw(Rules(per_route=20, window_seconds=WINDOW))
    for n in range(1000):
        draw.call("busy", n)
    for n in range(7):
        draw.call("rare", n)
    drawn = Counter(item.who.feature for item in draw.window())
    assert drawn == {"busy": 20, "rare": 7}
    assert draw.tally.offers == {(shop("busy"), "relevance"): 1000, (shop("rare"), "relevance"): 7}
    assert draw.tally.ratios == {(shop("busy"), "relevance"): 0.02, (shop("rare"), "relevance"): 1.0}
    assert draw.window() == []


def test_windows_end_at_different_moments() -> None:
    """Every route's window ends within one window's time, and not all of them together."""
    draw = Draw(Rules(per_route=1, window_seconds=WINDOW))
    for n in range(50):
        draw.call(f"f{n}", n)
    ends = []
    for second in range(301):
        draw.now = float(second)
        ends += [second] * len(draw.sampler.take())
    assert len(ends) == 50
    assert len(set(ends)) > 25


def test_what_is_drawn_depends_on_ids_and_salt_alone() -> None:
    """The order of arrival changes nothing, replicas with one salt agree, and another salt draws others."""
    calls = list(range(500))
    drawn = []
    for salt, seed in ((b"a", 1), (b"a", 2), (b"b", 1)):
        random.Random(seed).shuffle(calls)
        draw = Draw(Rules(per_route=20, window_seconds=WINDOW), salt)
        for n in calls:
            draw.call("f", n)
        drawn.append({number(item) for item in draw.window()})
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_without_a_salt_processes_differ() -> None:
    """Nobody outside can know which calls are judged."""
    drawn = []
    for _ in range(2):
        draw = Draw(Rules(per_route=10, window_seconds=WINDOW), b"")
        for n in range(1000):
            draw.call("f", n)
        drawn.append({number(item) for item in draw.window()})
    assert drawn[0] != drawn[1]


def test_each_call_is_as_likely_as_any_other() -> None:
    """Over many salts each of 100 calls is drawn k/N of the time: the chi-square statistic is that of chance."""
    times, k, n = 800, 10, 100
    seen: Counter[int] = Counter()
    for salt in range(times):
        draw = Draw(Rules(per_route=k, window_seconds=WINDOW), salt.to_bytes(4))
        for call in range(n):
            draw.call("f", call)
        seen.update(map(number, draw.window()))
    expected = times * k / n
    # Each count has variance e(1-k/N); the sum over N calls, scaled so, is a chi-square with N-1 degrees.
    statistic = (
        sum((seen[call] - expected) ** 2 for call in range(n)) / (expected * (1 - k / n)) * (n - 1) / n
    )
    assert abs(statistic - (n - 1)) < 4 * math.sqrt(2 * (n - 1))


def test_a_call_that_stands_for_many_is_drawn_as_often_as_they_would_be() -> None:
    """With weights of 10 beside weights of 1, drawing one call at a time, the share of the heavy ones is theirs."""
    heavy = 0
    for salt in range(1500):
        draw = Draw(Rules(per_route=1, window_seconds=WINDOW), salt.to_bytes(4))
        for call in range(10):
            draw.call("f", call)
        draw.call("f", 99, times=10)
        heavy += number(draw.window()[0]) == 99
        assert draw.tally.offers[shop("f"), "relevance"] == 20
    assert abs(heavy / 1500 - 0.5) < 4 * math.sqrt(0.25 / 1500)


ROUTES = {"common": (900, 0.97), "second": (60, 0.80), "third": (30, 0.60), "rare": (10, 0.50)}
"""Calls in a window, and the share of good answers: 0.944 of all, but 0.7175 of routes that are equal."""


class Day(NamedTuple):
    """What a day of windows comes to, by route."""

    offered: dict[str, int]
    judged: dict[str, list[int]]

    @property
    def weighted(self) -> float:
        """The mean score, each route weighted by what was offered."""
        means = {feature: sum(scores) / len(scores) for feature, scores in self.judged.items()}
        return sum(self.offered[f] * means[f] for f in ROUTES) / sum(self.offered.values())

    @property
    def plain(self) -> float:
        """The mean of all scores."""
        together = [score for scores in self.judged.values() for score in scores]
        return sum(together) / len(together)


def a_day(salt: int, windows: int, k: int) -> Day:
    """Return what was offered, and the scores of what was drawn."""
    draw = Draw(Rules(per_route=k, window_seconds=WINDOW), salt.to_bytes(4))
    judged: dict[str, list[int]] = {feature: [] for feature in ROUTES}
    serial = 0
    for _ in range(windows):
        good: dict[int, int] = {}
        for feature, (calls, share) in ROUTES.items():
            for n in range(calls):
                good[serial] = int(n < round(calls * share))
                draw.call(feature, serial)
                serial += 1
        for item in draw.window():
            judged[item.who.feature].append(good[number(item)])
    return Day({feature: draw.tally.offers[shop(feature), "relevance"] for feature in ROUTES}, judged)


def test_the_weighted_mean_is_unbiased_where_the_plain_one_is_far_off() -> None:
    """True 0.944: weighted by what was offered it is 0.944 within its standard error, unweighted about 0.72."""
    windows, k, repeats = 6, 5, 30
    days = [a_day(salt, windows, k) for salt in range(repeats)]
    weighted, plain = [day.weighted for day in days], [day.plain for day in days]
    total = sum(calls for calls, _ in ROUTES.values())
    truth = sum(calls * share for calls, share in ROUTES.values()) / total
    assert truth == pytest.approx(0.944)
    variance = 0.0  # of a stratified mean, drawn without replacement in each window
    for calls, share in ROUTES.values():
        within = share * (1 - share) * calls / (calls - 1)
        variance += (calls / total) ** 2 * (1 - k / calls) * within / (k * windows)
    spread = math.sqrt(variance)
    assert abs(sum(weighted) / repeats - truth) < 3 * spread / math.sqrt(repeats)
    assert max(abs(mean - truth) for mean in weighted) < 4.5 * spread
    plain_mean = sum(plain) / repeats
    assert abs(plain_mean - 0.7175) < 0.02
    assert truth - plain_mean > 6 * spread


def test_evaluators_that_need_documents_count_only_calls_with_documents() -> None:
    """Offered and the ratio of an evaluator are of the calls that it can say something of."""
    draw = Draw(Rules(per_route=10, window_seconds=WINDOW))
    for n in range(100):
        draw.call("f", n, documents=("d",) if n < 50 else ())
    items = draw.window()
    assert draw.tally.offers == {(shop("f"), "relevance"): 100, (shop("f"), "grounded"): 50}
    with_documents = sum("grounded" in item.evaluators for item in items)
    assert draw.tally.ratios == {(shop("f"), "relevance"): 0.1, (shop("f"), "grounded"): with_documents / 50}


def test_routes_beyond_the_cap_are_drawn_from_together() -> None:
    """The memory is bounded, and each item keeps its own labels."""
    draw = Draw(Rules(per_route=5, window_seconds=WINDOW, max_routes=3))
    for n in range(400):
        draw.call(f"f{n % 40}", n)
    items = draw.window()
    own = Counter(item.who.feature for item in items if item.who.feature in ("f0", "f1", "f2"))
    assert len(items) == 4 * 5
    assert all(count >= 5 for count in own.values())
    assert sum(draw.tally.offers.values()) == 400
    assert len(draw.tally.offers) == 40
    assert OTHER_ROUTES not in {who for who, _ in draw.tally.ratios}


def test_routes_that_matter_are_judged_whole_and_at_once() -> None:
    """Each call of such a route is taken without waiting for a window, and what has no room is counted."""
    rules = Rules(
        per_route=1, window_seconds=WINDOW, max_waiting=3, always=lambda who: who.feature == "refunds"
    )
    draw = Draw(rules)
    for n in range(5):
        draw.call("refunds", n)
        draw.call("chat", 100 + n)
    assert [number(item) for item in draw.sampler.take()] == [0, 1, 2]
    assert draw.tally.outcomes == {(shop("refunds"), "relevance", "queue_full"): 2}
    assert draw.tally.offers[shop("refunds"), "relevance"] == 5
    assert draw.tally.ratios == {(shop("refunds"), "relevance"): 1.0}


def test_what_holds_no_answer_is_not_offered() -> None:
    """Failures, steps that call tools and embeddings are left out; calls without content are counted as such."""
    draw = Draw(Rules(per_route=100, window_seconds=WINDOW))
    draw.call("f", 1, failed=True)
    draw.call("f", 2, finish="tool_calls")
    draw.call("f", 3, operation="embeddings")
    draw.call("f", 4, kind=Kind.TOOL)
    draw.call("f", 5, question="")
    draw.call("f", 6, answer="", times=3)
    assert draw.window() == []
    assert not draw.tally.offers
    assert draw.tally.outcomes == {(shop("f"), "relevance", "no_content"): 4}


def test_an_answer_that_is_empty_is_an_answer() -> None:
    """Where the span says that the answer was empty, the judge is to see it."""
    draw = Draw(Rules(window_seconds=WINDOW))
    record = Record("", Kind.CALL, operation="chat")
    draw.sampler.answered(record, Content("q", "", said_answer=True), (), b"\1" * 16, b"\1" * 8, "stop", 1)
    assert len(draw.window()) == 1


def test_calls_without_ids_are_drawn_by_chance() -> None:
    """Log records may have no trace: then all of them neither share a rank nor are left out."""
    draw = Draw(Rules(per_route=20, window_seconds=WINDOW))
    record = Record("", Kind.CALL, operation="chat")
    for n in range(200):
        draw.sampler.answered(record, Content(str(n), "a"), (), bytes(16), bytes(8), "stop", 1)
    drawn = [int(item.question) for item in draw.window()]
    assert len(drawn) == 20
    assert drawn != list(range(20))
