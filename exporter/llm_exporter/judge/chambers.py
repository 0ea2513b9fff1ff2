"""The judge put together as the settings say: sampler, evaluators, budget, sender, metrics, and its thread."""

from __future__ import annotations

import asyncio
import fnmatch
import threading
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from llm_exporter.judge.asking import Asking
from llm_exporter.judge.budget import PERIODS, Budget, CannotKeepBudget
from llm_exporter.judge.chat import ChatOptions, OpenAiChat
from llm_exporter.judge.consistency import SelfConsistency
from llm_exporter.judge.court import Court
from llm_exporter.judge.item import Item, Who
from llm_exporter.judge.metrics import JudgeMetrics
from llm_exporter.judge.pace import Pace
from llm_exporter.judge.prompt import prompt
from llm_exporter.judge.reference import BadReference, load_reference
from llm_exporter.judge.rubric_judge import RubricJudge
from llm_exporter.judge.rubrics import load_rubrics
from llm_exporter.judge.sampler import Rules, Sampler
from llm_exporter.judge.sender import HttpPost, Sender
from llm_exporter.judge.tariff import Tariff, own_rates, usd
from llm_exporter.pricing import PICO, PriceBook
from llm_exporter.settings import Problem, SettingsError
from llm_exporter.settings.problem import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from llm_exporter.judge.item import Evaluator
    from llm_exporter.judge.rubrics import Rubric
    from llm_exporter.pricing import Rates
    from llm_exporter.settings import Settings
    from llm_exporter.settings.judge import Judge

FLUSH_SECONDS: Final = 5.0
"""How long results may still be sent when the judge ends."""


class Chambers:
    """Everything of the judge behind its receivers; `sampler` is the listener of the pipeline.

    Raises:
        SettingsError: what is wrong with the settings, all of it.
        MissingExtra: packages are not installed.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        judge = settings.judge
        rubrics = load_rubrics(judge.rubrics, judge.rubric_files)
        tariff = Tariff(_rates(settings), judge.max_output_tokens)
        problems = [*_whom(judge, rubrics), *_price(judge, rubrics, tariff)]
        reference: Evaluator | None = None
        try:
            reference = load_reference(judge.reference_file) if judge.reference_file is not None else None
        except (BadReference, OSError) as error:
            problems.append(Problem("judge", "reference_file", str(error), ""))
        if problems:
            raise SettingsError(problems)
        self.metrics = JudgeMetrics(
            caps={name: label.cap for name, label in settings.labels.items()},
            bounds=settings.exposition.buckets,
            cells=settings.limits.series_per_metric_group,
            hold_seconds=settings.exposition.first_sample_hold_seconds,
        )
        self.budget = _budget(judge)
        try:
            self._chat = OpenAiChat(_options(judge, env))
        except Exception:
            self.budget.close()
            raise
        pace = Pace(judge.requests_per_minute)
        asking = Asking(
            self._chat,
            self.budget,
            tariff,
            pace,
            timeout_seconds=judge.timeout_seconds,
            retries=judge.retries,
        )
        evaluators: list[Evaluator] = []
        if rubrics:
            of_model = RubricJudge(
                rubrics, asking, self.metrics, model=judge.model, total_seconds=judge.total_timeout_seconds
            )
            evaluators.append(SelfConsistency(of_model, judge.consistency_ratio))
        if reference is not None:
            evaluators.append(reference)
        self.sampler = Sampler(
            rules_of(judge),
            lambda item: tuple(name for evaluator in evaluators for name in evaluator.applies(item)),
            self.metrics,
            time.time,
            judge.salt.encode(),
        )
        self._sender = Sender(
            HttpPost(judge.exporter_url, _word(judge.exporter_token_file)),
            lambda result: self.metrics.lost(result.who, result.evaluator),
            with_explanations=judge.send_explanations,
        )
        self._court = Court(
            self.sampler,
            evaluators,
            self.metrics,
            self._sender,
            pace,
            concurrency=judge.concurrency,
            max_waiting=judge.max_waiting,
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="judge", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self._started = threading.Event()

    def start(self) -> None:
        """Begin to judge, in a thread."""
        self._thread.start()
        self._started.wait()

    @property
    def alive(self) -> bool:
        """Whether it judges."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End: what waits is not judged any more, and what was judged is sent if that is soon done."""
        if self._loop is not None and self._work is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join()
        self.budget.close()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = asyncio.create_task(self._court.run())
        self._started.set()
        try:
            await self._work
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    while self._sender.waiting and await self._sender.send_some():
                        pass
        finally:
            await self._chat.close()


