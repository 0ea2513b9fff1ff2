"""An application with a tracer provider and LLMMetrics, and how to look at what it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter.sdk import LLMMetrics
from llm_exporter.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.trace import Tracer
    from prometheus_client import Metric

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 80,
}
TIMINGS = ("llm_exporter_batch_duration_seconds", "llm_exporter_scrape_duration_seconds")


def settings(hold: float = 0.0, **exposition: Any) -> Settings:
    """Default settings; without a hold unless asked for, so that one scrape shows what is counted."""
    default = Settings()
    shown = replace(default.exposition, first_sample_hold_seconds=hold, **exposition)
    return replace(default, exposition=shown)


def samples(families: Iterable[Metric]) -> Samples:
    """Every sample by name and labels, except the exporter's own timings."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        if family.name not in TIMINGS
        for sample in family.samples
    }


@dataclass(frozen=True)
class Application:
    """A tracer provider with LLMMetrics, a registry, and a record of every span that ended."""

    provider: TracerProvider
    metrics: LLMMetrics
    registry: CollectorRegistry
    memory: InMemorySpanExporter

    @property
    def tracer(self) -> Tracer:
        """The application's own tracer."""
        return self.provider.get_tracer("application")

    def call(self, n: int = 1, **attributes: Any) -> None:
        """End `n` spans of a call to a model."""
        for _ in range(n):
            with self.tracer.start_as_current_span("chat gpt-4o", attributes={**CALL, **attributes}):
                pass

    def shown(self) -> Samples:
        """The samples of one scrape in the text format."""
        return samples(text_string_to_metric_families(generate_latest(self.registry).decode()))

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, as scraped now."""
        return sum(
            value
            for (sample, its_labels), value in self.shown().items()
            if sample == name and labels.items() <= dict(its_labels).items()
        )


@pytest.fixture
def application() -> Iterator[Callable[..., Application]]:
    """Make applications; they are shut down at the end."""
    made: list[Application] = []

    def make(
        chosen: Settings | None = None, registry: CollectorRegistry | None = None, **options: Any
    ) -> Application:
        registry, memory = registry or CollectorRegistry(), InMemorySpanExporter()
        metrics = LLMMetrics(chosen or settings(), registry=registry, **options)
        resource = Resource.create({"service.name": "shop", "deployment.environment.name": "test"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(metrics)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        made.append(Application(provider, metrics, registry, memory))
        return made[-1]

    yield make
    for one in made:
        one.provider.shutdown()
