"""Loops of an agent within a task: the same tool call again, a circle of steps, too many steps."""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import blake2b
from typing import Final

from llm_exporter.dialects._dialect import MAX_JSON, structured

MAX_CALLS: Final = 64
"""Distinct tool calls remembered of a task."""
MAX_STEPS: Final = 24
"""Last steps in which a circle is looked for."""
ROUNDS: Final = 3
"""How often a circle is gone round before it is one."""
MAX_CIRCLE: Final = 4


def fingerprint(arguments: bytes) -> int:
    """Return a hash of a tool's encoded arguments that does not depend on how their JSON is written, 0 for none."""
    if not arguments:
        return 0
    found = structured(arguments) if len(arguments) <= MAX_JSON else None
    if found is not None:
        with suppress(ValueError, RecursionError):
            arguments = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    return int.from_bytes(blake2b(arguments, digest_size=7).digest()) or 1


class Loops:
    """The tool calls of one task, in bounded memory. `seen` says what each of them shows, once per kind and task."""

    __slots__ = ("_calls", "_found", "_steps")

    def __init__(self) -> None:
        self._calls: set[int] = set()
        self._steps: list[int] = []
        self._found: set[str] = set()

    def call(self, tool: str, agent: str, arguments: int) -> str:
        """Take a tool call; return `repeated_call` where it was made before with the same arguments, else nothing.

        Every repetition counts: an agent that asks the same thing all night is worse than one that asks twice.
        """
        step = hash((tool, agent))
        self._steps.append(step)
        if len(self._steps) > MAX_STEPS:
            del self._steps[0]
        if not arguments:
            return ""
        call = hash((tool, arguments))
        if call in self._calls:
            return "repeated_call"
        if len(self._calls) < MAX_CALLS:
            self._calls.add(call)
        return ""

    def circle(self) -> bool:
        """Return whether the last steps go round in a circle of two to four different ones, the first time it is so."""
        if "cycle" in self._found or not self._goes_round():
            return False
        self._found.add("cycle")
        return True

    def over(self, steps: int, most: int) -> bool:
        """Return whether a task has more steps than it should, the first time it is so."""
        if steps <= most or "steps" in self._found:
            return False
        self._found.add("steps")
        return True

    def _goes_round(self) -> bool:
        steps = self._steps
        for length in range(2, MAX_CIRCLE + 1):
            last = steps[-length * ROUNDS :]
            first_round = last[:length]
            if len(set(first_round)) > 1 and last == first_round * ROUNDS:
                return True
        return False
