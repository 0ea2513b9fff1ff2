"""What a dialect is: a table from the exporter's fields to the places where one instrumentation writes them.

A dialect is data. It says which spans are its own, and per field which attributes hold it, in order of
preference; what it leaves open is filled from the semantic conventions (`semconv`). It never sees a metric, a
price or a label.
"""

from __future__ import annotations

import json
import math
import re
from ast import literal_eval
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import Value, as_number, as_text, decode, number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


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
    RESPONSE_CACHE = "response_cache"
    """Whether a cache of whole answers had this one: a flag, or hit or miss."""
    TOKEN_SEMANTICS = "token_semantics"  # noqa: S105 - no secret
    """The word `inclusive` where the writer says that its input tokens contain the prompt cache."""

    SESSION = "session"
    """The conversation that a span belongs to. Never a label: only its hash is kept."""
    RESPONSE_ID = "response_id"
    """The provider's id of the answer. Never a label."""
    TOOL_ARGUMENTS = "tool_arguments"
    """What a tool was called with: hashed to see repetitions, and dropped."""
    REGENERATED = "regenerated"
    """A flag that says that the answer replaces one before."""

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
    TOTAL = "total"
    """All tokens of the call: tells whether cache and reasoning are inside input and output."""
    INPUT_AUDIO = "input_audio"
    """The part of the input tokens that is audio."""
    OUTPUT_AUDIO = "output_audio"
    """The part of the output tokens that is audio."""


WORDS: Final = tuple(Field)[: tuple(Field).index(Field.SESSION)]
IDENTITIES: Final = (Field.SESSION, Field.RESPONSE_ID, Field.TOOL_ARGUMENTS, Field.REGENERATED)
"""What tells spans apart: read raw, never a label, and not part of what the pipeline remembers."""
NUMBERS: Final = tuple(Field)[len(WORDS) + len(IDENTITIES) :]
MAX_REMEMBERED: Final = 256
MAX_LITERAL: Final = 4096
"""Characters of `str(dict)` that are parsed; more reads as nothing said."""
MAX_NAME: Final = 128
"""Bytes of a span's name that are looked at."""
MAX_EVENTS: Final = 64
MAX_JSON: Final = 65_536
"""Bytes of JSON in an attribute that are parsed; more reads as nothing said."""


def structured(raw: bytes) -> Value:
    """Return the JSON or map in an attribute, None when it is broken or over 64 KiB."""
    if not raw or len(raw) > MAX_JSON:
        return None
    return _short(raw) if len(raw) <= MAX_REMEMBERED else _last(raw)


def _parsed(raw: bytes) -> Value:
    found = decode(raw)
    # Some writers encode twice; a third time would be none's.
    for _ in range(2):
        if not isinstance(found, str):
            break
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            return _literal(found)
    return None if isinstance(found, str) else found


def _literal(written: str) -> Value:
    """Return the value of `str(dict)` in Python, which LangSmith and LiteLLM write for details of usage."""
    if not written.startswith("{") or len(written) > MAX_LITERAL:
        return None
    try:
        found: Value = literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return found


# Parameters repeat from call to call; of the rest, the last is remembered for all the paths read from one span.
_short = lru_cache(maxsize=512)(_parsed)
_last = lru_cache(maxsize=2)(_parsed)


