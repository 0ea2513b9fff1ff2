"""Where spans with certain attributes hold what was asked and answered, and the reading of it.

Nothing here raises: what is broken, too big or of no known form says nothing.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from llm_exporter import dialects
from llm_exporter.content import MAX_ANSWER, MAX_DOCUMENTS, MAX_QUESTION, MAX_SYSTEM, Content, clipped, forms
from llm_exporter.content.forms import Answer
from llm_exporter.dialects._dialect import Choice, InEvents, Json, Numbered, Plain, Present
from llm_exporter.otlp.schema import DecodeError, parse_event
from llm_exporter.otlp.values import decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from llm_exporter.dialects._dialect import Dialect, Documents, Told

MAX_JSON: Final = 262_144
"""Bytes of JSON that are parsed; more says nothing."""
MAX_EVENTS: Final = 64
MAX_PLACES: Final = 256
MAX_NUMBERED: Final = 1024
_MANY: Final = 4 * MAX_ANSWER
"""Bytes of either end of a long text that are enough for what is kept of it."""
_STRING: Final = 0x0A
_MESSAGES: Final = re.compile(rb"""\s*(?:\[\s*["{\[\]]|\{\s*["}])""")
"""How JSON begins, and hardly any text."""
_NO_VALUE: Final = frozenset({b"null", b"None", b"undefined", b"N/A"})
_SPOKEN: Final = re.compile(
    r"^(user|human|assistant|ai|model|system|developer|tool|function): ?", re.MULTILINE | re.IGNORECASE
)
_NAMES: Final = re.compile(
    r"""(?:message\.)?(?:
        (?P<role>role)
        |(?P<text>content)
        |contents\.(?P<part>\d{1,4})\.message_content\.(?:(?P<part_text>text)|(?P<part_type>type))
        |(?P<calls>tool_calls\..*|function_call.*)
    )
    |(?P<bare>(?:prompt|completion)\.text|document\.content|text)""",
    re.VERBOSE | re.DOTALL,
)
"""What follows the number in the name of an attribute."""
_USERS: Final = ("user", "human")
_HIDDEN: Final = frozenset({"__REDACTED__", "[REDACTED]", "<redacted>", "REDACTED", "redacted-by-litellm"})
"""What stands for a text that its writer keeps to itself."""
_decode_json: Final = msgspec.json.Decoder().decode
Opened = dict[str, Any]
"""What was parsed of one span, by attribute."""


QUESTION, ANSWER, SYSTEM, FORM = 1, 2, 4, 8
ALL: Final = QUESTION | ANSWER | SYSTEM | FORM
"""What of a call's content is wanted: the rest is not read."""


