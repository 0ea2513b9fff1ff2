"""What the fake provider served, exactly: the truth that the exporter's metrics are compared with."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

MAX_KEYS = 1000
"""Most different keys of one book; what comes after is counted under its overflow key."""


class Request(NamedTuple):
    """One row of `Ledger.requests`."""

    model: str
    operation: str
    status: str
    stream: bool


class Tokens(NamedTuple):
    """One row of `Ledger.tokens`; the types are disjoint, so they add up to what a provider bills."""

    model: str
    operation: str
    token_type: str


class Failure(NamedTuple):
    """One row of `Ledger.errors`."""

    model: str
    operation: str
    error_type: str


class Finish(NamedTuple):
    """One row of `Ledger.finish_reasons`."""

    model: str
    finish_reason: str


class ToolCall(NamedTuple):
    """One row of `Ledger.tool_calls`: a call that the model asked for."""

    model: str
    tool: str


class Refusal(NamedTuple):
    """One row of `Ledger.refusals`: a message with `refusal` in place of `content`."""

    model: str


@dataclass(slots=True)
class Ledger:
    """Counts by key. `model` is the name that the client asked for, without the version in the answer."""

    requests: Counter[Request] = field(default_factory=Counter)
    tokens: Counter[Tokens] = field(default_factory=Counter)
    errors: Counter[Failure] = field(default_factory=Counter)
    finish_reasons: Counter[Finish] = field(default_factory=Counter)
    tool_calls: Counter[ToolCall] = field(default_factory=Counter)
    refusals: Counter[Refusal] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *rows: tuple[NamedTuple, int]) -> None:
        """Count rows, each under its own type, all at once: no reader sees half a request."""
        books: dict[type, Counter[Any]] = {
            Request: self.requests,
            Tokens: self.tokens,
            Failure: self.errors,
            Finish: self.finish_reasons,
            ToolCall: self.tool_calls,
            Refusal: self.refusals,
        }
        with self._lock:
            for key, count in rows:
                book = books[type(key)]
                if count and (key in book or len(book) < MAX_KEYS):
                    book[key] += count
                elif count:
                    book[key._make("__other__" for _ in key)] += count

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The ledger as JSON-ready lists of rows, each with its `count`."""
        with self._lock:
            return {
                book.name: [
                    {**key._asdict(), "count": n}
                    for key, n in sorted(getattr(self, book.name).items(), key=repr)
                ]
                for book in fields(self)
                if not book.name.startswith("_")
            }

    @property
    def served(self) -> int:
        """All requests so far, failed ones included."""
        with self._lock:
            return self.requests.total()
