"""From drawn items to counted and sent verdicts: one outcome for each evaluator of each item, nothing lost unseen."""

import asyncio
import time
from collections.abc import Mapping

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from judge.items import GOOD, SHOP, Bench, an_item
from judge.virtual_time import run
from llm_exporter.evaluations.records import of_record
from llm_exporter.exposition import render
from llm_exporter.judge import metrics as counting
from llm_exporter.judge import sender as sending
from llm_exporter.judge.asking import Bill
from llm_exporter.judge.court import Court
from llm_exporter.judge.item import Item, Verdict, Who
from llm_exporter.judge.metrics import JudgeMetrics
from llm_exporter.judge.pace import Pace
from llm_exporter.judge.results import Result, encoded
from llm_exporter.judge.sender import Sender
from llm_exporter.otlp.log_records import opened
from llm_exporter.pricing import PICO, Usage

OUTCOMES = [
    "judged",
    "cached",
    "parse_error",
    "refused",
    "timeout",
    "rate_limited",
    "http_error",
    "budget",
    "queue_full",
    "no_content",
]


def metrics() -> JudgeMetrics:
    """Return counts of nothing, with the catalogue's bounds, that are shown at once."""
    return JudgeMetrics(caps={}, bounds={}, cells=1000, hold_seconds=0)


