"""YAML whose mappings and lists know on which line each of their parts stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Section(dict[str, Any]):
    """A mapping; `line` is where it begins, `lines` where the value of each key does."""

    line: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def section(self, key: str) -> Section:
        """Return the mapping under a key; an empty one where there is none."""
        found = self.get(key)
        return found if isinstance(found, Section) else Section()

    def items_of(self, key: str) -> Items:
        """Return the list under a key; an empty one where there is none."""
        found = self.get(key)
        return found if isinstance(found, Items) else Items()

    def sections_of(self, key: str) -> list[Section]:
        """Return the mappings in the list under a key."""
        return [one for one in self.items_of(key) if isinstance(one, Section)]


class Items(list[Any]):
    """A list; `lines` says where each item begins."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class _Loader(yaml.SafeLoader):
    """SafeLoader, with Section and Items."""


def _section(loader: _Loader, node: yaml.MappingNode) -> Iterator[Section]:
    result = Section()
    result.line = node.start_mark.line + 1
    yield result
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        result[key] = loader.construct_object(value_node, deep=True)
        result.lines[key] = value_node.start_mark.line + 1


def _items(loader: _Loader, node: yaml.SequenceNode) -> Iterator[Items]:
    result = Items()
    yield result
    for item in node.value:
        result.append(loader.construct_object(item, deep=True))
        result.lines.append(item.start_mark.line + 1)


_Loader.add_constructor("tag:yaml.org,2002:map", _section)
_Loader.add_constructor("tag:yaml.org,2002:seq", _items)


def load(path: Path) -> Section:
    """Return the mapping in a file.

    Raises:
        yaml.YAMLError: it is no YAML, or something else than a mapping.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    found = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(found, Section):
        raise yaml.YAMLError(f"{path} is not a mapping")
    return found


def scalars(part: object, where: str = "") -> Iterator[tuple[str, str, int]]:
    """Yield key, text and line of every string below a part; items of a list have the key of the list."""
    if isinstance(part, Section):
        pairs: list[tuple[str, object, int]] = [(key, part[key], part.lines[key]) for key in part]
    elif isinstance(part, Items):
        pairs = [(where, item, line) for item, line in zip(part, part.lines, strict=True)]
    else:
        return
    for key, value, line in pairs:
        if isinstance(value, str):
            yield key, value, line
        else:
            yield from scalars(value, key)
