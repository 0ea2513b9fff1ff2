"""Runs one application in its environment between a provider, a recorder and an exporter."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.processes import ROOT, Served, eventually, serving
from llm_exporter.demo.behaviour import Behaviour
from llm_exporter.demo.fake_llm import FakeLLM
from llm_exporter.demo.fake_llm import serving as serving_asgi
from llm_exporter.demo.http import start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from llm_exporter.demo.http import Receive, Send

HERE = Path(__file__).parent
MADE = ROOT / ".clients"
APPLICATION_SECONDS = 180
SPEED = 1000.0
BEHAVIOUR = Behaviour(
    errors={},
    # Long enough for the provider to have part of every prompt in its cache.
    prompt_factor=150.0,
    cache_hit_rate=1.0,
    refusal_rate=0.0,
    content_filter_rate=0.0,
    truncation_rate=0.0,
    tool_rate=1.0,
    tool_loop_rate=0.0,
    answer_factor=0.3,
)

# What is nobody else's business: counts of use, update checks, prices from the web.
NO_CALLS_HOME = {
    "ANONYMIZED_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TRACELOOP_TELEMETRY": "false",
    # Whoever calls all the same is told at once that nobody is there.
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "127.0.0.1,localhost",
}


def lock_of(environment: str) -> Path:
    """Return the lock file of an environment."""
    directory = HERE / "environments" / environment
    return directory / "package-lock.json" if directory.is_dir() else directory.with_suffix(".txt")


def is_made(environment: str) -> bool:
    """Return whether scripts/clients has made the environment as its lock says."""
    installed = MADE / environment / "installed.lock"
    return installed.is_file() and installed.read_bytes() == lock_of(environment).read_bytes()


class Recorder:
    """OTLP over HTTP as an ASGI application: keeps what comes in `traces.pb` and `logs.pb`, and hands it on.

    Requests after each other in one file are one request with the content of all: protobuf merges them.
    """

    def __init__(self, exporter: str, directory: Path) -> None:
        self._exporter = exporter
        self._directory = directory
        self._lock = threading.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass on one request and its answer."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"] if name in _PASSED_ON}
        status, told = await asyncio.to_thread(self._pass_on, scope["path"], body, headers)
        await start(send, status, headers.get("content-type", "text/plain").encode())
        await send({"type": "http.response.body", "body": told})

    def _pass_on(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        with self._lock, (self._directory / f"{path.rpartition('/')[2]}.pb").open("ab") as out:
            out.write(plain)
        onward = http.client.HTTPConnection(self._exporter, timeout=20)
        try:
            onward.request("POST", path, body, headers)
            answer = onward.getresponse()
            return answer.status, answer.read()
        finally:
            onward.close()


_PASSED_ON = (b"content-type", b"content-encoding")


class Stage:
    """A fresh provider and exporter, and the recorder between an application and the exporter."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        self.llm = FakeLLM(seed=3, speed=SPEED, behaviour=BEHAVIOUR)
        self._llm_url = stack.enter_context(serving_asgi(self.llm))
        self.exporter: Served = stack.enter_context(serving(directory, "--first-sample-hold", "0"))
        self._otlp_url = stack.enter_context(serving_asgi(Recorder(self.exporter.http, directory)))

    def run(self, name: str, environment: str, application: str, arguments: Sequence[str]) -> str:
        """Run an application to its end and return what it printed; it must end with 0."""
        done = subprocess.run(
            [*self._command(environment, application), *arguments],
            cwd=self.directory,
            env=self._environment(name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=APPLICATION_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{application} ended with {done.returncode}:\n{done.stdout[-6000:]}"
        return done.stdout

    def settled(self, seconds: float) -> str:
        """Return the exporter's page once it holds no span back; each must be counted in time."""

        def page() -> str:
            exposition = self.exporter.scrape()
            return (
                exposition
                if re.search(r"^llm_exporter_spans_held 0(\.0)?$", exposition, re.MULTILINE)
                else ""
            )

        return eventually(page, seconds)

    def _command(self, environment: str, application: str) -> list[str]:
        path = HERE / "applications" / application
        if path.suffix == ".py":
            return [str(MADE / environment / "bin/python"), str(path)]
        # Node looks for packages beside the file.
        shutil.copy(path, self.directory)
        (self.directory / "node_modules").symlink_to(MADE / environment / "node_modules")
        return ["node", str(self.directory / application)]

    def _environment(self, name: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "LLM_URL": self._llm_url,
            "OTEL_SERVICE_NAME": name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._otlp_url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            **NO_CALLS_HOME,
        }
