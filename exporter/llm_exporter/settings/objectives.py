"""The `budgets` and `slos` sections: thresholds that users own and rules read as metrics."""

from dataclasses import dataclass

from llm_exporter import catalogue
from llm_exporter.settings.compound import key
from llm_exporter.settings.scalars import Choice, Number, Text

SLO_HISTOGRAMS = {"latency": catalogue.REQUEST_DURATION, "time_to_first_token": catalogue.TIME_TO_FIRST_TOKEN}
"""The histogram that tells whether a call met the threshold, for the kinds of objectives that have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit of spending."""

    scope: str = key(Choice(("total", "team", "feature", "service", "model")), "What the limit is on.")
    name: str = key(
        Text("value of the label, of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]*"),
        "Which team, feature …; empty for total.",
        "",
    )
    period: str = key(Choice(("day", "month")), "Calendar period in UTC that it is for.")
    limit_usd: float = key(Number(0, 1e12, between=True), "Most that may be spent in the period.", unit="USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """A service level objective."""

    name: str = key(
        Text("name of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]+"),
        "Value of the label `slo`.",
    )
    kind: str = key(
        Choice(("availability", "latency", "time_to_first_token", "quality")),
        "What has to be good about a call.",
    )
    objective: float = key(Number(0, 1, between=True), "Share of calls that have to be good.", unit="ratio")
    threshold_seconds: float | None = key(
        Number(0, 86_400, between=True),
        "Longest time of a good call, for latency and time_to_first_token; a bucket bound of the histogram.",
        None,
        unit="seconds",
    )
