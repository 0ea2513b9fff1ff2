"""What was asked and answered in a call: read while its span is at hand, told to one listener, and dropped.

Text that is read here is never a label, never logged, and in no error message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_exporter.record import Record

MAX_QUESTION: Final = 4096
MAX_ANSWER: Final = 8192
MAX_SYSTEM: Final = 4096
MAX_DOCUMENTS: Final = 16_384
"""Characters of the documents of one trace, together."""
_GAP: Final = "\n…\n"


class Content(NamedTuple):
    """What was asked and answered in one call. A text that is as long as it may be has lost its middle."""

    question: str = ""
    """Text of the last message of the user."""
    answer: str = ""
    """Text of the answer."""
    system: str = ""
    """The system's instructions."""
    wants_json: bool = False
    """Whether JSON was asked for."""
    refused: bool = False
    """Whether the answer has the provider's own sign of a refusal in it."""
    said_answer: bool = False
    """Whether the span holds an answer at all: an empty answer is not one that nobody recorded."""

    @property
    def characters(self) -> int:
        """How many characters there are to keep."""
        return len(self.question) + len(self.answer) + len(self.system)


NOTHING: Final = Content()


class Listener(Protocol):
    """Who is told what was asked and answered in each call that counts."""

    def answered(
        self,
        call: Record,
        content: Content,
        documents: Sequence[str],
        trace_id: bytes,
        span_id: bytes,
        finish: str,
        times: int,
    ) -> None:
        """Take a call that has just been counted. The caller holds the store's lock.

        Args:
            call: What the call's span says, with all that it takes over from others.
            content: What was asked and answered; nothing of it where the span does not hold it.
            documents: Texts that retrievals of the same trace have brought so far, 16,384 characters at most.
            trace_id: 16 bytes, or none where the span belongs to no trace.
            span_id: 8 bytes.
            finish: The canonical finish reason, empty where it is not said.
            times: How many such calls it stands for.
        """


def clipped(text: str, most: int) -> str:
    """Return a text without what is too much in its middle: exactly `most` characters where it was longer."""
    if len(text) <= most:
        return text
    head = (most - len(_GAP)) // 2
    return text[:head] + _GAP + text[len(text) - (most - len(_GAP) - head) :]
