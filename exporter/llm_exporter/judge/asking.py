"""One question to the judge's model: its turn, its money, its time, and what is tried again.

Every single request passes through here, so that each has its reservation.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from llm_exporter.judge.tariff import believable

if TYPE_CHECKING:
    from llm_exporter.judge.budget import Budget
    from llm_exporter.judge.pace import Pace
    from llm_exporter.judge.prompt import Prompt
    from llm_exporter.judge.tariff import Tariff
    from llm_exporter.pricing import Usage

_log = logging.getLogger("llm_exporter.judge")

LONGEST_WAIT_SECONDS: Final = 60.0
"""A server that wants a longer pause than this is not asked about the same item again."""
FIRST_BACKOFF_SECONDS: Final = 1.0


class Reply(NamedTuple):
    """What the model says."""

    text: str
    refused: bool = False
    """Whether the API itself says that the model, or a filter, would not answer."""
    usage: Usage | None = None


class AskFailed(Exception):  # noqa: N818
    """There is no reply. Nothing of what was sent or came back is in it."""

    def __init__(
        self,
        outcome: str,
        error_type: str = "",
        *,
        again: bool = False,
        billed: bool = True,
        wait_seconds: float | None = None,
    ) -> None:
        """Say how it failed.

        Args:
            outcome: Of the catalogue's `outcome`.
            error_type: Of the catalogue's `error_type`; none where no request was sent.
            again: Whether another try may help.
            billed: Whether the request may have been billed.
            wait_seconds: How long the server wants to be left alone.
        """
        super().__init__(outcome)
        self.outcome = outcome
        self.error_type = error_type
        self.again = again
        self.billed = billed
        self.wait_seconds = wait_seconds


class Model(Protocol):
    """Sends one request, once."""

    async def ask(self, prompt: Prompt) -> Reply:
        """Return the reply.

        Raises:
            AskFailed: there is none.
        """
        ...


@dataclass
class Bill:
    """What one item has cost so far."""

    seconds_left: float
    usages: list[Usage] = field(default_factory=list)
    cost: int = 0
    """Picodollars, of what is known."""
    errors: list[str] = field(default_factory=list)
    """Error types of the requests that failed."""


class Asking:
    """Asks a model within a budget.

    Args:
        model: Whom.
        budget: What may be spent.
        tariff: What it costs.
        pace: When it may ask.
        timeout_seconds: Longest time for one request.
        retries: How often a request that failed is tried again.
    """

    def __init__(
        self,
        model: Model,
        budget: Budget,
        tariff: Tariff,
        pace: Pace,
        *,
        timeout_seconds: float,
        retries: int,
    ) -> None:
        self._model = model
        self._budget = budget
        self._tariff = tariff
        self._pace = pace
        self._timeout = timeout_seconds
        self._retries = retries

    async def ask(self, prompt: Prompt, bill: Bill) -> Reply:
        """Return a reply, after as many requests as that takes.

        Raises:
            AskFailed: there is none; `bill` has what that cost.
        """
        backoff = FIRST_BACKOFF_SECONDS
        for left in range(self._retries, -1, -1):
            await self._pace.turn()
            try:
                return await self._once(prompt, bill)
            except AskFailed as failure:
                if failure.error_type:
                    bill.errors.append(failure.error_type)
                wait = backoff if failure.wait_seconds is None else failure.wait_seconds
                if failure.wait_seconds is not None:
                    self._pace.pause(failure.wait_seconds)
                if not failure.again or not left or wait > min(LONGEST_WAIT_SECONDS, bill.seconds_left):
                    raise
            await asyncio.sleep(wait)
            bill.seconds_left -= wait
            backoff *= 2
        raise AssertionError("the last try returns or raises")

    async def _once(self, prompt: Prompt, bill: Bill) -> Reply:
        loop = asyncio.get_running_loop()
        if bill.seconds_left <= 0:
            raise AskFailed("timeout")
        n_bytes = prompt.n_bytes
        most = self._tariff.most(n_bytes)
        reservation = None if most is None else self._budget.reserve(most)
        if reservation is None:
            raise AskFailed("budget")
        started = loop.time()
        cost: int | None = None
        try:
            reply = await self._send(prompt, min(self._timeout, bill.seconds_left))
            usage = believable(reply.usage, n_bytes, reply.text)
            if usage is not None:
                cost = self._tariff.cost(usage)
                bill.usages.append(usage)
                bill.cost += cost or 0
        except AskFailed as failure:
            cost = None if failure.billed else 0
            raise
        finally:
            # Whatever happened, even that this task was ended: what is not known to be free is spent.
            self._budget.settle(reservation, cost)
            bill.seconds_left -= loop.time() - started
        self._pace.succeeded()
        return reply

    async def _send(self, prompt: Prompt, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                return await self._model.ask(prompt)
        except AskFailed as failure:
            if failure.outcome != "refused":
                self._pace.failed()
            raise
        except TimeoutError:
            self._pace.failed()
            raise AskFailed("timeout", "timeout", again=True) from None
        except Exception as error:
            self._pace.failed()
            # Not its message: that may quote what was judged.
            _log.warning("a request of the judge failed with %s", type(error).__name__)
            raise AskFailed("http_error", "unknown") from None
