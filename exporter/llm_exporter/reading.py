"""How spans are read: which dialect they are in, and which of their attributes say what.

A `Plan` is worked out once for a scope and the names of a span's attributes (its `shapes.Shape`); after that a
span costs one look-up of its values. Some of them are *words*, which become labels and repeat, some are numbers
(`quantities`), which do not. A plan has a `Variant` for each operation: a tool's span needs other words than a
call's.
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter import dialects, errors, normalise
from llm_exporter.checks import ACTIONS, Told, direction
from llm_exporter.dialects._dialect import IDENTITIES, Derived, Dialect, Field, OfSpan, SpanName
from llm_exporter.documents import DocumentList
from llm_exporter.otlp.values import Value, as_text, decode, text
from llm_exporter.quantities import Quantities
from llm_exporter.record import Context, Kind, Record
from llm_exporter.vocabulary import INHERITED, attribute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from llm_exporter.dialects._dialect import Source
    from llm_exporter.vocabulary import Vocabulary

Values = tuple[Any, ...]
"""Per span: the encoded values of its attributes as `Shape.take` looks them up; the last one is `b""`, and so is
the last but one, unless it is the span itself, see `with_span`."""
Place = tuple[int, Derived | None]
"""Where the values hold a word, and what derives it from that value; None where it stands as it is."""
Words = tuple[Any, ...]
"""Per span: the encoded values that are words to its variant, then what its derived sources found."""
if TYPE_CHECKING:
    Identify = Callable[[Values], bytes]
MAX_VARIANTS: Final = 256
MAX_REMEMBERED: Final = 1024
MAX_RECORDS: Final = 1024
_KINDS: Final = {
    "execute_tool": Kind.TOOL,
    "invoke_agent": Kind.AGENT,
    "retrieval": Kind.RETRIEVAL,
    "guardrail": Kind.GUARDRAIL,
}
_RELEVANT: Final = {
    Kind.CALL: (
        Field.PROVIDER, Field.RESPONSE_MODEL, Field.REQUEST_MODEL, Field.FINISH_REASON, Field.STREAM,
        Field.SERVICE_TIER, Field.RESPONSE_CACHE, Field.TOKEN_SEMANTICS, Field.ERROR_TYPE, Field.FAILED,
    ),
    Kind.TOOL: (Field.TOOL, Field.AGENT, Field.ERROR_TYPE, Field.FAILED),
    Kind.AGENT: (Field.AGENT_RUN, Field.AGENT, Field.ERROR_TYPE, Field.FAILED),
    Kind.RETRIEVAL: (Field.RETRIEVER, Field.ERROR_TYPE, Field.FAILED),
    Kind.GUARDRAIL: (Field.GUARDRAIL, Field.VERDICT, Field.DIRECTION, Field.ERROR_TYPE, Field.FAILED),
    Kind.STRUCTURE: (),
}  # fmt: skip
"""The words that decide where a span of a kind counts. Any other would only multiply what must be remembered."""
_PROMPT: Final = (Field.PROMPT_NAME, Field.PROMPT_VERSION)
"""Words that a span may set for the calls below it, whatever its kind, like the labels that are `INHERITED`."""
_EMPTY: Final = (b"", b"\n\x00")
"""Encodings of no value and of an empty string."""
_SPAN: Final = -2
"""Where the values hold the span, for sources outside of its attributes."""
_OTHER_ERRORS: Final = "other_errors"
"""The places of `Field.ERROR_TYPE` but `error.type`, which `failure_of` has read already."""


class Plan:
    """How spans with one set of known attributes are read.

    `keys` are those attributes; a span's values come in their order. Which variant reads it says the value at
    `operation_place`, or what `operation` makes of its values where that is not enough: because several
    attributes say the operation, because it must be derived, or because a rival dialect may claim the span by
    what a value says. Where `named`, the values must hold the span for that, see `with_span`.
    """

    __slots__ = (
        "_handed_over",
        "_identities",
        "_own",
        "_own_operation",
        "_rivals",
        "candidates",
        "dialect",
        "documents",
        "keys",
        "named",
        "operation",
        "operation_place",
        "quantities",
        "reranked",
        "scope",
        "told",
        "variants",
        "version",
        "vocabulary",
    )

    def __init__(
        self,
        dialect: Dialect,
        scope: str,
        version: str,
        keys: Sequence[str],
        vocabulary: Vocabulary,
        *,
        contested: bool = True,
    ) -> None:
        """Work out the plan.

        Args:
            dialect: What the spans are in by all but their values.
            scope: Name of their instrumentation scope.
            version: Version of the scope, empty where it is not said.
            keys: Their attributes that mean anything.
            vocabulary: What attributes mean under the configuration.
            contested: Whether dialects that know their spans by values may claim some of them.
        """
        self.dialect = dialect
        self.scope = scope
        self.version = version
        self.vocabulary = vocabulary
        self.keys = tuple(keys)
        self.variants: dict[Any, Variant] = {}
        """By what `operation` makes of a span's values. Many may lead to one variant."""
        self._own: dict[Any, Variant] = {}
        self._handed_over: dict[str, Plan] = {}
        rivals = dialects.rivals(dialect, scope, keys, vocabulary.disabled) if contested else []
        self._rivals = {rival.name: rival for rival in rivals}
        own = self.word_places(Field.OPERATION)
        self.named = any(place == _SPAN for place, _ in own)
        told_apart = {key for rival in rivals for key in rival.values if key in self.keys}
        others = [(self.keys.index(key), None) for key in sorted(told_apart)]
        for rival in rivals:
            others += [
                (place, None)
                for place, source in self._places(_sources(rival, Field.OPERATION))
                if source is None
            ]
        self._own_operation = _told_by(own)
        self.operation_place, self.operation = _told_by([*own, *others])
        self.quantities = Quantities(
            self.keys,
            partial(_sources, dialect),
            self._streamed(),
            self._reasoning_outside(),
            zero_cost_is_unknown=dialect.zero_cost_is_unknown,
        )
        conventions = dialects.fallback()
        self.documents = DocumentList(self.keys, (dialect.documents, conventions.documents))
        self.reranked = DocumentList(self.keys, (dialect.reranked, conventions.reranked))
        self.candidates = DocumentList(self.keys, (dialect.candidates, conventions.candidates))
        self.told = Told(self.keys, dialect, vocabulary.disabled)
        self._identities = {field: _raw(self.word_places(field)) for field in IDENTITIES}

    def variant(self, values: Values, span: Any) -> Variant:
        """Return how a span with these values is read, which depends on its operation."""
        said = values[self.operation_place] if self.operation is None else self.operation(values)
        variant = self.variants.get(said)
        if variant is None:
            plan = self._claimed(values)
            if plan is not self:
                variant = plan.variant(with_span(values, span), span)
                if plan._derives_operation():
                    # `said` does not tell its variants apart.
                    return variant
            else:
                variant = self._own_variant(values)
            if len(self.variants) >= MAX_REMEMBERED:
                self.variants.clear()
            self.variants[said] = variant
        return variant

    def _own_variant(self, values: Values) -> Variant:
        place, operation = self._own_operation
        said = values[place] if operation is None else operation(values)
        variant = self._own.get(said)
        if variant is None:
            if len(self._own) >= MAX_VARIANTS:
                self._own.clear()
                self.variants.clear()
            variant = self._own[said] = Variant(self, values)
        return variant

    def _derives_operation(self) -> bool:
        return any(source is not None for _, source in self.word_places(Field.OPERATION))

    def _claimed(self, values: Values) -> Plan:
        """Return the plan of the dialect that a span with these values is in: this one, or a rival's."""
        said = self.said(values)
        if not any(rival.own_value(self.keys, said) for rival in self._rivals.values()):
            return self
        dialect = dialects.claim(self.scope, self.keys, self.vocabulary.disabled, said)
        if dialect is None or dialect.name not in self._rivals:
            return self
        plan = self._handed_over.get(dialect.name)
        if plan is None:
            plan = self._handed_over[dialect.name] = Plan(
                dialect, self.scope, self.version, self.keys, self.vocabulary, contested=False
            )
        return plan

    def said(self, values: Values) -> Callable[[str], str]:
        """Return what tells the text of an attribute, in lower case."""
        return lambda key: text(values[self.keys.index(key)]).lower()

    def forget_bindings(self) -> None:
        """Drop what the pipeline remembers at the variants."""
        for variant in self._own.values():
            variant.bindings.clear()
        for plan in self._handed_over.values():
            plan.forget_bindings()

    def place_of(self, key: str) -> int:
        """Return where the values hold an attribute, -1 where the spans do not have it."""
        return self.keys.index(key) if key in self.keys else -1

    def word_places(self, field: Field) -> list[Place]:
        """Return where the values hold a word, best first, each with what derives it from the attribute."""
        return self._places(_sources(self.dialect, field))

    def label_places(self, label: str) -> list[Place]:
        """Return where the values hold a label that any dialect's spans may set, best first."""
        return self._places(self.vocabulary.label_attributes[label])

    def identity(self, field: Field) -> Identify | None:
        """Return what picks the encoded identity from the values, None where these spans have none."""
        return self._identities[field]

    def _places(self, sources: Iterable[Source]) -> list[Place]:
        found: list[Place] = []
        for source in sources:
            if isinstance(source, OfSpan):
                if not isinstance(source, SpanName) or source.applies(self.scope, self.keys):
                    found.append((_SPAN, source))
            elif attribute_of(source) in self.keys:
                derives = source if isinstance(source, Derived) else None
                found.append((self.keys.index(attribute_of(source)), derives))
        return found

    def _word(self, field: Field, values: Values) -> str:
        return next(_texts(self.word_places(field), values), "")

    def _streamed(self) -> Callable[[Values], bool] | None:
        if not self.dialect.first_token_needs_stream:
            return None
        return lambda values: normalise.truth(self._word(Field.STREAM, values))

    def _reasoning_outside(self) -> Callable[[Values], bool] | None:
        providers = {
            when.provider
            for when in self.dialect.reasoning_outside_output
            if when.matches(self.scope, when.provider, self.version, self.keys)
        }
        if not providers:
            return None
        if "" in providers:
            return lambda values: True  # noqa: ARG005 - whatever they are

        def outside(values: Values) -> bool:
            models = (self._word(field, values) for field in (Field.RESPONSE_MODEL, Field.REQUEST_MODEL))
            model = next(filter(normalise.names_model, models), "")
            return normalise.provider(self._word(Field.PROVIDER, values), model) in providers

        return outside

    def excludes_cache(self, provider: str, token_semantics: str) -> bool | None:
        """Return whether the writer's input tokens leave out the prompt cache; None where nobody knows.

        Args:
            provider: Canonical name of the provider.
            token_semantics: What the span says of its own counts.
        """
        for when, included in self.vocabulary.cache_in_input:
            if when.matches(self.scope, provider, self.version, self.keys):
                return not included
        if token_semantics.lower() == "inclusive":
            return False
        whens = self.dialect.cache_outside_input
        outside = any(when.matches(self.scope, provider, self.version, self.keys) for when in whens)
        return True if outside else None


