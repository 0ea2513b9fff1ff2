"""Loops of an agent within a task: the same tool call again, a circle of steps, too many steps."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import lru_cache
from typing import Final

from llm_exporter.dialects._dialect import MAX_JSON, structured
from llm_exporter.otlp.values import text

NO_ARGUMENTS: Final = frozenset((b"", b"\x0a\x00", b"\x0a\x02{}"))
"""Nothing, empty text, and the empty object that writers put where content is not captured."""
_TEXT: Final = re.compile(
    rb"\x0a[\x80-\xff]*[\x00-\x7f]\s*"
    rb"(?:[^\s{\[\x220-9tfnNI-]|(?!true|false|null|NaN|Infinity)[tfnNI]|-?[0-9][-+.0-9eE]*\s*[^-+.0-9eE\s])"
)
"""An encoded string that begins as neither JSON nor a Python dict does."""
MAX_REMEMBERED: Final = 128
MAX_CALLS: Final = 64
"""Distinct tool calls remembered of a task."""
MAX_STEPS: Final = 24
"""Last steps in which a circle is looked for."""
ROUNDS: Final = 3
"""How often a circle is gone round before it is one."""
MAX_CIRCLE: Final = 4


def fingerprint(arguments: bytes) -> int:
    """Return a hash of a tool's encoded arguments that does not depend on how their JSON is written, 0 for none."""
    if len(arguments) <= MAX_REMEMBERED:
        return _remembered(arguments)
    return _fingerprint(arguments)


def _fingerprint(arguments: bytes) -> int:
    if arguments in NO_ARGUMENTS:
        return 0
    # Plain text, which some pass to a tool, is not tried as JSON.
    found = structured(arguments) if len(arguments) <= MAX_JSON and not _TEXT.match(arguments) else None
    if found is not None:
        with suppress(ValueError, RecursionError):
            arguments = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    else:
        said = text(arguments)
        if not said:
            return 0
        arguments = said.encode("utf-8", "replace")
    return hash(arguments) or 1


_remembered = lru_cache(maxsize=4096)(_fingerprint)


class Loops:
    """The tool calls and agents' runs of one task, in bounded memory."""

    __slots__ = ("_calls", "_circled", "_over", "_steps")

    def __init__(self) -> None:
        self._calls: set[int] | None = None
        self._steps: list[int] = []
        self._circled = self._over = False

    def repeated(self, tool: str, arguments: int) -> bool:
        """Return whether a tool was called before with the same arguments; 0 is none that are known.

        Every repetition counts: an agent that asks the same thing all night is worse than one that asks twice.
        """
        if not arguments:
            return False
        call = hash((tool, arguments))
        if self._calls is None:
            self._calls = set()
        if call in self._calls:
            return True
        if len(self._calls) < MAX_CALLS:
            self._calls.add(call)
        return False

    def circle(self, step: int) -> bool:
        """Take a step, and return whether the last ones go round in a circle of different ones, once a task.

        `step` is equal for the same tool and agent, as `Bound.step` is.
        """
        steps = self._steps
        steps.append(step)
        if len(steps) > MAX_STEPS:
            del steps[0]
        if self._circled or len(steps) < 2 * ROUNDS or not self._goes_round():
            return False
        self._circled = True
        return True

    def over(self, steps: int, most: int) -> bool:
        """Return whether a task has more steps than it should, once a task."""
        if steps <= most or self._over:
            return False
        self._over = True
        return True

    def _goes_round(self) -> bool:
        for length in range(2, MAX_CIRCLE + 1):
            last = self._steps[-length * ROUNDS :]
            first_round = last[:length]
            if len(set(first_round)) > 1 and last == first_round * ROUNDS:
                return True
        return False
