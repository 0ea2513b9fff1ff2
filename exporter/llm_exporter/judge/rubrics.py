"""Rubrics: what the judge is asked about an answer. Each is a YAML file; some come with the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping  # noqa: TC003 - the reader of settings looks at annotations
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path  # noqa: TC003
from typing import Final, NamedTuple

from llm_exporter.settings.compound import Section, Table, key
from llm_exporter.settings.problem import Problem, SettingsError
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.scalars import Boolean, Choice, Integer, Text
from llm_exporter.settings.source import parse, read_bounded

LEVELS: Final = ("1", "2", "3", "4", "5")
_PROSE: Final = r"[^\x00-\x09\x0b-\x1f\x7f]+"


class Rubric(NamedTuple):
    """One question about an answer, with the answers that there are to it."""

    name: str
    version: str
    kind: str
    """`scale`, 1 to 5 with anchors, or `rule`: TRUE, FALSE or NA."""
    needs_documents: bool
    ask: str
    levels: Mapping[str, str]
    pass_at: int
    evaluator: str
    """The name that results carry: the exporter knows the scales of `judge.…`, `rubric.…` and `rule.…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A rubric as its file has it."""

    name: str = key(
        Text("name of a-z 0-9 _", r"[a-z][a-z0-9_]*", 64), "Name under which results are counted."
    )
    version: str = key(
        Text("version of A-Z a-z 0-9 _ . -", r"[A-Za-z0-9_.-]+", 32), "To be changed with what it asks.", "1"
    )
    kind: str = key(Choice(("scale", "rule")), "1 to 5 with anchors, or TRUE, FALSE and NA.")
    needs_documents: bool = key(
        Boolean(), "Whether it can only be told of answers for which documents were retrieved.", False
    )
    ask: str = key(Text("text", _PROSE, 4000), "What is asked, with what TRUE, FALSE and NA mean.")
    levels: Mapping[str, str] = key(
        Table(Text("text", _PROSE, 1000), "level", LEVELS), "What each level of a scale means.", {}
    )
    pass_at: int = key(Integer(2, 5), "Lowest level of a scale that passes.", 4)


def load_rubrics(built_in: Iterable[str], others: Iterable[Path]) -> tuple[Rubric, ...]:
    """Return the rubrics that come with the package by their names, and those of files.

    Raises:
        SettingsError: a file is no rubric, or two have one name; with everything that is wrong.
    """
    problems: list[Problem] = []
    found: dict[str, Rubric] = {}
    shipped = files("llm_exporter.judge") / "rubrics"
    sources = [(f"{name}.yaml", (shipped / f"{name}.yaml").read_bytes(), "judge") for name in built_in]
    sources += [(str(path), read_bounded(path), "") for path in others]
    for source, content, prefix in sources:
        try:
            rubric = _rubric(source, content, prefix)
        except SettingsError as error:
            problems += error.problems
            continue
        if found.setdefault(rubric.name, rubric) is not rubric:
            problems.append(
                Problem(source, "name", f"there is a rubric {rubric.name} already", "a name of its own")
            )
    if problems:
        raise SettingsError(problems)
    return tuple(found.values())


def _rubric(source: str, content: bytes, prefix: str) -> Rubric:
    reading = Reading(source)
    read = Section(_Written).read(parse(content, source), "", reading)
    if isinstance(read, _Written):
        missing = [level for level in LEVELS if level not in read.levels]
        if read.kind == "scale" and missing:
            reading.problem(
                "levels", f"there is no meaning of level {missing[0]}", "one for each of 1 to 5, quoted"
            )
        if read.kind == "rule" and read.levels:
            reading.problem("levels", "a rule has no levels", "levels with kind: scale only")
        if read.name == "reason":
            reading.problem("name", "the judge's reason has this name", "another name")
    if reading.problems or not isinstance(read, _Written):
        raise SettingsError(reading.problems)
    prefix = prefix or {"scale": "rubric", "rule": "rule"}[read.kind]
    return Rubric(
        read.name,
        read.version,
        read.kind,
        read.needs_documents,
        read.ask,
        read.levels,
        read.pass_at,
        f"{prefix}.{read.name}",
    )
