"""Which answers are judged: of every route about equally many, each with a probability that is known.

A route is what has the same service, environment, team and feature. In each window of time the `per_route` calls
with the smallest salted hash of their ids are drawn (bottom-k), out of N that were offered: each had the probability
k/N, whatever N turns out to be, and the volume is the same for a route with ten calls and for one with a million.
The salt makes the draw independent of samplers before this one that look at the same bits of the trace id.

A call that stands for several (see `sampling`) is as much more likely to be drawn, by dividing an exponential
variate by its weight; so the plain mean over what was drawn of a route is the weighted mean.
"""

from __future__ import annotations

import math
import os
import threading
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from llm_exporter.judge.item import Item, Who
from llm_exporter.record import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llm_exporter.content import Content
    from llm_exporter.record import Record

OTHER_ROUTES: Final = Who("__other__", "__other__", "__other__", "__other__")
JUDGED_OPERATIONS: Final = frozenset({"", "chat", "text_completion"})
_BITS: Final = 1 << 64


class Counts(Protocol):
    """Where the sampler tells what became of a call."""

    def offered(self, who: Who, evaluators: tuple[str, ...], times: int) -> None:
        """Count a call that could be drawn."""
        ...

    def outcome(self, who: Who, evaluators: Iterable[str], outcome: str, times: int = 1) -> None:
        """Count what will not be judged."""
        ...

    def ratio(self, who: Who, evaluator: str, ratio: float) -> None:
        """Set the share of calls that was drawn in the last window."""
        ...


class Rules(NamedTuple):
    """How much is drawn, and of what."""

    per_route: int = 20
    window_seconds: float = 300.0
    max_routes: int = 200
    """Most routes in a window; the calls of further ones are drawn from together."""
    max_waiting: int = 1000
    """Most items of routes that are always judged that wait to be taken."""
    always: Callable[[Who], bool] = lambda _: False
    """Whether every call of a route is judged."""


class _Route:
    """The calls of one route in one window."""

    __slots__ = ("due", "heap", "offered", "serial")

    def __init__(self, due: float) -> None:
        self.due = due
        self.heap: list[tuple[float, int, Item]] = []
        """Largest rank first, negated; at most k."""
        self.offered: dict[str, int] = {}
        """Calls by evaluator."""
        self.serial = 0

    def offer(self, rank: float, item: Item, times: int, k: int) -> None:
        for name in item.evaluators:
            self.offered[name] = self.offered.get(name, 0) + times
        self.serial += 1
        entry = (-rank, self.serial, item)
        if len(self.heap) < k:
            heappush(self.heap, entry)
        else:
            heappushpop(self.heap, entry)


class Sampler:
    """Draws answers. Implements `content.Listener`; safe to use from several threads.

    Args:
        rules: How much is drawn.
        applies: Names of the evaluators that can say something of an item.
        counts: Is told of every call.
        now: Unix seconds: so windows of replicas end together.
        salt: Replicas with the same salt draw the same calls of those that reach both; random when empty.
    """

    def __init__(
        self,
        rules: Rules,
        applies: Callable[[Item], tuple[str, ...]],
        counts: Counts,
        now: Callable[[], float],
        salt: bytes = b"",
    ) -> None:
        self._rules = rules
        self._applies = applies
        self._counts = counts
        self._now = now
        self._salt = blake2b(salt or os.urandom(32), digest_size=32).digest()
        self._lock = threading.Lock()
        self._routes: dict[Who, _Route] = {}
        self._always: list[Item] = []

    def answered(
        self,
        call: Record,
        content: Content,
        documents: Sequence[str],
        trace_id: bytes,
        span_id: bytes,
        finish: str,
        times: int,
    ) -> None:
        """Offer a call that was counted. Those without an answer of their own to judge are left out."""
        if call.kind is not Kind.CALL or call.failed or call.operation not in JUDGED_OPERATIONS:
            return
        if finish == "tool_calls":
            return
        who = Who(call.service_name, call.environment, call.team, call.feature)
        item = Item(who, content.question, content.answer, tuple(documents), trace_id, span_id)
        item = item._replace(evaluators=self._applies(item))
        if not item.evaluators:
            return
        if not content.question or not (content.answer or content.said_answer):
            self._counts.outcome(who, item.evaluators, "no_content", times)
            return
        self._counts.offered(who, item.evaluators, times)
        with self._lock:
            self._offer(item, times)

    def take(self) -> list[Item]:
        """Return what was drawn in the windows that are over, and what is always judged."""
        now = self._now()
        with self._lock:
            taken, self._always = self._always, []
            for name, ratio in {(item.who, name): 1.0 for item in taken for name in item.evaluators}.items():
                self._counts.ratio(*name, ratio)
            for who in [who for who, route in self._routes.items() if route.due <= now]:
                taken += self._drawn(who, self._routes.pop(who))
        return taken

    def _offer(self, item: Item, times: int) -> None:
        if self._rules.always(item.who):
            if len(self._always) < self._rules.max_waiting:
                self._always.append(item)
            else:
                self._counts.outcome(item.who, item.evaluators, "queue_full")
            return
        route = self._routes.get(item.who)
        if route is None:
            who = item.who if len(self._routes) < self._rules.max_routes else OTHER_ROUTES
            route = self._routes.get(who)
            if route is None:
                route = self._routes[who] = _Route(self._end_of_window(who))
        route.offer(self._rank(item, times), item, times, self._rules.per_route)

    def _rank(self, item: Item, times: int) -> float:
        # Ids of calls that have none say nothing: they must not all be drawn, or none of them.
        ids = item.trace_id + item.span_id if any(item.trace_id) else os.urandom(24)
        drawn = int.from_bytes(blake2b(ids, digest_size=8, key=self._salt).digest())
        return -math.log((drawn + 0.5) / _BITS) / times

    def _end_of_window(self, who: Who) -> float:
        """Return when the window ends, at a moment of its own for each route: so the judge's load is spread."""
        window = self._rules.window_seconds
        own = int.from_bytes(blake2b("\0".join(who).encode("utf-8", "replace"), digest_size=8).digest())
        offset = own / _BITS * window
        return math.floor((self._now() - offset) / window + 1) * window + offset

    def _drawn(self, who: Who, route: _Route) -> list[Item]:
        items = [item for _, _, item in sorted(route.heap, key=lambda entry: entry[:2], reverse=True)]
        of = dict.fromkeys(route.offered, 0)
        for item in items:
            for name in item.evaluators:
                of[name] += 1
        owners = {who} if who != OTHER_ROUTES else {item.who for item in items}
        for name, offered in route.offered.items():
            for owner in owners:
                self._counts.ratio(owner, name, of[name] / offered)
        return items
