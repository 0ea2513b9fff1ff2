"""The parts put together as the settings say: store, prices, vocabulary, pipeline. OTLP in, metrics out."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_exporter import __version__
from llm_exporter import catalogue as c
from llm_exporter.account import Accountant
from llm_exporter.describe import Described, describe_request
from llm_exporter.dialects._dialect import When
from llm_exporter.exposition import render
from llm_exporter.logs import translator, unread
from llm_exporter.otlp.schema import PROTOBUF_IMPLEMENTATION, DecodeError
from llm_exporter.pipeline import Limits, Pipeline
from llm_exporter.pricing import PriceBook
from llm_exporter.receive.sink import Malformed, Verdict
from llm_exporter.recent import RecentSpans
from llm_exporter.record import NOWHERE
from llm_exporter.settings.prompts import succeeding
from llm_exporter.signals.answers import Answers
from llm_exporter.store import Store
from llm_exporter.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_exporter.content import Listener
    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.exposition import Format
    from llm_exporter.settings import Settings
    from llm_exporter.settings.baseline import Baseline
    from llm_exporter.settings.prompts import Registry


@dataclass(frozen=True, slots=True)
class _Parts:
    """What depends on the settings, replaced as a whole."""

    settings: Settings
    store: Store
    pipeline: Pipeline
    prices: PriceBook
    prompts: Registry
    baselines: tuple[Baseline, ...]
    answers: Answers | None


class Engine:
    """Everything between the receivers and the pages. Implements `receive.sink.Sink`.

    Safe to call from several threads: the pipeline and the exposition take turns by the store's lock.
    """

    def __init__(self, settings: Settings, listener: Listener | None = None) -> None:
        """Put the parts together.

        Args:
            settings: The configuration.
            listener: Who is told what was asked and answered in each call, instead of the exporter's signals.
        """
        self._listener = listener
        self._parts = _build(settings, None, listener)
        self.recent = RecentSpans()
        self.started = time.time()
        _show_configuration(self._parts)

    @property
    def store(self) -> Store:
        """The accumulators in use."""
        return self._parts.store

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline in use."""
        return self._parts.pipeline

    def apply(self, settings: Settings) -> None:
        """Put changed settings to use. What was counted stays, except when buckets or exemplars change.

        Raises:
            OSError: a file that the settings name cannot be read.
            ValueError: a prices file that is not one.
        """
        parts = _build(settings, self._parts, self._listener)
        _show_configuration(parts)
        self._parts = parts

    def traces(self, request: bytes, transport: str) -> Verdict:  # noqa: ARG002 - the sink's interface
        """Count an encoded ExportTraceServiceRequest."""
        return self._traces(request, are_spans=True)

    def _traces(self, request: bytes, *, are_spans: bool) -> Verdict:
        pipeline = self.pipeline
        verdict = pipeline.traces(request, are_spans=are_spans)
        room = self.recent.room(time.monotonic())
        if room:
            self.recent.add(describe_request(pipeline, request, most=room))
        return verdict

    def logs(self, request: bytes, transport: str) -> Verdict:  # noqa: ARG002 - the sink's interface
        """Count the log records of an encoded ExportLogsServiceRequest that stand for calls, tools and the like."""
        settings = self._parts.settings.logs
        try:
            found = translator(settings.keys()).translate(request) if settings.enabled else unread(request)
        except DecodeError as error:
            raise Malformed("the body is not a protobuf ExportLogsServiceRequest") from error
        with self.store.lock:
            for outcome in ("read", "ignored", "invalid"):
                self.store.add(c.EXPORTER_LOG_RECORDS, (), outcome, by=getattr(found, outcome))
        rejected = self._traces(found.request, are_spans=False).rejected if found.request else 0
        with self.store.lock:
            for resource, results in found.results:
                self.pipeline.scoring.take(results, self.pipeline.context_of(resource))
        said = "log records that cannot be decoded, or have more attributes than limits.attributes_per_span"
        return Verdict(found.invalid + rejected, said if found.invalid + rejected else "")

    def results(self, results: Iterable[Evaluation]) -> None:
        """Count results of evaluators that come without a resource."""
        with self.store.lock:
            self.store.now = time.monotonic()
            self.pipeline.scoring.take(results, NOWHERE)

    def describe(self, request: bytes, most: int = 10_000) -> list[Described]:
        """Return how each span of an encoded request is read, without counting it."""
        return describe_request(self.pipeline, request, most=most)

    def observe(self, transport: str, code: str, n_bytes_wire: int, n_bytes: int) -> None:  # noqa: ARG002
        """Count one request of the receivers, whatever became of it (`receive.sink.Observe`)."""
        with self.store.lock:
            self.store.add(c.EXPORTER_REQUESTS, (transport, code))
            self.store.add(c.EXPORTER_RECEIVED_BYTES, (transport,), by=n_bytes_wire)

    def reloaded(self, successful: bool, timestamp_seconds: float) -> None:
        """Show whether the newest configuration is in use, and since when (unix seconds)."""
        with self.store.lock:
            self.store.set(c.EXPORTER_CONFIG_RELOAD_SUCCESSFUL, int(successful))
            self.store.set(c.EXPORTER_CONFIG_RELOAD_TIMESTAMP, timestamp_seconds)

    def refresh(self) -> None:
        """Bring what is counted up to date with what was received: to be done before the store is read."""
        parts = self._parts
        store = parts.store
        with store.lock:
            store.now = time.monotonic()
            parts.pipeline.collect()
            for group in store.distinct_groups():
                store.set(c.EXPORTER_LABEL_SETS, len(group.cells), (group.name,))

    def exposition(self, form: Format) -> list[bytes]:
        """Return one scrape in chunks, as `exposition.render` yields them."""
        store = self.store
        started = time.perf_counter_ns()
        self.refresh()
        chunks = list(render(store, form, time.monotonic()))
        with store.lock:
            cell = store.cell(c.EXPORTER_SCRAPE_DURATION, ())
            instrument = store.groups[c.EXPORTER_SCRAPE_DURATION.name].instrument(c.EXPORTER_SCRAPE_DURATION)
            cell.observe(instrument, time.perf_counter_ns() - started)
        return chunks

    def sweep(self) -> None:
        """Drop label sets that were idle for too long. To be called now and then, scraped or not."""
        with self.store.lock:
            self.store.now = time.monotonic()
            self.pipeline.collect()
            if self.store.expire(time.monotonic()):
                self.pipeline.forget_cells()
                if self._parts.answers is not None:
                    self._parts.answers.forget()


