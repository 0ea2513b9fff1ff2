"""The recording rules of drift: `python -m alerts.drift > alerts/drift.rules.yml`.

Every statistic compares a window with the same hours of a reference, a day or a week before. The windows are
recorded, so a reference is one look-up of what was recorded then, and no raw sample is read twice. docs/drift.md
says what the statistics mean.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from math import log
from textwrap import indent
from typing import TYPE_CHECKING, Final

from prometheus_client.utils import floatToGoString

from llm_exporter import catalogue as c

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MINIMUM: Final = 200
"""Fewest samples on either side; below it there is no statistic."""
REFERENCES: Final = ("1d", "1w")
INTERVAL: Final = "5m"
HOURS: Final = "[86399999ms:1h]"
"""The 24 whole hours of a day: one millisecond short of it, since whether the 25th edge counts differs by version."""
BORROWED: Final = 11
"""PSI mixes one part of the other side into eleven of a side's own, so that an empty bin does not make it infinite."""

WHO: Final = ", ".join(label.name for label in c.WHO)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram whose shape is watched."""

    signal: str
    metric: c.Histogram
    apart: c.Label | None = None
    """A label whose values are never mixed."""


@dataclass(frozen=True, slots=True)
class Shares:
    """A counter whose values of one label are shares of a whole."""

    signal: str
    metric: c.Counter
    by: c.Label


@dataclass(frozen=True, slots=True)
class Rule:
    """One recording rule."""

    record: str
    expression: str
    labels: Mapping[str, str]
    why: str = ""

    def lines(self) -> Iterator[str]:
        """Yield it as YAML."""
        if self.why:
            yield f"      # {self.why}"
        yield f"      - record: {self.record}"
        if self.labels:
            yield f"        labels: {{{', '.join(f'{name}: {value}' for name, value in self.labels.items())}}}"
        yield "        expr: |"
        yield indent(self.expression.strip(), " " * 10)


DISTRIBUTIONS: Final = (
    Distribution("answer_characters", c.ANSWER_LENGTH),
    Distribution("output_tokens", c.REQUEST_OUTPUT_TOKENS),
    Distribution("input_tokens", c.REQUEST_INPUT_TOKENS),
    Distribution("duration_seconds", c.REQUEST_DURATION),
    Distribution("evaluation_score", c.EVALUATION_SCORE, c.EVALUATOR),
    Distribution("retrieval_score", c.RETRIEVAL_SCORE, c.RETRIEVER),
)
SHARES: Final = (
    Shares("input_language", c.INPUT_LANGUAGES, c.LANGUAGE),
    Shares("output_language", c.OUTPUT_LANGUAGES, c.LANGUAGE),
    Shares("finish_reason", c.FINISH_REASONS, c.FINISH_REASON),
)


def _windows(window: str) -> Iterator[Rule]:
    """Yield what the last hour brought, or the last 24 hours as the sum of what was recorded for each."""
    if window != "1h":
        for part in ("bucket", "category", "content", "samples"):
            hourly = f"feature:llm_drift_{part}:increase1h"
            yield Rule(f"feature:llm_drift_{part}:increase{window}", f"sum_over_time({hourly}{HOURS})", {})
        return
    for one in DISTRIBUTIONS:
        by = ", ".join([WHO, *([one.apart.name] if one.apart else []), "le"])
        yield Rule(
            "feature:llm_drift_bucket:increase1h",
            f"sum by ({by}) (increase({one.metric.name}_bucket[1h]))",
            {"signal": one.signal},
        )
    for share in SHARES:
        counted = f"sum by ({WHO}, {share.by.name}) (increase({share.metric.name}[1h]))"
        moved = f'label_replace({counted}, "bin", "$1", "{share.by.name}", "(.*)")'
        yield Rule(
            "feature:llm_drift_category:increase1h",
            f"sum by ({WHO}, bin) ({moved})",
            {"signal": share.signal},
        )
    for direction in c.SIGNAL.values:
        yield Rule(
            "feature:llm_drift_content:increase1h",
            f'sum by ({WHO}, bucket) (increase({c.CONTENT_BUCKET_WEIGHT.name}{{signal="{direction}"}}[1h]))',
            {"signal": f"{direction}_content"},
        )
        yield Rule(
            "feature:llm_drift_samples:increase1h",
            f'sum by ({WHO}) (increase({c.CONTENT_SAMPLES.name}{{signal="{direction}"}}[1h]))',
            {"signal": f"{direction}_content"},
        )
    yield Rule(
        "feature:llm_drift_samples:increase1h",
        'sum without (le) (feature:llm_drift_bucket:increase1h{le="+Inf"})\n'
        "or\n"
        "sum without (bin) (feature:llm_drift_category:increase1h)",
        {},
    )


def _bounds(bounds: Mapping[str, tuple[float, ...]]) -> Iterator[Rule]:
    """Yield, for each bucket of a histogram, the bound of the next one: PromQL cannot tell which that is."""
    for number, one in enumerate(DISTRIBUTIONS):
        chain = [*map(floatToGoString, bounds.get(one.metric.name, one.metric.buckets)), "+Inf"]
        steps = (
            f'label_replace(label_replace(vector(1), "le", "{le}", "", ""), "next", "{above}", "", "")'
            for le, above in pairwise(chain)
        )
        yield Rule(
            "llm:drift_bucket:next",
            "\nor\n".join(steps),
            {"signal": one.signal},
            "" if number else "Which bucket follows which; made from the bounds in the catalogue.",
        )


def _share(window: str) -> Rule:
    """Return the rule for shares of bins, which add up to 1: a bucket less the one before it, or a category."""
    bucket = f"feature:llm_drift_bucket:increase{window}"
    return Rule(
        f"feature:llm_drift_bin:share{window}",
        f"""\
