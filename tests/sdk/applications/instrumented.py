"""The demo's agent with LLMMetrics in its own process; prints what is shown and what was served."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from llm_exporter.demo.agent import SupportAgent
from llm_exporter.demo.behaviour import Behaviour
from llm_exporter.demo.fake_llm import FakeLLM, serving
from llm_exporter.demo.instrument import instrument
from llm_exporter.demo.traffic import client, run_traffic
from llm_exporter.sdk import LLMMetrics
from llm_exporter.settings import Settings

SPEED = 1000.0


def shown(registry: CollectorRegistry, name: str, label: str) -> dict[str, int]:
    """The samples of a metric other than 0, summed by one label."""
    sums: Counter[str] = Counter()
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == name and sample.value:
                sums[sample.labels[label]] += int(sample.value)
    return dict(sums)


def main() -> None:
    """Serve thirty requests of users."""
    exposition = replace(Settings().exposition, first_sample_hold_seconds=0.0)
    registry = CollectorRegistry()
    metrics = LLMMetrics(replace(Settings(), exposition=exposition), registry=registry)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(metrics)
    instrument("otel", provider)
    llm = FakeLLM(seed=5, speed=SPEED, behaviour=Behaviour(errors={}))
    with serving(llm) as url:
        agent = SupportAgent(client(url, SPEED), provider.get_tracer("shop"))
        for service in ("support-assistant", "ticket-triage"):
            run_traffic(
                agent, service, threading.Event(), threading.Event(), rate=1e6, requests=15, seed=5, workers=2
            )
    metrics.force_flush()
    served: Counter[str] = Counter()
    for row, n in llm.ledger.tokens.items():
        served[row.token_type] += n
    by_model = shown(registry, "llm_requests_total", "model")
    print(
        json.dumps(
            {
                "shown": {
                    "requests": sum(by_model.values()),
                    "tokens": shown(registry, "llm_tokens_total", "token_type"),
                },
                "served": {"requests": llm.ledger.requests.total(), "tokens": served},
            }
        )
    )


if __name__ == "__main__":
    main()
