"""Kinds of values that hold others (sections, lists, tables), and `key`, which declares one key."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, cast

from llm_exporter.settings.problem import did_you_mean, shown
from llm_exporter.settings.reading import UNSET, Kind, Reading
from llm_exporter.settings.source import ListNode, MapNode, Node, Scalar

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Key:
    """The declaration of one key: what it is for, its kind and unit, and all that is said of it elsewhere.

    `flag` names the command-line flag that wins over it. `example` is JSON data, shown where the default is
    empty. `restart` says that a reload cannot change it.
    """

    kind: Kind
    doc: str
    unit: str = ""
    flag: str = ""
    example: object = None
    restart: bool = False


def key(
    kind: Kind,
    doc: str,
    default: object = MISSING,
    *,
    unit: str = "",
    flag: str = "",
    example: object = None,
    restart: bool = False,
) -> Any:
    """Declare a key of a section, as a dataclass field. Without a default the key has to be given.

    The result is Any because it stands where a default stands, like that of `dataclasses.field`.
    """
    metadata = {"key": Key(kind, doc, unit, flag, example, restart)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def section(cls: type, doc: str, *, restart: bool = False) -> Any:
    """Declare a section of the file whose keys are the fields of a dataclass, all with defaults."""
    return dataclasses.field(default_factory=cls, metadata={"key": Key(Section(cls), doc, restart=restart)})


def keys(cls: type) -> dict[str, Key]:
    """The keys of a section by name; `from_` is written `from`, as Python reserves the word."""
    return {field.name.rstrip("_"): field.metadata["key"] for field in dataclasses.fields(cls)}


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with the keys that a dataclass declares."""

    cls: type

    def describe(self) -> str:
        """Say what is allowed."""
        return "mapping with the keys " + ", ".join(keys(self.cls))

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:
        """Return an instance; what is not given is as in `default`, or as declared."""
        if isinstance(node, Scalar) and node.is_null:
            node = MapNode(node.line)
        if not isinstance(node, MapNode):
            return reading.problem(path, "the value is not a mapping", self.describe())
        declared = keys(self.cls)
        values: dict[str, object] = {}
        for name, entry in node.entries.items():
            place = _join(path, name)
            reading.at(place, entry.line)
            if name not in declared:
                reading.problem(place, "unknown key", ", ".join(declared), did_you_mean(name, declared))
                continue
            inner = UNSET if default is UNSET else getattr(default, name)
            values[name] = declared[name].kind.read(entry.value, place, reading, inner)
        for name, key in declared.items():
            place = _join(path, name)
            if place in reading.overrides:
                source, scalar = reading.overrides[place]
                reading.places[place] = source
                values[name] = key.kind.read(scalar, place, reading)
            elif isinstance(key.kind, Section) and name not in node.entries:
                values[name] = key.kind.read(MapNode(node.line), place, reading)
        return self._made(values, path, reading, default)

    def _made(self, values: Mapping[str, object], path: str, reading: Reading, default: object) -> object:
        given: dict[str, object] = {}
        complete = True
        for field in dataclasses.fields(self.cls):
            name = field.name.rstrip("_")
            if values.get(name, UNSET) is not UNSET:
                given[field.name] = values[name]
            elif default is UNSET and field.default is MISSING and field.default_factory is MISSING:
                complete = False
                if name not in values:
                    allowed = field.metadata["key"].kind.describe()
                    reading.problem(path, f"key {name} is missing", allowed)
        if not complete:
            return UNSET
        return self.cls(**given) if default is UNSET else dataclasses.replace(default, **given)  # type: ignore[type-var]

    def dump(self, value: object) -> object:
        """Give the section back, with every key."""
        fields = dataclasses.fields(self.cls)
        return {
            field.name.rstrip("_"): field.metadata["key"].kind.dump(getattr(value, field.name))
            for field in fields
        }


@dataclass(frozen=True, slots=True)
class Items:
    """A list of at most `most` values of one kind, kept as a tuple; `ascending` numbers if so declared."""

    kind: Kind
    most: int
    ascending: bool = False

    def describe(self) -> str:
        """Say what is allowed."""
        order = "ascending " if self.ascending else ""
        return f"{order}list of up to {self.most} of: {self.kind.describe()}"

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:  # noqa: ARG002
        """Return the tuple of the items, without those that are refused."""
        if not isinstance(node, ListNode):
            return reading.problem(path, "the value is not a list", self.describe())
        if len(node.items) > self.most:
            return reading.problem(path, f"a list of {len(node.items)} is not allowed", self.describe())
        values: list[Any] = []
        for index, item in enumerate(node.items):
            place = f"{path}[{index}]"
            reading.at(place, item.line)
            value = self.kind.read(item, place, reading)
            if value is UNSET:
                continue
            if self.ascending and values and not values[-1] < value:
                return reading.problem(
                    place, f"{value:g} after {values[-1]:g} is not allowed", self.describe()
                )
            values.append(value)
        if self.ascending and not node.items:
            return reading.problem(path, "an empty list is not allowed", self.describe())
        return tuple(values)

    def dump(self, value: object) -> object:
        """Give the list back."""
        return [self.kind.dump(item) for item in cast("tuple[object, ...]", value)]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping from names to values of one kind; `names` has the allowed names, None allows any.

    Names that are not given keep their value of the default.
    """

    kind: Kind
    meaning: str
    names: Collection[str] | None = None
    most: int = 1000

    def describe(self) -> str:
        """Say what is allowed."""
        return f"mapping from {self.meaning} to {self.kind.describe()}"

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:
        """Return the mapping, without the entries that are refused."""
        if isinstance(node, Scalar) and node.is_null:
            node = MapNode(node.line)
        if not isinstance(node, MapNode):
            return reading.problem(path, "the value is not a mapping", self.describe())
        if len(node.entries) > self.most:
            return reading.problem(
                path, f"a mapping of {len(node.entries)} is not allowed", f"up to {self.most} names"
            )
        values: dict[str, object] = dict(default) if isinstance(default, Mapping) else {}
        for name, entry in node.entries.items():
            place = _join(path, name)
            reading.at(place, entry.line)
            if self.names is not None and name not in self.names:
                reading.problem(
                    place, f"unknown {self.meaning}", ", ".join(self.names), did_you_mean(name, self.names)
                )
                continue
            value = self.kind.read(entry.value, place, reading, values.get(name, UNSET))
            if value is not UNSET:
                values[name] = value
        return values

    def dump(self, value: object) -> object:
        """Give the mapping back."""
        return {name: self.kind.dump(item) for name, item in cast("Mapping[str, object]", value).items()}


def _join(path: str, name: str) -> str:
    """The path of a key below another; names from outside are cut and escaped as in `shown`."""
    safe = name if PLAIN_NAME.fullmatch(name) else shown(name)
    return f"{path}.{safe}" if path else safe
