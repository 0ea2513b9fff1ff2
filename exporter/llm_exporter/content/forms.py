"""Messages in any provider's form, as decoded JSON: which text in them is the question, which the answer.

The forms differ in the names of a few keys, so that one reading serves for all of them; whoever holds the JSON need
not say whose it is. What has none of these forms says nothing. Depth and number of what is looked at are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 10
MAX_MESSAGES: Final = 1024
MAX_PARTS: Final = 256
MAX_DOCUMENTS: Final = 128
_USER: Final = frozenset({"user", "human"})
_ASSISTANT: Final = frozenset({"assistant", "ai", "model", "chatbot"})
_SYSTEM: Final = frozenset({"system", "developer"})
_OTHERS: Final = frozenset({"tool", "function", "tool_result", "ipython"})
_ROLES: Final = {
    **dict.fromkeys(_USER, "user"),
    **dict.fromkeys(_ASSISTANT, "assistant"),
    **dict.fromkeys(_SYSTEM, "system"),
    **dict.fromkeys(_OTHERS, "other"),
}
_TEXT_TYPES: Final = frozenset({"", "text", "input_text", "output_text", "plain_text"})
_CALL_TYPES: Final = frozenset(
    {"tool_call", "tool_use", "tool-call", "function_call", "toolUse", "functionCall", "server_tool_use"}
)
_PART_TYPES: Final = _TEXT_TYPES | _CALL_TYPES | {"refusal", "reasoning", "thinking"}
_CALL_KEYS: Final = frozenset(
    {
        "_tool_calls",
        "functionCall",
        "function_call",
        "toolCalls",
        "toolRequest",
        "toolUse",
        "tool_call",
        "tool_calls",
    }
)
_QUESTIONS: Final = (
    "messages", "contents", "input_messages", "input", "inputs", "prompt", "prompts", "question", "query", "args",
    "kwargs", "text",
)  # fmt: skip
"""Keys of a request under which what was asked stands, the more telling first."""
_ANSWERS: Final = (
    "choices", "candidates", "generations", "replies", "output", "outputs", "output_text", "response", "completion",
    "completions", "combined_chunk_content", "generated_text", "outputText", "message", "delta", "messages", "results",
)  # fmt: skip
"""Keys of a response under which the answer stands."""
_FIRST: Final = frozenset({"choices", "generations", "replies", "results"})
"""Those whose items are alternatives: the first is the answer."""
_INSTRUCTIONS: Final = (
    "system", "instructions", "system_instruction", "systemInstruction", "system_instructions", "system_prompt",
)  # fmt: skip
_DOCUMENTS: Final = (
    "documents", "docs", "results", "matches", "source_nodes", "nodes", "data", "output", "outputs", "hits",
)  # fmt: skip
_DOCUMENT_TEXTS: Final = (
    "content", "page_content", "pageContent", "text", "document", "node", "chunk", "snippet", "body", "kwargs",
    "payload", "metadata",
)  # fmt: skip

_KEYS: Final = frozenset(
    {*_QUESTIONS, *_ANSWERS, *_CALL_KEYS, "content", "_content", "parts", "role", "type", "refusal", "kwargs"}
)


class Answer(NamedTuple):
    """The text of an answer."""

    text: str
    refused: bool = False
    """Whether it is marked as a refusal."""


class _Texts:
    """What a message says, collected from its parts."""

    __slots__ = ("calls", "refused", "said", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refused = self.calls = self.said = False
        """`calls`: it asks for tools. `said`: it has a place for text, be it empty."""

    def answer(self) -> Answer | None:
        """Return it as an answer; a message that only asks for tools is none."""
        text = "\n".join(self.texts)
        return Answer(text, self.refused) if text or (self.said and not self.calls) else None

    def add(self, text: str) -> None:
        self.said = True
        if text:
            self.texts.append(text)

    def content(self, content: Any, depth: int = MAX_DEPTH) -> None:
        """Take what stands where a message has its content."""
        if isinstance(content, str):
            self.add(content)
        elif isinstance(content, list):
            for part in content[:MAX_PARTS]:
                if isinstance(part, str):
                    self.add(part)
                elif isinstance(part, dict):
                    self.part(part, depth - 1)
        elif isinstance(content, dict):
            self.part(content, depth - 1)

    def part(self, part: dict[str, Any], depth: int) -> None:
        """Take one part of a content, or a content that is an object."""
        kind = part.get("type") or ""
        if not isinstance(kind, str) or depth <= 0:
            return
        if kind == "refusal" or (not kind and isinstance(part.get("refusal"), str) and part["refusal"]):
            self.refused = True
            self.add(_first_text(part, ("refusal", "content", "text")))
        elif kind in _CALL_TYPES or (not kind and not _CALL_KEYS.isdisjoint(part)):
            self.calls = True
        elif kind in _TEXT_TYPES and part.get("thought") is not True:
            for key in ("text", "content", "parts", "message_content"):
                found = part.get(key)
                if key == "text" and isinstance(found, dict) and found:
                    # A model that was asked for JSON, whose answer was parsed before it was written.
                    self.add(msgspec.json.encode(found).decode("utf-8", "replace"))
                    return
                if found is not None:
                    self.content(found, depth - 1)
                    return

    def message(self, message: dict[str, Any]) -> None:
        """Take all that a message says."""
        for key in ("parts", "content", "_content", "text"):
            found = message.get(key)
            if found is not None:
                # Providers answer with no content at all; a list of no parts is of a writer that keeps them to itself.
                self.said = self.said or (found == [] and key != "parts")
                self.content(found)
                break
        else:
            self.said = self.said or "content" in message
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            self.refused = True
            self.add(refusal)
        more = message.get("additional_kwargs")
        if _asks_for_tools(message) or (isinstance(more, dict) and _asks_for_tools(more)):
            self.calls = True


def _asks_for_tools(message: dict[str, Any]) -> bool:
    return not _CALL_KEYS.isdisjoint(message) and any(message.get(key) for key in _CALL_KEYS)


def _first_text(part: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((found for key in keys if isinstance(found := part.get(key), str) and found), "")


def role_of(word: Any) -> str:
    """Return `user`, `assistant`, `system` or `other` for a word for a role, empty for anything else."""
    if not isinstance(word, str) or len(word) > 40:
        return ""
    return _ROLES.get(word) or _ROLES.get(word.rpartition(".")[2].lower(), "")


def _unwrapped(value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the role of a message, and the message without what LangChain, Logfire or an API puts around it."""
    role = role_of(value.get("role") or value.get("_role"))
    if role:
        return role, value
    kind = value.get("type")
    inner = value.get("kwargs") if kind == "constructor" else value.get("data")
    if isinstance(inner, dict) and kind is not None:
        name = value.get("id")
        word = name[-1] if isinstance(name, list) and name else kind
        role = role_of(inner.get("type")) or role_of(
            str(word)[:32].lower().removesuffix("chunk").removesuffix("message")
        )
        return role, inner
    event = value.get("event.name")
    if isinstance(event, str):
        if event == "gen_ai.choice":
            message = value.get("message")
            return "assistant", message if isinstance(message, dict) else {"content": message}
        return role_of(event.removesuffix(".message")), value
    return role_of(kind), value


