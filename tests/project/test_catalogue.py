"""What holds of every metric and every label, whoever adds the next one."""

import re

import pytest

from llm_exporter import catalogue as c

LABELS = list(dict.fromkeys(label for metric in c.METRICS for label in metric.labels))
IDENTIFYING = {
    "user",
    "user_id",
    "session",
    "conversation",
    "trace_id",
    "span_id",
    "email",
    "prompt",
    "message",
}
OF_PROMETHEUS = {"le", "quantile", "job", "instance"}
HIGH_DIMENSION = {c.CUSTOMER, c.USER_TIER, c.PROMPT_VERSION, c.TOOL}
OF_EVALUATORS = (c.EVALUATION_LAST, c.EVALUATION_SAMPLING_RATIO)
"""Gauges that tell of an evaluator what no counter can: when it was heard of, and what its results stand for."""

every_metric = pytest.mark.parametrize("metric", c.METRICS, ids=lambda metric: metric.name)
every_label = pytest.mark.parametrize("label", LABELS, ids=lambda label: f"{label.name}: {label.help}")


def test_names_are_unique() -> None:
    """No two metrics share a name, nor does one have the name of a histogram's series."""
    names = [metric.name for metric in c.METRICS]
    names += [
        metric.name + end
        for metric in c.METRICS
        if isinstance(metric, c.Histogram)
        for end in ("_bucket", "_sum", "_count")
    ]
    assert len(names) == len(set(names))


@every_metric
def test_names_say_the_unit_and_the_type(metric: c.Metric) -> None:
    """A name is in snake case, starts with llm_, and ends with the unit and, for counters alone, _total."""
    assert re.fullmatch(r"llm(_[a-z0-9]+)+", metric.name)
    stem = metric.name.removesuffix("_total")
    assert (stem != metric.name) == isinstance(metric, c.Counter)
    assert stem.endswith(metric.unit.suffix)
    others = {unit.suffix for unit in c.Unit} - {metric.unit.suffix, ""}
    assert not stem.endswith(tuple(f"_{suffix}" for suffix in others))


@every_metric
def test_help_is_a_sentence(metric: c.Metric) -> None:
    """Help starts with a capital or a figure, ends with a full stop, fits on one line."""
    assert re.fullmatch(r"[A-Z0-9][^\n]{5,118}\.", metric.help)


@every_metric
def test_labels_of_a_metric(metric: c.Metric) -> None:
    """Labels are distinct, none is Prometheus' own or identifies a person; siblings are closed labels."""
    names = [label.name for label in metric.labels]
    assert len(names) == len(set(names))
    assert not set(names) & (OF_PROMETHEUS | IDENTIFYING)
    assert set(metric.siblings) <= set(metric.closed_labels)


@every_metric
def test_who_comes_first(metric: c.Metric) -> None:
    """A metric of applications starts with who it is about; one of the exporter or of settings has none."""
    of_applications = not metric.name.startswith("llm_exporter_") and not isinstance(metric, c.Gauge)
    of_applications = of_applications or metric in OF_EVALUATORS
    if metric is c.EVALUATION_BASELINE:
        return  # of settings, and joined to metrics of applications
    if of_applications:
        assert metric.labels[: len(c.WHO)] == c.WHO
    else:
        assert not set(metric.labels) & set(c.WHO)


@every_metric
def test_labels_with_many_values_stay_off_the_core_metrics(metric: c.Metric) -> None:
    """Customers, tiers, prompt versions and tools never multiply with provider, model and operation."""
    if HIGH_DIMENSION & set(metric.labels):
        assert not set(c.WHAT) <= set(metric.labels)


@every_metric
def test_a_gauge_is_nothing_that_adds_up(metric: c.Metric) -> None:
    """Gauges come from settings or are the exporter's own state: what applications do is counted."""
    if isinstance(metric, c.Gauge) and metric not in OF_EVALUATORS:
        of_settings = ("llm_exporter_", "llm_budget_", "llm_slo_", "llm_prompt_", "llm_evaluation_baseline")
        assert metric.name.startswith((*of_settings, "llm_judge_budget_"))


@every_metric
def test_bucket_bounds_are_exact_in_internal_units(metric: c.Metric) -> None:
    """Every bound is a whole number of the internal unit, so that no observation falls beside it."""
    if isinstance(metric, c.Histogram):
        assert all(round(bound * metric.unit.scale) / metric.unit.scale == bound for bound in metric.buckets)
        assert len(metric.buckets) <= 25


@every_label
def test_a_label_is_bounded(label: c.Label) -> None:
    """A label is open with a cap, or closed with its values; attributes belong to open ones."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", label.name)
    assert bool(label.cap) != bool(label.values)
    assert 0 <= label.cap <= 500
    assert len(set(label.values)) == len(label.values)
    assert not (label.values and label.attributes)


@every_label
def test_a_label_says_what_it_means(label: c.Label) -> None:
    """The meaning is a sentence, or starts with the most common values."""
    assert re.fullmatch(r"[^\n]{5,118}\.", label.help)
