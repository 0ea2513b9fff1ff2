"""What was read of traces' calls and retrievals, kept until the calls are counted and their labels are known.

All traces together may hold `MAX_CHARACTERS`. What comes on top takes the place of the documents that have been
held for longest; where there are none it is dropped. `dropped` counts both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from llm_exporter.content import MAX_DOCUMENTS, NOTHING, Content
from llm_exporter.content.places import ALL, places_of
from llm_exporter.record import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_exporter.content import Listener
    from llm_exporter.record import Record

MAX_CHARACTERS: Final = 32 * 1024 * 1024
IN_WORDS: Final = frozenset({"chat", "text_completion", "realtime"})
"""Operations whose answer is text. Of other calls nothing is read, and nobody is told."""


class _Trace(Protocol):
    contents: dict[bytes, Content] | None
    documents: list[str] | None


class Answered(NamedTuple):
    """One call to tell the listener of."""

    record: Record
    content: Content
    documents: Sequence[str]
    trace_id: bytes
    span_id: bytes
    finish: str
    times: int


class Kept:
    """What was read for one listener."""

    def __init__(self, listener: Listener, parts: int = ALL, most: int = MAX_CHARACTERS) -> None:
        self._listener = listener
        self._parts = parts
        self._most = most
        self.characters = 0
        self.dropped = 0
        self._shelf: dict[_Trace, None] = {}
        """The traces that hold documents, in the order in which they got their first."""

    def read(
        self, trace: _Trace, kind: Kind, operation: str, dialect: str, names: frozenset[str], span: Any
    ) -> None:
        """Read a span that counts, as far as it says anything to the listener.

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
                content = places_of(dialect, names).read(span, self._parts)
                if content != NOTHING and self._fits(content.characters):
                    if trace.contents is None:
                        trace.contents = {}
                    trace.contents[span.span_id] = content
        elif kind is Kind.RETRIEVAL:
            texts = places_of(dialect, names).documents(span)
            if texts:
                self._add_documents(trace, texts)

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

    def of(
        self, trace: _Trace, span_id: bytes, outer: Sequence[bytes], inner: Mapping[bytes, Sequence[bytes]]
    ) -> Content:
        """Return the content of a call that counts, with what only spans for the same call around it say.

        Args:
            trace: The call's.
            span_id: The call's.
            outer: The spans around it, innermost first.
            inner: By span, those right inside it. One around several calls does not say which it is about.
        """
        contents = trace.contents
        if contents is None:
            return NOTHING
        content = contents.get(span_id, NOTHING)
        inside = span_id
        for around in outer:
            if inner.get(around) != [inside]:
                break
            theirs = contents.get(around)
            if theirs is not None:
                content = _filled(content, theirs)
            inside = around
        return content

    def tell(self, calls: list[Answered]) -> None:
        """Tell the listener of calls that were counted."""
        answered = self._listener.answered
        for call in calls:
            answered(*call)

    def forget_calls(self, trace: _Trace) -> None:
        """Drop what was read of a trace's calls, which are counted."""
        if trace.contents is not None:
            self.characters -= sum(content.characters for content in trace.contents.values())
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