class Places:
    """Where spans with these attributes hold content, under the declarations of their dialect, best first."""

    __slots__ = ("_answer", "_calls", "_documents", "_form", "_question", "_system", "in_attributes")

    def __init__(self, names: Collection[str], sources: Sequence[Dialect]) -> None:
        contents = [dialect.content for dialect in sources]
        self._question = _Two(_found(names, (told for where in contents for told in where.question)))
        self._answer = _Two(_found(names, (told for where in contents for told in where.answer)))
        self._system = _Two(_found(names, (told for where in contents for told in where.system)))
        self._documents = [
            *_found(names, (told for dialect in sources for told in _document_places(dialect.documents)))
        ]
        forms_said = (form for where in contents for form in where.form)
        self._form = [
            form for form in forms_said if (form if isinstance(form, str) else form.attribute) in names
        ]
        self._calls = any(name in names for where in contents for name in where.calls)
        said = (self._question, self._answer, self._system)
        self.in_attributes = bool(self._form) or any(places.in_attributes for places in said)
        """Whether a call without events can hold any content."""

    def read(self, span: Any, parts: int = ALL) -> Content:
        """Return the content of a call, as far as it is wanted."""
        opened: Opened = {}
        answer = self.answer(span, opened) if parts & ANSWER else None
        return Content(
            clipped(self.question(span, opened), MAX_QUESTION) if parts & QUESTION else "",
            clipped(answer.text, MAX_ANSWER) if answer is not None else "",
            clipped(self.system(span, opened), MAX_SYSTEM) if parts & SYSTEM else "",
            self.wants_json(span, opened) if parts & FORM and self._form else False,
            answer is not None and answer.refused,
            answer is not None,
        )

    def question(self, span: Any, opened: Opened) -> str:
        """Return the text of the user's last message, empty where it is not said."""
        for place in self._question.of(span):
            text = place.question(span, opened)
            if text and text not in _HIDDEN:
                return text
        return ""

    def answer(self, span: Any, opened: Opened) -> Answer | None:
        """Return the answer, None where the span holds none; an empty one only where no place has another."""
        empty = None
        for place in self._answer.of(span):
            found = place.answer(span, opened)
            if found is not None and found.text not in _HIDDEN:
                if found.text:
                    return found
                empty = empty or found
        return None if self._calls else empty

    def system(self, span: Any, opened: Opened) -> str:
        """Return the system's instructions: said by themselves, or among the messages."""
        for place in self._system.of(span):
            text = place.instructions(span, opened)
            if text:
                return text
        for place in self._question.of(span):
            text = place.system(span, opened)
            if text:
                return text
        return ""

    def wants_json(self, span: Any, opened: Opened) -> bool:
        """Return whether JSON was asked for."""
        for form in self._form:
            if isinstance(form, Choice | Present):
                if form.read(span.attributes[form.attribute]) is not None:
                    return True
            elif isinstance(form, str):
                if forms.means_json(_opened(span, form, opened)):
                    return True
            elif forms.means_json(_at(_opened(span, form.attribute, opened), form.path)):
                return True
        return False

    def documents(self, span: Any) -> list[str]:
        """Return the texts that a retrieval brought, best first, 16,384 characters at most together."""
        opened: Opened = {}
        room = MAX_DOCUMENTS
        kept: list[str] = []
        for place in self._documents:
            for text in place.documents(span, opened):
                kept.append(clipped(text, room) if len(text) > room else text)
                room -= len(kept[-1])
                if room <= 64:
                    return kept
            if kept:
                break
        return kept


@lru_cache(maxsize=MAX_PLACES)
def places_of(dialect: str, names: frozenset[str]) -> Places:
    """Return where spans of a dialect with these attributes hold content."""
    found, fallback = dialects.all_dialects()[dialect], dialects.fallback()
    return Places(names, (found,) if found is fallback else (found, fallback))


def _document_places(where: Documents) -> Iterator[Told]:
    """Yield the places of the documents' texts: beside those of their scores."""
    yield from map(Numbered, where.indexed)
    yield from where.listed
    yield from (InEvents(event, (f"{event}.document",)) for event in where.events)


class _Attribute:
    """An attribute with messages, or with what has messages at a path in it; or with text."""

    __slots__ = ("_name", "_path")

    def __init__(self, name: str, path: str = "") -> None:
        self._name = name
        self._path = path

    def _value(self, span: Any, opened: Opened) -> Any:
        value = _opened(span, self._name, opened)
        return _at(value, self._path) if self._path else value

    def question(self, span: Any, opened: Opened) -> str:
        return forms.question_in(self._value(span, opened))

    def answer(self, span: Any, opened: Opened) -> Answer | None:
        return forms.answer_in(self._value(span, opened))

    def system(self, span: Any, opened: Opened) -> str:
        return forms.system_in(self._value(span, opened))

    def instructions(self, span: Any, opened: Opened) -> str:
        return forms.instructions_in(self._value(span, opened))

    def documents(self, span: Any, opened: Opened) -> list[str]:
        return forms.documents_in(self._value(span, opened))


