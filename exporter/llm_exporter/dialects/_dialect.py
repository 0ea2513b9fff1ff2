"""What a dialect is: a table from the exporter's fields to the places where one instrumentation writes them.

A dialect is data. It says which spans are its own, and per field which attributes hold it, in order of
preference; what it leaves open is filled from the semantic conventions (`semconv`). It never sees a metric, a
price or a label.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from llm_exporter.otlp.values import Value, decode, text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Field(Enum):
    """What can be read from a span."""

    OPERATION = "operation"
    PROVIDER = "provider"
    RESPONSE_MODEL = "response_model"
    REQUEST_MODEL = "request_model"
    FINISH_REASON = "finish_reason"
    STREAM = "stream"
    SERVICE_TIER = "service_tier"
    ERROR_TYPE = "error_type"
    FAILED = "failed"
    """A word or flag that says that the span failed, where the status does not."""
    TOOL = "tool"
    AGENT = "agent"
    """The agent that acts: on its own span, and on the tool spans that it causes."""
    AGENT_RUN = "agent_run"
    """The agent's name where only an agent's own span has it."""
    RETRIEVER = "retriever"
    GUARDRAIL = "guardrail"
    VERDICT = "verdict"
    DIRECTION = "direction"
    PROMPT_NAME = "prompt_name"
    PROMPT_VERSION = "prompt_version"

    INPUT = "input"
    OUTPUT = "output"
    CACHE_READ = "cache_read"
    CACHE_WRITE = "cache_write"
    REASONING = "reasoning"
    FIRST_TOKEN = "first_token"  # noqa: S105 - no secret
    """Seconds from the start to the first chunk; `Scaled` for other units."""
    COST = "cost"
    """USD."""
    UNCACHED = "uncached"
    """Input tokens outside the prompt cache."""
    CACHE_WRITE_1H = "cache_write_1h"


WORDS: Final = tuple(Field)[: tuple(Field).index(Field.INPUT)]
NUMBERS: Final = tuple(Field)[len(WORDS) :]
MAX_REMEMBERED: Final = 256
MAX_JSON: Final = 65_536
"""Bytes of JSON in an attribute that are parsed; more reads as nothing said."""


def structured(raw: bytes) -> Value:
    """Return the JSON or map in an attribute, None when it is broken or over 64 KiB."""
    if not raw or len(raw) > MAX_JSON:
        return None
    return _short(raw) if len(raw) <= MAX_REMEMBERED else _last(raw)


def _parsed(raw: bytes) -> Value:
    found = decode(raw)
    if isinstance(found, str):
        try:
            parsed: Value = json.loads(found)
        except (ValueError, RecursionError):
            return None
        return parsed
    return found


# Parameters repeat from call to call; of the rest, the last is remembered for all the paths read from one span.
_short = lru_cache(maxsize=512)(_parsed)
_last = lru_cache(maxsize=2)(_parsed)


@dataclass(frozen=True, slots=True)
class Json:
    """A value inside an attribute that holds JSON in a string, or a map: `path` is dotted."""

    attribute: str
    path: str

    def read(self, raw: bytes) -> Value:
        """Return the value at the path, None where there is none."""
        found = structured(raw)
        for step in self.path.split("."):
            if not isinstance(found, dict):
                return None
            found = found.get(step)
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words in an attribute that may also hold content; anything else reads as nothing said."""

    attribute: str
    words: frozenset[str]

    def read(self, raw: bytes) -> Value:
        """Return the word, in lower case, or None."""
        if not raw or len(raw) > 64:
            return None
        word = text(raw).strip('"').lower()
        return word if word in self.words else None


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number in another unit than the field's: multiply by `factor`."""

    attribute: str
    factor: float


@dataclass(frozen=True, slots=True)
class EventTime:
    """The time of the span event with this name, from the start of the span."""

    event: str


Source = str | Json | Choice | Scaled | EventTime


@dataclass(frozen=True, slots=True)
class When:
    """One convention of a writer: holds for scopes that match the glob, and this provider unless empty."""

    scope: str = "*"
    provider: str = ""

    def matches(self, scope: str, provider: str) -> bool:
        """Return whether the convention holds for a span of this scope and canonical provider."""
        return self.provider in ("", provider) and fnmatchcase(scope, self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Where retrieved documents stand: a list of objects, or one attribute per document and field."""

    listed: tuple[str, ...] = ()
    """Attributes that hold a list of `{id, score}`, as JSON or as an array."""
    indexed: tuple[str, ...] = ()
    """Prefixes before the index; after it `.document.score` or another field follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one instrumentation writes its spans."""

    name: str
    authority: tuple[str, ...]
    """Where its names are defined: URLs or repository paths."""
    fields: Mapping[Field, tuple[Source, ...]]
    scopes: tuple[str, ...] = ()
    """Globs of instrumentation scopes that are its own."""
    keys: frozenset[str] = frozenset()
    """Attributes that only it writes."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of attributes that only it writes."""
    operations: Mapping[str, str] = field(default_factory=dict)
    """Its own words for operations, in lower case, where `normalise.operation` does not know them."""
    cache_outside_input: tuple[When, ...] = ()
    """When its input token count leaves the prompt cache out."""
    documents: Documents = Documents()
    marks: tuple[bytes, ...] = ()
    """Byte strings of which every span of it has one; a span with none of all dialects' is skipped unread."""

    def evidence(self, scope: str, keys: Collection[str]) -> int:
        """Return how surely a span is in it: 3 by its scope, 2 by an attribute, 1 by a prefix, 0 not."""
        if any(fnmatchcase(scope, pattern) for pattern in self.scopes):
            return 3
        if not self.keys.isdisjoint(keys):
            return 2
        return int(bool(self.prefixes) and any(key.startswith(self.prefixes) for key in keys))
