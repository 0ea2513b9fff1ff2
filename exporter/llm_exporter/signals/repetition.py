"""Whether an answer goes round in circles: the same words again and again until its limit."""

from __future__ import annotations

import zlib
from typing import Final

SHORTEST: Final = 200
"""Characters below which nothing is said to repeat."""
_PROBE: Final = 24
_PLACE: Final = 0.9
"""Where in a text to take the characters whose repetition gives a loop away: nearly all end in the midst of it."""
_OFTEN: Final = 4
DUPLICATE_SHARE: Final = 0.8
COMPRESSION: Final = 6.0


def repeats(text: str) -> bool:
    """Return whether most of a text repeats what stood in it before.

    A text in which some characters near its end stand less than four times is not looked at further.
    """
    size = len(text)
    if size < SHORTEST:
        return False
    end = int(size * _PLACE)
    if text.count(text[end - _PROBE : end]) < _OFTEN:
        return False
    return duplicate_share(text) > DUPLICATE_SHARE or compression(text) > COMPRESSION


def duplicate_share(text: str) -> float:
    """Return the share of a text's runs of four words that stood in it before."""
    words = text.split()
    runs = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def compression(text: str) -> float:
    """Return how many times smaller a text gets by compression."""
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw) / len(zlib.compress(raw, 1)) if raw else 0.0
