"""The numbers of a span: where spans of one shape hold them, and in which unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.dialects._dialect import EventTime, Field, OfSpan, Scaled, Timestamp
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import as_number, decode, number, unquoted
from llm_exporter.record import IMPLAUSIBLE, MAX_COST_PICO, MAX_TOKENS, Numbers
from llm_exporter.vocabulary import attribute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llm_exporter.dialects._dialect import Source
    from llm_exporter.otlp.values import Value

MAX_EVENTS: Final = 64
_SLOTS: Final = (
    Field.INPUT, Field.OUTPUT, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.FIRST_TOKEN, Field.COST,
    Field.TOTAL, Field.UNCACHED, Field.CACHE_WRITE_1H, Field.INPUT_AUDIO, Field.OUTPUT_AUDIO,
)  # fmt: skip
_PICKED: Final = 8
_INPUT, _OUTPUT, _READ, _WRITE, _REASONING, _FIRST_TOKEN, _COST, _TOTAL = range(_PICKED)
_AUDIO: Final = (_SLOTS.index(Field.INPUT_AUDIO), _SLOTS.index(Field.OUTPUT_AUDIO))
_OPTIONAL: Final = frozenset((_TOTAL, *_AUDIO))
"""Slots that only refine what the others say: nonsense in them is nothing said."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIMESTAMP: Final = 64


class Quantities:
    """Where spans with one set of attributes hold the numbers of a call.

    `pick` takes a span's values to the encoded numbers of the first eight slots of `record.Numbers`, each from
    the attribute to try first. `audio` takes them to those of audio tokens; None where there can be none. `more`
    are the sources to try after that; they are all events if `only_events`.
    """

    __slots__ = (
        "_audio",
        "_first",
        "_first_token_factor",
        "_reasoning_outside",
        "_streamed",
        "_zero_cost_is_unknown",
        "audio",
        "more",
        "only_events",
        "pick",
        "says_usage",
    )

    def __init__(
        self,
        keys: Sequence[str],
        sources: Callable[[Field], Iterable[Source]],
        streamed: Callable[[tuple[bytes, ...]], bool] | None = None,
        reasoning_outside: Callable[[tuple[bytes, ...]], bool] | None = None,
        *,
        zero_cost_is_unknown: bool = False,
    ) -> None:
        """Find the places.

        Args:
            keys: The attributes, in the order of the values.
            sources: Returns the sources of a field, best first.
            streamed: Tells whether a call was streamed, for a writer whose time to first token means nothing
                otherwise.
            reasoning_outside: Tells whether reasoning is left out of the output, for a writer that may do so.
            zero_cost_is_unknown: Whether a cost of 0 says nothing.
        """
        self._streamed, self._reasoning_outside = streamed, reasoning_outside
        self._zero_cost_is_unknown = zero_cost_is_unknown
        first, self._first_token_factor = [-1] * len(_SLOTS), 1.0
        self.more: list[tuple[int, Source, int]] = []
        for slot, field in enumerate(_SLOTS):
            # A total tells nothing where there are no parts to find inside or outside it.
            if slot == _TOTAL and not _has_parts(first, self.more):
                continue
            quick = slot < _PICKED or slot in _AUDIO
            if slot == _REASONING and reasoning_outside is not None:
                quick = False
            for source in sources(field):
                key = attribute_of(source)
                if (key and key not in keys) or isinstance(source, OfSpan):
                    continue
                place = keys.index(key) if key else -1
                in_time = isinstance(source, Scaled) and slot == _FIRST_TOKEN
                taken = first[slot] != -1 or any(s == slot for s, _, _ in self.more)
                if taken or not quick or not (isinstance(source, str) or in_time):
                    self.more.append((slot, source, place))
                    continue
                first[slot] = place
                if isinstance(source, Scaled):
                    self._first_token_factor = source.factor
        self.pick = itemgetter(*first[:_PICKED])
        audio = [first[slot] for slot in _AUDIO]
        self.audio = itemgetter(*audio) if max(audio) != -1 else None
        self._first = [(slot, place) for slot, place in enumerate(first) if place != -1]
        self.only_events = all(isinstance(source, EventTime) for _, source, _ in self.more)
        self.says_usage = first[_INPUT] != -1 or first[_OUTPUT] != -1

    def read(self, values: tuple[bytes, ...], span: Any) -> Numbers:
        """Return the numbers of a span: of several places that hold one, the first that is not zero."""
        found: list[int | None] = [None] * len(_SLOTS)
        for slot, place in self._first:
            if values[place]:
                factor = self._first_token_factor if slot == _FIRST_TOKEN else 1
                found[slot] = _scaled(slot, number(values[place]), factor)
        for slot, source, place in self.more:
            if not found[slot]:
                value = _from(slot, source, values[place], span)
                if value is not None:
                    found[slot] = value
        for slot in _OPTIONAL:
            if found[slot] == IMPLAUSIBLE:
                found[slot] = None
        if self._streamed is not None and found[_FIRST_TOKEN] and not self._streamed(values):
            found[_FIRST_TOKEN] = None
        if self._zero_cost_is_unknown and found[_COST] == 0:
            found[_COST] = None
        reasoning, output = found[_REASONING] or 0, found[_OUTPUT] or 0
        if (
            self._reasoning_outside is not None
            and reasoning > 0 <= output
            and self._reasoning_outside(values)
        ):
            found[_OUTPUT] = output + reasoning
        return Numbers(*found)


def _has_parts(first: Sequence[int], more: Sequence[tuple[int, Source, int]]) -> bool:
    slots = (_READ, _WRITE, _REASONING)
    return any(first[slot] != -1 for slot in slots) or any(slot in slots for slot, _, _ in more)


def _from(slot: int, source: Source, raw: bytes, span: Any) -> int | None:
    """Return the number that a source says, in the unit of `Numbers`; `raw` is the value of its attribute."""
    if isinstance(source, EventTime):
        return _event_offset(span, source.event) if span.events else None
    if isinstance(source, Timestamp):
        return _since(decode(raw), span.start)
    if isinstance(source, Scaled):
        return _scaled(slot, number(raw), source.factor)
    found = number(raw) if isinstance(source, str) else as_number(source.read(raw))
    return _scaled(slot, found, 1)


def _scaled(slot: int, value: float | int | None, factor: float) -> int | None:
    field = _SLOTS[slot]
    if value is None:
        return None
    if field is Field.FIRST_TOKEN:
        return first_token_ns(value, factor * 1e9)
    if field is Field.COST:
        return cost_pico(value * factor)
    return tokens(value * factor)


def _since(written: Value, start: int) -> int | None:
    """Return the nanoseconds from `start` to a point in time in ISO 8601 or unix nanoseconds, None if before."""
    at = as_number(written)
    if at is None and isinstance(written, str) and len(written) <= MAX_TIMESTAMP:
        at = _unix_ns(unquoted(written))
    offset = int(at) - start if at is not None else -1
    return first_token_ns(offset, 1) if offset >= 0 else None


def _unix_ns(written: str) -> int | None:
    if written.isdecimal():
        return int(written)
    try:
        said = datetime.fromisoformat(written)
    except ValueError:
        return None
    zoned = said if said.tzinfo is not None else said.replace(tzinfo=UTC)
    return (zoned - _EPOCH) // timedelta(microseconds=1) * 1000


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
