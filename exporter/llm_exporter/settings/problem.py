"""What is wrong in a configuration, in words its author can act on."""

import difflib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

SHOWN_CHARS = 60


def shown(text: str) -> str:
    """Quote text from outside for a message: on one line, ASCII, at most `SHOWN_CHARS` characters of it."""
    return json.dumps(text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…", ensure_ascii=True)


def did_you_mean(text: str, candidates: Collection[str]) -> str:
    """Return "did you mean …?" for the candidate nearest to a text, "" when none is near."""
    nearest = difflib.get_close_matches(text[:SHOWN_CHARS].lower(), candidates, n=1)
    return f"did you mean {nearest[0]}?" if nearest else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `str()` is the line shown to the user.

    `where` is `file:line`, an environment variable or a flag; `key` the path of the key (`slos[0].name`);
    `wrong` what is wrong, with the value; `allowed` what would be right; `hint` what to do, or "".
    """

    where: str
    key: str
    wrong: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        allowed = f": allowed {self.allowed}" if self.allowed else ""
        return f"{place}: {self.wrong}{allowed}{'; ' if self.hint else ''}{self.hint}"


class SettingsError(Exception):
    """A configuration is refused. `problems` has everything that is wrong with it, never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)