def _is_part(value: Any) -> bool:
    """Return whether an item of a list is a part of a message, and not a message."""
    if not isinstance(value, dict) or "role" in value or "_role" in value or "message" in value:
        return False
    kind = value.get("type")
    if kind is None:
        return "text" in value or not _CALL_KEYS.isdisjoint(value) or "reasoningContent" in value
    return isinstance(kind, str) and kind in _PART_TYPES


def _latest(messages: list[Any]) -> Iterator[Any]:
    """Yield the last messages, the last first; of several conversations in a list, those of the first."""
    if messages and isinstance(messages[0], list):
        messages = messages[0]
    return iter(messages[: -MAX_MESSAGES - 1 : -1])


def _opened(value: str) -> Any:
    """Return the JSON in a string inside of JSON; None unless it is an object or a list."""
    if value[:1] not in ("{", "["):
        return None
    try:
        return msgspec.json.decode(value)
    except (ValueError, RecursionError):
        return None


def question_in(value: Any, depth: int = MAX_DEPTH) -> str:
    """Return the text of the last message of the user, empty where there is none."""
    if isinstance(value, str):
        return value
    if not depth:
        return ""
    if isinstance(value, dict):
        return _question_in_object(value, depth)
    if not isinstance(value, list) or not value:
        return ""
    if all(map(_is_part, value[:MAX_PARTS])):
        return _text_of({"content": value})
    without_role = ""
    for item in _latest(value):
        if isinstance(item, str):
            message = _opened(item)
            if not isinstance(message, dict):
                without_role = without_role or item
                continue
        elif isinstance(item, dict):
            message = item
        else:
            continue
        role, message = _unwrapped(message)
        if role == "user":
            text = _text_of(message)
            if text:
                return text
        elif not role and not without_role:
            without_role = _question_in_object(message, depth - 1)
    return without_role


def _question_in_object(value: dict[str, Any], depth: int) -> str:
    role, value = _unwrapped(value)
    if role:
        return _text_of(value) if role == "user" else ""
    for key in _QUESTIONS:
        found = value.get(key)
        if found:
            text = question_in(found, depth - 1)
            if text:
                return text
    return _text_of(value)


def _text_of(message: dict[str, Any]) -> str:
    texts = _Texts()
    texts.message(message)
    return "\n".join(texts.texts)


