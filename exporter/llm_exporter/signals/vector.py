"""A text as a unit vector of 64 hashed words: added up over many texts, it shows whether what is said has changed.

Words and marks count √frequency, so that a word said ten times does not drown the others, and go to the bucket of
their CRC. The hash has no sign: the sums are counters, which only rise. All vectors have length 1, so a long text
weighs what a short one does, and the noise of a mean follows from the mean and the number of texts.
"""

from __future__ import annotations

import re
from collections import Counter
from math import hypot, sqrt
from typing import TYPE_CHECKING, Final
from zlib import crc32

from llm_exporter.catalogue import BUCKET, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS: Final = len(BUCKET.values)
CHARACTERS: Final = 4000
"""How much of a text is read."""
MAX_REMEMBERED: Final = 50_000
MAX_REMEMBERED_BYTES: Final = 48
"""Longer words than this are hashed each time: the memo holds at most some megabytes, whatever is said."""

_SCALE: Final = float(Unit.WEIGHT.scale)
_ASCII: Final = bytes(range(128))
_ASCII_WORD: Final = bytes(code for code in _ASCII if chr(code).isalnum() or chr(code) == "_")
_ASCII_SPACE: Final = bytes(code for code in _ASCII if chr(code).isspace())
_WORDS_ONLY: Final = bytes(code if code in _ASCII_WORD else 0x20 for code in range(256)).lower()
_NO_MARKS: Final = _ASCII_WORD + _ASCII_SPACE + bytes(range(128, 256))

_WORD_CHARACTER: Final = re.compile(r"\w")
# Scripts that put no space between words: Thai, Lao, Myanmar, Khmer; Chinese, Japanese, Korean, which has spaces
# but whose words change their ends.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_UNSPACED}]+")
_SPACED_OR_MARK: Final = re.compile(rf"[^\W{_UNSPACED}]+|[^\w\s{_UNSPACED}]")


class _Memo(dict[bytes, int]):
    """The bucket of each word, worked out at its first use; emptied when full."""

    def __missing__(self, word: bytes) -> int:
        bucket = crc32(word) % BUCKETS
        if len(word) <= MAX_REMEMBERED_BYTES:
            if len(self) >= MAX_REMEMBERED:
                self.clear()
            self[word] = bucket
        return bucket


_MEMO: Final = _Memo()
_bucket_of = _MEMO.__getitem__
_BUCKET_OF_MARK: Final = tuple(crc32(bytes((code,))) % BUCKETS for code in range(128))
_ROOTS: Final = tuple(map(sqrt, range(CHARACTERS + 1)))


def vector(text: str) -> Sequence[int]:
    """Return the weight of each bucket in units of `Unit.WEIGHT`, of length 1; nothing for a text with no token.

    Tokens are lower-cased words and single marks; scripts without spaces count by pairs of characters.
    """
    text = text[:CHARACTERS]
    raw = text.encode("utf-8", "surrogatepass")
    weights = [0.0] * BUCKETS
    foreign = raw.translate(None, _ASCII).decode("utf-8", "surrogatepass") if not text.isascii() else ""
    if foreign and _WORD_CHARACTER.search(foreign):
        _add(weights, (token.encode("utf-8", "surrogatepass") for token in _tokens(text.lower())))
    else:
        # The usual way, all in C: letters are ASCII, whatever else is beyond ASCII separates words.
        _add(weights, raw.translate(_WORDS_ONLY).split())
        for code, times in Counter(raw.translate(None, _NO_MARKS)).items():
            weights[_BUCKET_OF_MARK[code]] += _ROOTS[times]
        if foreign:
            marks = (mark for mark in foreign.lower() if not mark.isspace())
            _add(weights, (mark.encode("utf-8", "surrogatepass") for mark in marks))
    length = hypot(*weights)
    if not length:
        return ()
    unit = _SCALE / length
    return [int(weight * unit) for weight in weights]


def _add(weights: list[float], words: Iterable[bytes]) -> None:
    counts = Counter(words)
    for bucket, weight in zip(map(_bucket_of, counts), map(sqrt, counts.values()), strict=True):
        weights[bucket] += weight


def _tokens(text: str) -> list[str]:
    tokens: list[str] = _SPACED_OR_MARK.findall(text)
    for run in _RUN.findall(text):
        tokens += [run[place : place + 2] for place in range(max(len(run) - 1, 1))]
    return tokens
