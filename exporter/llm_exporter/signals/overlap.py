"""Which share of an answer's content words stands in the retrieved documents.

It tells answers that have nothing to do with what was retrieved. It is no measure of truth: a false answer may
be made of the documents' own words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST: Final = 3
"""Content words below which an answer is too short to say."""
_LONGEST: Final = 15
"""Characters of an average word beyond which a text is taken to be in a script that does not part words."""
# A word of content has four characters or more, or is a number.
_WORD = re.compile(r"\w{4,}|(?<!\w)\d\d+(?!\w)")
_LOWER_WORDS: Final = bytes(
    code if chr(code).isalnum() or chr(code) == "_" else 0x20 for code in range(128)
).lower() + bytes(128)
_COMMON: Final = (
    "about above according actually after again against almost along already also although always among another "
    "anything around back based because been before being below between both cannot come could does doing done "
    "down during each either else even ever every example first following from further generally give given goes "
    "have having hello help here hers herself himself however including indeed information instead into itself "
    "just keep know known later least less like likely made mainly make many maybe more most much must myself need "
    "never next none nothing often once only other others otherwise ourselves over part particular perhaps please "
    "possible provide provided quite rather really related same says second seem several shall should similar "
    "since some something sometimes soon still such sure take than that their them themselves then there therefore "
    "these they thing things think this those through thus together toward type under unless until upon used using "
    "usually various very want well were what whatever when where whether which while whole whose will with within "
    "without would your yours yourself"
)
_STOP_WORDS: Final = frozenset(_COMMON.split())


def overlap(answer: str, documents: Sequence[str]) -> float | None:
    """Return the share, from 0 to 1; None without documents or where the answer has hardly any content words."""
    if not documents:
        return None
    words = set(_WORD.findall(answer.lower())) - _STOP_WORDS
    if len(words) < FEWEST or sum(map(len, words)) > _LONGEST * len(words):
        return None
    return len(words.intersection(_words(" ".join(documents)))) / len(words)


def _words(text: str) -> list[str]:
    """Return all words of a text in lower case, short ones too where that is faster."""
    if text.isascii():
        return text.encode("ascii").translate(_LOWER_WORDS).decode("ascii").split()
    return _WORD.findall(text.lower())