@dataclass(frozen=True, slots=True)
class Json:
    """A value inside an attribute that holds JSON in a string, or a map.

    `path` is dotted; a number in it is the index of a list.
    """

    attribute: str
    path: str

    def read(self, raw: bytes) -> Value:
        """Return the value at the path, None where there is none."""
        found = structured(raw)
        for step in self.path.split("."):
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return None
        return found


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of the numbers in an attribute that holds a JSON object or a map, without the entries named."""

    attribute: str
    without: frozenset[str] = frozenset({"total"})

    def read(self, raw: bytes) -> Value:
        """Return the sum, None where the attribute holds no object with a number."""
        found = structured(raw)
        if not isinstance(found, dict):
            return None
        numbers = [as_number(value) for key, value in found.items() if key not in self.without]
        said = [number for number in numbers if number is not None]
        return math.fsum(said) if said else None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a word: `Part("genkit:name", "/", 0)` of `openai/gpt-5-mini` is `openai`; None where it is whole."""

    attribute: str
    separator: str
    index: int
    """0 is what comes before the first separator, 1 all that follows it."""

    def read(self, raw: bytes) -> Value:
        """Return the part, None where there is no separator."""
        before, found, after = text(raw).partition(self.separator)
        return (after if self.index else before) if found else None


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
class Not:
    """The opposite of a flag: `Not("success")` says `true` where `success` is false, and nothing otherwise."""

    attribute: str

    def read(self, raw: bytes) -> Value:
        """Return True where the flag is there and not set, else None."""
        return True if text(raw).lower() in ("false", "0", "no") else None


@dataclass(frozen=True, slots=True)
class Present:
    """A word that the presence of an attribute stands for, whatever it holds, unless that is empty."""

    attribute: str
    word: str

    def read(self, raw: bytes) -> Value:
        """Return the word, None where the attribute is missing or empty."""
        return self.word if text(raw) else None


@dataclass(frozen=True, slots=True)
class HttpError:
    """An attribute with the status code of an HTTP answer, which is a word only from 400 on."""

    attribute: str

    def read(self, raw: bytes) -> Value:
        """Return the code of a failure as text, None where the request succeeded."""
        code = number(raw)
        return str(int(code)) if code is not None and 400 <= code < 600 else None


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number in another unit than the field's: multiply by `factor`."""

    attribute: str
    factor: float


@dataclass(frozen=True, slots=True)
class EventTime:
    """The time of the span event with this name, from the start of the span."""

    event: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time, in ISO 8601 or unix nanoseconds, read as the time since the start of the span."""

    attribute: str


@dataclass(frozen=True, slots=True)
class SpanName:
    """A word that the span's name stands for: globs of names, in order, and the word of each.

    An empty word is the name itself, up to 128 bytes of it. To read a name costs more than to read an attribute, so
    `scope` and `without` should leave out the spans whose names need not be read.
    """

    words: tuple[tuple[str, str], ...]
    scope: str = "*"
    """Glob of the scopes under which names are read."""
    without: str = ""
    """An attribute with which a name says nothing; empty for none."""

    def applies(self, scope: str, keys: Collection[str]) -> bool:
        """Return whether the names of spans with these attributes are read under this scope."""
        return not (self.without and self.without in keys) and fnmatchcase(scope, self.scope)

    def read(self, span: Any) -> str:
        """Return the word of a span's name, empty where none is known."""
        return _named(self.words, span.name[:MAX_NAME])


@lru_cache(maxsize=1024)
def _named(words: tuple[tuple[str, str], ...], name: bytes) -> str:
    said = name.decode("utf-8", "replace").strip()
    return next((word or said for pattern, word in words if fnmatchcase(said, pattern)), "")


@dataclass(frozen=True, slots=True)
class EventAttribute:
    """An attribute of the first span event with this name that has it; a path leads into JSON, as in `Json`."""

    event: str
    key: str
    path: str = ""

    def read(self, span: Any) -> Value:
        """Return what the event says, None where the span has no such event or that does not say it."""
        wanted = self.event.encode()
        for raw in span.events[:MAX_EVENTS]:
            if wanted in raw:
                try:
                    event = parse_event(raw)
                except DecodeError:
                    continue
                if event.name == wanted:
                    said = event.attributes.get(self.key, b"")
                    value = Json(self.key, self.path).read(said) if self.path else decode(said)
                    if as_text(value):
                        return value
        return None