class Variant:
    """How spans of one plan and one operation are read: their kind, and which of their values are words.

    `bindings` is where the pipeline remembers what became of their words; `tally` counts the spans. Where `named`,
    the values must hold the span, see `with_span`. `session`, `response_id`, `arguments` and `regenerated` pick from
    the values what is said of one span alone, encoded, `b""` where a span does not say it; they are None where no
    span of the plan can.
    `plain` spans count by their words and times alone. Those that `tell` may have more than what they stand for: checks
    of guardrails, see `Told`.
    """

    __slots__ = (
        "_said",
        "arguments",
        "bindings",
        "derived",
        "kind",
        "named",
        "operation",
        "places",
        "plain",
        "plan",
        "quantities",
        "regenerated",
        "reranks",
        "response_id",
        "session",
        "streams",
        "tally",
        "tell",
        "words",
    )

    def __init__(self, plan: Plan, values: Values) -> None:
        self.plan = plan
        self.quantities = plan.quantities
        self.bindings: dict[Any, Any] = {}
        self._said: dict[Any, Record] = {}
        self.operation, self.streams = _operation(plan, values)
        self.reranks = self.operation == "rerank"
        self.kind = (
            Kind.CALL if self.operation in normalise.CALLS else _KINDS.get(self.operation, Kind.STRUCTURE)
        )
        self.tally = plan.vocabulary.tally(plan.dialect.name, self.kind)
        self.session = plan.identity(Field.SESSION)
        self.regenerated = plan.identity(Field.REGENERATED)
        self.response_id = plan.identity(Field.RESPONSE_ID) if self.kind is Kind.CALL else None
        self.arguments = plan.identity(Field.TOOL_ARGUMENTS) if self.kind is Kind.TOOL else None
        self.plain = self.arguments is None and self.kind not in (Kind.CALL, Kind.RETRIEVAL)
        # What a guardrail's own span tells of is that check.
        self.tell = plan.told.may and self.kind is not Kind.GUARDRAIL

        places: list[int] = []
        self.derived: list[tuple[int, Derived]] = []
        self.places: dict[str, list[tuple[bool, int]]] = {}
        found = {field.value: plan.word_places(field) for field in (*_RELEVANT[self.kind], *_PROMPT)}
        found |= {label.name: plan.label_places(label.name) for label in INHERITED}
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
        identities = [found for field in IDENTITIES for found in plan.word_places(field)]
        self.named = any(place == _SPAN for place, _ in (*self.derived, *identities))
        usual = plan.place_of("error.type")
        errors_at = zip(
            found.get(Field.ERROR_TYPE.value, ()), self.places.get(Field.ERROR_TYPE.value, ()), strict=True
        )
        self.places[_OTHER_ERRORS] = [own for (place, _), own in errors_at if place != usual]
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
        request_model, response_model = (
            next(filter(normalise.names_model, self._all(field.value, words)), "")
            for field in (Field.REQUEST_MODEL, Field.RESPONSE_MODEL)
        )
        provider = normalise.provider(word(Field.PROVIDER), response_model or request_model)
        said = [*self._all(Field.ERROR_TYPE.value, words)]
        failed = failure is not None or bool(said) or _says_failed(word(Field.FAILED))
        call_error, tool_error = errors.error_type(said), errors.tool_error_type(said)
        if failure is not None:
            others = [*self._all(_OTHER_ERRORS, words)]
            call_error = errors.sharpened(errors.error_type(others), failure[0])
            tool_error = errors.sharpened(errors.tool_error_type(others), failure[1])
        return Record(
            dialect=self.plan.dialect.name,
            kind=kind,
            **{label.name: self._word(label.name, words) for label in INHERITED},
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
            direction=direction(word(Field.DIRECTION), self.plan.dialect.directions),
            action=self._action(word(Field.VERDICT), failed) if kind is Kind.GUARDRAIL else "",
            prompt_name=word(Field.PROMPT_NAME),
            prompt_version=word(Field.PROMPT_VERSION),
            response_cache=normalise.cache_result(word(Field.RESPONSE_CACHE)),
            input_excludes_cache=self.plan.excludes_cache(provider, word(Field.TOKEN_SEMANTICS)),
        )

    def _word(self, name: str, words: Words) -> str:
        return next(self._all(name, words), "")

    def _all(self, name: str, words: Words) -> Iterator[str]:
        """Yield what is said of a field, best first."""
        derived_from = len(words) - len(self.derived)
        for is_derived, place in self.places.get(name, ()):
            found = words[derived_from + place] if is_derived else text(words[place])
            if found:
                yield str(found)

    def _finish(self, words: Words) -> Value:
        for is_derived, place in self.places.get(Field.FINISH_REASON.value, ()):
            found: Value = (
                words[len(words) - len(self.derived) + place] if is_derived else decode(words[place])
            )
            if found:
                return found
        return None

    def _action(self, verdict: str, failed: bool) -> str:
        """Return the catalogue's guardrail action of a verdict.

        A check that failed is an error, unless the writer has a word for what it did: some raise what they block.
        """
        word = verdict.lower()
        known = self.plan.dialect.verdicts.get(word)
        return known or ("error" if failed else ACTIONS.get(word, "flag"))