def shown(counts: JudgeMetrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of every sample that is not 0, by name and by labels other than whose it is."""
    text = b"".join(render(counts.store, "text", time.monotonic())).decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k not in Who._fields}
            if sample.value:
                found.setdefault(sample.name, {})[tuple(labels.values())] = sample.value
    return found


class Posts:
    """An exporter that answers one status after the other; the last goes on for ever."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.bodies: list[bytes] = []

    def __call__(self, body: bytes) -> int:
        """Take a request."""
        self.bodies.append(body)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step

    def names(self) -> list[list[str]]:
        """Return the evaluators of each request."""
        return [[result.name for result in read(body)] for body in self.bodies]


def read(body: bytes) -> list[object]:
    """Return the results in a request, as the exporter reads them."""
    request = ExportLogsServiceRequest.FromString(body)
    found = []
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                raw = record.SerializeToString()
                found.append(of_record(opened(raw), raw))
    return found


class Drawn:
    """A sampler that has drawn this."""

    def __init__(self, *items: Item) -> None:
        self.items = list(items)

    def take(self) -> list[Item]:
        """Give it once."""
        items, self.items = self.items, []
        return items


class Answering:
    """An evaluator whose verdicts are known beforehand."""

    def __init__(self, verdicts: Mapping[str, Verdict] | Exception) -> None:
        self.names = ("a", "b")
        self._verdicts = verdicts

    def applies(self, _: Item) -> tuple[str, ...]:
        """Apply always."""
        return self.names

    async def evaluate(self, _: Item) -> Mapping[str, Verdict]:
        """Return them."""
        await asyncio.sleep(1)
        if isinstance(self._verdicts, Exception):
            raise self._verdicts
        return self._verdicts


def judged(
    *items: Item, verdicts: Mapping[str, Verdict] | Exception, **limits: int
) -> tuple[JudgeMetrics, Sender]:
    """Have items judged for a minute of virtual time; nothing is sent."""
    counts, pace = metrics(), Pace(1000)
    sender = Sender(Posts(503), lambda _: None, with_explanations=False)

    async def work() -> None:
        bounds = {"concurrency": 2, "max_waiting": 100, **limits}
        court = Court(Drawn(*items), [Answering(verdicts)], counts, sender, pace, **bounds)
        court.take()
        workers = [asyncio.create_task(court._work()) for _ in range(2)]
        await asyncio.sleep(60)
        for worker in workers:
            worker.cancel()

    run(work())
    return counts, sender


def ab(**more: bytes) -> Item:
    """Return an item for the evaluators a and b."""
    return an_item(evaluators=("a", "b"), **more)


def test_each_item_ends_in_one_outcome_for_each_evaluator() -> None:
    """Three items, two evaluators each: six outcomes, and each result that somebody tried for is sent."""
    verdicts = {"a": Verdict("judged", 4.0, "pass"), "b": Verdict("timeout", error="timeout")}
    counts, sender = judged(ab(), ab(), ab(), verdicts=verdicts)
    assert shown(counts)["llm_judge_items_total"] == {("a", "judged"): 3.0, ("b", "timeout"): 3.0}
    assert sender.waiting == 6


@pytest.mark.parametrize("verdicts", [{}, {"a": Verdict("judged", 1.0)}, ZeroDivisionError("CANARY")])
def test_what_an_evaluator_leaves_out_is_a_failure(
    verdicts: Mapping[str, Verdict] | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """One that breaks or forgets a name ends the item all the same, without words of its exception."""
    counts, _ = judged(ab(), verdicts=verdicts)
    items = shown(counts)["llm_judge_items_total"]
    assert sum(items.values()) == 2
    assert items["b", "http_error"] == 1
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_nobody_tried_is_no_result(outcome: str) -> None:
    """Out of budget, out of room and without content are counted here, and told to nobody."""
    counts, sender = judged(ab(), verdicts=dict.fromkeys("ab", Verdict(outcome)))
    assert shown(counts)["llm_judge_items_total"] == {("a", outcome): 1.0, ("b", outcome): 1.0}
    assert sender.waiting == (0 if outcome in ("budget", "queue_full", "no_content") else 2)


def test_what_has_no_room_is_counted() -> None:
    """The newest are dropped, each with its outcome; the others are judged."""
    counts, _ = judged(*[ab()] * 5, verdicts=dict.fromkeys("ab", Verdict("judged", 1.0)), max_waiting=3)
    assert shown(counts)["llm_judge_items_total"] == {
        (name, outcome): count for name in "ab" for outcome, count in (("judged", 3.0), ("queue_full", 2.0))
    }


def test_tokens_money_and_errors_are_told_by_evaluator() -> None:
    """Tokens and money are divided so that they sum exactly; each evaluator has the errors and the time."""
    counts = metrics()
    bill = Bill(
        1.0, [Usage(700, 30, 0, 50, 11), Usage(1, 0, 0, 1, 0)], 10**6 + 1, ["rate_limit", "rate_limit"]
    )
    counts.cost(SHOP, ("a", "b", "c"), bill, 2.5)
    found = shown(counts)
    tokens = found["llm_judge_tokens_total"]
    assert {kind: sum(v for (_, k), v in tokens.items() if k == kind) for _, kind in tokens} == {
        "input": 701,
        "input_cache_read": 30,
        "output": 51,
        "output_reasoning": 11,
    }
    assert tokens["a", "input"] == 234
    assert tokens["c", "input"] == 233
    assert sum(found["llm_judge_cost_usd_total"].values()) == pytest.approx((10**6 + 1) / PICO, rel=1e-12)
    assert found["llm_judge_errors_total"] == {(name, "rate_limit"): 2.0 for name in "abc"}
    assert found["llm_judge_duration_seconds_sum"] == {("a",): 2.5, ("b",): 2.5, ("c",): 2.5}


def test_calls_that_could_be_drawn_are_counted_by_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call counts as often as it stands for, under its own labels, however many are remembered at a time."""
    monkeypatch.setattr(counting, "MAX_REMEMBERED", 2)
    counts = metrics()
    for place in range(6):
        counts.offered(SHOP._replace(feature=f"f{place % 3}"), ("a", "b"), 2)
        counts.offered(SHOP, ("a",), 1)
    assert offers(counts) == {
        **{(f"f{n}", name): 4.0 for n in range(3) for name in "ab"},
        ("refunds", "a"): 6.0,
    }


def test_label_sets_that_were_idle_are_dropped() -> None:
    """After more than a day without a call; a call that comes then counts anew."""
    counts = metrics()
    counts.offered(SHOP, ("a", "b"), 2)
    counts.sweep(time.monotonic() + 3600)
    assert offers(counts) == {("refunds", "a"): 2.0, ("refunds", "b"): 2.0}
    counts.sweep(time.monotonic() + 100_000)
    assert offers(counts) == {}
    counts.offered(SHOP, ("a", "b"), 1)
    assert offers(counts) == {("refunds", "a"): 1.0, ("refunds", "b"): 1.0}


def offers(counts: JudgeMetrics) -> dict[tuple[str, str], float]:
    """Return the calls that could be drawn, by feature and evaluator."""
    text = b"".join(render(counts.store, "text", time.monotonic())).decode()
    return {
        (sample.labels["feature"], sample.labels["evaluator"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "llm_judge_offered_total"
    }


def test_the_budget_is_shown() -> None:
    """Limits and what is spent or reserved, in USD."""
    bench, counts = Bench(GOOD, usd=2), metrics()
    bench.budget.reserve(PICO // 2)
    counts.show(bench.budget)
    found = shown(counts)
    assert found["llm_judge_budget_limit_usd"] == {("hour",): 2.0, ("day",): 2.0}
    assert found["llm_judge_budget_spent_usd"] == {("hour",): 0.5, ("day",): 0.5}


def a_result(evaluator: str, verdict: Verdict, who: Who = SHOP) -> Result:
    """Return a verdict about a call."""
    return Result(who, b"\1" * 16, b"\2" * 8, evaluator, verdict, 1_780_000_000_000_000_000)


def test_results_are_events_that_the_exporter_reads() -> None:
    """Name, score, label, source, target and failure come out as they went in."""
    body = encoded(
        [
            a_result("judge.relevance", Verdict("judged", 4.0, "pass", "SECRET")),
            a_result("judge.grounded", Verdict("cached", None, "na")),
            a_result("judge.exact_match", Verdict("judged", 0.0, "fail")),
            a_result("rule.own", Verdict("timeout", error="timeout")),
        ],
        with_explanations=False,
    )
    results = read(body)
    assert [(r.name, r.score, r.label, r.source, bool(r.error)) for r in results] == [
        ("judge.relevance", 4.0, "pass", "judge", False),
        ("judge.grounded", None, "na", "judge", False),
        ("judge.exact_match", 0.0, "fail", "code", False),
        ("rule.own", None, "", "judge", True),
    ]
    assert {(r.trace_id, r.span_id) for r in results} == {(b"\1" * 16, b"\2" * 8)}
    assert b"SECRET" not in body


def test_results_stand_under_the_labels_of_their_calls() -> None:
    """One resource for each route, with the attributes that the exporter reads labels from; empty ones are left out."""
    other = Who("chat", "", "", "x")
    one = Verdict("judged", 1.0)
    request = ExportLogsServiceRequest.FromString(
        encoded([a_result("a", one), a_result("b", one, other), a_result("c", one)], with_explanations=False)
    )
    said = [{a.key: a.value.string_value for a in part.resource.attributes} for part in request.resource_logs]
    assert said == [
        {
            "service.name": "shop",
            "deployment.environment.name": "prod",
            "app.team": "care",
            "app.feature": "refunds",
        },
        {"service.name": "chat", "app.feature": "x"},
    ]
    assert [len(part.scope_logs[0].log_records) for part in request.resource_logs] == [2, 1]
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    assert record.event_name == "gen_ai.evaluation.result"
    assert "event.name" in {attribute.key for attribute in record.attributes}


def test_reasons_leave_only_where_that_is_allowed() -> None:
    """They quote content: only a setting sends them."""
    result = a_result("a", Verdict("judged", 1.0, "fail", "SECRET"))
    assert b"SECRET" in encoded([result], with_explanations=True)
    assert b"SECRET" not in encoded([result], with_explanations=False)


def sent(posts: Posts, number: int, seconds: float) -> tuple[Sender, list[Result]]:
    """Send results for so many virtual seconds; return the sender, and what was given up."""
    lost: list[Result] = []
    sender = Sender(posts, lost.append, with_explanations=False)
    for place in range(number):
        sender.add(a_result(f"e{place}", Verdict("judged", 1.0)))

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor = _at_once  # type: ignore[method-assign, assignment]
        task = asyncio.create_task(sender.run())
        await asyncio.sleep(seconds)
        task.cancel()

    run(work())
    return sender, lost


async def _at_once(_: object, function: object, body: bytes) -> object:
    return function(body)  # type: ignore[operator]


def test_results_are_sent_in_their_order() -> None:
    """A hundred at most in one request."""
    posts = Posts(200)
    sender, lost = sent(posts, 250, 1)
    assert [len(names) for names in posts.names()] == [100, 100, 50]
    assert [name for names in posts.names() for name in names] == [f"e{n}" for n in range(250)]
    assert (sender.waiting, lost) == (0, [])


@pytest.mark.parametrize("failure", [503, 429, 401, 500, ConnectionRefusedError(), TimeoutError()])
def test_an_exporter_that_does_not_take_them_gets_them_again(failure: int | Exception) -> None:
    """Later and later, in the same order, and nothing is lost."""
    posts = Posts(failure, failure, 200)
    sender, lost = sent(posts, 3, 3.5)
    assert posts.names() == [["e0", "e1", "e2"]] * 3
    assert (sender.waiting, lost) == (0, [])


def test_waits_grow_to_a_minute() -> None:
    """1, 2, 4 … 60 seconds: an hour without an exporter is some 65 requests."""
    posts = Posts(503)
    sender, lost = sent(posts, 1, 3600)
    assert 60 < len(posts.bodies) < 70
    assert (sender.waiting, lost) == (1, [])


def test_what_the_exporter_will_never_take_is_given_up() -> None:
    """The same request would be refused for ever, and everything behind it with it."""
    sender, lost = sent(Posts(400, 200), 150, 1)
    assert [result.evaluator for result in lost] == [f"e{n}" for n in range(100)]
    assert sender.waiting == 0


def test_no_more_results_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is given up, and counted."""
    monkeypatch.setattr(sending, "MAX_WAITING", 5)
    sender, lost = sent(Posts(503), 8, 10)
    assert [result.evaluator for result in lost] == ["e0", "e1", "e2"]
    assert sender.waiting == 5
    counts = metrics()
    counts.lost(SHOP, "a")
    assert shown(counts)["llm_judge_errors_total"] == {("a", "unavailable"): 1.0}
