"""The evaluator that asks a model: all rubrics about an item in one request."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from llm_exporter.judge.asking import AskFailed, Bill
from llm_exporter.judge.item import Verdict
from llm_exporter.judge.prompt import prompt
from llm_exporter.judge.reply import read_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_exporter.judge.asking import Asking
    from llm_exporter.judge.item import Item, Who
    from llm_exporter.judge.rubrics import Rubric

_log = logging.getLogger("llm_exporter.judge")

CACHE_SIZE: Final = 10_000
CACHE_SECONDS: Final = 86_400.0


class Costs(Protocol):
    """Where it is told what judging took."""

    def cost(self, who: Who, evaluators: Sequence[str], bill: Bill, seconds: float) -> None:
        """Count the requests about one item, which were about these evaluators together."""
        ...


class _Kept(NamedTuple):
    until: float
    verdicts: Mapping[str, Verdict]


class RubricJudge:
    """Asks a model about rubrics. Implements `item.Evaluator`.

    The verdicts on an item are remembered, without any text, and hold for the same question, documents and answer
    again.
    """

    def __init__(
        self, rubrics: Sequence[Rubric], asking: Asking, costs: Costs, *, model: str, total_seconds: float
    ) -> None:
        self._rubrics = tuple(rubrics)
        self._asking = asking
        self._costs = costs
        self._total_seconds = total_seconds
        self.names = tuple(rubric.evaluator for rubric in self._rubrics)
        self._without_documents = tuple(r.evaluator for r in self._rubrics if not r.needs_documents)
        self._identity = repr((model, *((r.evaluator, r.version, r.ask) for r in self._rubrics))).encode()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def applies(self, item: Item) -> tuple[str, ...]:
        """Return the rubrics that can be told of an item."""
        return self.names if item.documents else self._without_documents

    async def evaluate(self, item: Item) -> Mapping[str, Verdict]:
        """Return a verdict on each rubric, from memory if there is one."""
        key = self._key(item)
        kept = self._kept.get(key)
        now = asyncio.get_running_loop().time()
        if kept is not None and kept.until > now:
            self._kept.move_to_end(key)
            return {name: verdict._replace(outcome="cached") for name, verdict in kept.verdicts.items()}
        verdicts = await self.judge(item)
        if all(verdict.holds for verdict in verdicts.values()):
            bare = {name: verdict._replace(explanation="") for name, verdict in verdicts.items()}
            self._kept[key] = _Kept(now + CACHE_SECONDS, bare)
            if len(self._kept) > CACHE_SIZE:
                self._kept.popitem(last=False)
        return verdicts

    async def judge(self, item: Item) -> Mapping[str, Verdict]:
        """Return a verdict on each rubric from the model, whatever is remembered."""
        asked = tuple(rubric for rubric in self._rubrics if rubric.evaluator in item.evaluators)
        names = tuple(rubric.evaluator for rubric in asked)
        if not asked:
            return {}
        bill = Bill(self._total_seconds)
        started = asyncio.get_running_loop().time()
        try:
            verdicts = await self._verdicts(asked, item, bill)
        except AskFailed as failure:
            failed = Verdict(failure.outcome, error=failure.error_type or _error_of(failure.outcome))
            verdicts = dict.fromkeys(names, failed)
        except Exception as error:
            _log.warning("judging an answer failed with %s", type(error).__name__)
            verdicts = dict.fromkeys(names, Verdict("http_error", error="unknown"))
        finally:
            self._costs.cost(item.who, names, bill, asyncio.get_running_loop().time() - started)
        return verdicts

    async def _verdicts(self, asked: tuple[Rubric, ...], item: Item, bill: Bill) -> dict[str, Verdict]:
        request = prompt(asked, item, secrets.token_hex(8))
        found: dict[str, Verdict] = {}
        missing = asked
        for repeat in (False, True):
            try:
                reply = await self._asking.ask(request.again() if repeat else request, bill)
            except AskFailed:
                if not repeat:
                    raise
                break
            judgement = read_reply(reply.text, asked)
            if reply.refused or judgement.refused:
                bill.errors.append("refusal")
                return {rubric.evaluator: Verdict("refused", error="refusal") for rubric in asked}
            # A first verdict stays where only another one was not of the form.
            found = judgement.verdicts | found
            missing = tuple(rubric for rubric in asked if rubric.evaluator not in found)
            if not missing:
                return found
            bill.errors.append("unknown")
        return found | {rubric.evaluator: Verdict("parse_error", error="unknown") for rubric in missing}

    def _key(self, item: Item) -> bytes:
        digest = blake2b(digest_size=16)
        for text in (item.question, item.answer, *item.documents):
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
        digest.update(self._identity)
        digest.update(repr(item.evaluators).encode())
        return digest.digest()


def _error_of(outcome: str) -> str:
    """Return the error type of a failure for which no request was sent."""
    return {"budget": "quota", "timeout": "timeout"}.get(outcome, "unknown")
