"""llm-exporter demo: a fake provider, the exporter, Prometheus where it is found, and live traffic."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from llm_exporter.demo.behaviour import INCIDENTS, Behaviour
from llm_exporter.demo.exporter import start_exporter
from llm_exporter.demo.fake_llm import FakeLLM, serving
from llm_exporter.demo.instrument import INSTRUMENTATIONS
from llm_exporter.demo.live import read_rows, scrape, total
from llm_exporter.demo.processes import Process, StartError
from llm_exporter.demo.prometheus import (
    MISSING,
    QUERIES,
    SCRAPE_SECONDS,
    find_program,
    graph_link,
    start_alertmanager,
    start_prometheus,
)
from llm_exporter.demo.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARES: Final = {"support-assistant": 0.7, "ticket-triage": 0.3}
"""How the rate, and the number of requests, is split over the services."""

HOLD_SECONDS: Final = 1.5 * SCRAPE_SECONDS
SETTLE_SECONDS: Final = 5.0 + HOLD_SECONDS
"""At the end: as long as the last batch may be on its way, and then a new series at 0."""
"""How long the last values may take to be shown: held first samples, and the page's own cache."""


@dataclass(frozen=True, slots=True)
class Where:
    """What the demo runs against; `exporter` is None when somebody else's receives the spans."""

    llm: FakeLLM
    llm_url: str
    otlp: str
    metrics: str | None
    exporter: Process | None


def run(argv: list[str]) -> int:
    """Run the demo; returns 0 at its end or on Ctrl-C, 1 when something did not start or died."""
    options = _parser().parse_args(argv)
    if missing := _missing_packages(options.instrumentation):
        print(f"demo: {missing}", file=sys.stderr)
        return 1
    stop = threading.Event()
    previous = {
        n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        # Left in reverse order: traffic ends first and delivers its last spans, the exporter ends last.
        with tempfile.TemporaryDirectory(prefix="llm-exporter-demo-") as name, ExitStack() as stack:
            return _run(options, stack, Path(name), stop)
    except StartError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace, stack: ExitStack, directory: Path, stop: threading.Event) -> int:
    where = _start_servers(options, stack, directory)
    with ExitStack() as services:
        traffic = [services.enter_context(process) for process in _traffic(options, where, directory)]
        print("\ntraffic is running; end with Ctrl-C", flush=True)
        with Screen() as screen:
            while not stop.wait(0.5 if sys.stdout.isatty() else 0.2):
                _show(where, screen)
                if where.exporter and where.exporter.exit_code is not None:
                    raise StartError(f"the exporter died:\n{where.exporter.output()}")
                if all(process.exit_code is not None for process in traffic):
                    break
            services.close()
            counted = _settle(where, screen)
    if counted is not None:
        served = where.llm.ledger.served
        print(f"the provider served {served} requests, the exporter counted {counted}")
        if counted < served and stop.is_set():
            print("the rest were being answered when the traffic ended, so that their spans were never sent")
    # A service that is ended before it has begun to listen for signals dies of SIGTERM, which is as good.
    failed = [process for process in traffic if process.exit_code not in (0, -signal.SIGTERM)]
    lost = [process for process in traffic if "Failed to export" in process.output()]
    for process in {*failed, *lost}:
        print(f"demo: {process.name} did not deliver all its spans:\n{process.output()}", file=sys.stderr)
    return 1 if failed or lost else 0


def _settle(where: Where, screen: Screen) -> int | None:
    """Show until the exporter's page has all requests served, or the time is up; returns how many it has."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        counted = _show(where, screen)
        if counted is None or counted >= where.llm.ledger.served or time.monotonic() > deadline:
            return counted
        time.sleep(0.25)


def _show(where: Where, screen: Screen) -> int | None:
    """Show the exporter's page as it is now; returns the number of requests on it, None without a page."""
    if where.metrics is None:
        return None
    try:
        rows = read_rows(scrape(f"{where.metrics}/metrics"))
    except OSError as problem:
        print(f"demo: {where.metrics}/metrics does not answer: {problem}", file=sys.stderr)
        return None
    screen.show(rows)
    return round(total(rows).requests)


