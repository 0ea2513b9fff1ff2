"""An answer that was drawn, and what an evaluator says of it: the one shape that all evaluators have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Who(NamedTuple):
    """Whose call it is: the labels that make a route."""

    service_name: str = ""
    environment: str = ""
    team: str = ""
    feature: str = ""


class Item(NamedTuple):
    """One answer with what it answers."""

    who: Who
    question: str
    answer: str
    documents: tuple[str, ...] = ()
    """What retrievals brought before the call."""
    trace_id: bytes = b""
    span_id: bytes = b""
    evaluators: tuple[str, ...] = ()
    """Names of the evaluators that can say something of it."""


class Verdict(NamedTuple):
    """What one evaluator says of one item."""

    outcome: str
    """Of the catalogue's `outcome`: `judged` or `cached` where there is a result."""
    score: float | None = None
    """As on the evaluator's own scale; None where there is none: it does not apply, or it failed."""
    label: str = ""
    """`pass`, `fail` or `na`."""
    explanation: str = ""
    """What the judge gives as its reason: content, which leaves this process only where that is allowed."""
    error: str = ""
    """Of the catalogue's `error_type`, where it failed."""

    @property
    def holds(self) -> bool:
        """Whether this is a result, and not a failure."""
        return self.outcome in ("judged", "cached")


class Evaluator(Protocol):
    """Says something of items under one or several names."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a verdict may have."""
        ...

    def applies(self, item: Item) -> tuple[str, ...]:
        """Return the names under which it can say something of an item. Cheap: asked for every call."""
        ...

    async def evaluate(self, item: Item) -> Mapping[str, Verdict]:
        """Return exactly one verdict for each name in `item.evaluators` that is its own. Never raises."""
        ...
