"""Asking a model: each request has its turn, its money and its time, and each failure its outcome."""

import asyncio
import random
from decimal import Decimal

import pytest

from judge.items import GOOD, Bench, Scripted, an_item, http, two_rubrics
from judge.virtual_time import run
from llm_exporter.judge.asking import AskFailed, Asking, Bill, Reply
from llm_exporter.judge.budget import Budget
from llm_exporter.judge.pace import Pace
from llm_exporter.judge.prompt import Prompt, prompt
from llm_exporter.judge.tariff import OVERHEAD_TOKENS, Tariff, believable, own_rates
from llm_exporter.pricing import PICO, Usage
from llm_exporter.pricing.rates import Bracket, Rates, TokenPrices

PROMPT = prompt(two_rubrics(), an_item(), "nonce")


def ask(bench: Bench, seconds: float = 120.0) -> tuple[Reply | str, Bill]:
    """Ask once; return the reply, or the outcome of the failure, and the bill."""
    bill = Bill(seconds)

    async def asked() -> Reply | str:
        try:
            return await bench.asking.ask(PROMPT, bill)
        except AskFailed as failure:
            return failure.outcome

    return run(asked()), bill


def test_a_reply_costs_what_its_usage_says() -> None:
    """Tokens and dollars of the answer are on the bill, and the budget has exactly that."""
    bench = Bench(GOOD, usage=Usage(500, 100, 0, 40, 10))
    reply, bill = ask(bench)
    assert isinstance(reply, Reply)
    assert bill.usages == [Usage(500, 100, 0, 40, 10)]
    assert bill.cost == (600 * 1 + 50 * 2) * PICO // 10**6
    assert bench.budget.spent("hour") == bill.cost


@pytest.mark.parametrize(
    "usage", [None, Usage(0, 0, 0, 0, 0), Usage(1, 0, 0, 20, 0), Usage(500, 0, 0, -1, 0)]
)
def test_a_usage_that_is_not_said_or_cannot_be_leaves_everything_spent(usage: Usage | None) -> None:
    """Nobody knows what it cost: all that was reserved stays spent, and no tokens are counted."""
    bench = Bench(Reply(GOOD, usage=usage))
    _, bill = ask(bench)
    assert bill.usages == []
    assert bench.budget.spent("hour") == bench.tariff.most(PROMPT.n_bytes)


def test_failures_that_may_pass_are_tried_again() -> None:
    """Two failures and then an answer: three requests, waits that double, each error told."""
    bench = Bench(http(), http("rate_limit"), GOOD)
    reply, bill = ask(bench)
    assert isinstance(reply, Reply)
    assert bench.model.at == [0.0, 1.0, 3.0]
    assert bill.errors == ["unavailable", "rate_limit"]


def test_what_was_turned_away_costs_nothing_and_what_broke_everything() -> None:
    """A 429 was not billed; what failed at the server may have been, each time."""
    most = Bench("").tariff.most(PROMPT.n_bytes)
    assert most is not None
    turned_away = Bench(http(billed=False))
    ask(turned_away)
    assert (len(turned_away.model.asked), turned_away.budget.spent("hour")) == (3, 0)
    broken = Bench(http())
    ask(broken)
    assert (len(broken.model.asked), broken.budget.spent("hour")) == (3, 3 * most)


def test_what_will_not_pass_is_not_tried_again() -> None:
    """A wrong key stays wrong."""
    bench = Bench(AskFailed("http_error", "auth", billed=False))
    outcome, _ = ask(bench)
    assert (outcome, len(bench.model.asked)) == ("http_error", 1)


def test_a_server_that_hangs_is_left_after_the_timeout() -> None:
    """Each request ends by itself, is tried again, and stays spent."""
    bench = Bench(1000.0, timeout_seconds=10)
    outcome, bill = ask(bench)
    assert outcome == "timeout"
    assert bench.model.at == [0.0, 11.0, 23.0]
    assert bill.errors == ["timeout"] * 3
    assert bench.budget.spent("hour") == 3 * (bench.tariff.most(PROMPT.n_bytes) or 0)


def test_one_item_has_so_much_time_and_no_more() -> None:
    """The last try is cut short where the item's own time is over."""
    bench = Bench(1000.0, timeout_seconds=10)
    outcome, bill = ask(bench, 15.0)
    assert outcome == "timeout"
    assert bench.model.at == [0.0, 11.0]
    assert bill.seconds_left <= 0


