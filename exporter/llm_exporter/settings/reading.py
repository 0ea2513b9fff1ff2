"""Reading a configuration: what a kind of value is, and where each key stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from llm_exporter.settings.problem import Problem
from llm_exporter.settings.source import Node, Scalar


class Unset:
    """The type of `UNSET`: no value, because it was refused or not given."""


UNSET: Final = Unset()


@dataclass(slots=True)
class Reading:
    """What is known while one configuration is read: where each key stands, and what is wrong so far.

    `overrides` holds values that win over the file, by key path, each with the name of its source.
    """

    file: str
    directory: Path = Path()
    overrides: Mapping[str, tuple[str, Scalar]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: str, line: int) -> None:
        """Remember the line of a key."""
        self.places[path] = f"{self.file}:{line}"

    def place(self, path: str) -> str:
        """Where a key stands, or the nearest key around it, or just the file."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, self.file)

    def problem(self, path: str, wrong: str, allowed: str, hint: str = "") -> Unset:
        """Note a problem at a key."""
        self.problems.append(Problem(self.place(path), path, wrong, allowed, hint))
        return UNSET

    def sound(self, path: str) -> bool:
        """Whether nothing at or below a key was refused so far."""
        return not any(
            problem.key == path or problem.key.startswith((path + ".", path + "["))
            for problem in self.problems
        )


class Kind(Protocol):
    """What a key's value can be."""

    def describe(self) -> str:
        """Say what is allowed, to follow the word "allowed"."""

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:
        """Return the value of a node; `UNSET`, with the problem noted in `reading`, when it is refused."""

    def dump(self, value: object) -> object:
        """Return the JSON data that reads as this value."""
