"""YAML text to a tree of nodes that know their lines, bounded in size, depth and count.

A subset of YAML 1.2: one document, no anchors, aliases or tags, no key twice in a mapping. Scalars stay text:
the declared kind of a key decides what they mean, so `no` is never a truth value, nor `12:30` a number.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from llm_exporter.settings.problem import Problem, SettingsError, shown

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_NODES = 20_000


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as written; `plain` means without quotes."""

    line: int
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether it stands for "no value" in YAML."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class ListNode:
    """A YAML sequence."""

    line: int
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping and its value."""

    line: int
    value: "Node"


@dataclass(frozen=True, slots=True)
class MapNode:
    """A YAML mapping, in the order of the file."""

    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | ListNode | MapNode


class _RefusedError(Exception):
    def __init__(self, line: int, wrong: str, allowed: str) -> None:
        super().__init__(wrong)
        self.line, self.wrong, self.allowed = line, wrong, allowed


def read_bounded(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a regular file of at most `max_bytes`. Raises OSError, with a reason, otherwise."""
    # Opening a pipe would wait for someone to write to it.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a regular file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(f"it is larger than {max_bytes} bytes")
    return content


def parse(content: bytes, file: str) -> MapNode:
    """Parse a configuration file. Raises SettingsError naming `file` and the line of the first mistake.

    A mistake at this level ends the reading, as what follows cannot be told apart. An empty file is an empty
    mapping.
    """
    if len(content) > MAX_BYTES:
        raise SettingsError(
            [Problem(file, "", f"{len(content)} bytes are too many", f"up to {MAX_BYTES} bytes")]
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError([Problem(f"{file}:{line}", "", "the text is not UTF-8", "UTF-8")]) from None
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        return _document(iter(events))
    except _RefusedError as error:
        raise SettingsError([Problem(f"{file}:{error.line}", "", error.wrong, error.allowed)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        wrong = f"character U+{int(error.character):04X} cannot stand in YAML"
        raise SettingsError([Problem(f"{file}:{line}", "", wrong, "printable text")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        wrong = f"not YAML: {error.problem}"
        raise SettingsError(
            [Problem(f"{file}:{line}", "", wrong, "", "check indentation and quotes")]
        ) from None


def _document(events: Iterator[yaml.Event]) -> MapNode:
    root: Node | None = None
    reading = _Reading(events)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise _RefusedError(_line(event), "a second document starts here", "one document in a file")
            root = reading.node(next(events), 1)
    if root is None or (isinstance(root, Scalar) and root.is_null):
        return MapNode(1)
    if not isinstance(root, MapNode):
        raise _RefusedError(root.line, "the file is not a mapping", "sections, as in `listen:`")
    return root


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Reading:
    """Recursive descent over parser events; `MAX_DEPTH` bounds the recursion, `MAX_NODES` the work."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.nodes = 0

    def node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _RefusedError(line, "the file has too many values", f"up to {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise _RefusedError(line, "the nesting is too deep", f"up to {MAX_DEPTH} levels")
        if getattr(event, "anchor", None):
            raise _RefusedError(
                line, "anchors and aliases are not supported", "the value written out where it is used"
            )
        if getattr(event, "tag", None):
            raise _RefusedError(line, "tags are not supported", "the value without its tag")
        match event:
            case yaml.ScalarEvent():
                return Scalar(line, event.value, event.style is None)
            case yaml.SequenceStartEvent():
                return self._list(ListNode(line), depth)
            case _:
                return self._map(MapNode(line), depth)

    def _list(self, node: ListNode, depth: int) -> ListNode:
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            node.items.append(self.node(event, depth + 1))
        return node

    def _map(self, node: MapNode, depth: int) -> MapNode:
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise _RefusedError(key.line, "a list or mapping stands where a key belongs", "text as a key")
            if key.text in node.entries:
                first = node.entries[key.text].line
                raise _RefusedError(
                    key.line, f"key {shown(key.text)} is here twice, first in line {first}", "each key once"
                )
            node.entries[key.text] = Entry(key.line, self.node(next(self.events), depth + 1))
        return node
