"""The `prompts` section, and the registry file that it names: which version of each prompt is live.

The file is the one that teams keep in Git beside their code. What it says beyond the keys here is left alone, and
of the template nothing is kept.
"""

# `key` makes fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import cast

from llm_exporter.settings.compound import Section, Table, key, keys
from llm_exporter.settings.endpoints import MAX_REFERENCED_BYTES, File
from llm_exporter.settings.problem import Problem, SettingsError, did_you_mean
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.scalars import Instant, Text
from llm_exporter.settings.source import MapNode, parse, read_bounded

SHA_CHARS = 12
"""Of a commit's hash, enough to find it; the whole of it would look like a secret."""
_WORD = Text("value of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePrompt:
    """The live version of a prompt."""

    version: str = key(
        Text("version of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]+"),
        "The version, as spans say it.",
    )
    previous_version: str = key(_WORD, "The version before it; empty: the one that a reload replaced.", "")
    sha: str = key(_WORD, "Commit that it comes from.", "")
    deployed_at: datetime | None = key(Instant(), "When it went live.", None)
    owner: str = key(_WORD, "Who owns it.", "")


Registry = Mapping[str, LivePrompt]
"""The live version of each prompt, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Which prompts are live."""

    registry_file: Path | None = key(
        File(),
        "YAML file with the live version of each prompt, shown as `llm_prompt_info`; its templates are not kept.",
        None,
    )

    def registry(self) -> Registry:
        """Return what the registry file says now, nothing without one. Raises SettingsError when it is bad."""
        return load_registry(self.registry_file) if self.registry_file is not None else {}


def load_registry(path: Path) -> Registry:
    """Return the prompts of a registry file.

    Raises:
        SettingsError: it cannot be read or is no registry, with everything that is wrong.
    """
    try:
        content = read_bounded(path, MAX_REFERENCED_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        allowed = "a readable YAML file"
        raise SettingsError([Problem(str(path), "", f"reading the file failed: {reason}", allowed)]) from None
    root = parse(content, str(path))
    prompts = root.entries.get("prompts")
    if prompts is None:
        raise SettingsError([Problem(f"{path}:1", "", "key prompts is missing", "prompts by their names")])
    if isinstance(prompts.value, MapNode):
        for entry in prompts.value.entries.values():
            if isinstance(entry.value, MapNode):
                _leave_others_alone(entry.value)
    reading = Reading(str(path), path.parent.absolute())
    reading.at("prompts", prompts.line)
    found = Table(Section(LivePrompt), "name of a prompt").read(prompts.value, "prompts", reading)
    if reading.problems:
        raise SettingsError(reading.problems)
    return {
        name: replace(prompt, sha=prompt.sha[:SHA_CHARS]) for name, prompt in cast("Registry", found).items()
    }


def _leave_others_alone(prompt: MapNode) -> None:
    """Remove keys that are somebody else's; one that looks like a slip of the pen stays, to be refused."""
    known = keys(LivePrompt)
    for name in list(prompt.entries):
        if name not in known and not did_you_mean(name, known):
            del prompt.entries[name]


def succeeding(registry: Registry, older: Registry) -> Registry:
    """Return a registry whose prompts know the version before them from the registry that it replaces."""
    found = {}
    for name, prompt in registry.items():
        before = older.get(name)
        if before is not None and not prompt.previous_version:
            previous = before.previous_version if before.version == prompt.version else before.version
            prompt = replace(prompt, previous_version=previous)  # noqa: PLW2901 - the same prompt, completed
        found[name] = prompt
    return found
