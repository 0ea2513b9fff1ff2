"""What went wrong, as one of a few words: the class and type of a failed call, the way a tool failed.

Writers put an exception's class, an HTTP status, a provider's error code or a sentence into `error.type`, the
exception event or the status message. The first of those that a rule knows decides; the text itself is read
and dropped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLASS_OF: Final[Mapping[str, str]] = {
    "rate_limit": "provider",
    "timeout": "provider",
    "unavailable": "provider",
    "auth": "provider",
    "quota": "provider",
    "context_overflow": "application",
    "invalid_request": "application",
    "cancelled": "application",
    "unknown": "application",
    "refusal": "semantic",
    "content_filter": "semantic",
}
"""The class of each `error_type` of the catalogue."""

MAX_TEXT: Final = 1024

# In this order: a quota error is also a 429, a context overflow is also a 400.
_RULES: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (
            (
                r"insufficient.?quota|exceeded your current quota|billing|credit balance"
                r"|payment.?required|\b402\b"
            ),
            "quota",
        ),
        (
            (
                r"context.?(?:length|window|size|limit).{0,30}exceed|exceed.{0,30}context|maximum context"
                r"|prompt is too long|context_?(?:length|window)_?(?:exceeded|overflow)"
                r"|too many (?:input )?tokens|string_above_max_length|input is too long"
            ),
            "context_overflow",
        ),
        (
            r"content.?(?:filter|policy|management)|responsible.?ai|\bsafety\b|guardrail.{0,12}interven",
            "content_filter",
        ),
        (r"refus", "refusal"),
        (r"rate.?limit|too.?many.?requests|throttl|resource.?exhausted|\b429\b", "rate_limit"),
        (
            (
                r"authenticat|unauthori[sz]|permission|forbidden|access.?denied|invalid.{0,3}api.?key|expiredtoken"
                r"|unrecognizedclient|\b40[13]\b"
            ),
            "auth",
        ),
        (r"cancel|abort|generatorexit|keyboardinterrupt|client.?disconnect|\b499\b", "cancelled"),
        (r"timed?.?out|deadline|\b408\b|\b504\b|\b524\b", "timeout"),
        (
            (
                r"unavailable|overloaded|internal.?server|bad.?gateway|connect|socket|\beof\b|\bdns\b"
                r"|no such host|remoteprotocol|server.?(?:had an )?error|incompleteread|econn|enotfound"
                r"|\b5(?:0\d|2\d|9\d)\b"
            ),
            "unavailable",
        ),
        (
            (
                r"bad.?request|invalid.?request|invalid.?argument|unprocessable|validation|not.?found|unsupported|conflict"
                r"|\b4(?:00|04|05|09|13|22)\b"
            ),
            "invalid_request",
        ),
    )
)


# What SDKs call every failure of theirs, and Anthropic one of the server: it counts where nothing says more.
_GENERIC: Final = re.compile(r"api_?error\b")


def error_type(texts: Iterable[str]) -> str:
    """Return the `error_type` of a failed call from what its span says, most specific text first.

    A later text may sharpen an invalid request into a context overflow: providers answer both with 400.
    """
    found, generic = "unknown", False
    for text in texts:
        lowered = text[:MAX_TEXT].lower()
        for pattern, kind in _RULES:
            if pattern.search(lowered):
                found = sharpened(found, kind)
                break
        else:
            generic = generic or _GENERIC.search(lowered) is not None
    return "unavailable" if generic and found == "unknown" else found


def sharpened(found: str, other: str) -> str:
    """Return the more telling of two error types of one failure, of a call or of a tool: the first if in doubt."""
    if found == "unknown" or other == "unknown":
        return other if found == "unknown" else found
    weak = found in ("invalid_request", "exception") or (found, other) == ("rate_limit", "quota")
    return other if weak else found


_TOOL_RULES: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"reject|denied|permission|forbidden|unauthori[sz]|not.?allowed|approval", "rejected"),
        (r"timed?.?out|deadline", "timeout"),
        (
            (
                r"validation|invalid.?(?:argument|param|input|request)|jsondecode|typeerror|missing.{0,20}argument|schema"
                r"|badrequest|malformed"
            ),
            "invalid_arguments",
        ),
        (r"empty|no.?result", "empty_result"),
        (r"error|exception|fail|panic|fault", "exception"),
    )
)


def tool_error_type(texts: Iterable[str]) -> str:
    """Return the tool's `error_type` of the catalogue from what its span says, most specific text first."""
    for text in texts:
        lowered = text[:MAX_TEXT].lower()
        for pattern, kind in _TOOL_RULES:
            if pattern.search(lowered):
                return kind
    return "unknown"
