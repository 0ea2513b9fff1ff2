"""The numbers of a span: where spans of one shape hold them, and in which unit."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.dialects._dialect import EventTime, Field, Json, Scaled, structured
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import as_number, number
from llm_exporter.record import IMPLAUSIBLE, MAX_COST_PICO, MAX_TOKENS, Numbers
from llm_exporter.vocabulary import attribute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from llm_exporter.dialects._dialect import Documents, Source

MAX_EVENTS: Final = 64
MAX_SCORE: Final = 10**6
_SLOTS: Final = (
    Field.INPUT, Field.OUTPUT, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.FIRST_TOKEN, Field.COST,
    Field.UNCACHED, Field.CACHE_WRITE_1H,
)  # fmt: skip
_PICKED: Final = 7


class Quantities:
    """Where spans with one set of attributes hold the numbers of a call.

    `pick` takes a span's values to the encoded numbers of the first seven slots of `record.Numbers`, each from
    the attribute to try first. `more` are the sources to try after that; they are all events if `only_events`.
    """

    __slots__ = ("_first", "_first_token_factor", "more", "only_events", "pick", "says_usage")

    def __init__(self, keys: Sequence[str], sources: Callable[[Field], Iterable[Source]]) -> None:
        first, self._first_token_factor = [-1] * _PICKED, 1e9
        self.more: list[tuple[int, Source, int]] = []
        for slot, field in enumerate(_SLOTS):
            for source in sources(field):
                key = attribute_of(source)
                if key and key not in keys:
                    continue
                place = keys.index(key) if key else -1
                in_time = isinstance(source, Scaled) and field is Field.FIRST_TOKEN
                taken = slot >= _PICKED or first[slot] != -1 or any(s == slot for s, _, _ in self.more)
                if taken or not (isinstance(source, str) or in_time):
                    self.more.append((slot, source, place))
                    continue
                first[slot] = place
                if isinstance(source, Scaled):
                    self._first_token_factor = source.factor * 1e9
        self.pick = itemgetter(*first)
        self._first = [(slot, place) for slot, place in enumerate(first) if place != -1]
        self.only_events = all(isinstance(source, EventTime) for _, source, _ in self.more)
        self.says_usage = first[0] != -1 or first[1] != -1

    def read(self, values: Sequence[bytes], span: Any) -> Numbers:
        """Return the numbers of a span: of several places that hold one, the first that is not zero."""
        found: list[int | None] = [None] * len(_SLOTS)
        for slot, place in self._first:
            if values[place]:
                found[slot] = _scaled(slot, number(values[place]), self._first_token_factor)
        for slot, source, place in self.more:
            if found[slot]:
                continue
            if isinstance(source, EventTime):
                value = _event_offset(span, source.event) if span.events else None
            elif isinstance(source, Json):
                value = _scaled(slot, as_number(source.read(values[place])), 1e9)
            else:
                factor = source.factor * 1e9 if isinstance(source, Scaled) else 1e9
                value = _scaled(slot, number(values[place]), factor)
            if value is not None:
                found[slot] = value
        return Numbers(*found)


class DocumentList:
    """Where spans with one set of attributes list the documents that a retrieval brought."""

    __slots__ = ("_indexed", "_listed")

    def __init__(self, keys: Collection[str], documents: Sequence[Documents]) -> None:
        self._listed = [key for where in documents for key in where.listed if key in keys]
        self._indexed = _indexed(keys, [prefix for where in documents for prefix in where.indexed])

    def read(self, attributes: Any) -> tuple[int | None, list[int]]:
        """Return how many documents a span lists, None when it does not say, and their scores in billionths."""
        if self._indexed is not None:
            count, scores = self._indexed
            return count, _scores(number(attributes[key]) for key in scores)
        for key in self._listed:
            listed = structured(attributes[key])
            if isinstance(listed, dict):
                listed = listed.get("documents")
            if isinstance(listed, list):
                items = (item for item in listed if isinstance(item, dict))
                return len(listed), _scores(as_number(item.get("score")) for item in items)
        return None, []


def _scaled(slot: int, value: float | int | None, factor: float) -> int | None:
    field = _SLOTS[slot]
    if value is None:
        return None
    if field is Field.FIRST_TOKEN:
        return first_token_ns(value, factor)
    if field is Field.COST:
        return cost_pico(value)
    return tokens(value)


def _indexed(keys: Collection[str], prefixes: Sequence[str]) -> tuple[int, tuple[str, ...]] | None:
    """Return how many documents the attribute names number, and which of them hold a score."""
    indexes, scores = set(), []
    for key in keys:
        for prefix in prefixes:
            if key.startswith(prefix):
                index, _, rest = key[len(prefix) :].partition(".")
                if index.isdecimal():
                    indexes.add((prefix, index))
                    if rest == "document.score":
                        scores.append(key)
    return (len(indexes), tuple(sorted(scores))) if indexes else None


def _scores(found: Iterable[float | int | None]) -> list[int]:
    """Return scores in billionths, without those beyond a million, which no measure of likeness reaches."""
    return [round(score * 10**9) for score in found if score is not None and abs(score) <= MAX_SCORE]


def tokens(value: float | int) -> int:
    """Return a token count, `IMPLAUSIBLE` for what cannot be one."""
    return int(value) if 0 <= value <= MAX_TOKENS and value == int(value) else IMPLAUSIBLE


def cost_pico(usd: float | int) -> int:
    """Return a reported cost in picodollars, `IMPLAUSIBLE` when negative or above 10,000 USD for one call."""
    return round(usd * 10**12) if 0 <= usd * 10**12 <= MAX_COST_PICO else IMPLAUSIBLE


def first_token_ns(value: float | int, factor: float) -> int:
    """Return a time to first token in nanoseconds, `IMPLAUSIBLE` when negative or over a day."""
    return round(value * factor) if 0 <= value * factor <= 86_400 * 10**9 else IMPLAUSIBLE


def _event_offset(span: Any, name: str) -> int | None:
    wanted = name.encode()
    for raw in span.events[:MAX_EVENTS]:
        if wanted in raw:
            try:
                event = parse_event(raw)
            except DecodeError:
                continue
            if event.name == wanted and event.time >= span.start:
                return first_token_ns(event.time - span.start, 1)
    return None
