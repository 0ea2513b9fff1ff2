"""The documents of a span: how many a retrieval or a reranker brought, how they scored, and which they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter.dialects._dialect import MAX_JSON, structured
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import as_number, as_text, decode, number, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from llm_exporter.dialects._dialect import Documents, Json
    from llm_exporter.otlp.values import Value

SCORES: Final = ("score", "relevanceScore", "relevance_score")
"""What the score of a document is called in a list: the last two by rerankers."""
MAX_SCORE: Final = 10**6
MAX_DOCUMENTS: Final = 10**6
MAX_EVENTS: Final = 128
"""Events of a span that are looked at: as many as SDKs keep unless they are told otherwise."""
MAX_QUERY: Final = 65_536
"""Characters of what was asked for that are looked at."""
Measure = float | int | None


class Brought(NamedTuple):
    """What a span says of the documents that it brought."""

    documents: int | None = None
    """How many; None where it does not say."""
    scores: tuple[int, ...] = ()
    """In billionths, as are distances."""
    distances: tuple[int, ...] = ()


class DocumentList:
    """Where spans with one set of attributes tell of documents, by one or several dialects, the best first."""

    __slots__ = (
        "_all_events",
        "_best_distance",
        "_best_score",
        "_counted",
        "_events",
        "_indexed",
        "_listed",
        "_of",
    )

    def __init__(self, keys: Collection[str], documents: Sequence[Documents]) -> None:
        self._of = documents
        self._listed = [key for where in documents for key in where.listed if key in keys]
        self._indexed = _indexed(keys, documents)
        self._events = {event.encode(): event for where in documents for event in where.events}
        self._all_events = any(key in keys for where in documents for key in where.all_events)
        self._counted = [key for where in documents for key in where.counted if key in keys]
        self._best_score = [key for where in documents for key in where.best_score if key in keys]
        self._best_distance = [key for where in documents for key in where.best_distance if key in keys]

    def read(self, attributes: Any, span: Any) -> Brought:
        """Return what a span says of its documents."""
        count, scores, distances = self._each(attributes, span)
        said = (number(attributes[key]) for key in self._counted)
        count = next((int(n) for n in said if n is not None and 0 <= n <= MAX_DOCUMENTS), count)
        if not scores and not distances:
            scores = [number(attributes[key]) for key in self._best_score[:1]]
            distances = [number(attributes[key]) for key in self._best_distance[:1]]
        return Brought(count, _billionths(scores), _billionths(distances))

    def _each(self, attributes: Any, span: Any) -> tuple[int | None, list[Measure], list[Measure]]:
        """Return how many documents are told of one by one, None where none can be, with what each of them says."""
        if self._indexed is not None:
            count, keys = self._indexed
            return count, [number(attributes[key]) for key in keys], []
        for key in self._listed:
            listed = _list_in(attributes[key])
            if listed is not None:
                items = [*_objects(listed)]
                scores = [
                    next((as_number(item[key]) for key in SCORES if key in item), None) for item in items
                ]
                distances = [as_number(item.get("distance")) for item in items]
                return len(listed), scores, distances
        if self._events and (self._all_events or span.events):
            told = [*_told(self._events, span)]
            if told or self._all_events:
                scores = [
                    number(said.get(f"{event}.score") or said.get("_score", b"")) for event, said in told
                ]
                return len(told), scores, [number(said.get(f"{event}.distance", b"")) for event, said in told]
        return None, [], []

    def asked(self, attributes: Any, span: Any) -> tuple[str, list[str]]:
        """Return what was asked for and the ids of the documents that came, best first. Nothing of it is to be kept.

        It looks through all attributes of the span: it is only for spans whose queries may have labels of relevance.
        """
        query = next(
            filter(None, (_query(source, attributes) for where in self._of for source in where.queries)), ""
        )
        for key in self._listed:
            listed = _list_in(attributes[key])
            if listed is not None:
                return query, _ids(item.get("id") for item in _objects(listed))
        numbered = [
            (int(index), attributes[key])
            for key in attributes
            for index, rest in _places(key, self._of)
            if rest == "document.id"
        ]
        if numbered:
            return query, _ids(decode(raw) for _, raw in sorted(numbered))
        told = _told(self._events, span) if self._events else ()
        return query, _ids(decode(said.get(f"{event}.id") or said.get("_id", b"")) for event, said in told)


def _query(source: str | Json, attributes: Any) -> str:
    """Return what was asked for, empty where it is not said here."""
    if isinstance(source, str):
        return text(attributes.get(source, b""))[:MAX_QUERY]
    return as_text(source.read(attributes.get(source.attribute, b"")))[:MAX_QUERY]


def _list_in(raw: bytes) -> list[Value] | None:
    """Return the list in an attribute, or that of the `documents` in an object."""
    found = structured(raw)
    if isinstance(found, dict):
        found = found.get("documents")
    return found if isinstance(found, list) else None


def _objects(listed: Iterable[Value]) -> Iterator[dict[str, Value]]:
    """Yield the objects of a list, whose items may be JSON each."""
    for item in listed:
        found = item
        if isinstance(item, str) and item.startswith("{") and len(item) <= MAX_JSON:
            try:
                found = json.loads(item)
            except (ValueError, RecursionError):
                continue
        if isinstance(found, dict):
            yield found


def _told(events: Mapping[bytes, str], span: Any) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Yield the names and attributes of those of a span's events that each tell of a document."""
    for raw in span.events[:MAX_EVENTS]:
        if any(name in raw for name in events):
            try:
                event = parse_event(raw)
            except DecodeError:
                continue
            if event.name in events:
                yield events[event.name], event.attributes


def _places(key: str, documents: Sequence[Documents]) -> Iterator[tuple[str, str]]:
    """Yield the index of the document that an attribute is about, and what it says of it."""
    for where in documents:
        for prefix in where.indexed:
            if key.startswith(prefix):
                index, _, rest = key[len(prefix) :].partition(".")
                if index.isdecimal() and index.isascii():
                    yield index, rest


def _indexed(keys: Collection[str], documents: Sequence[Documents]) -> tuple[int, tuple[str, ...]] | None:
    """Return how many documents the attribute names number, and which of them hold a score."""
    indexes, scores = set(), []
    for key in keys:
        for index, rest in _places(key, documents):
            indexes.add(index)
            if rest == "document.score":
                scores.append(key)
    return (len(indexes), tuple(sorted(scores))) if indexes else None


def _billionths(found: Iterable[Measure]) -> tuple[int, ...]:
    """Return measures in billionths, without those beyond a million, which no measure of likeness reaches."""
    return tuple([round(value * 10**9) for value in found if value is not None and abs(value) <= MAX_SCORE])


def _ids(found: Iterable[Value]) -> list[str]:
    return [name for value in found if (name := as_text(value))]