(
  sum without (le) (label_replace(
    clamp_min(
      {bucket}
        - ignoring (next) label_replace(
          {bucket} * on (signal, le) group_left (next) llm:drift_bucket:next,
          "le", "$1", "next", "(.+)"
        )
      or {bucket},
      0
    ),
    "bin", "$1", "le", "(.+)"
  ))
  or feature:llm_drift_category:increase{window}
)
/ ignoring (bin) group_left () (feature:llm_drift_samples:increase{window} > 0)""",
        {},
    )


def _sides(window: str) -> Iterator[Rule]:
    """Yield what each side needs on its own: the noise of a mean vector, and whether there are enough samples."""
    samples = f"feature:llm_drift_samples:increase{window}"
    yield Rule(
        f"feature:llm_drift_content:noise{window}",
        f"""\
clamp_min(
  1 - sum without (bucket) (
    (feature:llm_drift_content:increase{window} / ignoring (bucket) group_left () ({samples} > 1)) ^ 2
  ),
  1e-9
)
/ ({samples} - 1)""",
        {},
        "Squared distance of a mean of unit vectors from the true mean, as far as chance alone makes it.",
    )
    for reference in REFERENCES:
        yield Rule(
            f"feature:llm_drift_reference_samples:increase{window}",
            f"({samples} offset {reference} >= {MINIMUM}) and ({samples} >= {MINIMUM})",
            {"reference": reference},
            "Only where both sides have enough samples; every statistic below is bound to it."
            if reference == REFERENCES[0]
            else "",
        )


def _statistics(window: str, reference: str) -> Iterator[Rule]:
    labels = {"reference": reference}
    samples = f"feature:llm_drift_samples:increase{window}"
    enough = f'feature:llm_drift_reference_samples:increase{window}{{reference="{reference}"}}'
    bucket = f"feature:llm_drift_bucket:increase{window}"
    share = f"feature:llm_drift_bin:share{window}"
    then = f"{share} offset {reference}"
    content = f"feature:llm_drift_content:increase{window}"
    noise = f"feature:llm_drift_content:noise{window}"
    distance = f"feature:llm_drift_content:distance{window}"
    per_sample = f"1 / {samples} + ignoring (reference) 1 / {enough}"

    yield Rule(
        f"feature:llm_drift:ks{window}",
        f"""\
