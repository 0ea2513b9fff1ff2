"""llm-exporter serve: receive OTLP, serve the metrics, until told to stop."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from llm_exporter.commands import receiving
from llm_exporter.engine import Engine
from llm_exporter.evaluations.http import routes
from llm_exporter.log import configure_log
from llm_exporter.otlp.schema import PROTOBUF_IMPLEMENTATION
from llm_exporter.receive.endpoint import CannotListen
from llm_exporter.receive.malloc import keep_large_buffers
from llm_exporter.receive.server import serve_asgi
from llm_exporter.settings import SettingsError, load
from llm_exporter.settings.reload import Reloader
from llm_exporter.web import MetricsApp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.settings import Problem, Settings

SWEEP_SECONDS = 60.0
SHOWN = {"otlp-grpc": "OTLP/gRPC", "otlp-http": "OTLP/HTTP"}
"""What the landing page calls the protocols."""
_log = logging.getLogger("llm_exporter")


def run(config: str | None, flags: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT. Return the exit code: 1 when settings are bad or a port is taken."""
    try:
        settings = load(config, os.environ, flags)
        engine = Engine(settings)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    configure_log(settings.log.level, settings.log.format)
    if PROTOBUF_IMPLEMENTATION != "upb":
        _log.warning(
            "protobuf runs on its %s implementation, which is very slow; install its wheel",
            PROTOBUF_IMPLEMENTATION,
        )
    keep_large_buffers()

    def apply(changed: Settings) -> None:
        engine.apply(changed)
        configure_log(changed.log.level, changed.log.format)

    reloader = Reloader(settings, lambda: load(config, os.environ, flags), apply)
    service = _Service(engine, reloader)
    try:
        with ExitStack() as stack:
            service.start(settings, stack)
            service.wait()
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class _Service:
    """The listeners around an engine, and the thread that waits for signals."""

    def __init__(self, engine: Engine, reloader: Reloader) -> None:
        self._engine = engine
        self._reloader = reloader
        self._ready = threading.Event()
        self._wake = threading.Event()
        self._stopping = False
        self._reload_asked = False

    def start(self, settings: Settings, stack: ExitStack) -> None:
        """Listen, and print where on one line. What is opened is closed by `stack`, last opened first."""
        addresses: dict[str, str] = {}
        app = MetricsApp(
            self._engine,
            self.reload,
            self._ready.is_set,
            addresses,
            lambda: self._reloader.current.exposition.cache_seconds,
        )
        stack.callback(app.close)
        listen, receive = settings.listen, settings.receive
        metrics = serve_asgi(app, *listen.metrics_address, flag="--metrics-address", limits=receive.limits())
        stack.callback(metrics.stop)

        further = routes(self._engine.results) if settings.evaluations.http else None
        opened = receiving.receive(receive, listen, self._engine, self._engine.observe, stack, routes=further)
        addresses |= {SHOWN[protocol]: address for protocol, address in opened.items()}
        self._engine.reloaded(True, self._reloader.success_timestamp_seconds)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._ask_reload)
        # What is there now stays: the collector need not walk it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        self._ready.set()
        stack.callback(self._ready.clear)
        print(
            f"listening otlp-grpc={opened.get('otlp-grpc', 'off')}"
            f" otlp-http={opened.get('otlp-http', 'off')} metrics={metrics.address}",
            flush=True,
        )
        _log.info("ready: http://%s/", metrics.address)

    def wait(self) -> None:
        """Sweep idle series, and reload when asked, until told to stop."""
        while not self._stopping:
            if not self._wake.wait(SWEEP_SECONDS):
                self._engine.sweep()
                continue
            self._wake.clear()
            if self._reload_asked and not self._stopping:
                self._reload_asked = False
                self.reload()
        _log.info("stopping")

    def reload(self) -> list[Problem]:
        """Take up a changed configuration, or keep the old one and say why."""
        problems = self._reloader.reload()
        self._engine.reloaded(self._reloader.successful, self._reloader.success_timestamp_seconds)
        for problem in problems:
            _log.error("configuration refused, the old one stays: %s", problem)
        if not problems:
            _log.info("configuration reloaded")
        return problems

    def _stop(self, *_: object) -> None:
        self._stopping = True
        self._wake.set()

    def _ask_reload(self, *_: object) -> None:
        self._reload_asked = True
        self._wake.set()
