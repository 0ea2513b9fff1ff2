"""What was read of traces' calls and retrievals, kept until the calls are counted and their labels are known.

All traces together may hold `MAX_CHARACTERS`. What comes on top takes the place of the documents that have been
held for longest; where there are none it is dropped. `dropped` counts both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from llm_exporter.content import MAX_DOCUMENTS, NOTHING, Content, Listener
from llm_exporter.content.places import ALL, ANSWER, QUESTION, Places, places_of
from llm_exporter.record import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llm_exporter.record import Record

MAX_CHARACTERS: Final = 32 * 1024 * 1024
TRACE_ID: Final = 16
IN_WORDS: Final = frozenset({"chat", "text_completion", "realtime"})
"""Operations whose answer is text. Of other calls nothing is read, and nobody is told."""


class Choosing(Listener, Protocol):
    """A listener that does not want all of every call."""

    def wants(self, call: Record) -> int:
        """Return which parts of a call's content to read, of those that `places` has, others being left empty.

        The listener is told of that call next, maybe with more than it wants.
        """


class Unread(NamedTuple):
    """A call of the batch in progress, which is read when it is told of, if at all."""

    places: Places
    span: Any


class Counted(NamedTuple):
    """A call that counts."""

    record: Record
    span_id: bytes
    outer: Sequence[bytes]
    """The spans around it that stand for the same call, innermost first."""
    times: int


class _Trace(Protocol):
    id: bytes
    contents: dict[bytes, Content | Unread] | None
    documents: list[str] | None
    session: bytes
    question: int
    silent: bool


class Kept:
    """What was read for one listener."""

    def __init__(self, listener: Listener, parts: int = ALL, most: int = MAX_CHARACTERS) -> None:
        self._listener = listener
        self._wants: Callable[[Record], int] | None = getattr(listener, "wants", None)
        self._parts = parts
        self._most = most
        self.characters = 0
        self.dropped = 0
        self._shelf: dict[_Trace, None] = {}
        """The traces that hold documents, in the order in which they got their first."""

    def read(
        self, trace: _Trace, kind: Kind, operation: str, dialect: str, names: frozenset[str], span: Any
    ) -> None:
        """Take a span that counts, as far as it says anything to the listener.

        Args:
            trace: The span's.
            kind: What the span stands for.
            operation: Its canonical operation.
            dialect: Name of its dialect.
            names: All its attributes.
            span: Itself, decoded.
        """
        if kind is Kind.CALL:
            if operation in IN_WORDS:
                places = places_of(dialect, names)
                if places.in_attributes or span.events:
                    if trace.contents is None:
                        trace.contents = {}
                    trace.contents[span.span_id] = Unread(places, span)
        elif kind is Kind.RETRIEVAL:
            texts = places_of(dialect, names).documents(span)
            if texts:
                self._add_documents(trace, texts)

    def hold(self, trace: _Trace) -> None:
        """Read the calls of a trace that must wait to be counted: their texts are shorter than their spans."""
        contents = trace.contents or {}
        for span_id, unread in contents.items():
            if isinstance(unread, Unread):
                content = unread.places.read(unread.span, self._parts)
                contents[span_id] = content if self._fits(content.characters) else NOTHING

    def _fits(self, characters: int) -> bool:
        """Return whether there is room for so many characters, and take it."""
        while self.characters + characters > self._most:
            self.dropped += 1
            oldest = next(iter(self._shelf), None)
            if oldest is None or characters > self._most:
                return False
            self._forget_documents(oldest)
        self.characters += characters
        return True

    def _add_documents(self, trace: _Trace, texts: list[str]) -> None:
        """Add what a retrieval brought. Over the bound, what was brought first goes."""
        known = trace.documents or []
        texts = [text for text in dict.fromkeys(texts) if text not in known]
        if not texts or not self._fits(sum(map(len, texts))):
            return
        # To make room for the new, this trace may have had to give up the old.
        kept = [*(trace.documents or ()), *texts]
        over = sum(map(len, kept)) - MAX_DOCUMENTS
        while over > 0:
            gone = len(kept.pop(0))
            over -= gone
            self.characters -= gone
        trace.documents = kept
        self._shelf[trace] = None

    def tell(self, trace: _Trace, calls: Sequence[Counted], inner: Mapping[bytes, Sequence[bytes]]) -> None:
        """Tell the listener of calls of a trace, and drop what was read of its calls.

        Args:
            trace: Theirs.
            calls: Those that were counted.
            inner: By span, those right inside it that stand for the same call.
        """
        contents, documents = trace.contents or {}, tuple(trace.documents or ())
        # What is told is told once, whatever comes of it.
        self.forget_calls(trace)
        trace_id = trace.id if len(trace.id) == TRACE_ID else b""
        wants, answered = self._wants, self._listener.answered
        for record, span_id, outer, times in calls:
            parts = wants(record) if wants is not None else self._parts
            if trace.session:
                # What users do after an answer is told by these, see `conversations`.
                parts |= ANSWER if trace.question else ANSWER | QUESTION
            content = _read(contents, span_id, parts)
            if outer:
                content = _with_outer(content, contents, span_id, outer, inner, parts)
            if content.question and not trace.question:
                trace.question = hash(content.question)
            trace.silent = (
                content.said_answer and not content.answer and record.finish_reason in ("stop", "length")
            )
            answered(record, content, documents, trace_id, span_id, record.finish_reason, times)

    def forget_calls(self, trace: _Trace) -> None:
        """Drop what was read of a trace's calls, which are counted."""
        if trace.contents is not None:
            held = (content for content in trace.contents.values() if isinstance(content, Content))
            self.characters -= sum(content.characters for content in held)
            trace.contents = None

    def forget(self, trace: _Trace) -> None:
        """Drop all that was read of a trace, which is over."""
        self.forget_calls(trace)
        self._forget_documents(trace)

    def _forget_documents(self, trace: _Trace) -> None:
        if trace.documents is not None:
            self.characters -= sum(map(len, trace.documents))
            trace.documents = None
        self._shelf.pop(trace, None)

    def adopt(self, older: Kept) -> None:
        """Go on with what was read under another configuration."""
        self.characters, self.dropped, self._shelf = older.characters, older.dropped, older._shelf


def tells(record: Record) -> bool:
    """Return whether a listener is told of such a call."""
    return record.operation in IN_WORDS


def _read(contents: Mapping[bytes, Content | Unread], span_id: bytes, parts: int) -> Content:
    content = contents.get(span_id, NOTHING)
    return content.places.read(content.span, parts) if isinstance(content, Unread) else content


def _with_outer(
    content: Content,
    contents: Mapping[bytes, Content | Unread],
    span_id: bytes,
    outer: Sequence[bytes],
    inner: Mapping[bytes, Sequence[bytes]],
    parts: int,
) -> Content:
    """Return a call's content with what only spans for the same call around it say.

    One around several calls does not say which of them it is about.
    """
    inside = span_id
    for around in outer:
        if inner.get(around) != [inside]:
            break
        if around in contents:
            content = _filled(content, _read(contents, around, parts))
        inside = around
    return content


def _filled(content: Content, theirs: Content) -> Content:
    """Return the content of a call with that of a span around it where it says nothing."""
    if not content.said_answer:
        content = content._replace(
            answer=theirs.answer, refused=theirs.refused, said_answer=theirs.said_answer
        )
    return content._replace(
        question=content.question or theirs.question,
        system=content.system or theirs.system,
        wants_json=content.wants_json or theirs.wants_json,
    )