max without (le) (abs(
  {bucket}
    / ignoring (le) group_left () ({samples} > 0)
  - {bucket} offset {reference}
    / ignoring (le) group_left () ({samples} offset {reference} > 0)
))
and ignoring (reference) {enough}""",
        labels,
    )
    yield Rule(
        f"feature:llm_drift:ks_scaled{window}",
        f"""\
feature:llm_drift:ks{window}{{reference="{reference}"}}
/ ignoring (reference) sqrt({per_sample})""",
        labels,
    )
    yield Rule(
        f"feature:llm_drift:psi{window}",
        f"""\
{(BORROWED + 1) / (BORROWED - 1)} * sum without (bin) (
  ({share} - {then})
    * ln(({BORROWED} * {share} + {then}) / ({share} + {BORROWED} * {then}) > 0)
  or {share} * {log(BORROWED)}
  or {then} * {log(BORROWED)}
)
and ignoring (reference) {enough}
and abs(sum without (bin) ({share}) - 1) < 0.01
and abs(sum without (bin) ({then}) - 1) < 0.01""",
        labels,
        "Shares that do not add up to 1 have other bounds than these rules were made for: no PSI then.",
    )
    yield Rule(
        f"feature:llm_drift:psi_excess{window}",
        f"""\
feature:llm_drift:psi{window}{{reference="{reference}"}}
- ignoring (reference)
  (count without (bin) ({share} > 0 or {then} > 0) - 1) * ({per_sample})""",
        labels,
    )
    yield Rule(
        distance,
        f"""\
sum without (bucket) ((
  {content}
    / ignoring (bucket) group_left () ({samples} > 1)
  - {content} offset {reference}
    / ignoring (bucket) group_left () ({samples} offset {reference} > 1)
) ^ 2)
and ignoring (reference) {enough}""",
        labels,
    )
    of_this = f'{distance}{{reference="{reference}"}}'
    by_chance = f"({noise} + {noise} offset {reference})"
    yield Rule(
        f"feature:llm_drift:content_ratio{window}", f"{of_this}\n/ ignoring (reference) {by_chance}", labels
    )
    yield Rule(
        f"feature:llm_drift:content_effect{window}",
        f"clamp_min({of_this} - ignoring (reference) {by_chance}, 0)",
        labels,
    )


def rules(bounds: Mapping[str, tuple[float, ...]]) -> str:
    """Return the rule file; `bounds` has the buckets of histograms whose bounds are not those of the catalogue."""
    groups = []
    for window in ("1h", "1d"):
        of_group = [
            *_windows(window),
            *(_bounds(bounds) if window == "1h" else ()),
            _share(window),
            *_sides(window),
            *(rule for reference in REFERENCES for rule in _statistics(window, reference)),
        ]
        groups.append(
            [
                f"  - name: llm-drift-{window}",
                f"    interval: {INTERVAL}",
                "    rules:",
                *(line for rule in of_group for line in rule.lines()),
            ]
        )
    head = [
        "# Drift: whether lengths, scores, latencies, languages and words are still those of a day and a week ago.",
        "# Written by `python -m alerts.drift`; docs/drift.md explains what each series says and what it costs.",
        "groups:",
    ]
    return "\n".join([*head, *(line for group in groups for line in group)]) + "\n"


def _configured(path: str) -> Mapping[str, tuple[float, ...]]:
    from llm_exporter.settings import load  # only here: the rules themselves need no settings

    return load(path, {}, {}).exposition.buckets


def main() -> None:
    """Print the rules for the histograms' own bounds, or for those of a configuration."""
    parser = argparse.ArgumentParser(prog="python -m alerts.drift", description=__doc__)
    parser.add_argument("--config", metavar="FILE", help="the exporter's, if it sets exposition.buckets")
    arguments = parser.parse_args()
    print(rules(_configured(arguments.config) if arguments.config else {}), end="")


if __name__ == "__main__":
    main()
