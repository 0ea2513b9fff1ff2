"""Which attributes mean anything at all, under the configuration, and what a resource says of its spans."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from llm_exporter import catalogue as c
from llm_exporter import dialects
from llm_exporter.dialects._dialect import EventAttribute, EventTime, SpanName, When
from llm_exporter.otlp.values import text
from llm_exporter.record import Context, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from llm_exporter.dialects._dialect import Check, Dialect, Documents, Source

MAX_CONTEXTS: Final = 4096
INHERITED: Final = (c.ENVIRONMENT, c.TEAM, c.FEATURE, c.USER_TIER, c.CUSTOMER)
"""Labels that any span may set, and its resource for those that do not."""
CORE_MARKS: Final = (b"gen_ai.", b".span.kind", b"ai.operationId")
"""What the spans of OpenTelemetry's own instrumentations are searched for: most are of HTTP and databases, and
those for LLMs write the conventions."""
_COMMUNITY: Final = (
    "opentelemetry.instrumentation.*",
    "@opentelemetry/instrumentation-*",
    "io.opentelemetry.*",
    "go.opentelemetry.io/*",
    "OpenTelemetry.Instrumentation.*",
)
"""Names of the scopes of OpenTelemetry's own instrumentations."""


class Tally:
    """How many spans of one dialect and kind were read since this was last asked."""

    __slots__ = ("spans",)

    def __init__(self) -> None:
        self.spans = 0


class Vocabulary:
    """Which attributes mean anything at all, under the configuration: extra label attributes, disabled dialects."""

    def __init__(
        self,
        extra_attributes: Mapping[str, Sequence[str]] | None = None,
        disabled: Collection[str] = (),
        cache_in_input: Sequence[tuple[When, bool]] = (),
    ) -> None:
        extra = extra_attributes or {}
        self.disabled = frozenset(disabled)
        self.cache_in_input = tuple(cache_in_input)
        self.label_attributes = {
            label.name: (*extra.get(label.name, ()), *label.attributes)
            for label in (c.SERVICE_NAME, *INHERITED)
        }
        self._contexts: dict[tuple[str, ...], Context] = {}
        self.tallies: dict[tuple[str, Kind], Tally] = {}
        """By dialect and kind, so that no span goes uncounted when plans are dropped."""
        found = dialects.all_dialects().values()
        self._keys = frozenset(
            key
            for dialect in found
            for key in (
                *dialect.keys,
                *dialect.shared,
                *dialect.values,
                *(name for name, _ in dialect.implied),
                *(key for where in _documents(dialect) for key in where.attributes),
                *(key for check in dialect.checks for key in _of_check(check)),
                *(name for sources in dialect.fields.values() for name in map(attribute_of, sources) if name),
                *_ends_of(dialect),
            )
        ) | frozenset(key for keys in self.label_attributes.values() for key in keys)
        # One representative per prefix is enough to claim a span, but each indexed document is a number to read.
        self._indexed = tuple(
            prefix for dialect in found for where in _documents(dialect) for prefix in where.indexed
        )
        self._prefixes = tuple(prefix for dialect in found for prefix in dialect.prefixes)
        self._scopes = tuple(pattern for dialect in found for pattern in dialect.scopes)

    def marks_for(self, scope: str) -> tuple[bytes, ...]:
        """Return what spans of this scope must have one of to be worth reading; none means that all are read.

        A search for one mark takes a fifth of the time in which a span is read, so that only few are worth it.
        """
        if any(fnmatchcase(scope, pattern) for pattern in self._scopes):
            return ()
        return CORE_MARKS if any(fnmatchcase(scope, pattern) for pattern in _COMMUNITY) else ()

    def tally(self, dialect: str, kind: Kind) -> Tally:
        """Return the tally of this dialect's spans of this kind."""
        return self.tallies.setdefault((dialect, kind), Tally())

    def known(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return the keys that mean something, in a fixed order, so that big shapes share plans."""
        kept = set()
        seen = set()
        for key in keys:
            if key in self._keys or key.startswith(self._indexed):
                kept.add(key)
            elif key.startswith(self._prefixes):
                # One dialect's prefix may begin with another's.
                prefixes = tuple(prefix for prefix in self._prefixes if key.startswith(prefix))
                if prefixes not in seen:
                    seen.add(prefixes)
                    kept.add(key)
        return tuple(sorted(kept))

    def context(self, attributes: Mapping[str, bytes]) -> Context:
        """Return what a resource says of its spans."""
        values = tuple(self.label(attributes, name) for name in self.label_attributes)
        context = self._contexts.get(values)
        if context is None:
            if len(self._contexts) >= MAX_CONTEXTS:
                self._contexts.clear()
            context = self._contexts[values] = Context(
                **dict(zip(self.label_attributes, values, strict=True))
            )
        return context

    def label(self, attributes: Mapping[str, bytes], label: str) -> str:
        """Return the value that attributes give to a label, empty where they give none."""
        for key in self.label_attributes[label]:
            found = text(attributes.get(key, b""))
            if found:
                return found
        return ""


def _documents(dialect: Dialect) -> tuple[Documents, ...]:
    return dialect.documents, dialect.reranked, dialect.candidates


def _of_check(check: Check) -> Iterator[str]:
    """Yield the attributes of spans that tell of a check."""
    if check.attribute:
        yield check.attribute
    if not check.event:
        yield from check.names
        yield from map(attribute_of, check.verdicts)
        yield from map(attribute_of, check.latencies)
    yield from check.directions


def _ends_of(dialect: Dialect) -> Iterator[str]:
    """Yield the attributes whose presence ends one of a dialect's conventions, or makes names say nothing."""
    for when in (*dialect.cache_outside_input, *dialect.reasoning_outside_output):
        if when.without:
            yield when.without
    for sources in dialect.fields.values():
        for source in sources:
            if isinstance(source, SpanName) and source.without:
                yield source.without


def attribute_of(source: Source) -> str:
    """Return the attribute that a source reads, empty for events and for the span's name."""
    if isinstance(source, str):
        return source
    return "" if isinstance(source, EventTime | SpanName | EventAttribute) else source.attribute