OfSpan = SpanName | EventAttribute
"""Sources of a word that stands outside a span's attributes: they read the whole span."""
Derived = Json | Choice | Part | Not | Present | HttpError | OfSpan
"""Sources of a word that read it out of something."""
Source = str | Derived | Scaled | EventTime | Sum | Timestamp


@dataclass(frozen=True, slots=True)
class When:
    """One convention of a writer: holds for scopes that match the glob, and this provider unless empty."""

    scope: str = "*"
    provider: str = ""
    before: str = ""
    """The version of the scope, as numbers with dots, from which on it no longer holds; empty for always."""
    without: str = ""
    """An attribute with which it does not hold, where it came with the change and the scope has no version."""

    def matches(self, scope: str, provider: str, version: str = "", keys: Collection[str] = ()) -> bool:
        """Return whether the convention holds for a span of this scope, canonical provider and attributes."""
        if self.provider not in ("", provider) or not fnmatchcase(scope, self.scope):
            return False
        if self.without and self.without in keys:
            return False
        return not self.before or _release(version) < _release(self.before)


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; one that is not said is older than all."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Where retrieved documents stand: a list of objects, one attribute per document and field, or span events.

    A score is more for a better document, a distance is less. What a store calls the one is never read as the other.
    """

    listed: tuple[str, ...] = ()
    """Attributes that hold a list of `{id, score, distance}`, as JSON or as an array."""
    indexed: tuple[str, ...] = ()
    """Prefixes before the index; after it `.document.score` or another field follows."""
    events: tuple[str, ...] = ()
    """Span events, one for each document, with the attributes `<event>.id`, `<event>.score` and `<event>.distance`."""
    all_events: tuple[str, ...] = ()
    """Attributes of spans that have an event for every document: without one there was none."""
    counted: tuple[str, ...] = ()
    """Attributes that hold how many there are."""
    best_score: tuple[str, ...] = ()
    """Attributes that hold the best score, which is all that is said where no document has its own."""
    best_distance: tuple[str, ...] = ()
    queries: tuple[str | Json, ...] = ()
    """Attributes that hold what was asked for. Read only to look up labels of relevance, and dropped."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes by name that say what was retrieved."""
        return (*self.listed, *self.all_events, *self.counted, *self.best_score, *self.best_distance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A guardrail's check that a span tells of which stands for something else: a call, a request, an agent's run.

    It stands in a span event, or in attributes of the span. Of several places the first that says something counts.
    """

    event: str = ""
    """Name of the span event that tells of it; empty where attributes of the span do."""
    attribute: str = ""
    """Attribute of the span that tells of it by being there; of an event, one that a span has beside it."""
    resource: str = ""
    """Text in the resource of processes in which any span may have the event, whatever it is about."""
    names: tuple[str, ...] = ()
    called: str = ""
    """The guardrail's name where none is said."""
    verdicts: tuple[str | Derived, ...] = ()
    did: str = ""
    """The verdict where the check is only told of when it did this."""
    directions: tuple[str, ...] = ()
    checked: str = ""
    """The direction where it is always the same."""
    latencies: tuple[str | Scaled, ...] = ()
    """Seconds; `Scaled` for other units."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Words for what it did, before the dialect's own; `*` is any other word."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An attribute that holds text as it stands, even where the text is JSON.

    Where `spoken`, every message in it begins with its role, as in `user: Hello`.
    """

    attribute: str
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """One attribute for each message and what is said of it, such as `gen_ai.prompt.0.role`.

    After the prefix and the number come `role` and `content`, or the longer names of OpenInference for the same.
    """

    prefix: str


@dataclass(frozen=True, slots=True)
class InEvents:
    """A message in each span event of this name, in the first of the attributes that it has.

    Where `spoken`, it is text as it stands, in which every message begins with its role.
    """

    event: str
    keys: tuple[str, ...]
    spoken: bool = False


Told = str | Json | Plain | Numbered | InEvents
"""Where content stands: a plain name is an attribute with messages in JSON or as a list, or with text."""

Form = str | Json | Choice | Present


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Where a writer puts what was asked and answered, best first. It is read for whoever listens, and goes nowhere.

    A dialect's own places come before those of the conventions.
    """

    question: tuple[Told, ...] = ()
    """The last message of the user is the question; messages of the system among them are its instructions."""
    answer: tuple[Told, ...] = ()
    system: tuple[Told, ...] = ()
    form: tuple[Form, ...] = ()
    """What says that the answer was wished for as JSON: an attribute with the word or with the object in which a
    provider expects it, or what is read as a word at all."""
    calls: tuple[str, ...] = ()
    """Attributes whose presence says that the answer asks for tools, so that an empty text is no empty answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one instrumentation writes its spans."""

    name: str
    authority: tuple[str, ...]
    """Where its names are defined: URLs or repository paths."""
    fields: Mapping[Field, tuple[Source, ...]]
    scopes: tuple[str, ...] = ()
    """Globs of instrumentation scopes that are its own."""
    scope_suffices: bool = False
    """Whether a span under its scopes is its own even with no attribute that any dialect knows."""
    keys: frozenset[str] = frozenset()
    """Attributes that only it writes."""
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Attributes that others write too, with the values, in lower case, that only it gives them."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of attributes that only it writes."""
    shared: frozenset[str] = frozenset()
    """Attributes that it introduced and others have taken over: the weakest evidence."""
    operations: Mapping[str, str] = field(default_factory=dict)
    """Its own words for operations, in lower case, where `normalise.operation` does not know them."""
    implied: tuple[tuple[str, str], ...] = ()
    """Attributes whose presence says the operation where no known word does, best first."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """Its own words for what a guardrail did, in lower case. They hold even for a span that failed."""
    directions: Mapping[str, str] = field(default_factory=dict)
    """Its own words for what a guardrail checked, in lower case: `input` or `output`."""
    cache_outside_input: tuple[When, ...] = ()
    """When its input token count leaves the prompt cache out."""
    reasoning_outside_output: tuple[When, ...] = ()
    """When its output token count leaves reasoning out."""
    first_token_needs_stream: bool = False
    """Whether it writes a time to first token for answers that were not streamed: there it is ignored."""
    documents: Documents = Documents()
    content: Contents = Contents()
    reranked: Documents = Documents()
    """Where a reranker's span has the documents that it gave back."""
    candidates: Documents = Documents()
    """Where a reranker's span has the documents that it was given."""
    checks: tuple[Check, ...] = ()
    """How spans that are no guardrail's tell of what a guardrail did."""
    zero_cost_is_unknown: bool = False
    """Whether it writes a cost of 0 for models whose price it does not know: that is nothing said."""
    events_repeat_spans: bool = False
    """Whether its log records of calls only repeat spans that it writes as well: they count nowhere."""

    def evidence(self, scope: str, keys: Collection[str], said: Callable[[str], str] | None = None) -> int:
        """Return how surely a span is in it.

        4 by its scope, 3 by an attribute or a value, 2 by a prefix, 1 by a shared attribute, 0 not.

        Args:
            scope: Name of the instrumentation scope.
            keys: Names of the span's attributes.
            said: Returns the text of one of them in lower case; without it, no value is evidence.
        """
        if any(fnmatchcase(scope, pattern) for pattern in self.scopes):
            return 4
        if not self.keys.isdisjoint(keys) or (said is not None and self.own_value(keys, said)):
            return 3
        if self.prefixes and any(key.startswith(self.prefixes) for key in keys):
            return 2
        return int(not self.shared.isdisjoint(keys))

    def own_value(self, keys: Collection[str], said: Callable[[str], str]) -> str:
        """Return the attribute whose value shows that a span is in it, empty where none does."""
        return next((key for key, own in self.values.items() if key in keys and said(key) in own), "")
