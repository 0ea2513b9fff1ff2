"""The exporter as the demo starts it: `llm-exporter serve` in a process of its own."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llm_exporter.demo.processes import Process, StartError, answers, port_or_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack
    from pathlib import Path

START_SECONDS: Final = 30.0
DEFAULT_PORTS: Final = {"otlp-grpc": 4317, "otlp-http": 4318, "metrics": 9464}
_LISTENING: Final = re.compile(r"^listening otlp-grpc=(\S+) otlp-http=(\S+) metrics=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Exporter:
    """Base URLs of a running exporter."""

    process: Process
    otlp_grpc: str
    otlp_http: str
    metrics: str


def start_exporter(
    stack: ExitStack,
    directory: Path,
    *,
    first_sample_hold: float,
    wanted_ports: Mapping[str, int] = DEFAULT_PORTS,
) -> Exporter:
    """Start it on the ports wanted, or on free ones where those are taken, and wait until it is ready.

    Port 0 is any free one. `first_sample_hold` is in seconds. StartError when it does not get ready.
    """
    ports = {name: port_or_free(port) if port else 0 for name, port in wanted_ports.items()}
    try:
        return _start(stack, directory, ports, first_sample_hold)
    except StartError:
        if not any(ports.values()):
            raise
        # Somebody may have taken a port since it was seen to be free; the exporter itself always finds one.
        return _start(stack, directory, dict.fromkeys(ports, 0), first_sample_hold)


def _start(stack: ExitStack, directory: Path, ports: Mapping[str, int], first_sample_hold: float) -> Exporter:
    command = [sys.executable, "-m", "llm_exporter", "serve", f"--first-sample-hold={first_sample_hold:g}"]
    command += [f"--{name}-address=127.0.0.1:{port}" for name, port in ports.items()]
    process = stack.enter_context(Process("exporter", command, directory))
    process.wait_until(lambda: bool(_LISTENING.search(process.output())), START_SECONDS)
    grpc, http, metrics = (f"http://{address}" for address in _LISTENING.findall(process.output())[0])
    process.wait_until(lambda: answers(f"{metrics}/-/ready"), START_SECONDS)
    return Exporter(process, grpc, http, metrics)