def with_span(values: Values, span: Any) -> Values:
    """Return a span's values with the span itself in its place."""
    return (*values[:_SPAN], span, b"")


def _sources(dialect: Dialect, field: Field) -> tuple[Source, ...]:
    """Return where a dialect's spans say a field: its own places, then those of the conventions."""
    own = dialect.fields.get(field, ())
    if dialect.name == dialects.FALLBACK:
        return own
    # What a span's name means, only its own writer knows; and to read all names would be slow.
    semconv = dialects.fallback().fields.get(field, ())
    return (*own, *(source for source in semconv if source not in own and not isinstance(source, SpanName)))


def _told_by(found: Iterable[Place]) -> tuple[int, Callable[[Values], Any] | None]:
    """Return what tells spans apart: the place of a value, or a function of all values where that is not enough."""
    found = list(found)
    places = list(dict.fromkeys(place for place, source in found if source is None))
    derived = [(place, source) for place, source in found if source is not None]
    if derived:

        def told(values: Values) -> Any:
            # What is derived is one of few words; what it is derived from may be another in every span.
            words = [as_text(source.read(values[place])) for place, source in derived]
            return (*[values[place] for place in places], *words)

        return -1, told
    return (places[0] if places else -1), (itemgetter(*places) if len(places) > 1 else None)