def _build(settings: Settings, old: _Parts | None, listener: Listener | None) -> _Parts:
    shown = settings.exposition
    prices = PriceBook(settings.pricing.for_price_book())
    prompts = succeeding(settings.prompts.registry(), old.prompts if old is not None else {})
    baselines = settings.evaluations.baselines()
    caps = {name: label.cap for name, label in settings.labels.items()}
    same_shape = old is not None and (
        old.settings.exposition.buckets == shown.buckets
        and old.settings.exposition.exemplars == shown.exemplars
    )
    if old is not None and same_shape:
        store = old.store
        with store.lock:
            old.pipeline.assembly.release()
            old.pipeline.collect()
            store.limiter.caps = caps
            store.cells_per_group = settings.limits.series_per_metric_group
            store.hold_seconds = shown.first_sample_hold_seconds
            store.idle_seconds = settings.limits.series_idle_seconds
    else:
        store = Store(
            bounds=shown.buckets,
            caps=caps,
            cells_per_group=settings.limits.series_per_metric_group,
            exemplars=shown.exemplars,
            first_sample_hold_seconds=shown.first_sample_hold_seconds,
            idle_seconds=settings.limits.series_idle_seconds,
        )
    vocabulary = Vocabulary(
        {name: label.extra_attributes for name, label in settings.labels.items()},
        settings.dialects.disabled,
        [(When(rule.scope, rule.provider), rule.value) for rule in settings.dialects.input_includes_cache],
    )
    limits = Limits(
        spans_per_request=settings.limits.spans_per_request,
        attributes_per_span=settings.limits.attributes_per_span,
        bindings=settings.limits.bindings,
    )
    with store.lock:
        accountant = Accountant(store, prices, prefer_reported=settings.pricing.prefer_reported)
        answers = _signals(settings, accountant) if listener is None else None
        pipeline = Pipeline(
            accountant,
            vocabulary,
            limits,
            settings.tasks.patience(),
            settings.sampling.sampling(),
            settings.evaluations.rules(),
            listener or answers,
        )
        if old is not None and same_shape:
            pipeline.assembly.adopt(old.pipeline.assembly)
            pipeline.scoring.adopt(old.pipeline.scoring)
    return _Parts(settings, store, pipeline, prices, prompts, baselines, answers)


def _signals(settings: Settings, accountant: Accountant) -> Answers | None:
    """Return who looks at what was asked and answered, None where every signal is off."""
    switches = settings.signals.switches()
    if not switches.any:
        return None
    return Answers(
        accountant.store, switches, lambda call: accountant.price(call, int(time.time() * 1e9)).model
    )


def _show_configuration(parts: _Parts) -> None:
    """Set the gauges that come from the configuration."""
    store, settings = parts.store, parts.settings
    with store.lock:
        for gauge in (
            c.BUDGET_LIMIT,
            c.SLO_OBJECTIVE,
            c.PROMPT_INFO,
            c.PROMPT_DEPLOYED,
            c.EVALUATION_BASELINE,
        ):
            store.clear(gauge)
        for budget in settings.budgets:
            store.set(c.BUDGET_LIMIT, budget.limit_usd, (budget.scope, budget.name), budget.period)
        for slo in settings.slos:
            store.set(c.SLO_OBJECTIVE, slo.objective, (slo.name,))
            if slo.threshold_seconds is not None:
                store.set(c.SLO_LATENCY_THRESHOLD, slo.threshold_seconds, (slo.name,))
        for name, prompt in parts.prompts.items():
            said = (name, prompt.version, prompt.previous_version, prompt.owner, prompt.sha)
            store.set(c.PROMPT_INFO, 1, said)
            if prompt.deployed_at is not None:
                store.set(c.PROMPT_DEPLOYED, prompt.deployed_at.timestamp(), (name, prompt.version))
        for baseline in parts.baselines:
            for statistic, value in baseline.statistics.items():
                store.set(c.EVALUATION_BASELINE, value, baseline.labels, statistic)
        store.set(c.EXPORTER_PRICE_DATA_TIMESTAMP, parts.prices.data_timestamp_seconds)
        versions = (__version__, platform.python_version(), PROTOBUF_IMPLEMENTATION)
        store.set(c.EXPORTER_BUILD_INFO, 1, versions)
