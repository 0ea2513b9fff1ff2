"""The `evaluations` section: the scales of evaluators, what is feedback, and how long results are waited with."""

# `key` makes fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llm_exporter.evaluations.qrels import Qrels
from llm_exporter.evaluations.scales import Scale
from llm_exporter.scoring import Rules
from llm_exporter.settings.baseline import Baseline, load_baselines
from llm_exporter.settings.compound import Items, Section, Table, key
from llm_exporter.settings.endpoints import File
from llm_exporter.settings.qrels import load_qrels
from llm_exporter.settings.scalars import Boolean, Choice, Integer, Number, Text

NAME = Text("name of an evaluator, of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSettings:
    """What the scores of an evaluator mean."""

    low: float = key(Number(-1_000_000, 1_000_000), "Lowest score there is.", 0.0)
    high: float = key(Number(-1_000_000, 1_000_000), "Highest score there is.", 1.0)
    better: str = key(Choice(("up", "down")), "Whether a higher or a lower score is better.", "up")
    pass_at: float | None = key(
        Number(-1_000_000, 1_000_000),
        "Worst score that passes; without it, results count as unscored unless the evaluator says pass or fail.",
        None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """Results of evaluators and votes of users."""

    http: bool = key(
        Boolean(), "Accept results at /v1/scores and /api/public/scores of the OTLP/HTTP address.", True
    )
    scales: Mapping[str, ScaleSettings] = key(
        Table(Section(ScaleSettings), "evaluator"),
        "Scales of evaluators beside the known ones of docs/evaluations.md; the names are those that results carry.",
        {},
        example={"helpfulness": {"low": 1, "high": 5, "better": "up", "pass_at": 4}},
    )
    feedback_names: tuple[str, ...] = key(
        Items(NAME, 100),
        "Names of results that are feedback of users, beside the known ones such as user_feedback and thumbs.",
        (),
        example=["helpful_vote"],
    )
    hold_seconds: float = key(
        Number(0, 3600),
        "Longest time that a result waits for the span of the call that it is about, whose labels it takes.",
        60.0,
        unit="seconds",
    )
    max_waiting: int = key(
        Integer(0, 1_000_000),
        "Most results that wait; above it the oldest is counted with the labels that it has itself.",
        10_000,
        unit="results",
    )
    max_remembered: int = key(
        Integer(0, 10_000_000),
        "Most results remembered so that the same one, sent again, is counted once.",
        100_000,
        unit="results",
    )
    baseline_file: Path | None = key(
        File(),
        "YAML or JSON file with the results of offline evaluations, shown as `llm_evaluation_baseline`.",
        None,
    )
    qrels_file: Path | None = key(
        File(),
        "File that says which documents are relevant to which queries, for precision, recall, MRR and nDCG.",
        None,
    )

    def rules(self) -> Rules:
        """Return these as `scoring` takes them."""
        scales = {
            name: Scale(scale.low, scale.high, scale.better == "up", scale.pass_at)
            for name, scale in self.scales.items()
        }
        return Rules(
            scales,
            frozenset(self.feedback_names),
            self.hold_seconds,
            self.max_waiting,
            self.max_remembered,
            self.qrels(),
        )

    def qrels(self) -> Qrels | None:
        """Return what the qrels file says now, None without one. Raises SettingsError when it is bad."""
        return load_qrels(self.qrels_file) if self.qrels_file is not None else None

    def baselines(self) -> tuple[Baseline, ...]:
        """Return what the baseline file says now, nothing without one. Raises SettingsError when it is bad."""
        return load_baselines(self.baseline_file) if self.baseline_file is not None else ()
