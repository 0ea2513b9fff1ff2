"""How spans are read: which dialect they are in, and which of their attributes say what.

A `Plan` is worked out once for a scope and the names of a span's attributes (its `shapes.Shape`); after that a
span costs one look-up of its values. Some of them are *words*, which become labels and repeat, some are
*numbers*, which do not. A plan has a `Variant` for each operation, since a tool's span needs other words than
a call's.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter import catalogue as c
from llm_exporter import dialects, errors, normalise
from llm_exporter.dialects._dialect import Choice, Dialect, EventTime, Field, Json, Scaled, When, structured
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import Value, as_number, as_text, decode, number, text
from llm_exporter.record import IMPLAUSIBLE, MAX_COST_PICO, MAX_TOKENS, Context, Kind, Numbers, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from llm_exporter.dialects._dialect import Source

Values = tuple[bytes, ...]
"""Per span: the encoded values of its attributes as `Shape.take` looks them up; the last one is `b""`."""
Words = tuple[Any, ...]
"""Per span: the encoded values that are words to its variant, then what its derived sources found."""
MAX_EVENTS: Final = 64
MAX_REMEMBERED_TEXT: Final = 256
MAX_SCORE: Final = 10**6
MAX_VARIANTS: Final = 256
MAX_RECORDS: Final = 1024
MAX_CONTEXTS: Final = 4096
_INHERITED: Final = (c.ENVIRONMENT, c.TEAM, c.FEATURE, c.USER_TIER, c.CUSTOMER)
_SLOTS: Final = (
    Field.INPUT, Field.OUTPUT, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.FIRST_TOKEN, Field.COST,
    Field.UNCACHED, Field.CACHE_WRITE_1H,
)  # fmt: skip
_PLAIN_SLOTS: Final = 7
_CALLS: Final = frozenset(
    {
        "chat",
        "text_completion",
        "embeddings",
        "rerank",
        "image_generation",
        "speech",
        "transcription",
        "realtime",
    }
)
_KINDS: Final = {
    "execute_tool": Kind.TOOL,
    "invoke_agent": Kind.AGENT,
    "retrieval": Kind.RETRIEVAL,
    "guardrail": Kind.GUARDRAIL,
}


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
            for label in (c.SERVICE_NAME, *_INHERITED)
        }
        self._contexts: dict[tuple[str, ...], Context] = {}
        found = dialects.all_dialects().values()
        self._keys = frozenset(
            key
            for dialect in found
            for key in (
                *dialect.keys,
                *dialect.documents.listed,
                *(name for sources in dialect.fields.values() for name in map(_attribute, sources) if name),
            )
        ) | frozenset(key for keys in self.label_attributes.values() for key in keys)
        # One representative per prefix is enough to claim a span, but each indexed document is a number to read.
        self._indexed = tuple(prefix for dialect in found for prefix in dialect.documents.indexed)
        self._prefixes = tuple(prefix for dialect in found for prefix in dialect.prefixes)
        self.marks = _fewest(mark for dialect in found for mark in dialect.marks)

    def known(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return the keys that mean something, in a fixed order, so that big shapes share plans."""
        kept = set()
        seen_prefixes = set()
        for key in keys:
            if key in self._keys or key.startswith(self._indexed):
                kept.add(key)
            elif key.startswith(self._prefixes):
                prefix = next(prefix for prefix in self._prefixes if key.startswith(prefix))
                if prefix not in seen_prefixes:
                    seen_prefixes.add(prefix)
                    kept.add(key)
        return tuple(sorted(kept))

    def context(self, attributes: Mapping[str, bytes]) -> Context:
        """Return what a resource says of its spans."""
        values = tuple(self._first(attributes, name) for name in self.label_attributes)
        context = self._contexts.get(values)
        if context is None:
            if len(self._contexts) >= MAX_CONTEXTS:
                self._contexts.clear()
            context = self._contexts[values] = Context(
                **dict(zip(self.label_attributes, values, strict=True))
            )
        return context

    def _first(self, attributes: Mapping[str, bytes], label: str) -> str:
        for key in self.label_attributes[label]:
            found = text(attributes.get(key, b""))
            if found:
                return found
        return ""


def _attribute(source: Source) -> str:
    if isinstance(source, str):
        return source
    return "" if isinstance(source, EventTime) else source.attribute


