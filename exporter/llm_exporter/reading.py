"""How spans of one shape are read: which dialect they are in, and which of their attributes say what.

The shape of a span is its scope and the names of its attributes. A `Plan` is worked out once per shape; after
that a span costs one look-up of the values that its plan names. What a plan reads are *words*, which become
labels and repeat, and *numbers*, which do not.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter import catalogue as c
from llm_exporter import dialects, errors, normalise
from llm_exporter.dialects._dialect import WORDS, Choice, Dialect, EventTime, Field, Json, Scaled, When, structured
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import Value, as_number, as_text, decode, number, text
from llm_exporter.record import IMPLAUSIBLE, MAX_COST_PICO, MAX_TOKENS, Context, Kind, Numbers, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from llm_exporter.dialects._dialect import Source

Words = tuple[Any, ...]
"""Per span: the encoded values of the plan's word attributes, then what its derived sources found."""

NOTHING: Final = "\0"
"""A name no attribute has; looking it up yields `b""`, as for an attribute without a value."""
MAX_EVENTS: Final = 64
MAX_SCORE: Final = 10**6
MAX_CONTEXTS: Final = 4096
_INHERITED: Final = (c.ENVIRONMENT, c.TEAM, c.FEATURE, c.USER_TIER, c.CUSTOMER)
_SLOTS: Final = (
    Field.INPUT, Field.OUTPUT, Field.CACHE_READ, Field.CACHE_WRITE, Field.REASONING, Field.FIRST_TOKEN, Field.COST,
    Field.UNCACHED, Field.CACHE_WRITE_1H,
)  # fmt: skip
_PLAIN_SLOTS: Final = 7
_CALLS: Final = frozenset(
    {"chat", "text_completion", "embeddings", "rerank", "image_generation", "speech", "transcription", "realtime"}
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
            label.name: (*extra.get(label.name, ()), *label.attributes) for label in (c.SERVICE_NAME, *_INHERITED)
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
            context = self._contexts[values] = Context(**dict(zip(self.label_attributes, values, strict=True)))
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
    return tuple(mark for i, mark in enumerate(distinct) if not any(shorter in mark for shorter in distinct[:i]))


class Plan:
    """How spans of one shape are read.

    `words` and `numbers` take a span's attribute map and return tuples in C; `derived` are the word sources
    that need more than a look-up. `bindings` is where the pipeline remembers what became of the words.
    """

    __slots__ = (
        "bindings", "derived", "dialect", "document_scores", "first_token_ns", "has_usage", "listed_documents", "more", "numbers",
        "places", "scope", "seen", "vocabulary", "words",
    )  # fmt: skip

    def __init__(self, dialect: Dialect, scope: str, keys: Collection[str], vocabulary: Vocabulary) -> None:
        self.dialect = dialect
        self.scope = scope
        self.vocabulary = vocabulary
        self.bindings: dict[Any, Any] = {}
        self.seen = 0
        word_keys: list[str] = []
        self.derived: list[tuple[str, Json | Choice]] = []
        self.places: dict[str, list[tuple[bool, int]]] = {}
        for field in WORDS:
            self._place(field.value, _sources(dialect, field), keys, word_keys)
        for label in _INHERITED:
            self._place(label.name, vocabulary.label_attributes[label.name], keys, word_keys)
        self.words = _getter(word_keys)
        simple, self.first_token_ns, self.more = self._number_sources(keys)
        self.numbers = _getter(simple)
        self.has_usage = simple[0] != NOTHING or simple[1] != NOTHING
        documents = (dialect.documents, dialects.fallback().documents)
        self.listed_documents = tuple(key for d in documents for key in d.listed if key in keys)
        self.document_scores = _indexed(keys, [prefix for d in documents for prefix in d.indexed])

    def _place(
        self, name: str, sources: Iterable[Source], keys: Collection[str], word_keys: list[str]
    ) -> None:
        places = self.places[name] = []
        for source in sources:
            key = _attribute(source)
            if key not in keys:
                continue
            if isinstance(source, str):
                if source not in word_keys:
                    word_keys.append(source)
                places.append((False, word_keys.index(source)))
            elif isinstance(source, Json | Choice):
                places.append((True, len(self.derived)))
                self.derived.append((key, source))

    def _number_sources(self, keys: Collection[str]) -> tuple[list[str], float, list[tuple[int, Source]]]:
        """Return per slot the attribute to try first, what makes the first-token slot nanoseconds, and the rest."""
        first, factor, more = [NOTHING] * _PLAIN_SLOTS, 1e9, []
        for slot, field in enumerate(_SLOTS):
            for source in _sources(self.dialect, field):
                if isinstance(source, EventTime):
                    more.append((slot, source))
                    continue
                key = _attribute(source)
                if key not in keys:
                    continue
                plain = isinstance(source, str) or (isinstance(source, Scaled) and field is Field.FIRST_TOKEN)
                if plain and slot < _PLAIN_SLOTS and first[slot] == NOTHING and not any(s == slot for s, _ in more):
                    first[slot] = key
                    if isinstance(source, Scaled):
                        factor = source.factor * 1e9
                else:
                    more.append((slot, source))
        return first, factor, more

    def words_of(self, attributes: Any) -> Words:
        """Return the words of a span, encoded; derived ones are decoded."""
        found: Words = self.words(attributes)
        if self.derived:
            found += tuple(as_text(source.read(attributes[key])) for key, source in self.derived)
        return found

    def numbers_of(self, attributes: Any, span: Any) -> Numbers:
        """Return the numbers of a span: of several places that hold one, the first that is not zero."""
        found: list[int | None] = [None] * len(_SLOTS)
        for slot, raw in enumerate(self.numbers(attributes)):
            if raw:
                found[slot] = self._number(slot, number(raw), self.first_token_ns)
        for slot, source in self.more:
            if not found[slot]:
                if isinstance(source, EventTime):
                    value = _event_offset(span, source.event) if span.events else None
                elif isinstance(source, Json):
                    value = self._number(slot, as_number(source.read(attributes[source.attribute])), 1e9)
                else:
                    factor = source.factor * 1e9 if isinstance(source, Scaled) else 1e9
                    value = self._number(slot, number(attributes[_attribute(source)]), factor)
                if value is not None:
                    found[slot] = value
        return Numbers(*found)

    def _number(self, slot: int, value: float | int | None, factor: float) -> int | None:
        field = _SLOTS[slot]
        if value is None:
            return None
        if field is Field.FIRST_TOKEN:
            return first_token_ns(value, factor)
        if field is Field.COST:
            return cost_pico(value)
        return tokens(value)

    def documents_of(self, attributes: Any) -> tuple[int | None, list[int]]:
        """Return how many documents a retrieval's span lists, None when it does not, and their scores in billionths."""
        if self.document_scores:
            return self.document_scores[0], _scores(number(attributes[key]) for key in self.document_scores[1])
        for key in self.listed_documents:
            listed = structured(attributes[key])
            if isinstance(listed, dict):
                listed = listed.get("documents")
            if isinstance(listed, list):
                return len(listed), _scores(as_number(item.get("score")) for item in listed if isinstance(item, dict))
        return None, []

    def record(self, context: Context, hint: tuple[str, str] | None, words: Words) -> Record:
        """Return what the words of a span say.

        Args:
            context: The span's resource.
            hint: The types of the failure as `failure_of` reads them, None unless the span's status is ERROR.
            words: As `words_of` returns them.
        """
        dialect, derived_from = self.dialect, len(words) - len(self.derived)

        def word(name: str) -> str:
            for is_derived, place in self.places[name]:
                found = words[derived_from + place] if is_derived else text(words[place])
                if found:
                    return str(found)
            return ""

        request_model = word(Field.REQUEST_MODEL.value)
        response_model = word(Field.RESPONSE_MODEL.value)
        raw_operation = word(Field.OPERATION.value).lower()
        operation = dialect.operations.get(raw_operation) or normalise.operation(raw_operation)
        if not operation and (request_model or response_model or self.has_usage):
            operation = "chat"
        kind = Kind.CALL if operation in _CALLS else _KINDS.get(operation, Kind.STRUCTURE)
        provider = normalise.provider(word(Field.PROVIDER.value), response_model or request_model)
        errors_said = word(Field.ERROR_TYPE.value)
        failed = hint is not None or bool(errors_said) or _says_failed(word(Field.FAILED.value))
        call_error, tool_error = hint or (errors.error_type([errors_said]), errors.tool_error_type([errors_said]))
        agent = word(Field.AGENT.value)
        inherited = {label.name: word(label.name) or getattr(context, label.name) for label in _INHERITED}
        return Record(
            dialect=dialect.name,
            kind=kind,
            service_name=context.service_name,
            **inherited,
            provider=provider,
            request_model=request_model,
            response_model=response_model,
            operation=operation,
            failed=failed,
            error_type=(tool_error if kind is Kind.TOOL else call_error) if failed else "",
            finish_reason=normalise.finish_reason(self._finish(words)),
            stream=normalise.truth(word(Field.STREAM.value)) or raw_operation.endswith(".dostream"),
            service_tier=word(Field.SERVICE_TIER.value),
            tool=word(Field.TOOL.value),
            agent=word(Field.AGENT_RUN.value) or agent if kind is Kind.AGENT else agent,
            retriever=word(Field.RETRIEVER.value),
            guardrail=word(Field.GUARDRAIL.value),
            direction=word(Field.DIRECTION.value).lower(),
            action=_action(word(Field.VERDICT.value), failed) if kind is Kind.GUARDRAIL else "",
            prompt_name=word(Field.PROMPT_NAME.value),
            prompt_version=word(Field.PROMPT_VERSION.value),
            input_excludes_cache=self._excludes_cache(provider),
        )

    def _finish(self, words: Words) -> Value:
        for is_derived, place in self.places[Field.FINISH_REASON.value]:
            found = words[len(words) - len(self.derived) + place] if is_derived else decode(words[place])
            if found:
                return found  # type: ignore[no-any-return]
        return None

    def _excludes_cache(self, provider: str) -> bool:
        for when, included in self.vocabulary.cache_in_input:
            if when.matches(self.scope, provider):
                return not included
        return any(when.matches(self.scope, provider) for when in self.dialect.cache_outside_input)


def _sources(dialect: Dialect, field: Field) -> tuple[Source, ...]:
    own = dialect.fields.get(field, ())
    semconv = dialects.fallback().fields.get(field, ()) if dialect.name != dialects.FALLBACK else ()
    return (*own, *(source for source in semconv if source not in own))


def _getter(keys: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    padded = [*keys, *[NOTHING] * (2 - len(keys))]
    return itemgetter(*padded)


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
                return int(event.time - span.start)
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
            texts += [text(attributes.get("exception.type", b"")), text(attributes.get("exception.message", b""))]
    texts.append(status_message[: errors.MAX_TEXT].decode("utf-8", "replace"))
    return errors.error_type(texts), errors.tool_error_type(texts)
