"""How spans are read: which dialect they are in, and which of their attributes say what.

A `Plan` is worked out once for a scope and the names of a span's attributes (its `shapes.Shape`); after that a
span costs one look-up of its values. Some of them are *words*, which become labels and repeat, some are numbers
(`quantities`), which do not. A plan has a `Variant` for each operation: a tool's span needs other words than a
call's.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from llm_exporter import dialects, errors, normalise
from llm_exporter.dialects._dialect import Choice, Dialect, Field, Json
from llm_exporter.otlp.values import Value, as_text, decode, text
from llm_exporter.quantities import DocumentList, Quantities
from llm_exporter.record import Context, Kind, Record
from llm_exporter.vocabulary import INHERITED, attribute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llm_exporter.dialects._dialect import Source
    from llm_exporter.vocabulary import Vocabulary

Values = tuple[bytes, ...]
"""Per span: the encoded values of its attributes as `Shape.take` looks them up; the last one is `b""`."""
Words = tuple[Any, ...]
"""Per span: the encoded values that are words to its variant, then what its derived sources found."""
MAX_VARIANTS: Final = 256
MAX_RECORDS: Final = 1024
_CALLS: Final = frozenset(
    (
        "chat",
        "text_completion",
        "embeddings",
        "rerank",
        "image_generation",
        "speech",
        "transcription",
        "realtime",
    )
)
_KINDS: Final = {
    "execute_tool": Kind.TOOL,
    "invoke_agent": Kind.AGENT,
    "retrieval": Kind.RETRIEVAL,
    "guardrail": Kind.GUARDRAIL,
}
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
    `operation_place`, or what `operation` picks where several attributes do.
    """

    __slots__ = (
        "dialect",
        "documents",
        "keys",
        "operation",
        "operation_place",
        "quantities",
        "scope",
        "variants",
        "vocabulary",
    )

    def __init__(self, dialect: Dialect, scope: str, keys: Sequence[str], vocabulary: Vocabulary) -> None:
        self.dialect = dialect
        self.scope = scope
        self.vocabulary = vocabulary
        self.keys = tuple(keys)
        self.variants: dict[Any, Variant] = {}
        places = [place for place, _ in self.word_places(Field.OPERATION)]
        self.operation_place = places[0] if places else -1
        self.operation = itemgetter(*places) if len(places) > 1 else None
        self.quantities = Quantities(self.keys, self._sources)
        self.documents = DocumentList(self.keys, (dialect.documents, dialects.fallback().documents))

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
        return self._places(self._sources(field))

    def label_places(self, label: str) -> list[tuple[int, Json | Choice | None]]:
        """Return where the values hold a label that any dialect's spans may set, best first."""
        return self._places(self.vocabulary.label_attributes[label])

    def _places(self, sources: Iterable[Source]) -> list[tuple[int, Json | Choice | None]]:
        return [
            (self.keys.index(attribute_of(source)), source if isinstance(source, Json | Choice) else None)
            for source in sources
            if attribute_of(source) in self.keys
        ]

    def _sources(self, field: Field) -> tuple[Source, ...]:
        own = self.dialect.fields.get(field, ())
        if self.dialect.name == dialects.FALLBACK:
            return own
        semconv = dialects.fallback().fields.get(field, ())
        return (*own, *(source for source in semconv if source not in own))

    def excludes_cache(self, provider: str) -> bool:
        """Return whether the writer's input tokens leave out the prompt cache, for this canonical provider."""
        for when, included in self.vocabulary.cache_in_input:
            if when.matches(self.scope, provider):
                return not included
        return any(when.matches(self.scope, provider) for when in self.dialect.cache_outside_input)


class Variant:
    """How spans of one plan and one operation are read: their kind, and which of their values are words.

    `bindings` is where the pipeline remembers what became of their words; `tally` counts the spans.
    """

    __slots__ = (
        "_said",
        "bindings",
        "derived",
        "kind",
        "operation",
        "places",
        "plan",
        "streams",
        "tally",
        "words",
    )

    def __init__(self, plan: Plan, values: Values) -> None:
        said = ""
        for place, _ in plan.word_places(Field.OPERATION):
            said = said or text(values[place]).lower()
        self.plan = plan
        self.bindings: dict[Any, Any] = {}
        self._said: dict[Any, Record] = {}
        self.streams = said.endswith(".dostream")
        self.operation = plan.dialect.operations.get(said) or normalise.operation(said)
        names_model = plan.word_places(Field.REQUEST_MODEL) or plan.word_places(Field.RESPONSE_MODEL)
        if not self.operation and (names_model or plan.quantities.says_usage):
            self.operation = "chat"
        self.kind = Kind.CALL if self.operation in _CALLS else _KINDS.get(self.operation, Kind.STRUCTURE)
        self.tally = plan.vocabulary.tally(plan.dialect.name, self.kind)

        places: list[int] = []
        self.derived: list[tuple[int, Json | Choice]] = []
        self.places: dict[str, list[tuple[bool, int]]] = {}
        found = {field.value: plan.word_places(field) for field in _RELEVANT[self.kind]}
        if self.kind is not Kind.STRUCTURE:
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


def _picker(places: Sequence[int]) -> Callable[[Values], tuple[bytes, ...]]:
    """Return what picks these places from a span's values, as a tuple even where there are fewer than two."""
    return itemgetter(*places, *[-1] * (2 - len(places)))


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
    """Return the catalogue's guardrail action of a verdict; a check that failed itself is an error."""
    return "error" if failed else _ACTIONS.get(verdict.strip().lower(), "flag")
