"""The baseline file: results of offline evaluations, shown so that production can be held against them."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from llm_exporter.engine import Engine
from llm_exporter.settings import SettingsError, load
from llm_exporter.settings.baseline import load_baselines

if TYPE_CHECKING:
    from pathlib import Path

BASELINES = """
baselines:
  - service_name: assistant
    feature: chat
    evaluator: faithfulness
    mean: 0.93
    pass_ratio: 0.97
    p10: 0.8
    date: 2026-05-01
  - evaluator: relevance
    mean: 0
"""


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "baseline.yaml"
    file.write_text(text)
    return file


def _engine(tmp_path: Path, text: str) -> Engine:
    _file(tmp_path, text)
    config = tmp_path / "config.yaml"
    config.write_text(
        "evaluations: {baseline_file: baseline.yaml}\nexposition: {first_sample_hold_seconds: 0}\n"
    )
    return Engine(load(str(config), {}, {}))


def _shown(engine: Engine) -> dict[tuple[str, ...], float]:
    text = b"".join(engine.exposition("openmetrics")).decode()
    return {
        tuple(sample.labels[name] for name in ("service_name", "feature", "evaluator", "statistic")): value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "llm_evaluation_baseline" and (value := sample.value) is not None
    }


def test_each_figure_is_shown(tmp_path: Path) -> None:
    """Under the service, the feature and the evaluator that production has; what is not given is absent, 0 is shown."""
    assert _shown(_engine(tmp_path, BASELINES)) == {
        ("assistant", "chat", "faithfulness", "mean"): 0.93,
        ("assistant", "chat", "faithfulness", "pass_ratio"): 0.97,
        ("assistant", "chat", "faithfulness", "p10"): 0.8,
        ("", "", "relevance", "mean"): 0,
    }


def test_json_is_as_good(tmp_path: Path) -> None:
    """What a program writes is read as what a person writes."""
    entry = {"service_name": "assistant", "evaluator": "faithfulness", "p10": 0.75, "date": "2026-05-01"}
    (found,) = load_baselines(_file(tmp_path, json.dumps({"baselines": [entry]}, indent=2)))
    assert (found.labels, found.statistics) == (("assistant", "", "faithfulness"), {"p10": 0.75})
    assert found.date == date(2026, 5, 1)


def test_a_reload_takes_up_new_figures(tmp_path: Path) -> None:
    """What is no longer in the file is no longer shown."""
    engine = _engine(tmp_path, BASELINES)
    _file(tmp_path, "baselines: [{evaluator: relevance, mean: 0.5}]")
    engine.apply(load(str(tmp_path / "config.yaml"), {}, {}))
    assert _shown(engine) == {("", "", "relevance", "mean"): 0.5}


def test_a_file_that_broke_changes_nothing(tmp_path: Path) -> None:
    """The old figures stay when the new ones cannot be read."""
    engine = _engine(tmp_path, BASELINES)
    before = _shown(engine)
    settings = load(str(tmp_path / "config.yaml"), {}, {})
    _file(tmp_path, "baselines: [{evaluator: relevance, mean: 2}]")
    with pytest.raises(SettingsError):
        engine.apply(settings)
    assert _shown(engine) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "baseline.yaml:1: key baselines is missing"),
        ("baselines: {a: b}", "baseline.yaml:1: baselines: the value is not a list"),
        ("baselines:\n- mean: 0.5", "baseline.yaml:2: baselines[0]: key evaluator is missing"),
        ("baselines:\n- {evaluator: a, mean: 0.5}\n- {evaluator: b, mean: 85}", "baseline.yaml:3: baselines[1].mean"),
        ("baselines:\n- evaluator: a\n  mean: nan", "baseline.yaml:3: baselines[0].mean: value \"nan\" is not allowed"),
        ("baselines:\n- {evaluator: a}", "baseline.yaml:2: baselines[0]: there is no figure"),
        ("baselines:\n- {evaluator: a, mean: 1}\n- {evaluator: a, p10: 1}", "the same service_name, feature and"),
        ("baselines:\n- {evaluator: a, mean: 1, feture: x}", "did you mean feature?"),
        ("baselines:\n- {evaluator: a, mean: 1, date: May}", "date, such as 2026-01-31"),
        ("baselines: []\nversion: 1", "baseline.yaml:2: version: unknown key"),
        ("baselines: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """The configuration is refused as a whole; each fault says where it is and what would be right."""
    with pytest.raises(SettingsError) as refused:
        _engine(tmp_path, text)
    assert said in str(refused.value)
    assert "baseline.yaml" in str(refused.value)
