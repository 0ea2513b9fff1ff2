"""The commented example and docs/configuration.md follow from the declaration, and say all of it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_exporter.settings import Settings, load
from llm_exporter.settings.compound import Section, Table, keys
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.render import example, flow, members, page
from llm_exporter.settings.source import MapNode, parse

ROOT = Path(__file__).parents[2]
GENERATED = {"provisioning/llm-exporter/config.example.yaml": example, "docs/configuration.md": page}


@pytest.mark.parametrize("name", GENERATED)
def test_generated_files_are_fresh(name: str) -> None:
    """What is committed is what the declaration says; REGENERATE=1 writes it."""
    file, text = ROOT / name, GENERATED[name]()
    if os.environ.get("REGENERATE") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert file.exists() and file.read_text() == text, (  # noqa: PT018 - one fact, one thing to do
        f"{name} is stale; run: REGENERATE=1 pytest tests/settings/test_settings_generated.py"
    )


def test_the_example_is_the_defaults(tmp_path: Path) -> None:
    """A copy of the example changes nothing."""
    file = tmp_path / "config.yaml"
    file.write_text(example())
    assert load(str(file), {}, {}) == Settings()


def test_the_example_has_every_key() -> None:
    """Each declared key stands in the example."""
    tree = parse(example().encode(), "example")
    assert set(tree.entries) == set(keys(Settings))
    for name, key in keys(Settings).items():
        node = tree.entries[name].value
        if isinstance(key.kind, Section):
            assert isinstance(node, MapNode)
            assert set(node.entries) == set(keys(key.kind.cls)), name


def _paths(node: MapNode, prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, entry in node.entries.items():
        yield prefix + name, entry.line
        if isinstance(entry.value, MapNode) and not prefix:
            yield from _paths(entry.value, f"{name}.")


def test_every_key_in_the_example_is_explained() -> None:
    """Above each key of the example stands what it is for, and the page has a row for it."""
    lines, documentation = example().splitlines(), page()
    for path, number in _paths(parse(example().encode(), "example")):
        section, _, name = path.partition(".")
        assert f"\n## {section}\n" in documentation
        if not name:
            assert lines[number - 2].lstrip().startswith("# "), path
        elif isinstance(keys(Settings)[section].kind, Table):
            assert re.search(rf"^  {name}: {{", documentation, re.MULTILINE), path
        else:
            assert lines[number - 2].lstrip().startswith("# "), path
            assert re.search(rf"^\| `{name}` \|.*\|$", documentation, re.MULTILINE), path


def test_keys_inside_lists_are_explained() -> None:
    """The keys of the items of lists have their own lines in the example and rows on the page."""
    text, documentation = example(), page()
    for section, outer in keys(Settings).items():
        parts = keys(outer.kind.cls) if isinstance(outer.kind, Section) else {section: outer}
        for name, key in parts.items():
            if (inner := members(key.kind)) is None or isinstance(key.kind, Section):
                continue
            for item, declared in keys(inner.cls).items():
                assert re.search(
                    rf"^ *#   {item}: {re.escape(declared.doc.split()[0])}", text, re.MULTILINE
                ), (name, item)
                assert f"| `{item}` |" in documentation


def test_keys_of_sections_in_sections_are_explained() -> None:
    """They stand in the example below what they are for, and have rows and a part of the page of their own."""
    text, documentation = example(), page()
    found = 0
    for section, outer in keys(Settings).items():
        for name, key in keys(outer.kind.cls).items() if isinstance(outer.kind, Section) else ():
            if not isinstance(key.kind, Section):
                continue
            assert f"\n### {section}.{name}\n" in documentation
            for item, declared in keys(key.kind.cls).items():
                found += 1
                assert f"    # {declared.doc}" in text
                assert f"\n    {item}:" in text
                assert f"| `{item}` |" in documentation
    assert found


def test_every_unit_is_stated() -> None:
    """A number says what it counts, and a unit in a key's name is the one that is declared."""
    for section, outer in keys(Settings).items():
        inner = members(outer.kind)
        assert inner is not None, section
        for name, key in keys(inner.cls).items():
            if key.kind.describe().startswith(("integer", "number", "decimal")):
                assert key.unit, f"{section}.{name}"
            for suffix, unit in (("_seconds", "seconds"), ("_bytes", "bytes"), ("_usd", "USD")):
                if name.endswith(suffix):
                    assert key.unit == unit, f"{section}.{name}"


def test_every_example_in_a_comment_can_be_used() -> None:
    """What is shown as an example of a key is allowed there, all of it together."""
    tree: dict[str, object] = {}
    for section, outer in keys(Settings).items():
        if outer.example is not None:
            tree[section] = outer.example
        elif isinstance(outer.kind, Section):
            parts = {
                name: key.example for name, key in keys(outer.kind.cls).items() if key.example is not None
            }
            tree.update({section: parts} if parts else {})
    reading = Reading("f")
    text = "\n".join(f"{name}: {flow(value)}" for name, value in tree.items())
    settings = Section(Settings).read(parse(text.encode(), "f"), "", reading, Settings())
    assert reading.problems == []
    assert settings != Settings()
