"""Items, rubrics, and models that say what they are told to: what the tests of evaluators are made of."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from llm_exporter.judge.asking import AskFailed, Asking, Bill, Reply
from llm_exporter.judge.budget import Budget
from llm_exporter.judge.item import Item, Who
from llm_exporter.judge.pace import Pace
from llm_exporter.judge.prompt import Prompt
from llm_exporter.judge.rubric_judge import RubricJudge
from llm_exporter.judge.rubrics import Rubric, load_rubrics
from llm_exporter.judge.tariff import Tariff, own_rates
from llm_exporter.pricing import PICO, Usage
from llm_exporter.settings.judge import RUBRICS

SHOP = Who("shop", "prod", "care", "refunds")
GOOD = '{"reason": "r", "relevance": 4, "answers_question": "TRUE"}'


def an_item(answer: str = "Within 14 days.", documents: tuple[str, ...] = (), **more: Any) -> Item:
    """Return an item that every rubric of `two_rubrics` can say something of."""
    said = {
        "question": "When is the money back?",
        "trace_id": b"\1" * 16,
        "span_id": b"\2" * 8,
        "evaluators": ("judge.relevance", "judge.answers_question"),
        **more,
    }
    return Item(SHOP, answer=answer, documents=documents, **said)


def two_rubrics() -> tuple[Rubric, ...]:
    """Return a scale and a rule."""
    return load_rubrics(["relevance", "answers_question"], [])


def all_rubrics() -> tuple[Rubric, ...]:
    """Return every rubric of the package."""
    return load_rubrics(RUBRICS, [])


class Scripted:
    """A model that answers one thing after the other: a text, a Reply, an exception, or seconds to hang."""

    def __init__(self, *script: str | Reply | Exception | float, usage: Usage | None = None) -> None:
        self.script = list(script)
        self.usage = usage
        self.asked: list[Prompt] = []
        self.at: list[float] = []

    async def ask(self, prompt: Prompt) -> Reply:
        """Do what is next; the last one goes on for ever."""
        self.asked.append(prompt)
        self.at.append(asyncio.get_running_loop().time())
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        match step:
            case Reply():
                return step
            case str():
                usage = self.usage or Usage(prompt.n_bytes // 4, 0, 0, 50, 0)
                return Reply(step, usage=usage)
            case Exception():
                raise step
            case _:
                await asyncio.sleep(step)
                return Reply(GOOD, usage=Usage(prompt.n_bytes // 4, 0, 0, 50, 0))


class Costs:
    """What judging took, as an evaluator tells it."""

    def __init__(self) -> None:
        self.bills: list[tuple[tuple[str, ...], Bill, float]] = []

    def cost(self, who: Who, evaluators: Sequence[str], bill: Bill, seconds: float) -> None:
        """Remember a bill."""
        assert who == SHOP
        self.bills.append((tuple(evaluators), bill, seconds))


class Bench:
    """An evaluator over a scripted model, with dollars for a million tokens and a budget of dollars."""

    def __init__(
        self,
        *script: str | Reply | Exception | float,
        rubrics: Callable[[], tuple[Rubric, ...]] = two_rubrics,
        usd: float = 100.0,
        per_minute: float = 100_000,
        retries: int = 2,
        total_seconds: float = 120.0,
        timeout_seconds: float = 60.0,
        usage: Usage | None = None,
    ) -> None:
        from decimal import Decimal

        self.model = Scripted(*script, usage=usage)
        limit = round(usd * PICO)
        self.now = 1_000_000.0
        self.budget = Budget({"hour": limit, "day": limit}, lambda: self.now)
        self.tariff = Tariff(lambda: own_rates(Decimal(1), Decimal(2)), 600)
        self.pace = Pace(per_minute)
        self.costs = Costs()
        self.asking = Asking(
            self.model, self.budget, self.tariff, self.pace, timeout_seconds=timeout_seconds, retries=retries
        )
        self.judge = RubricJudge(rubrics(), self.asking, self.costs, model="m", total_seconds=total_seconds)


def http(status: str = "unavailable", **more: Any) -> AskFailed:
    """Return a failure that may go away."""
    return AskFailed("http_error", status, again=True, **more)
