"""One result of an evaluator, or one vote of a user: what it says and what it is about."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

MAX_NAME: Final = 128
MAX_LABEL: Final = 128
MAX_ID: Final = 256
JUDGE: Final = "judge"
HUMAN: Final = "human"
CODE: Final = "code"
EXTERNAL: Final = "external"


class Evaluation(NamedTuple):
    """A result as its writer told it. Nothing of its explanation, comment or metadata is kept."""

    name: str
    """As written, at most `MAX_NAME` characters."""
    score: float | None = None
    """As written: it may be NaN, infinite or out of any range."""
    label: str = ""
    """As written, at most `MAX_LABEL` characters: "pass", "hallucinated" …"""
    source: str = EXTERNAL
    """`judge`, `human`, `code` or `external`."""
    error: str = ""
    """Not empty: the evaluator failed, and there is no result."""
    trace_id: bytes = b""
    """16 bytes or empty. Without a `span_id` it is about the whole task."""
    span_id: bytes = b""
    """8 bytes or empty."""
    response_id: str = ""
    """The provider's id of the answer, where there are no ids of a span."""
    session: str = ""
    """A conversation."""
    key: bytes = b""
    """What makes it this result, 16 bytes: the same key again is the same result told again. Empty: it is like
    no other."""
    tool: str = ""
    """Whose scale it is on, where the form that it came in says so: `braintrust`, `azure`."""


def key_of(*parts: str | bytes) -> bytes:
    """Return the key of a result that `parts`, in this order, tell from every other one."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # With its length, so that ("ab", "c") is not ("a", "bc").
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()


def target_key(evaluation: Evaluation, *parts: str | bytes) -> bytes:
    """Return a key of what the result is about, its name and `parts`."""
    return key_of(
        evaluation.trace_id,
        evaluation.span_id,
        evaluation.response_id,
        evaluation.session,
        evaluation.name,
        *parts,
    )


def clipped(words: str, limit: int) -> str:
    """Return `words` without the space around them, at most `limit` characters, all of which UTF-8 can encode."""
    return words[: 4 * limit].strip()[:limit].encode("utf-8", "replace").decode("utf-8")


def trace_id_of(hexadecimal: str) -> bytes:
    """Return the 16 bytes that 32 hexadecimal digits say; empty where they are no valid trace id."""
    return _id(hexadecimal, 16)


def span_id_of(hexadecimal: str) -> bytes:
    """Return the 8 bytes that 16 hexadecimal digits say; empty where they are no valid span id."""
    return _id(hexadecimal, 8)


def _id(hexadecimal: str, size: int) -> bytes:
    if len(hexadecimal) != 2 * size:
        return b""
    try:
        found = bytes.fromhex(hexadecimal)
    except ValueError:
        return b""
    # `fromhex` skips spaces, and zeros alone are the id that OpenTelemetry calls invalid.
    return found if len(found) == size and any(found) else b""
