"""The commented example and the documentation page, from the declaration."""

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields

from llm_exporter.settings.compound import Items, Key, Section, Table, keys
from llm_exporter.settings.loading import environment_variable
from llm_exporter.settings.reading import Kind
from llm_exporter.settings.schema import Settings

MAX_CELL = 400
"""Characters of a default that fit into a table."""


def example() -> str:
    """Return a configuration file with every key, its default, and what it means."""
    head = [
        "# Every key of llm-exporter's configuration, with its default; what is left out keeps it.",
        "# Check a file with `llm-exporter check-config FILE`. Flags and environment win over this file.",
        "# Relative paths start at the directory of this file.",
    ]
    return "\n".join([*head, *_example_of(Settings, Settings(), "")]) + "\n"


def page() -> str:
    """Return docs/configuration.md."""
    head = [
        "# Configuration",
        "",
        "One YAML file, given as `--config FILE` or `LLM_EXPORTER_CONFIG`; without it the defaults hold.",
        "A flag wins over the environment, the environment over the file, the file over the default.",
        "Relative paths start at the directory of the file. YAML anchors, aliases and tags are refused.",
        "",
        "`llm-exporter check-config FILE` names everything that is wrong with a file, by line and key.",
        "SIGHUP or `POST /-/reload` makes a running exporter read it again; a wrong one is not taken up.",
        "[An example](../provisioning/llm-exporter/config.example.yaml) has every key with its default.",
    ]
    return "\n".join([*head, *_page_of_sections()]) + "\n"


def defaults(cls: type) -> dict[str, object]:
    """The defaults of a section as JSON data, by key; a key that has to be given is absent."""
    values = {}
    for field in fields(cls):
        made = field.default_factory() if field.default_factory is not MISSING else field.default
        if made is not MISSING:
            values[field.name.rstrip("_")] = field.metadata["key"].kind.dump(made)
    return values


def members(kind: Kind) -> Section | None:
    """The section that the items of a list or the entries of a table are, if they are one."""
    match kind:
        case Section():
            return kind
        case Items() | Table():
            return members(kind.kind)
    return None


def flow(value: object) -> str:
    """JSON data as one line of YAML, without the quotes that keys do not need."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
        case str():
            return json.dumps(value)
        case Sequence():
            return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value)


def _example_of(cls: type, instance: object, indent: str) -> Iterator[str]:
    for index, (name, key) in enumerate(keys(cls).items()):
        value = getattr(instance, name)
        if index or not indent:
            yield ""
        yield f"{indent}# {key.doc}{_restart(key)}"
        if isinstance(key.kind, Section):
            yield f"{indent}{name}:"
            yield from _example_of(key.kind.cls, value, indent + "  ")
            continue
        yield from (f"{indent}# {line}" for line in _facts(key))
        data = key.kind.dump(value)
        if isinstance(key.kind, Table) and data:
            yield from (indent + line for line in _block(name, data))
            continue
        if key.example is not None:
            yield from (f"{indent}# {line}" for line in ("For example:", *_block(name, key.example)))
        yield f"{indent}{name}: {flow(data)}"


def _facts(key: Key) -> Iterator[str]:
    inner = members(key.kind)
    if inner is None:
        yield f"Allowed: {key.kind.describe()}.{f' Unit: {key.unit}.' if key.unit else ''}"
    else:
        yield "Each has:"
        for name, part in keys(inner.cls).items():
            unit = f" Unit: {part.unit}." if part.unit else ""
            default = "" if name in defaults(inner.cls) else " Has to be given."
            text = f"{name}: {part.doc} Allowed: {part.kind.describe()}.{unit}{default}"
            yield from textwrap.wrap(text, 100, initial_indent="  ", subsequent_indent="    ")
    if key.flag:
        yield f"Flag: {key.flag}. Environment: {environment_variable(key.flag)}."


def _block(name: str, value: object) -> Iterator[str]:
    yield f"{name}:"
    match value:
        case Mapping():
            yield from (f"  {entry}: {flow(item)}" for entry, item in value.items())
        case list():
            yield from (f"  - {flow(item)}" for item in value)


def _restart(key: Key) -> str:
    return " Changes take a restart." if key.restart else ""


def _page_of_sections() -> Iterator[str]:
    for name, key in keys(Settings).items():
        yield from ("", f"## {name}", "", key.doc + _restart(key), "")
        if isinstance(key.kind, Section):
            yield from _table(key.kind.cls)
            yield from _page_of_parts(name, key.kind.cls)
        elif (inner := members(key.kind)) is not None:
            built_in = key.kind.dump(getattr(Settings(), name)) if isinstance(key.kind, Table) else None
            yield from _table(inner.cls, "see below" if built_in else "")
            yield from _fenced(_block(name, built_in or key.example))


def _page_of_parts(section: str, cls: type) -> Iterator[str]:
    for name, key in keys(cls).items():
        if (inner := members(key.kind)) is not None:
            each = "" if isinstance(key.kind, Section) else " Each has:"
            yield from ("", f"### {section}.{name}", "", key.doc + each, "")
            yield from _table(inner.cls)
        if isinstance(key.kind, Section):
            for part, table in defaults(key.kind.cls).items():
                if _is_long(table):
                    yield from _fenced(
                        (f"{section}:", f"  {name}:", *(f"    {line}" for line in _block(part, table)))
                    )
        if key.example is not None:
            yield from _fenced((f"{section}:", *(f"  {line}" for line in _block(name, key.example))))


def _fenced(lines: Iterable[str]) -> Iterator[str]:
    yield from ("", "```yaml", *lines, "```")


def _is_long(value: object) -> bool:
    return isinstance(value, Mapping) and len(flow(value)) > MAX_CELL


def _table(cls: type, elsewhere: str = "") -> Iterator[str]:
    yield "| key | default | allowed | unit | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    known = defaults(cls)
    for name, key in keys(cls).items():
        default = "has to be given"
        if name in known:
            default = elsewhere or ("none" if known[name] is None else f"`{flow(known[name])}`")
            if _is_long(known[name]):
                default = "see below"
        flag = f" Flag `{key.flag}`, environment `{environment_variable(key.flag)}`." if key.flag else ""
        cells = (f"`{name}`", default, key.kind.describe(), key.unit, key.doc + flag)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