@pytest.mark.parametrize(("wait", "requests"), [(30.0, [0.0, 30.0]), (60.0, [0.0, 60.0]), (61.0, [0.0])])
def test_a_server_that_asks_for_a_pause_gets_it(wait: float, requests: list[float]) -> None:
    """Up to a minute the item waits; beyond that it has failed, and the judge as a whole pauses."""
    bench = Bench(AskFailed("rate_limited", "rate_limit", again=True, billed=False, wait_seconds=wait), GOOD)
    reply, _ = ask(bench)
    assert bench.model.at == requests
    assert isinstance(reply, Reply) == (len(requests) == 2)

    async def next_turn() -> float:
        await bench.pace.turn()
        return asyncio.get_running_loop().time()

    if len(requests) == 1:
        assert run(next_turn()) == wait


def test_no_more_requests_a_minute_than_allowed() -> None:
    """However many ask at a time, requests are a second apart at sixty a minute."""
    bench = Bench(GOOD, per_minute=60)

    async def many() -> None:
        await asyncio.gather(*(bench.asking.ask(PROMPT, Bill(10.0)) for _ in range(5)))

    run(many())
    assert bench.model.at == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_after_five_failures_in_a_row_the_server_is_left_alone() -> None:
    """The sixth request waits a minute; when it fails too the next waits again, and a success ends that."""
    bench = Bench(*[http(billed=False)] * 6, GOOD, retries=0)

    async def work() -> None:
        for _ in range(8):
            try:
                await bench.asking.ask(PROMPT, Bill(10.0))
            except AskFailed:
                continue

    run(work())
    rounded = [round(at, 1) for at in bench.model.at]  # a request takes its turn, a fraction of a millisecond
    assert rounded == [0.0] * 5 + [60.0, 120.0, 120.0]


def test_refusals_are_no_failures_of_the_server() -> None:
    """A judge that refuses five times in a row is still asked."""
    bench = Bench(*[AskFailed("refused", "content_filter", billed=False)] * 9, GOOD, retries=0)

    async def work() -> bool:
        for _ in range(9):
            with pytest.raises(AskFailed):
                await bench.asking.ask(PROMPT, Bill(10.0))
        return bench.pace.rests

    assert run(work()) is False


def test_a_client_that_breaks_is_a_failure_without_words(caplog: pytest.LogCaptureFixture) -> None:
    """What a library raises ends in an outcome and is spent; its message, which may quote content, is not logged."""
    bench = Bench(ValueError("CANARY in the message"))
    outcome, _ = ask(bench)
    assert outcome == "http_error"
    assert bench.budget.spent("hour") == bench.tariff.most(PROMPT.n_bytes)
    assert "ValueError" in caplog.text
    assert "CANARY" not in caplog.text


def test_without_money_nothing_is_sent() -> None:
    """The request that would not fit is not sent, and has an outcome of its own."""
    bench = Bench(GOOD, usd=0.0001)
    outcome, bill = ask(bench)
    assert (outcome, bench.model.asked, bill.errors) == ("budget", [], [])


def test_a_price_that_is_gone_is_no_price() -> None:
    """Without a price nothing can be reserved, so nothing is sent."""
    bench = Bench(GOOD)
    bench.asking._tariff = Tariff(lambda: None, 600)
    assert ask(bench)[0] == "budget"
    assert bench.model.asked == []