def answer_in(value: Any, depth: int = MAX_DEPTH) -> Answer | None:
    """Return the answer, None where there is none; a request for tools without a word is none."""
    if isinstance(value, str):
        return Answer(value)
    if not depth:
        return None
    if isinstance(value, dict):
        return _answer_in_object(value, depth)
    if not isinstance(value, list) or not value:
        return None
    first = value[0]
    if isinstance(first, list):
        return answer_in(first, depth - 1)
    if isinstance(first, str):
        inner = _opened(first)
        return answer_in(inner, depth - 1) if isinstance(inner, dict) else Answer(first)
    if _is_part(first) and all(map(_is_part, value[1:MAX_PARTS])):
        return _answer_of({"content": value})
    if isinstance(first, dict) and "candidates" in first:
        # A streamed answer, chunk by chunk.
        chunks = [answer_in(item, depth - 1) for item in value[:MAX_MESSAGES]]
        said = [chunk for chunk in chunks if chunk is not None]
        return (
            Answer("".join(chunk.text for chunk in said), any(chunk.refused for chunk in said))
            if said
            else None
        )
    return _last_answer(value, depth)


def _last_answer(messages: list[Any], depth: int) -> Answer | None:
    """Return the last that the assistant said since the user spoke; an empty one only where there is no other."""
    empty = None
    for item in _latest(messages):
        if not isinstance(item, dict):
            continue
        role, message = _unwrapped(item)
        if role == "user" and _text_of(message):
            break
        if role in ("", "assistant"):
            found = _answer_of(message) if role else _answer_in_object(message, depth - 1)
            if found is not None and found.text:
                return found
            empty = empty or found
    return empty


def _answer_in_object(value: dict[str, Any], depth: int) -> Answer | None:
    if not depth:
        return None
    role, value = _unwrapped(value)
    if role:
        return _answer_of(value) if role == "assistant" else None
    for key in _ANSWERS:
        found = value.get(key)
        if found is not None and found != []:
            if key in _FIRST and isinstance(found, list):
                found = found[0]
            answer = answer_in(found, depth - 1)
            if answer is not None or isinstance(found, dict | list):
                return answer
    return _answer_of(value)


def _answer_of(message: dict[str, Any]) -> Answer | None:
    texts = _Texts()
    texts.message(message)
    return texts.answer()


def system_in(value: Any, depth: int = MAX_DEPTH) -> str:
    """Return the system's instructions in a request, empty where there are none."""
    if not depth:
        return ""
    if isinstance(value, dict):
        for key in _INSTRUCTIONS:
            found = value.get(key)
            if found:
                return instructions_in(found)
        for key in (*_QUESTIONS[:5], "config"):
            found = value.get(key)
            if isinstance(found, dict | list):
                text = system_in(found, depth - 1)
                if text:
                    return text
        return ""
    if not isinstance(value, list) or not value:
        return ""
    if isinstance(value[0], list):
        return system_in(value[0], depth - 1)
    said = []
    for item in value[:MAX_PARTS]:
        message = _opened(item) if isinstance(item, str) else item
        if isinstance(message, dict):
            role, message = _unwrapped(message)
            if role == "system":
                said.append(_text_of(message))
    return "\n".join(filter(None, said))


def instructions_in(value: Any) -> str:
    """Return the text of something that is the system's instructions: text, parts or messages."""
    texts = _Texts()
    if isinstance(value, list) and any(
        isinstance(item, dict) and "role" in item for item in value[:MAX_PARTS]
    ):
        for item in value[:MAX_PARTS]:
            if isinstance(item, dict):
                texts.message(item)
    else:
        texts.content(value)
    return "\n".join(texts.texts)


def documents_in(value: Any, depth: int = MAX_DEPTH) -> list[str]:
    """Return the texts of the documents that a retrieval brought, best first."""
    if not depth:
        return []
    if isinstance(value, dict):
        for key in _DOCUMENTS:
            found = value.get(key)
            if isinstance(found, list | dict):
                texts = documents_in(found, depth - 1)
                if texts:
                    return texts
        return []
    if not isinstance(value, list) or not value:
        return []
    if isinstance(value[0], list):
        return documents_in(value[0], depth - 1)
    found = (_document(item, 4) for item in value[:MAX_DOCUMENTS])
    return [text for text in found if text]


def _document(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not depth:
        return ""
    for key in _DOCUMENT_TEXTS:
        found = value.get(key)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, dict):
            text = _document(found, depth - 1)
        elif isinstance(found, list):
            texts = _Texts()
            texts.content(found)
            text = "\n".join(texts.texts)
        else:
            continue
        if text:
            return text
    return ""


def is_known(value: dict[str, Any]) -> bool:
    """Return whether an object has a key that makes it a message, a request or a response."""
    return not _KEYS.isdisjoint(value)


def means_json(value: Any, depth: int = 4) -> bool:
    """Return whether a wish for a form of the answer is one for JSON: its word, or an object with that word."""
    if isinstance(value, str):
        return value.lower() in ("json", "json_object", "json_schema", "application/json")
    if isinstance(value, dict) and depth:
        keys = ("type", "format", "mime_type", "mimeType", "contentType")
        return any(means_json(value.get(key), depth - 1) for key in keys)
    return False
