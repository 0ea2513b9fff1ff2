"""The baseline file: results of offline evaluations that production is held against.

It is YAML, or JSON, which is YAML too. An evaluation run in CI may write it, and Git keeps it beside the prompts.
"""

# `key` makes fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from llm_exporter.settings.compound import Items, Section, key
from llm_exporter.settings.endpoints import MAX_REFERENCED_BYTES
from llm_exporter.settings.problem import Problem, SettingsError
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.scalars import Day, Number, Text
from llm_exporter.settings.source import parse, read_bounded

MAX_BASELINES = 1000
_SAID = "value of the label, of A-Z a-z 0-9 _ . : / @ + - and spaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What an evaluator found in one offline evaluation. Scores are 0 to 1, and 1 is best."""

    evaluator: str = key(
        Text(_SAID, r"[A-Za-z0-9_.:/@+ -]+"), "The evaluator, as its results in production are called."
    )
    service_name: str = key(
        Text(_SAID, r"[A-Za-z0-9_.:/@+ -]*"), "Service that it is for; empty for spans without one.", ""
    )
    feature: str = key(
        Text(_SAID, r"[A-Za-z0-9_.:/@+ -]*"), "Feature that it is for; empty for spans without one.", ""
    )
    mean: float | None = key(Number(0, 1), "Mean score.", None)
    pass_ratio: float | None = key(Number(0, 1), "Share of the results that passed.", None)
    p10: float | None = key(Number(0, 1), "Score that one result in ten is below.", None)
    date: datetime.date | None = key(Day(), "When it was evaluated; for people.", None)

    @property
    def statistics(self) -> dict[str, float]:
        """Return the figures that are given, by their names."""
        figures = {"mean": self.mean, "pass_ratio": self.pass_ratio, "p10": self.p10}
        return {name: value for name, value in figures.items() if value is not None}

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return what it is for."""
        return (self.service_name, self.feature, self.evaluator)


def load_baselines(path: Path) -> tuple[Baseline, ...]:
    """Return the entries of a baseline file.

    Raises:
        SettingsError: it cannot be read or is none, with everything that is wrong.
    """
    try:
        content = read_bounded(path, MAX_REFERENCED_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        allowed = "a readable YAML or JSON file"
        raise SettingsError([Problem(str(path), "", f"reading the file failed: {reason}", allowed)]) from None
    root = parse(content, str(path))
    reading = Reading(str(path), path.parent.absolute())
    for name, entry in root.entries.items():
        if name != "baselines":
            reading.at(name, entry.line)
            reading.problem(name, "unknown key", "baselines")
    if "baselines" not in root.entries:
        raise SettingsError(
            [Problem(f"{path}:1", "", "key baselines is missing", "a list of offline results")]
        )
    given = root.entries["baselines"]
    reading.at("baselines", given.line)
    kind = Items(Section(Baseline), MAX_BASELINES)
    found = kind.read(given.value, "baselines", reading)
    if not reading.problems:
        _check(cast("tuple[Baseline, ...]", found), reading)
    if reading.problems:
        raise SettingsError(reading.problems)
    return cast("tuple[Baseline, ...]", found)


def _check(baselines: tuple[Baseline, ...], reading: Reading) -> None:
    first: dict[tuple[str, str, str], str] = {}
    for place, baseline in enumerate(baselines):
        path = f"baselines[{place}]"
        if not baseline.statistics:
            reading.problem(path, "there is no figure", "at least one of mean, pass_ratio, p10")
        before = first.setdefault(baseline.labels, path)
        if before != path:
            wrong = f"the same service_name, feature and evaluator as {before}"
            reading.problem(path, wrong, "one entry for each")
