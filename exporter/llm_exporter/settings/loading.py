"""Settings from flags, environment, file and defaults, in this order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from llm_exporter.settings.checks import check
from llm_exporter.settings.compound import Key, Section, keys
from llm_exporter.settings.problem import Problem, SettingsError, did_you_mean, shown
from llm_exporter.settings.reading import UNSET, Reading
from llm_exporter.settings.schema import Settings
from llm_exporter.settings.source import MapNode, Scalar, parse, read_bounded

CONFIG_FLAG = "--config"


@dataclass(frozen=True, slots=True)
class Flag:
    """A command-line flag and the environment variable that means the same, for the key at `path`."""

    name: str
    path: str
    doc: str

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return environment_variable(self.name)


def environment_variable(flag: str) -> str:
    """`--metrics-address` as `LLM_EXPORTER_METRICS_ADDRESS`."""
    return "LLM_EXPORTER_" + flag.removeprefix("--").replace("-", "_").upper()


def _declared(cls: type, path: str = "") -> Iterator[tuple[str, Key]]:
    for name, key in keys(cls).items():
        yield path + name, key
        if isinstance(key.kind, Section):
            yield from _declared(key.kind.cls, f"{path}{name}.")


FLAGS = tuple(Flag(key.flag, path, key.doc) for path, key in _declared(Settings) if key.flag)


def load(path: str | None, env: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Return the settings. `flags` maps the flags that were given, as `--metrics-address`, to their text.

    Without `path` the file named by `LLM_EXPORTER_CONFIG` is read, without that none. An empty variable is as
    good as none. Other `LLM_EXPORTER_…` variables are no mistake: Kubernetes makes some for a service.

    Raises SettingsError with everything that is wrong.
    """
    if path is None:
        path = env.get(environment_variable(CONFIG_FLAG)) or None
    reading = Reading(
        path or "defaults", Path(path).parent.absolute() if path else Path.cwd(), _overrides(env, flags)
    )
    root = parse(_content(path), path) if path is not None else MapNode(1)
    settings = Section(Settings).read(root, "", reading, Settings())
    if settings is not UNSET:
        check(cast("Settings", settings), reading)
    if reading.problems:
        raise SettingsError(reading.problems)
    return cast("Settings", settings)


def _content(path: str) -> bytes:
    try:
        return read_bounded(Path(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            [Problem(path, "", f"reading the file failed: {reason}", "a readable YAML file")]
        ) from None


def _overrides(env: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, tuple[str, Scalar]]:
    known = {flag.name for flag in FLAGS}
    if unknown := [name for name in flags if name not in known]:
        raise SettingsError(
            [
                Problem(
                    "flag", shown(name), "unknown flag", ", ".join(sorted(known)), did_you_mean(name, known)
                )
                for name in unknown
            ]
        )
    values = {}
    for flag in FLAGS:
        if flag.name in flags:
            values[flag.path] = (f"flag {flag.name}", Scalar(0, flags[flag.name], plain=True))
        elif env.get(flag.variable):
            values[flag.path] = (f"environment {flag.variable}", Scalar(0, env[flag.variable], plain=True))
    return values