def _operation(plan: Plan, values: Values) -> tuple[str, bool]:
    """Return the canonical operation of a span, and whether its word says that the answer was streamed.

    The first word that is known counts; then an attribute that implies one; then the first word, whatever it is.
    """
    own = plan.dialect.operations
    words = [word.lower() for word in _texts(plan.word_places(Field.OPERATION), values)]
    known = [word for word in words if word in own or normalise.is_operation(normalise.operation(word))]
    implied = next((operation for key, operation in plan.dialect.implied if key in plan.keys), "")
    if not known and implied:
        return implied, False
    said = (known or words or [""])[0]
    found = own.get(said) or normalise.operation(said)
    names_model = any(
        source is None
        for field in (Field.REQUEST_MODEL, Field.RESPONSE_MODEL)
        for _, source in plan.word_places(field)
    )
    if not found and (names_model or plan.quantities.says_usage):
        found = "chat"
    return found, said.endswith(".dostream")


def _texts(places: Iterable[Place], values: Values) -> Iterator[str]:
    """Yield the words that are said at these places."""
    for place, source in places:
        found = text(values[place]) if source is None else as_text(source.read(values[place]))
        if found:
            yield found


def _raw(places: Sequence[Place]) -> Identify | None:
    """Return what picks the first of these that is said, encoded; None where there is no place.

    With a single place that may be empty text: see `said`.
    """
    if not places:
        return None
    if len(places) == 1 and places[0][1] is None:
        return itemgetter(places[0][0])

    def identify(values: Values) -> bytes:
        for place, source in places:
            raw = values[place] if source is None else as_text(source.read(values[place])).encode()
            if raw not in _EMPTY:
                return raw
        return b""

    return identify


def said(identity: bytes) -> bool:
    """Return whether an encoded identity is one at all, and not empty text."""
    return identity not in _EMPTY


def _picker(places: Sequence[int]) -> Callable[[Values], tuple[bytes, ...]]:
    """Return what picks these places from a span's values, as a tuple even where there are fewer than two."""
    return itemgetter(*places, *[-1] * (2 - len(places)))


def _says_failed(word: str) -> bool:
    return word.lower() in ("error", "failed", "failure", "true", "1")
