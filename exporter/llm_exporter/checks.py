"""Checks of guardrails that spans tell of which stand for something else: in their events, or beside what they say."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter import dialects
from llm_exporter.dialects._dialect import Derived, OfSpan, Scaled
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import as_text, number, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from llm_exporter.dialects._dialect import Check, Dialect

MAX_EVENTS: Final = 64
NAME_WITHIN: Final = 64
"""Bytes of an encoded event within which its name stands: it comes after the time and before all attributes."""
MAX_SECONDS: Final = 86_400
UNKNOWN: Final = -1
DIRECTIONS: Final = {
    "completion": "output",
    "input": "input",
    "output": "output",
    "prompt": "input",
    "request": "input",
    "response": "output",
}
ACTIONS: Final = {
    "": "allow",
    "allow": "allow",
    "allowed": "allow",
    "block": "block",
    "blocked": "block",
    "error": "error",
    "fail": "block",
    "failed": "block",
    "false": "allow",
    "flag": "flag",
    "flagged": "flag",
    "mask": "mask",
    "masked": "mask",
    "none": "allow",
    "pass": "allow",
    "passed": "allow",
    "redact": "mask",
    "true": "block",
}


class Checked(NamedTuple):
    """What a guardrail did, in the catalogue's words."""

    guardrail: str
    direction: str
    action: str
    duration: int = UNKNOWN
    """Nanoseconds; negative where it is not said."""


class Told:
    """Which checks spans with one set of attributes tell of.

    `may` is whether they can by what they have: attributes that tell of one, or a dialect that has events for it.
    """

    __slots__ = ("_attributes", "_events", "may")

    def __init__(
        self, keys: Collection[str] = (), dialect: Dialect | None = None, disabled: Collection[str] = ()
    ) -> None:
        self._events = _events(frozenset(disabled))
        own = {one.name: one for one in (dialect, dialects.fallback()) if one is not None}
        self._attributes = [
            (one, check)
            for one in own.values()
            for check in one.checks
            if not check.event and check.attribute in keys
        ]
        # Its dialect has such events, or an attribute beside them shows that it has one.
        of_events = [check for writer, check in self._events.values() if writer is dialect]
        beside = [check for _, check in self._events.values() if check.attribute in keys]
        self.may = bool(self._attributes or of_events or beside)

    def read(self, attributes: Any, span: Any) -> tuple[Checked, ...]:
        """Return the checks that a span tells of. One without a verdict says nothing, and is none."""
        found = [_checked(writer, check, attributes, attributes) for writer, check in self._attributes]
        if self._events:
            events = [*self._in_events(span)]
            for writer, check, said in events:
                # What a span says beside its events, it says of the last.
                alone = sum(other is check for _, other, _ in events) == 1
                found.append(_checked(writer, check, said, attributes if alone else {}))
        return tuple([one for one in found if one is not None])

    def _in_events(self, span: Any) -> Iterator[tuple[Dialect, Check, Mapping[str, bytes]]]:
        """Yield the checks that the span's events tell of: who wrote it, how it is told, and what is said."""
        for raw in span.events[:MAX_EVENTS]:
            start = raw[:NAME_WITHIN]
            if any(name in start for name in self._events):
                try:
                    event = parse_event(raw)
                except DecodeError:
                    continue
                known = self._events.get(event.name)
                if known is not None:
                    yield (*known, event.attributes)


@lru_cache(maxsize=16)
def _events(disabled: frozenset[str]) -> Mapping[bytes, tuple[Dialect, Check]]:
    """Return the checks that events tell of, by the event's name, each with its dialect."""
    return {
        check.event.encode(): (dialect, check)
        for dialect in dialects.all_dialects().values()
        if dialect.name not in disabled
        for check in dialect.checks
        if check.event
    }


def looked_for(resource: bytes, disabled: Collection[str] = ()) -> tuple[bytes, ...]:
    """Return the names of events that any span under an encoded Resource may have, whatever it is about."""
    return tuple(
        event
        for event, (_, check) in _events(frozenset(disabled)).items()
        if check.resource and check.resource.encode() in resource
    )


def _checked(writer: Dialect, check: Check, said: Any, beside: Any) -> Checked | None:
    """Return the check that attributes tell of, those of an event or a span; `beside` may say its direction too."""
    verdict = check.did or _first(check.verdicts, said)
    if not verdict:
        return None
    word = verdict.lower()
    done = check.words.get(word) or writer.verdicts.get(word) or check.words.get("*")
    way = check.checked or _first(check.directions, said) or _first(check.directions, beside)
    took = (_seconds(source, said) for source in check.latencies)
    return Checked(
        _first(check.names, said) or check.called,
        direction(way, writer.directions),
        done or ACTIONS.get(word, "flag"),
        next((round(seconds * 1e9) for seconds in took if 0 <= seconds <= MAX_SECONDS), UNKNOWN),
    )


def direction(said: str, own: Mapping[str, str]) -> str:
    """Return the catalogue's direction, empty for a word that means none or both; `own` are the writer's words."""
    # Some write the member of an enum.
    word = said.lower().rpartition(".")[2]
    return own.get(word) or DIRECTIONS.get(word, "")


def _first(sources: Iterable[str | Derived], said: Any) -> str:
    for source in sources:
        if isinstance(source, OfSpan):
            continue
        raw = said.get(source if isinstance(source, str) else source.attribute, b"")
        word = text(raw) if isinstance(source, str) else as_text(source.read(raw))
        if word:
            return word
    return ""


def _seconds(source: str | Scaled, said: Any) -> float:
    key, factor = (source, 1.0) if isinstance(source, str) else (source.attribute, source.factor)
    value = number(said.get(key, b""))
    return UNKNOWN if value is None else value * factor
