"""The demo's promise: /metrics says, to the last token and picodollar, what the provider served."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter.demo.agent import EMBEDDER, PLANNER, SUMMARISER, WRITER
from llm_exporter.demo.behaviour import ERROR_KINDS, Behaviour
from llm_exporter.demo.exporter import start_exporter
from llm_exporter.demo.fake_llm import FakeLLM, serving
from llm_exporter.demo.live import scrape
from llm_exporter.demo.processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from llm_exporter.demo.ledger import Ledger

pytest.importorskip("openai", reason="the demo extra is not installed")

SPEED = 1000.0
REQUESTS = {"support-assistant": 90, "ticket-triage": 30}
BEHAVIOUR = Behaviour(
    errors=dict.fromkeys(ERROR_KINDS, 0.03),
    content_filter_rate=0.05,
    truncation_rate=0.05,
    tool_loop_rate=0.2,
)
PROTOCOLS = {"otel": "grpc", "openinference": "http", "openllmetry": "http"}
FAILED_STREAMS_UNTOLD = {"otel"}
"""Instrumentations that note that a call is streamed only once the stream has begun."""
PICODOLLARS = 10**12


@dataclass(frozen=True)
class Run:
    """One finished run of the demo: the provider's books and the exporter's samples."""

    instrumentation: str
    ledger: Ledger
    samples: list[tuple[str, Mapping[str, str], float]]

    def add_up(self, metric: str, *labels: str, **only: str) -> Counter[tuple[str, ...]]:
        """The samples of a metric as exact integers, summed by these labels; zeros left out."""
        return self._sum(metric, labels, only, scale=1)

    def dollars(self, *labels: str) -> Counter[tuple[str, ...]]:
        """Cost in picodollars; each sample is near enough to its integer to be read back exactly."""
        return self._sum("llm_cost_usd_total", labels, {}, scale=PICODOLLARS)

    def _sum(
        self, metric: str, labels: tuple[str, ...], only: Mapping[str, str], *, scale: int
    ) -> Counter[tuple[str, ...]]:
        result: Counter[tuple[str, ...]] = Counter()
        for name, own, value in self.samples:
            if name == metric and value and all(own[key] == wanted for key, wanted in only.items()):
                result[tuple(own[label] for label in labels)] += round(value * scale)
        return result


@pytest.fixture(scope="module", params=list(PROTOCOLS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Two services under one real instrumentation package, exporting to a real `llm-exporter serve`."""
    instrumentation, directory = request.param, tmp_path_factory.mktemp(request.param)
    llm = FakeLLM(seed=11, speed=SPEED, behaviour=BEHAVIOUR)
    with ExitStack() as stack:
        ports = dict.fromkeys(("otlp-grpc", "otlp-http", "metrics"), 0)
        exporter = start_exporter(stack, directory, first_sample_hold=0, wanted_ports=ports)
        url = stack.enter_context(serving(llm))
        protocol = PROTOCOLS[instrumentation]
        services = []
        for service, requests in REQUESTS.items():
            command = [sys.executable, "-m", "llm_exporter.demo.traffic", "--service", service, "--llm", url]
            command += ["--otlp-endpoint", exporter.otlp_grpc if protocol == "grpc" else exporter.otlp_http]
            command += ["--otlp-protocol", protocol, "--instrumentation", instrumentation]
            command += ["--requests", str(requests), "--speed", str(SPEED), "--seed", "11"]
            services.append(stack.enter_context(Process(service, command, directory)))
        await_that(lambda: all(service.exit_code is not None for service in services), seconds=90)
        for service in services:
            assert service.exit_code == 0, service.output()
        # The applications have ended after their last export was acknowledged: all is counted by now.
        yield Run(instrumentation, llm.ledger, samples_of(scrape(f"{exporter.metrics}/metrics")))