def test_an_ended_task_leaves_its_reservation_spent() -> None:
    """When the judge stops in the middle of a request, that request may have been billed."""
    bench = Bench(1000.0)

    async def ended() -> None:
        task = asyncio.create_task(bench.asking.ask(PROMPT, Bill(100.0)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(ended())
    assert bench.budget.spent("hour") == bench.tariff.most(PROMPT.n_bytes)


def test_the_most_is_more_than_any_usage_within_the_bounds_costs() -> None:
    """However tokens are spread over kinds and brackets, as many as bytes and asked for cost no more."""
    chance = random.Random(7)
    for _ in range(300):
        row = [TokenPrices.of(*(Decimal(chance.randint(0, 400)) / 100 for _ in range(6))) for _ in range(2)]
        dear = TokenPrices._make(max(pair) for pair in zip(*row, strict=True))
        rates = Rates((Bracket(-1, row[0]), Bracket(chance.randint(100, 2000), dear)))
        tariff = Tariff(lambda rates=rates: rates, 500)
        n_bytes = chance.randint(0, 4000)
        most = tariff.most(n_bytes)
        assert most is not None
        for _ in range(20):
            left = chance.randint(0, n_bytes + OVERHEAD_TOKENS)
            read = chance.randint(0, left)
            write = chance.randint(0, left - read)
            output = chance.randint(0, 500)
            thought = chance.randint(0, output)
            hour = chance.randint(0, write)
            usage = Usage(left - read - write, read, write, output - thought, thought, hour)
            cost = tariff.cost(usage)
            assert cost is not None
            assert cost <= most


def test_a_usage_is_believed_when_it_can_be() -> None:
    """A token for every sixteen bytes is the least that anything makes of text."""
    assert believable(Usage(100, 0, 0, 10, 0), 1600, "x" * 160) == Usage(100, 0, 0, 10, 0)
    assert believable(Usage(0, 100, 0, 0, 10), 1600, "x" * 160) is not None
    assert believable(Usage(99, 0, 0, 10, 0), 1600, "x" * 160) is None
    assert believable(Usage(100, 0, 0, 9, 0), 1600, "x" * 160) is None


class Chaos:
    """A server that does everything wrong, and keeps its own books of what it bills."""

    def __init__(self, chance: random.Random, tariff: Tariff) -> None:
        self._chance = chance
        self._tariff = tariff
        self.billed: list[tuple[float, int]] = []

    async def ask(self, prompt: Prompt) -> Reply:
        """Answer, hang, break, turn away, say nothing of usage, or say too little; bill what was used."""
        chance = self._chance
        how = chance.choice(["good", "good", "hang", "break", "away", "silent", "lie", "crash", "garbage"])
        if how == "away":
            raise AskFailed(
                "rate_limited",
                "rate_limit",
                again=True,
                billed=False,
                wait_seconds=chance.choice([None, 2.0]),
            )
        usage = Usage(chance.randint(prompt.n_bytes // 8, prompt.n_bytes), 0, 0, chance.randint(20, 600), 0)
        cost = self._tariff.cost(usage)
        assert cost is not None
        self.billed.append((asyncio.get_running_loop().time(), cost))
        match how:
            case "hang":
                await asyncio.sleep(chance.choice([20, 100]))
            case "break":
                raise http()
            case "crash":
                raise ZeroDivisionError
            case "silent":
                return Reply(GOOD, usage=None)
            case "lie":
                return Reply(GOOD, usage=Usage(0, 0, 0, chance.randint(0, 3), 0))
        return Reply("no JSON" if how == "garbage" else GOOD, usage=usage)


@pytest.mark.parametrize("seed", range(12))
def test_a_server_that_does_everything_wrong_never_gets_more_than_the_budget(seed: int) -> None:
    """Workers for hours against a faulty server: by its own books no hour and no day cost more than the limit."""
    chance = random.Random(seed)
    tariff = Tariff(lambda: own_rates(Decimal(3), Decimal(15)), 600)
    most = tariff.most(PROMPT.n_bytes)
    assert most is not None
    limits = {"hour": chance.randint(2, 12) * most, "day": chance.randint(20, 60) * most}
    server = Chaos(chance, tariff)
    ended: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        budget = Budget(limits, loop.time)
        asking = Asking(server, budget, tariff, Pace(600), timeout_seconds=30, retries=2)

        async def worker() -> None:
            while loop.time() < 8 * 3600:
                try:
                    await asking.ask(PROMPT, Bill(90.0))
                    ended.append("judged")
                except AskFailed as failure:
                    ended.append(failure.outcome)
                await asyncio.sleep(chance.choice([1, 30, 120]))

        await asyncio.gather(*(worker() for _ in range(4)))
        assert not budget.overrun

    run(work())
    assert {"judged", "budget"} <= set(ended)
    for seconds, limit in ((3600, limits["hour"]), (86_400, limits["day"])):
        dearest = max(
            sum(cost for at, cost in server.billed if start <= at <= start + seconds)
            for start, _ in server.billed
        )
        assert 0 < dearest <= limit


def test_a_server_that_bills_more_than_there_can_be_is_left_at_once() -> None:
    """Such a usage is counted in full; after it there is not one request more."""
    model = Scripted(Reply(GOOD, usage=Usage(10**6, 0, 0, 5, 0)))
    bench = Bench(GOOD)
    bench.asking._model = model
    assert isinstance(ask(bench)[0], Reply)
    assert bench.budget.spent("hour") == 1_000_010 * PICO // 10**6
    assert ask(bench)[0] == "budget"
    assert len(model.asked) == 1
