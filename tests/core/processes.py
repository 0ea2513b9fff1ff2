"""Programs that tests start: `llm-exporter serve` and the servers that scripts/servers unpacks."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
START_SECONDS = 30
_Found = TypeVar("_Found")


def eventually(found: Callable[[], _Found], seconds: float = START_SECONDS) -> _Found:
    """Return what `found` returns as soon as that is true; ask again until the deadline.

    Raises:
        TimeoutError: it stayed false, or failed to connect, all the time.
    """
    deadline = time.monotonic() + seconds
    failure: object = None
    while time.monotonic() < deadline:
        try:
            result = found()
        except (OSError, http.client.HTTPException) as error:
            failure = error
        else:
            if result:
                return result
            failure = result
        time.sleep(0.05)
    raise TimeoutError(f"not within {seconds} s: {failure!r}")


def request(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """GET, or POST where there is a body; keyword arguments become headers. Return status and body."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, named)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@dataclass(frozen=True)
class Served:
    """A running `llm-exporter serve`; addresses are `host:port`."""

    process: subprocess.Popen[str]
    grpc: str
    http: str
    metrics: str

    def send(self, traces: bytes) -> None:
        """POST an encoded ExportTraceServiceRequest."""
        status, body = request(self.http, "/v1/traces", traces, Content_Type="application/x-protobuf")
        assert (status, body) == (200, b"")

    def scrape(self, accept: str = "text/plain") -> str:
        """Return /metrics."""
        status, body = request(self.metrics, "/metrics", Accept=accept)
        assert status == 200
        return body.decode()


@contextmanager
def serving(directory: Path, *flags: str) -> Iterator[Served]:
    """Run `llm-exporter serve` on free ports; at the end it must stop by itself on SIGTERM with code 0."""
    ports = [f"--{name}-address=127.0.0.1:0" for name in ("otlp-grpc", "otlp-http", "metrics")]
    with (directory / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_exporter", "serve", *ports, *flags],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("LLM_EXPORTER_")},
        )
        try:
            with _stopped_after(process, START_SECONDS):
                assert process.stdout is not None
                line = process.stdout.readline()
            found = re.fullmatch(r"listening otlp-grpc=(\S+) otlp-http=(\S+) metrics=(\S+)\n", line)
            assert found is not None, (directory / "log").read_text()
            yield Served(process, *found.groups())
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=START_SECONDS) == 0
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _stopped_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def server_program(name: str, program: str) -> Path:
    """Return where scripts/servers puts a program, whether it is there or not."""
    return ROOT / ".servers" / name / "usr/bin" / program


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus server."""

    address: str

    def api(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of the HTTP API."""
        status, body = request(self.address, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return the values of an instant query by the series' labels, without job and instance."""
        return {
            frozenset((k, v) for k, v in one["metric"].items() if k not in ("job", "instance")): float(
                one["value"][1]
            )
            for one in self.api("query", query=expression)["result"]
        }


@contextmanager
def scraping(program: Path, directory: Path, target: str) -> Iterator[Prometheus]:
    """Run a Prometheus server that scrapes `target` five times a second."""
    config = (
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        f"scrape_configs: [{{job_name: llm-exporter, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with prometheus_over(program, directory, config) as running:
        yield running


@contextmanager
def prometheus_over(program: Path, directory: Path, configuration: str = "") -> Iterator[Prometheus]:
    """Run a Prometheus server over the data in `directory`, which may be old; it scrapes what is configured."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = directory / "prometheus.yml"
    config.write_text(configuration)
    with (directory / "log").open("w+") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
                "--storage.tsdb.retention.time=100y",
                "--enable-feature=exemplar-storage",
            ],
            stdout=log,
            stderr=log,
            cwd=directory,
        )
        try:
            eventually(lambda: request(address, "/-/ready")[0] == 200)
            yield Prometheus(address)
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)
