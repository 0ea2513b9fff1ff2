"""Which alerts matchers of Alertmanager let through, and what of that can be told without an alert."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alerts.located import Section

_MATCHER: Final = re.compile(
    r"""\s*(?P<name>"[^"]+"|[\w.:-]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>"(?:[^"\\]|\\.)*"|[^,"{}]*?)\s*(?:,|$)""",
    re.VERBOSE,
)
_LITERAL: Final = re.compile(r"[^.\\+*?^$(){}\[\]|]*")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that an alert does not have is empty."""

    name: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f'{self.name}{self.operator}"{self.value}"'

    def matches(self, value: str) -> bool:
        """Return whether it lets a value through."""
        if self.operator in ("=", "!="):
            return (value == self.value) == (self.operator == "=")
        return bool(re.fullmatch(self.value, value)) == (self.operator == "=~")

    def literals(self) -> frozenset[str] | None:
        """Return the only values that it lets through, where it lists them."""
        if self.operator == "=":
            return frozenset([self.value])
        if self.operator == "=~" and all(map(_LITERAL.fullmatch, alternatives := self.value.split("|"))):
            return frozenset(alternatives)
        return None


def parsed(text: str) -> list[Matcher]:
    """Return the matchers of one item of `matchers`.

    Raises:
        ValueError: it is none.
    """
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    found, position = [], 0
    while position < len(text):
        match = _MATCHER.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is no matcher")
        value = match["value"]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", lambda one: "\n" if one[1] == "n" else one[1], value[1:-1])
        if match["operator"] in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"{value!r} is no regular expression: {error}") from None
        found.append(Matcher(match["name"].strip('"'), match["operator"], value))
        position = match.end()
    return found


def matchers_of(section: Section, prefix: str = "") -> tuple[Matcher, ...]:
    """Return the matchers of a route, or with a prefix those of a side of an inhibition; also in their old forms."""
    found = [one for text in section.items_of(f"{prefix}matchers") for one in parsed(str(text))]
    found += [Matcher(k, "=", str(v)) for k, v in section.section(f"{prefix}match").items()]
    found += [Matcher(k, "=~", str(v)) for k, v in section.section(f"{prefix}match_re").items()]
    return tuple(found)


def possible(matchers: Iterable[Matcher]) -> dict[str, frozenset[str]]:
    """Return for each label that is bound to a few values which of them all matchers let through."""
    matchers = list(matchers)
    found: dict[str, frozenset[str]] = {}
    for matcher in matchers:
        if (literals := matcher.literals()) is not None:
            found[matcher.name] = found.get(matcher.name, literals) & literals
    for name, values in found.items():
        of_name = [matcher for matcher in matchers if matcher.name == name]
        found[name] = frozenset(v for v in values if all(matcher.matches(v) for matcher in of_name))
    return found


def contradiction(matchers: Iterable[Matcher]) -> str:
    """Return the label of which no value gets through all matchers; nothing if none is known to be such."""
    return next((name for name, values in possible(matchers).items() if not values), "")


def implied(matcher: Matcher, given: Iterable[Matcher]) -> bool:
    """Return whether every alert that gets through the given matchers gets through this one."""
    given = list(given)
    if matcher in given or (matcher.operator == "=~" and matcher.value == ".*"):
        return True
    values = possible(given).get(matcher.name)
    return bool(values) and all(map(matcher.matches, values or ()))


@dataclass(frozen=True, slots=True)
class Route:
    """A route with what it inherits; `path` are all matchers that an alert has met on its way here."""

    section: Section
    receiver: str
    matchers: tuple[Matcher, ...]
    path: tuple[Matcher, ...]
    routes: tuple[Route, ...] = field(default=())

    @property
    def goes_on(self) -> bool:
        """Whether an alert that it takes is also offered to the routes after it."""
        return bool(self.section.get("continue"))

    def all(self) -> Iterator[Route]:
        """Yield this route and all below it."""
        yield self
        for route in self.routes:
            yield from route.all()

    def reached(self, labels: Mapping[str, str]) -> list[Route]:
        """Return the routes at which an alert ends, as Alertmanager finds them."""
        if not all(matcher.matches(labels.get(matcher.name, "")) for matcher in self.matchers):
            return []
        found: list[Route] = []
        for route in self.routes:
            if below := route.reached(labels):
                found += below
                if not route.goes_on:
                    break
        return found or [self]


def route_of(section: Section, receiver: str = "", path: tuple[Matcher, ...] = ()) -> Route:
    """Return the tree of routes under a section."""
    receiver = str(section.get("receiver") or receiver)
    own = matchers_of(section)
    path = (*path, *own)
    below = tuple(route_of(one, receiver, path) for one in section.sections_of("routes"))
    return Route(section, receiver, own, path, below)