def await_that(condition: Callable[[], bool], seconds: float) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def samples_of(exposition: str) -> list[tuple[str, Mapping[str, str], float]]:
    """All samples of an exposition."""
    families = text_string_to_metric_families(exposition)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def rates(model: str) -> dict[str, int]:
    """Picodollars for one token of each type, straight from the price table."""
    openai = next(provider for provider in get_snapshot().providers if provider.id == "openai")
    found = openai.find_model(model)
    assert found is not None
    price: Any = found.get_prices(datetime.now(UTC))
    per_token = PICODOLLARS // 10**6
    output = price.output_mtok or 0
    cached = price.cache_read_mtok if price.cache_read_mtok is not None else price.input_mtok
    by_type = {
        "input": price.input_mtok,
        "input_cache_read": cached,
        "output": output,
        "output_reasoning": output,
    }
    return {token_type: int(dollars * per_token) for token_type, dollars in by_type.items()}


def test_every_request_is_counted_once(run: Run) -> None:
    """Requests by model, operation, status and stream are those that the provider answered."""
    untold = {"error"} if run.instrumentation in FAILED_STREAMS_UNTOLD else set()
    served: Counter[tuple[str, ...]] = Counter()
    for key, count in run.ledger.requests.items():
        stream = key.stream and key.status not in untold
        served[key.model, key.operation, key.status, str(stream).lower()] += count
    assert run.add_up("llm_requests_total", "model", "operation", "status", "stream") == served
    assert {key.model for key in run.ledger.requests} == {PLANNER, WRITER, SUMMARISER, EMBEDDER}


def test_every_token_is_counted_under_its_type(run: Run) -> None:
    """Tokens by model and type are those billed, cached and reasoning ones told apart."""
    billed = Counter({(k.model, k.token_type): n for k, n in run.ledger.tokens.items()})
    assert run.add_up("llm_tokens_total", "model", "token_type") == billed
    assert {token_type for _, token_type in billed} == {
        "input",
        "input_cache_read",
        "output",
        "output_reasoning",
    }


def test_dollars_are_exact(run: Run) -> None:
    """Cost by model is tokens times the price table's rates, in integer picodollars."""
    owed: Counter[tuple[str, ...]] = Counter()
    for key, count in run.ledger.tokens.items():
        owed[key.model,] += count * rates(key.model)[key.token_type]
    assert run.dollars("model") == owed
    assert not run.add_up("llm_unpriced_tokens_total", "model")


def test_every_error_has_its_type(run: Run) -> None:
    """Provider and application errors by model and type are those that the provider gave."""
    given = Counter({(k.model, k.error_type): n for k, n in run.ledger.errors.items()})
    counted = run.add_up("llm_request_errors_total", "model", "error_type", error_class="provider")
    counted += run.add_up("llm_request_errors_total", "model", "error_type", error_class="application")
    assert counted == given
    assert len({error_type for _, error_type in given}) > 4, "too few kinds of errors to tell them apart"


def test_content_filter_is_a_semantic_error(run: Run) -> None:
    """An answer cut by the content filter counts as a semantic error of an otherwise good request."""
    cut = Counter(
        {(k.model,): n for k, n in run.ledger.finish_reasons.items() if k.finish_reason == "content_filter"}
    )
    counted = run.add_up(
        "llm_request_errors_total", "model", error_class="semantic", error_type="content_filter"
    )
    assert counted == cut


def test_finish_reasons_are_the_providers(run: Run) -> None:
    """Finish reasons by model are those in the answers, whatever an instrumentation calls them."""
    given = Counter({(k.model, k.finish_reason): n for k, n in run.ledger.finish_reasons.items()})
    assert run.add_up("llm_finish_reasons_total", "model", "finish_reason") == given


def test_every_tool_call_is_counted(run: Run) -> None:
    """Tool calls by tool are those that the model asked for: the agent runs each of them."""
    asked: Counter[tuple[str, ...]] = Counter()
    for key, count in run.ledger.tool_calls.items():
        asked[key.tool,] += count
    assert run.add_up("llm_tool_calls_total", "tool") == asked


def test_every_span_has_one_outcome(run: Run) -> None:
    """The outcomes add up to the spans sent: users' requests, agent runs, retrievals, tools, models."""
    sent = sum(REQUESTS.values()) + run.ledger.tool_calls.total() + run.ledger.served
    sent += run.add_up("llm_agent_runs_total").total() + run.add_up("llm_retrievals_total").total()
    assert run.add_up("llm_exporter_spans_total").total() == sent