def _whom(judge: Judge, rubrics: Sequence[Rubric]) -> list[Problem]:
    """Return what is missing to ask anybody."""
    problems = []
    for name, value in (("base_url", judge.base_url), ("model", judge.model)):
        if not value:
            flag = f"--{name.replace('_', '-')}"
            problems.append(Problem("judge", name, "it is not set", f"one for judge.{name} or {flag}"))
    if not judge.exporter_url:
        problems.append(Problem("judge", "exporter_url", "it is not set", "where results are to be sent"))
    if judge.otlp_grpc_address is None and judge.otlp_http_address is None:
        problems.append(Problem("judge", "otlp_http_address", "both OTLP addresses are off", "at least one"))
    if not rubrics and judge.reference_file is None:
        problems.append(
            Problem("judge", "rubrics", "there is nothing to judge by", "a rubric or reference_file")
        )
    return problems


def _price(judge: Judge, rubrics: Sequence[Rubric], tariff: Tariff) -> list[Problem]:
    """Return what is wrong with price and budget: without both, nothing is asked."""
    if not judge.model:
        return []
    if (judge.input_price is None) != (judge.output_price is None):
        return [
            Problem("judge", "input_price", "one of input_price and output_price is missing", "both or none")
        ]
    least = tariff.most(prompt(rubrics, Item(Who(), "", ""), "0" * 16).n_bytes)
    if least is None:
        hint = "set judge.input_price and judge.output_price (0 for a model of your own), or judge.provider"
        wrong = f"the price table has no price for {shown(judge.model)}"
        return [Problem("judge", "model", wrong, "a model whose price is known", hint)]
    problems = []
    for period in PERIODS:
        key = f"usd_per_{period.name}"
        limit = usd(getattr(judge, key))
        if limit < least:
            wrong = f"value {limit / PICO:g} does not pay for a single request"
            problems.append(
                Problem("judge", key, wrong, f"at least {least / PICO:.6f}, better a thousand times that")
            )
    return problems


def _rates(settings: Settings) -> Callable[[], Rates | None]:
    judge = settings.judge
    if judge.input_price is not None and judge.output_price is not None:
        fixed = own_rates(judge.input_price, judge.output_price)
        return lambda: fixed
    book = PriceBook(settings.pricing.for_price_book())
    return lambda: book.quote(judge.provider, judge.model, time.time_ns()).rates


def _budget(judge: Judge) -> Budget:
    # The wall clock may be set; from here on only time that passes counts.
    start, passed = time.time(), time.monotonic()
    limits = {"hour": usd(judge.usd_per_hour), "day": usd(judge.usd_per_day)}
    try:
        return Budget(limits, lambda: start + time.monotonic() - passed, judge.state_file)
    except CannotKeepBudget as error:
        raise SettingsError([Problem("judge", "state_file", str(error), "")]) from None


def _options(judge: Judge, env: Mapping[str, str]) -> ChatOptions:
    key = _word(judge.api_key_file) or (env.get(judge.api_key_variable, "") if judge.api_key_variable else "")
    return ChatOptions(
        base_url=judge.base_url,
        model=judge.model,
        api_key=key,
        native=judge.output == "native",
        temperature=judge.temperature,
        max_output_tokens=judge.max_output_tokens,
        max_tokens_field=judge.max_tokens_field,
        timeout_seconds=judge.timeout_seconds,
    )


def rules_of(judge: Judge) -> Rules:
    """Return how much is drawn, and of what."""

    @lru_cache(maxsize=4096)
    def always(who: Who) -> bool:
        return any(
            fnmatch.fnmatchcase(who.service_name, route.service)
            and fnmatch.fnmatchcase(who.feature, route.feature)
            for route in judge.high_stakes
        )

    return Rules(judge.per_route, judge.window_seconds, judge.max_routes, judge.max_waiting, always)


def _word(file: Path | None) -> str:
    return file.read_text().strip() if file is not None else ""
