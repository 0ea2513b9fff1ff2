"""One instrumented service with live traffic: the process that an application would be.

    python -m llm_exporter.demo.traffic --service support-assistant --llm URL --otlp-endpoint URL ...

Arrivals are a Poisson process at `--rate` requests a second. It ends after `--requests`, after
`--duration`, or on SIGTERM or SIGINT, with every span exported.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Final, NoReturn

from openai import OpenAI, OpenAIError

from llm_exporter.demo.agent import Customer, SupportAgent
from llm_exporter.demo.instrument import INSTRUMENTATIONS, instrument
from llm_exporter.demo.knowledge import HELP_CENTRE
from llm_exporter.demo.sending import otlp_exporter, tracer_provider

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS: Final = 16
"""Requests in progress at a time; arrivals beyond wait."""
DRAIN_SECONDS: Final = 4.0
"""How long requests in progress may take after SIGTERM; the spans of those that take longer are lost."""

SERVICES: Final = {
    # service: what its users ask for, with weights
    "support-assistant": {"chat": 5, "search": 2},
    "ticket-triage": {"summarise_ticket": 1},
}
TIERS: Final = {"free": 6, "plus": 3, "business": 1}
TROUBLES: Final = (
    "did not arrive", "arrived damaged", "was charged twice", "cannot be cancelled", "has the wrong address",
)  # fmt: skip


def draw_request(agent: SupportAgent, service: str, rng: Random) -> Callable[[], str]:
    """What the next user asks for."""
    features = SERVICES[service]
    feature = rng.choices(list(features), weights=list(features.values()))[0]
    customer = Customer(rng.choices(list(TIERS), weights=list(TIERS.values()))[0])
    article = rng.choice(HELP_CENTRE)
    text = f"{article.title}? My order A-104{rng.randint(1, 4)} {rng.choice(TROUBLES)}."
    if feature == "summarise_ticket":
        text = " ".join([text, *(rng.choice(HELP_CENTRE).text for _ in range(rng.randint(1, 12)))])
    ask = getattr(agent, feature)
    return lambda: ask(text, customer)


def run_traffic(
    agent: SupportAgent,
    service: str,
    stop: threading.Event,
    hurry: threading.Event,
    *,
    rate: float,
    requests: int | None,
    seed: int,
    workers: int = WORKERS,
) -> int:
    """Send requests until `stop` is set or all are sent; return how many.

    Waits until all are answered; once `hurry` is set, no longer than `DRAIN_SECONDS`."""
    rng = Random(f"{seed}:{service}")  # noqa: S311 - a simulation, not a secret
    free = threading.Semaphore(workers)
    sent = 0

    def answer(ask: Callable[[], str]) -> None:
        try:
            ask()
        except OpenAIError:
            pass  # the trace says what happened; a user would see an apology
        finally:
            free.release()

    pool = ThreadPoolExecutor(workers, thread_name_prefix="user")
    due = time.monotonic()
    while not stop.is_set() and (requests is None or sent < requests):
        due += rng.expovariate(rate)
        stop.wait(max(0.0, due - time.monotonic()))
        while not stop.is_set():
            if free.acquire(timeout=0.2):
                pool.submit(answer, draw_request(agent, service, rng))
                sent += 1
                break
    _drain(free, workers, hurry)
    pool.shutdown(wait=False)
    return sent


def _drain(free: threading.Semaphore, workers: int, hurry: threading.Event) -> None:
    """Return when all permits are back, so that nobody is being answered any more, or the time is up."""
    deadline = math.inf
    while workers and time.monotonic() < deadline:
        if free.acquire(timeout=0.2):
            workers -= 1
        if hurry.is_set() and math.isinf(deadline):
            deadline = time.monotonic() + DRAIN_SECONDS


def client(llm_url: str, speed: float) -> OpenAI:
    """The openai client; retries are the agent's own, so that each attempt has its span."""
    return OpenAI(
        base_url=f"{llm_url}/v1", api_key="none-needed", max_retries=0, timeout=max(2.0, 60 / speed)
    )


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one service, print how many requests it sent, and end the process."""
    options = _parser().parse_args(argv)
    stop, hurry = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        hurry.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if options.duration:
        timer = threading.Timer(options.duration, stop.set)
        timer.daemon = True
        timer.start()
    provider = tracer_provider(options.service, otlp_exporter(options.otlp_endpoint, options.otlp_protocol))
    instrument(options.instrumentation, provider, content=options.content)
    agent = SupportAgent(client(options.llm, options.speed), provider.get_tracer(options.service))
    sent = run_traffic(
        agent,
        options.service,
        stop,
        hurry,
        rate=options.rate * options.speed,
        requests=options.requests,
        seed=options.seed,
    )
    provider.shutdown()
    print(f"{options.service}: {sent} requests sent", flush=True)
    # Threads that still wait for an answer would hold up the end; all that is finished is exported.
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llm_exporter.demo.traffic", description=__doc__)
    parser.add_argument("--service", choices=list(SERVICES), required=True)
    parser.add_argument("--llm", required=True, help="base URL of the provider")
    parser.add_argument("--otlp-endpoint", required=True, help="base URL of the OTLP receiver")
    parser.add_argument("--otlp-protocol", choices=["grpc", "http"], default="grpc")
    parser.add_argument("--instrumentation", choices=list(INSTRUMENTATIONS), default="otel")
    parser.add_argument(
        "--content", action="store_true", help="let the instrumentation record prompts and answers"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="requests a second at speed 1")
    parser.add_argument("--requests", type=int, help="stop after so many requests")
    parser.add_argument("--duration", type=float, help="stop after so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="times faster than life")
    return parser


if __name__ == "__main__":
    main()
