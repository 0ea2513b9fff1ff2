"""The settings: every key declared once, with its meaning, kind, unit, default and bounds.

Errors, the commented example and docs/configuration.md follow from these declarations. Durations are seconds
and money is USD here.
"""

# `key` and `section` make fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llm_exporter import catalogue
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.settings.compound import Items, Section, Table, key, section
from llm_exporter.settings.dialects import Dialects
from llm_exporter.settings.endpoints import Address, File, ListenAddress
from llm_exporter.settings.evaluations import Evaluations
from llm_exporter.settings.judge import Judge
from llm_exporter.settings.logs import Logs
from llm_exporter.settings.objectives import Budget, Slo
from llm_exporter.settings.pricing import Pricing
from llm_exporter.settings.prompts import Prompts
from llm_exporter.settings.scalars import Boolean, Choice, Integer, Number, Text
from llm_exporter.settings.signals import Signals
from llm_exporter.settings.tasks import SamplingSettings, TaskSettings

MIB = 1 << 20
ATTRIBUTE = Text("attribute key of A-Z a-z 0-9 _ . : / -", r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")

LABELS = {
    label.name: label
    for metric in catalogue.METRICS
    if not metric.name.startswith("llm_exporter_") and not isinstance(metric, catalogue.Gauge)
    for label in metric.open_labels
}
HISTOGRAMS = {metric.name: metric for metric in catalogue.METRICS if isinstance(metric, catalogue.Histogram)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Addresses to listen on; None is off."""

    otlp_grpc_address: Address | None = key(
        ListenAddress(optional=True),
        "Receives OTLP over gRPC.",
        Address("127.0.0.1", 4317),
        flag="--otlp-grpc-address",
    )
    otlp_http_address: Address | None = key(
        ListenAddress(optional=True),
        "Receives OTLP over HTTP, at /v1/traces and /v1/logs.",
        Address("127.0.0.1", 4318),
        flag="--otlp-http-address",
    )
    metrics_address: Address = key(
        ListenAddress(),
        "Serves /metrics, the landing page, /debug/spans, health and reload.",
        Address("127.0.0.1", 9464),
        flag="--metrics-address",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """Limits and authentication of the OTLP receivers."""

    max_request_bytes: int = key(
        Integer(1024, 1024 * MIB),
        "Largest request after decompression; larger ones are refused.",
        16 * MIB,
        unit="bytes",
    )
    max_inflight_bytes: int = key(
        Integer(1024, 64 * 1024 * MIB),
        "Most bytes of requests held at a time; above it senders are asked to retry.",
        64 * MIB,
        unit="bytes",
    )
    max_concurrent_requests: int = key(
        Integer(1, 10_000),
        "Most requests worked on at a time; above it senders are asked to retry.",
        64,
        unit="requests",
    )
    read_timeout_seconds: float = key(
        Number(0.1, 3600), "Longest time that a request may take to arrive.", 30.0, unit="seconds"
    )
    bearer_token_file: Path | None = key(
        File(secret=True),
        "File with the token that senders have to present as `authorization: Bearer …`.",
        None,
    )
    tls_cert_file: Path | None = key(File(), "PEM file with the certificate chain; turns TLS on.", None)
    tls_key_file: Path | None = key(
        File(), "PEM file with the private key of the certificate, without passphrase.", None
    )
    cors_allowed_origins: tuple[str, ...] = key(
        Items(
            Text("origin, such as https://app.example.com, or *", r"\*|https?://[A-Za-z0-9.\[\]:_-]+", 256),
            100,
        ),
        "Origins of web pages that may send OTLP over HTTP.",
        (),
        example=["https://app.example.com"],
    )
    max_connections: int = key(
        Integer(1, 100_000), "Most open connections on an HTTP port.", 512, unit="connections"
    )
    max_connection_age_seconds: float = key(
        Number(1, 31_536_000),
        "Age at which a gRPC connection is closed, so that senders spread over replicas.",
        600.0,
        unit="seconds",
    )
    retry_after_seconds: float = key(
        Number(0.1, 3600), "How long a sender that is turned away is asked to wait.", 5.0, unit="seconds"
    )

    def limits(self) -> ReceiveLimits:
        """Return the limits as the receivers take them."""
        return ReceiveLimits(
            max_request_bytes=self.max_request_bytes,
            max_inflight_bytes=self.max_inflight_bytes,
            max_concurrent_requests=self.max_concurrent_requests,
            max_connections=self.max_connections,
            read_timeout_seconds=self.read_timeout_seconds,
            retry_after_seconds=self.retry_after_seconds,
            max_connection_age_seconds=self.max_connection_age_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """Where a label comes from, and how many values it may have."""

    extra_attributes: tuple[str, ...] = key(
        Items(ATTRIBUTE, 20),
        "Attribute keys that are looked at before the built-in ones; the first that is set wins. Only for "
        + ", ".join(label.name for label in LABELS.values() if label.attributes)
        + ".",
        (),
    )
    cap: int = key(
        Integer(1, 10_000),
        "Most values the label takes on; further ones become `__other__`.",
        100,
        unit="values",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what the exporter holds."""

    series_per_metric_group: int = key(
        Integer(10, 10_000_000),
        "Most label sets of one group of metrics; further ones are counted under `__other__`.",
        20_000,
        unit="label sets",
    )
    bindings: int = key(
        Integer(16, 10_000_000),
        "Most combinations of label attributes remembered as they came, so that they need not be read again.",
        32_768,
        unit="combinations",
    )
    series_idle_seconds: float = key(
        Number(0, 31_536_000),
        "A label set that nothing was counted in for so long is dropped; 0 is never.",
        3600.0,
        unit="seconds",
    )
    attributes_per_span: int = key(
        Integer(1, 100_000),
        "Most attributes of a span; a span with more is rejected.",
        512,
        unit="attributes",
    )
    spans_per_request: int = key(
        Integer(1, 10_000_000),
        "Most spans taken from a request; the rest are rejected.",
        100_000,
        unit="spans",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """What /metrics shows."""

    first_sample_hold_seconds: float = key(
        Number(0, 3600),
        "How long a new series shows 0 before its first value, so that `increase()` sees it.",
        15.0,
        unit="seconds",
        flag="--first-sample-hold",
    )
    exemplars: bool = key(Boolean(), "Show trace ids as exemplars where OpenMetrics is asked for.", True)
    cache_seconds: float = key(
        Number(0, 60),
        "How long one rendering of /metrics serves further scrapes; 0 is not at all.",
        1.0,
        unit="seconds",
    )
    buckets: Mapping[str, tuple[float, ...]] = key(
        Table(Items(Number(0, 1e15), 60, ascending=True), "histogram", tuple(HISTOGRAMS)),
        "Upper bounds of the buckets of a histogram, in its unit; +Inf is implied.",
        {},
        unit="the metric's",
        example={"llm_request_duration_seconds": [0.5, 1, 2, 5, 10, 30, 60, 120]},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The exporter's own log, on standard error."""

    level: str = key(
        Choice(("debug", "info", "warning", "error")), "Least important messages that are written.", "info"
    )
    format: str = key(
        Choice(("text", "json")), "One line of text or one JSON object for each message.", "text"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set."""

    listen: Listen = section(Listen, "Addresses to listen on.", restart=True)
    receive: Receive = section(Receive, "Limits and authentication of the OTLP receivers.", restart=True)
    labels: Mapping[str, LabelSettings] = key(
        Table(Section(LabelSettings), "label", tuple(LABELS)),
        "Where each label comes from, and how many values it may have.",
        {name: LabelSettings(cap=label.cap) for name, label in LABELS.items()},
    )
    limits: Limits = section(Limits, "Bounds on what the exporter holds.")
    exposition: Exposition = section(Exposition, "What /metrics shows.")
    pricing: Pricing = section(Pricing, "What calls cost.")
    tasks: TaskSettings = section(TaskSettings, "How the spans of a trace are put together.")
    sampling: SamplingSettings = section(SamplingSettings, "What a span stands for behind a sampler.")
    dialects: Dialects = section(Dialects, "How instrumentations are read.")
    logs: Logs = section(Logs, "Calls that arrive as log records.")
    prompts: Prompts = section(Prompts, "Which prompts are live.")
    evaluations: Evaluations = section(Evaluations, "Results of evaluators and votes of users.")
    signals: Signals = section(Signals, "What is read from the texts of calls, without a model.")
    judge: Judge = section(
        Judge, "What `llm-exporter judge` draws, whom it asks, and what it may spend.", restart=True
    )
    budgets: tuple[Budget, ...] = key(
        Items(Section(Budget), 1000),
        "Limits of spending that alerts watch, as `llm_budget_limit_usd`.",
        (),
        example=[
            {"scope": "total", "period": "month", "limit_usd": 5000},
            {"scope": "team", "name": "support", "period": "day", "limit_usd": 100},
        ],
    )
    slos: tuple[Slo, ...] = key(
        Items(Section(Slo), 100),
        "Service level objectives that alerts watch, as `llm_slo_objective_ratio`.",
        (),
        example=[
            {"name": "chat-availability", "kind": "availability", "objective": 0.995},
            {"name": "chat-latency", "kind": "latency", "objective": 0.99, "threshold_seconds": 10},
        ],
    )
    log: Log = section(Log, "The exporter's own log, on standard error.")