def _start_servers(options: argparse.Namespace, stack: ExitStack, directory: Path) -> Where:
    prometheus = None if options.no_prometheus else find_program("prometheus")
    exporter = None
    if options.otlp_endpoint is None:
        hold = HOLD_SECONDS if prometheus else 0
        exporter = start_exporter(stack, directory, first_sample_hold=hold)
    metrics = exporter.metrics if exporter else options.metrics_url
    behaviour = Behaviour().changed({"incident": options.incident})
    llm = FakeLLM(seed=options.seed, speed=options.speed, behaviour=behaviour)
    llm_url = stack.enter_context(serving(llm))
    if metrics:
        print(f"metrics      {metrics}/metrics")
        print(f"last spans   {metrics}/debug/spans")
    print(f"ledger       {llm_url}/ledger")
    print(f"""incident     curl -d '{{"incident": "slow-model"}}' {llm_url}/behaviour""")
    print(f"             one of: {', '.join(INCIDENTS)}")
    if prometheus and metrics:
        _start_prometheus(stack, directory, prometheus, metrics)
    elif not options.no_prometheus:
        print(MISSING)
    if exporter:
        otlp = exporter.otlp_grpc if options.otlp_protocol == "grpc" else exporter.otlp_http
        return Where(llm, llm_url, otlp, metrics, exporter.process)
    return Where(llm, llm_url, options.otlp_endpoint, metrics, None)


def _start_prometheus(stack: ExitStack, directory: Path, program: str, metrics: str) -> None:
    alertmanager = None
    if found := find_program("alertmanager", "prometheus-alertmanager"):
        try:
            alertmanager = start_alertmanager(stack, directory, found)
        except StartError as problem:
            print(f"demo: going on without Alertmanager: {problem}", file=sys.stderr)
    url = start_prometheus(stack, directory, program, metrics, alertmanager)
    print(f"Prometheus   {url}")
    print(
        f"Alertmanager {alertmanager or 'is not here: package `prometheus-alertmanager`, or scripts/servers'}"
    )
    for title, query in QUERIES.items():
        print(f"  {title}: {graph_link(url, query)}")


def _traffic(options: argparse.Namespace, where: Where, directory: Path) -> Iterator[Process]:
    for service, share in SHARES.items():
        command = [
            sys.executable,
            "-m",
            "llm_exporter.demo.traffic",
            "--service",
            service,
            "--llm",
            where.llm_url,
        ]
        command += ["--otlp-endpoint", where.otlp, "--otlp-protocol", options.otlp_protocol]
        command += ["--instrumentation", options.instrumentation, "--rate", str(options.rate * share)]
        command += ["--seed", str(options.seed), "--speed", str(options.speed)]
        if options.content:
            command.append("--content")
        if options.duration:
            command += ["--duration", str(options.duration)]
        if options.requests:
            command += ["--requests", str(max(1, round(options.requests * share)))]
        yield Process(service, command, directory)


def _missing_packages(instrumentation: str) -> str:
    wanted: dict[str, str] = {
        "openai": "openai",
        "opentelemetry.exporter.otlp.proto.grpc": "opentelemetry-exporter-otlp",
        INSTRUMENTATIONS[instrumentation].module: INSTRUMENTATIONS[instrumentation].package,
        "rich": "rich",
    }
    missing = [package for module, package in wanted.items() if not _is_there(module)]
    if not missing:
        return ""
    return (
        f"not installed: {', '.join(missing)}. Install the demo's packages: pip install 'llm-exporter[demo]'"
    )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _positive(kind: type[Any]) -> Any:
    def positive(text: str) -> Any:
        value = kind(text)
        if not 0 < value < 1e9:
            raise ValueError(text)
        return value

    positive.__name__ = f"positive {kind.__name__}"
    return positive


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llm-exporter demo", description=__doc__)
    add = parser.add_argument
    add("--instrumentation", choices=list(INSTRUMENTATIONS), default="otel", help="default: otel")
    add("--content", action="store_true", help="let the instrumentation record prompts and answers")
    add("--rate", type=_positive(float), default=2.0, help="users' requests a second at speed 1 (default 2)")
    add("--duration", type=_positive(float), help="end after so many seconds (default: Ctrl-C)")
    add("--requests", type=_positive(int), help="end after so many users' requests")
    add("--seed", type=int, default=1, help="repeats the same questions and draws (default 1)")
    add("--speed", type=_positive(float), default=1.0, help="times faster than life (default 1)")
    add("--incident", choices=list(INCIDENTS), default="none", help="what is wrong from the start")
    add("--otlp-protocol", choices=["grpc", "http"], default="grpc")
    add("--otlp-endpoint", metavar="URL", help="send spans there instead of starting an exporter")
    add("--metrics-url", metavar="URL", help="with --otlp-endpoint: base URL whose /metrics to show")
    add("--no-prometheus", action="store_true", help="start neither Prometheus nor Alertmanager")
    return parser
