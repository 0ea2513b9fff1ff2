"""Which plan a span has: guessed from the number of its attributes, proved by looking all of them up.

Listing the names of a span's attributes costs more than looking up the values of known names, so the names
are not listed when a guess holds. Protobuf's map inserts a name that is looked up and not there; a map that
has not grown after every name of the guessed shape was looked up therefore has exactly those names.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

from llm_exporter.evaluations.spans import may_tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_exporter.reading import Plan

NOTHING: Final = "\0"
"""A name no attribute has; looked up last and last but one, so that the last two values are always `b""`."""
_MAX_FORKS: Final = 8


class Shape:
    """A set of attribute names, and the plan for spans that have just these.

    `take` looks every name up; its values start with those of `plan.keys`, in that order, and end with `b""` twice.
    """

    __slots__ = ("keys", "plan", "size", "take", "tells")

    def __init__(self, keys: Sequence[str], plan: Plan | None) -> None:
        self.keys = frozenset(keys)
        self.plan = plan
        wanted = plan.keys if plan is not None else ()
        first = frozenset(wanted)
        names = [*wanted, *(key for key in keys if key not in first), NOTHING, NOTHING]
        self.take = itemgetter(*names)
        self.size = len(self.keys) + 1
        self.tells = may_tell(keys)
        """Whether such spans may hold results of evaluators in their attributes."""


class Fork:
    """Two shapes, or forks, of the same size, told apart by whether a span has `key`."""

    __slots__ = ("key", "with_key", "without_key")

    def __init__(self, key: str, with_key: Shape | Fork, without_key: Shape | Fork) -> None:
        self.key = key
        self.with_key = with_key
        self.without_key = without_key


class Scope:
    """One instrumentation scope: its name and version, and the shapes seen under it, by number of attributes.

    `marks` are the byte strings of which a span must have one to be worth reading; without any, all are read.
    """

    __slots__ = ("guesses", "marks", "name", "shapes", "version")

    def __init__(self, name: str, version: str = "", marks: tuple[bytes, ...] = ()) -> None:
        self.name = name
        self.version = version
        self.marks = marks
        self.shapes: dict[frozenset[str], Shape] = {}
        self.guesses: dict[int, Shape | Fork] = {}

    def learn(self, shape: Shape) -> None:
        """Guess this shape from now on where the guess was wrong, apart from the one guessed so far."""
        self.shapes[shape.keys] = shape
        size = len(shape.keys)
        self.guesses[size] = _grown(self.guesses.get(size), shape, _MAX_FORKS)

    def forget(self) -> None:
        """Drop every shape."""
        self.shapes.clear()
        self.guesses.clear()


def _grown(node: Shape | Fork | None, shape: Shape, forks: int) -> Shape | Fork:
    if node is None or not forks:
        return shape
    if isinstance(node, Fork):
        if node.key in shape.keys:
            return Fork(node.key, _grown(node.with_key, shape, forks - 1), node.without_key)
        return Fork(node.key, node.with_key, _grown(node.without_key, shape, forks - 1))
    ours, theirs = shape.keys - node.keys, node.keys - shape.keys
    if ours:
        return Fork(min(ours), shape, node)
    if theirs:
        return Fork(min(theirs), node, shape)
    return shape