def _fewest(marks: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the marks without those that contain another: whoever has the longer one has the shorter one too."""
    distinct = sorted(set(marks), key=len)
    return tuple(
        mark for i, mark in enumerate(distinct) if not any(shorter in mark for shorter in distinct[:i])
    )


_RELEVANT: Final = {
    Kind.CALL: (
        Field.PROVIDER, Field.RESPONSE_MODEL, Field.REQUEST_MODEL, Field.FINISH_REASON, Field.STREAM,
        Field.SERVICE_TIER, Field.PROMPT_NAME, Field.PROMPT_VERSION, Field.ERROR_TYPE, Field.FAILED,
    ),
    Kind.TOOL: (Field.TOOL, Field.AGENT, Field.ERROR_TYPE, Field.FAILED),
    Kind.AGENT: (Field.AGENT_RUN, Field.AGENT, Field.ERROR_TYPE, Field.FAILED),
    Kind.RETRIEVAL: (Field.RETRIEVER, Field.ERROR_TYPE, Field.FAILED),
    Kind.GUARDRAIL: (Field.GUARDRAIL, Field.VERDICT, Field.DIRECTION, Field.ERROR_TYPE, Field.FAILED),
    Kind.STRUCTURE: (),
}  # fmt: skip
"""The words that decide where a span of a kind counts. Any other would only multiply what must be remembered."""


class Plan:
    """How spans with one set of known attributes are read.

    `keys` are those attributes; a span's values come in their order. Which operation it is says the value at
    `operation_place`, or what `operation` picks where several attributes do. `numbers` picks per slot of
    `Numbers` (up to `cost_pico`) the attribute to try first; `more` are the number sources to try after that.
    """

    __slots__ = (
        "_first", "dialect", "document_scores", "first_token_ns", "has_usage", "keys", "listed_documents", "more", "numbers",
        "operation", "operation_place", "scope", "variants", "vocabulary",
    )  # fmt: skip

    def __init__(self, dialect: Dialect, scope: str, keys: Sequence[str], vocabulary: Vocabulary) -> None:
        self.dialect = dialect
        self.scope = scope
        self.vocabulary = vocabulary
        self.keys = tuple(keys)
        self.variants: dict[Any, Variant] = {}
        places = [place for place, _ in self.word_places(Field.OPERATION)]
        self.operation_place = places[0] if places else -1
        self.operation = itemgetter(*places) if len(places) > 1 else None
        simple, self.first_token_ns, self.more = self._number_sources()
        self.numbers = itemgetter(*simple)
        self._first = [(slot, place) for slot, place in enumerate(simple) if place != -1]
        self.has_usage = simple[0] != -1 or simple[1] != -1
        documents = (dialect.documents, dialects.fallback().documents)
        self.listed_documents = tuple(key for d in documents for key in d.listed if key in self.keys)
        self.document_scores = _indexed(self.keys, [prefix for d in documents for prefix in d.indexed])

    def variant(self, values: Values) -> Variant:
        """Return how a span with these values is read, which depends on its operation."""
        said = values[self.operation_place] if self.operation is None else self.operation(values)
        variant = self.variants.get(said)
        if variant is None:
            if len(self.variants) >= MAX_VARIANTS:
                self.variants.clear()
            variant = self.variants[said] = Variant(self, values)
        return variant

    def word_places(self, field: Field) -> list[tuple[int, Json | Choice | None]]:
        """Return where the values hold a word, best first, each with what derives it from the attribute."""
        return self._places(_sources(self.dialect, field))

    def label_places(self, label: str) -> list[tuple[int, Json | Choice | None]]:
        """Return where the values hold a label that any dialect's spans may set, best first."""
        return self._places(self.vocabulary.label_attributes[label])

    def _places(self, sources: Iterable[Source]) -> list[tuple[int, Json | Choice | None]]:
        return [
            (self.keys.index(_attribute(source)), source if isinstance(source, Json | Choice) else None)
            for source in sources
            if _attribute(source) in self.keys
        ]

    def _number_sources(self) -> tuple[list[int], float, list[tuple[int, Source, int]]]:
        """Return per slot the place to try first, what makes the first-token slot nanoseconds, and the rest."""
        first, factor = [-1] * _PLAIN_SLOTS, 1e9
        more: list[tuple[int, Source, int]] = []
        for slot, field in enumerate(_SLOTS):
            for source in _sources(self.dialect, field):
                if isinstance(source, EventTime):
                    more.append((slot, source, -1))
                    continue
                key = _attribute(source)
                if key not in self.keys:
                    continue
                plain = isinstance(source, str) or (isinstance(source, Scaled) and field is Field.FIRST_TOKEN)
                if (
                    plain
                    and slot < _PLAIN_SLOTS
                    and first[slot] == -1
                    and not any(s == slot for s, _, _ in more)
                ):
                    first[slot] = self.keys.index(key)
                    if isinstance(source, Scaled):
                        factor = source.factor * 1e9
                else:
                    more.append((slot, source, self.keys.index(key)))
        return first, factor, more

    def numbers_of(self, values: Values, span: Any) -> Numbers:
        """Return the numbers of a span: of several places that hold one, the first that is not zero."""
        found: list[int | None] = [None] * len(_SLOTS)
        for slot, place in self._first:
            raw = values[place]
            if raw:
                found[slot] = _scaled(slot, number(raw), self.first_token_ns)
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

    def documents_of(self, attributes: Any) -> tuple[int | None, list[int]]:
        """Return how many documents a retrieval's span lists, None when it does not, and their scores in billionths."""
        if self.document_scores:
            return self.document_scores[0], _scores(
                number(attributes[key]) for key in self.document_scores[1]
            )
        for key in self.listed_documents:
            listed = structured(attributes[key])
            if isinstance(listed, dict):
                listed = listed.get("documents")
            if isinstance(listed, list):
                return len(listed), _scores(
                    as_number(item.get("score")) for item in listed if isinstance(item, dict)
                )
        return None, []

    def excludes_cache(self, provider: str) -> bool:
        """Return whether the writer's input tokens leave out the prompt cache, for this canonical provider."""
        for when, included in self.vocabulary.cache_in_input:
            if when.matches(self.scope, provider):
                return not included
        return any(when.matches(self.scope, provider) for when in self.dialect.cache_outside_input)


class Variant:
    """How spans of one plan and one operation are read: their kind, and which of their values are words.

    `seen` counts its spans until the pipeline collects them; `bindings` is where the pipeline remembers what
    became of their words.
    """

    __slots__ = (
        "_said",
        "bindings",
        "derived",
        "kind",
        "operation",
        "places",
        "plan",
        "seen",
        "streams",
        "words",
    )

    def __init__(self, plan: Plan, values: Values) -> None:
        said = ""
        for place, _ in plan.word_places(Field.OPERATION):
            said = said or text(values[place]).lower()
        self.plan = plan
        self.bindings: dict[Any, Any] = {}
        self._said: dict[Any, Record] = {}
        self.seen = 0
        self.streams = said.endswith(".dostream")
        self.operation = plan.dialect.operations.get(said) or normalise.operation(said)
        names_model = plan.word_places(Field.REQUEST_MODEL) or plan.word_places(Field.RESPONSE_MODEL)
        if not self.operation and (names_model or plan.has_usage):
            self.operation = "chat"
        self.kind = Kind.CALL if self.operation in _CALLS else _KINDS.get(self.operation, Kind.STRUCTURE)

        places: list[int] = []
        self.derived: list[tuple[int, Json | Choice]] = []
        self.places: dict[str, list[tuple[bool, int]]] = {}
        found = {field.value: plan.word_places(field) for field in _RELEVANT[self.kind]}
        if self.kind is not Kind.STRUCTURE:
            found |= {label.name: plan.label_places(label.name) for label in _INHERITED}
        for name, sources in found.items():
            own = self.places[name] = []
            for place, source in sources:
                if source is None:
                    if place not in places:
                        places.append(place)
                    own.append((False, places.index(place)))
                else:
                    own.append((True, len(self.derived)))
                    self.derived.append((place, source))
        self.words = _picker(places)

    def words_of(self, values: Values) -> Words:
        """Return the words of a span, encoded; derived ones are decoded."""
        found: Words = self.words(values)
        if self.derived:
            found += tuple([as_text(source.read(values[place])) for place, source in self.derived])
        return found

    def record(self, context: Context, failure: tuple[str, str] | None, words: Words) -> Record:
        """Return what a span says with these words.

        Args:
            context: The span's resource, for what the span itself leaves open.
            failure: How it failed, as `failure_of` reads it; None unless the span's status is ERROR.
            words: As `words_of` returns them.
        """
        # Many services say the same: their words are read once.
        said = self._said.get((failure, words))
        if said is None:
            said = self._read(failure, words)
            if len(self._said) >= MAX_RECORDS:
                self._said.clear()
            self._said[failure, words] = said
        return said.within(context)

    def _read(self, failure: tuple[str, str] | None, words: Words) -> Record:
        def word(field: Field) -> str:
            return self._word(field.value, words)

        kind = self.kind
        request_model, response_model = word(Field.REQUEST_MODEL), word(Field.RESPONSE_MODEL)
        provider = normalise.provider(word(Field.PROVIDER), response_model or request_model)
        said = word(Field.ERROR_TYPE)
        failed = failure is not None or bool(said) or _says_failed(word(Field.FAILED))
        call_error, tool_error = failure or (errors.error_type([said]), errors.tool_error_type([said]))
        return Record(
            dialect=self.plan.dialect.name,
            kind=kind,
            **{label.name: self._word(label.name, words) for label in _INHERITED},
            provider=provider if kind is Kind.CALL else "",
            request_model=request_model,
            response_model=response_model,
            operation=self.operation,
            failed=failed,
            error_type=(tool_error if kind is Kind.TOOL else call_error) if failed else "",
            finish_reason=normalise.finish_reason(self._finish(words)),
            stream=normalise.truth(word(Field.STREAM)) or self.streams,
            service_tier=word(Field.SERVICE_TIER),
            tool=word(Field.TOOL),
            agent=word(Field.AGENT_RUN) or word(Field.AGENT),
            retriever=word(Field.RETRIEVER),
            guardrail=word(Field.GUARDRAIL),
            direction=word(Field.DIRECTION).lower(),
            action=_action(word(Field.VERDICT), failed) if kind is Kind.GUARDRAIL else "",
            prompt_name=word(Field.PROMPT_NAME),
            prompt_version=word(Field.PROMPT_VERSION),
            input_excludes_cache=self.plan.excludes_cache(provider),
        )

    def _word(self, name: str, words: Words) -> str:
        derived_from = len(words) - len(self.derived)
        for is_derived, place in self.places.get(name, ()):
            found = words[derived_from + place] if is_derived else text(words[place])
            if found:
                return str(found)
        return ""

    def _finish(self, words: Words) -> Value:
        for is_derived, place in self.places.get(Field.FINISH_REASON.value, ()):
            found: Value = (
                words[len(words) - len(self.derived) + place] if is_derived else decode(words[place])
            )
            if found:
                return found
        return None


def _sources(dialect: Dialect, field: Field) -> tuple[Source, ...]:
    own = dialect.fields.get(field, ())
    semconv = dialects.fallback().fields.get(field, ()) if dialect.name != dialects.FALLBACK else ()
    return (*own, *(source for source in semconv if source not in own))


def _picker(places: Sequence[int]) -> Callable[[Values], tuple[bytes, ...]]:
    """Return what picks these places from a span's values, as a tuple even where there are fewer than two."""
    return itemgetter(*places, *[-1] * (2 - len(places)))


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


def _says_failed(word: str) -> bool:
    return word.lower() in ("error", "failed", "failure", "true", "1")


_ACTIONS: Final = {
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


def _action(verdict: str, failed: bool) -> str:
    """Return the catalogue's guardrail action of a verdict; a check that failed itself is an error, whatever it says."""
    return "error" if failed else _ACTIONS.get(verdict.strip().lower(), "flag")


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


def failure_of(span: Any, status_message: bytes, said: str) -> tuple[str, str]:
    """Return how a span with status ERROR failed, as a call and as a tool, from all that it says about it.

    `said` is its `error.type`. Then come the exception event's type and message, and the status message; the
    texts are matched and dropped.
    """
    texts = [said]
    for raw in span.events[:MAX_EVENTS]:
        if b"exception" in raw:
            try:
                attributes = parse_event(raw).attributes
            except DecodeError:
                continue
            texts += [
                text(attributes.get("exception.type", b"")),
                text(attributes.get("exception.message", b"")),
            ]
    texts.append(status_message[: errors.MAX_TEXT].decode("utf-8", "replace"))
    # What providers say of a failure repeats, in an outage for every call: read short texts once.
    known = _classified if sum(map(len, texts)) <= MAX_REMEMBERED_TEXT else _classified.__wrapped__
    return known(tuple(texts))


@lru_cache(maxsize=1024)
def _classified(texts: tuple[str, ...]) -> tuple[str, str]:
    return errors.error_type(texts), errors.tool_error_type(texts)