class _Text:
    """An attribute with nothing but text."""

    __slots__ = ("_name", "_spoken")

    def __init__(self, name: str, spoken: bool) -> None:
        self._name = name
        self._spoken = spoken

    def question(self, span: Any, opened: Opened) -> str:  # noqa: ARG002 - that of all places
        text = _text(span.attributes[self._name])
        return _heard(text, _USERS) if self._spoken else text

    def answer(self, span: Any, opened: Opened) -> Answer | None:  # noqa: ARG002
        return Answer(_text(span.attributes[self._name]))

    def system(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        return _instructed(_text(span.attributes[self._name])) if self._spoken else ""

    def instructions(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        return _text(span.attributes[self._name])

    def documents(self, span: Any, opened: Opened) -> list[str]:  # noqa: ARG002
        return [_text(span.attributes[self._name])]


class _Message:
    """The names of the attributes of one message."""

    __slots__ = ("calls", "parts", "role", "texts", "types")

    def __init__(self) -> None:
        self.role = ""
        self.texts: list[str] = []
        self.parts: dict[int, str] = {}
        self.types: list[str] = []
        self.calls = False

    def text(self, span: Any) -> str:
        attributes = span.attributes
        said = [_inner_text(attributes[name]) for name in self.texts]
        said += [_text(attributes[name]) for _, name in sorted(self.parts.items())]
        return "\n".join(filter(None, said))


class _Numbered:
    """Messages of which every attribute has one part, in order."""

    __slots__ = ("_messages",)

    def __init__(self, prefix: str, names: Iterable[str]) -> None:
        found: dict[int, _Message] = {}
        for name in names:
            if not name.startswith(prefix):
                continue
            number, _, rest = name[len(prefix) :].partition(".")
            match = _NAMES.fullmatch(rest) if number.isdecimal() and len(number) < 6 else None
            if match is None:
                continue
            message = found.setdefault(int(number), _Message())
            if match["role"]:
                message.role = name
            elif match["text"] or match["bare"]:
                message.texts.append(name)
            elif match["part_text"]:
                message.parts[int(match["part"])] = name
            elif match["part_type"]:
                message.types.append(name)
            else:
                message.calls = True
        self._messages = [found[number] for number in sorted(found)[-MAX_NUMBERED:]]

    def __bool__(self) -> bool:
        return bool(self._messages)

    def _role(self, message: _Message, span: Any) -> str:
        return forms.role_of(_text(span.attributes[message.role])) if message.role else ""

    def question(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        without_role = ""
        for message in reversed(self._messages):
            role = self._role(message, span)
            if role == "user" or (not role and not without_role):
                text = message.text(span)
                if role and text:
                    return text
                without_role = without_role or text
        return without_role

    def answer(self, span: Any, opened: Opened) -> Answer | None:  # noqa: ARG002
        empty = None
        for message in self._messages:
            if self._role(message, span) in ("", "assistant"):
                text = message.text(span)
                if text:
                    refused = any(_text(span.attributes[name]) == "refusal" for name in message.types)
                    return Answer(text, refused)
                if not message.calls and message.texts:
                    empty = Answer("")
        return empty

    def system(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        said = (message.text(span) for message in self._messages[:8] if self._role(message, span) == "system")
        return "\n".join(filter(None, said))

    def instructions(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        return "\n".join(filter(None, (message.text(span) for message in self._messages)))

    def documents(self, span: Any, opened: Opened) -> list[str]:  # noqa: ARG002
        texts = (message.text(span) for message in self._messages[: forms.MAX_DOCUMENTS])
        return [text for text in texts if text]


class _OfEvents:
    """Span events of one name, each with a message or a text."""

    __slots__ = ("_event", "_keys", "_spoken")

    def __init__(self, where: InEvents) -> None:
        self._event = where.event.encode()
        self._keys = where.keys
        self._spoken = where.spoken

    def _values(self, span: Any) -> Iterator[bytes]:
        wanted = self._event
        for raw in span.events[:MAX_EVENTS]:
            if wanted in raw:
                try:
                    event = parse_event(raw)
                except DecodeError:
                    continue
                if event.name == wanted:
                    attributes = event.attributes
                    found = next((attributes[key] for key in self._keys if key in attributes), None)
                    if found is not None:
                        yield found

    def question(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        last = ""
        for raw in self._values(span):
            said = _heard(_text(raw), _USERS) if self._spoken else forms.question_in(_form_or_text(raw))
            last = said or last
        return last

    def answer(self, span: Any, opened: Opened) -> Answer | None:  # noqa: ARG002
        empty = None
        for raw in self._values(span):
            found = forms.answer_in(_form_or_text(raw))
            if found is not None and found.text:
                return found
            empty = empty or found
        return empty

    def system(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        for raw in self._values(span):
            value = _form_or_text(raw)
            if not isinstance(value, str):
                found = forms.system_in(value)
            else:
                found = (
                    _heard(value, ("system", "developer")) if self._spoken and _SPOKEN.match(value) else ""
                )
            if found:
                return found
        return ""

    def instructions(self, span: Any, opened: Opened) -> str:  # noqa: ARG002
        return "\n".join(
            filter(None, (forms.instructions_in(_form_or_text(raw)) for raw in self._values(span)))
        )

    def documents(self, span: Any, opened: Opened) -> list[str]:  # noqa: ARG002
        return [text for raw in self._values(span) if (text := _text(raw))]


class _Two:
    """Places, and those of them that a span without events can have."""

    __slots__ = ("_all", "in_attributes")

    def __init__(self, places: Iterable[_Place]) -> None:
        self._all = tuple(places)
        self.in_attributes = tuple(place for place in self._all if not isinstance(place, _OfEvents))

    def of(self, span: Any) -> tuple[_Place, ...]:
        return self._all if span.events else self.in_attributes


_Place = _Attribute | _Text | _Numbered | _OfEvents


def _found(names: Collection[str], declared: Iterable[Told]) -> Iterator[_Place]:
    """Yield those of the declared places that spans with these attributes can have."""
    for told in dict.fromkeys(declared):
        match told:
            case str() if told in names:
                yield _Attribute(told)
            case Json() if told.attribute in names:
                yield _Attribute(told.attribute, told.path)
            case Plain() if told.attribute in names:
                yield _Text(told.attribute, told.spoken)
            case Numbered():
                numbered = _Numbered(told.prefix, names)
                if numbered:
                    yield numbered
            case InEvents():
                yield _OfEvents(told)
            case _:
                pass


def _opened(span: Any, name: str, opened: Opened) -> Any:
    """Return the messages or the text in an attribute; None where it says nothing."""
    if name in opened:
        return opened[name]
    value = opened[name] = _open(span.attributes[name])
    return value


def _open(raw: bytes) -> Any:
    body = _string(raw)
    if body is None:
        return decode(raw) if len(raw) <= MAX_JSON else None
    value: Any = None
    # Some writers encode twice; a third time would be none's.
    for _ in range(3):
        if _MESSAGES.match(body):
            return _parsed(body)
        if body[:1] != b'"' or len(body) > MAX_JSON:
            break
        value = _parsed(body)
        if not isinstance(value, str):
            break
        body = value.encode("utf-8", "replace")
    return None if not body.strip() or body in _NO_VALUE else _text_of(body)


def _parsed(body: bytes) -> Any:
    """Return the value of JSON, None where it is broken or too big."""
    if len(body) > MAX_JSON:
        return None
    try:
        return _decode_json(body)
    except (ValueError, RecursionError):
        pass
    try:
        # Python writes NaN, and what cuts a text in two may leave half a character.
        found = json.loads(body)
        return _decode_json(
            json.dumps(found, ensure_ascii=False).replace("NaN", "null").encode("utf-8", "replace")
        )
    except (ValueError, RecursionError):
        return None


def _string(raw: bytes) -> bytes | None:
    """Return the bytes of an encoded string value, None for another type of value."""
    if not raw or raw[0] != _STRING:
        return None
    size = shift = 0
    for place in range(1, min(len(raw), 6)):
        size |= (raw[place] & 0x7F) << shift
        shift += 7
        if raw[place] < 0x80:
            return raw[place + 1 :] if len(raw) == place + 1 + size else None
    return None


def _text(raw: bytes) -> str:
    """Return an encoded text as it stands, empty for another type of value."""
    body = _string(raw)
    return _text_of(body) if body is not None else ""


def _text_of(body: bytes) -> str:
    if len(body) > 2 * _MANY:
        return body[:_MANY].decode("utf-8", "ignore") + body[-_MANY:].decode("utf-8", "ignore")
    return body.decode("utf-8", "replace")


def _form_or_text(raw: bytes) -> Any:
    """Return messages in JSON, or else the text as it stands: a text may be JSON itself."""
    value = _open(raw)
    if isinstance(value, dict) and value and not forms.is_known(value):
        return _text(raw)
    return value


def _inner_text(raw: bytes) -> str:
    """Return the text of a message that is text or, in JSON, a list of parts."""
    text = _text(raw)
    if text.startswith("[") and _MESSAGES.match(text[:64].encode("utf-8", "replace")):
        return forms.instructions_in(_open(raw)) or text
    return text


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _instructed(text: str) -> str:
    return _heard(text, ("system", "developer")) if _SPOKEN.match(text) else ""


def _heard(text: str, roles: tuple[str, ...]) -> str:
    """Return the last message of a role in a text where each begins with its role; all of it where none does."""
    last = ""
    start, role = 0, ""
    for match in _SPOKEN.finditer(text):
        if role in roles:
            last = text[start : match.start()].strip()
        elif not role and match.start():
            return text
        start, role = match.end(), match[1].lower()
    if not role:
        return text
    return text[start:].strip() if role in roles else last
