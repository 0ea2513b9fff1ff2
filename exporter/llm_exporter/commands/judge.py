"""llm-exporter judge: receive OTLP, judge a sample of the answers, and send the results to the exporter."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from llm_exporter.commands import receiving
from llm_exporter.engine import Engine
from llm_exporter.log import configure_log
from llm_exporter.receive.endpoint import CannotListen
from llm_exporter.receive.malloc import keep_large_buffers
from llm_exporter.receive.server import serve_asgi
from llm_exporter.settings import SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.judge.chambers import Chambers
    from llm_exporter.settings import Settings

MISSING_EXTRA: Final = "the judge needs more packages: pip install 'llm-exporter[judge]'"
TICK_SECONDS: Final = 1.0
TICKS_OF_A_SWEEP: Final = 60
_log = logging.getLogger("llm_exporter.judge")


def run(config: str | None, flags: Mapping[str, str]) -> int:
    """Judge until SIGTERM or SIGINT. Return the exit code: 1 when settings are bad or something is missing."""
    if find_spec("pydantic_ai") is None or find_spec("rapidfuzz") is None:
        print(MISSING_EXTRA, file=sys.stderr)
        return 1
    from llm_exporter.judge.chambers import Chambers
    from llm_exporter.judge.chat import MissingExtra

    try:
        settings = load(config, os.environ, flags)
        chambers = Chambers(settings, os.environ)
        engine = Engine(settings, chambers.sampler)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    except (MissingExtra, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    configure_log(settings.log.level, settings.log.format)
    keep_large_buffers()
    service = _Service(engine, chambers)
    try:
        with ExitStack() as stack:
            service.start(settings, stack)
            return service.wait()
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1


class _Service:
    """The listeners around an engine and the judge, and the thread that waits for signals."""

    def __init__(self, engine: Engine, chambers: Chambers) -> None:
        self._engine = engine
        self._chambers = chambers
        self._ready = threading.Event()
        self._stop = threading.Event()

    def start(self, settings: Settings, stack: ExitStack) -> None:
        """Listen, and print where on one line. What is opened is closed by `stack`, last opened first."""
        from llm_exporter.judge.web import JudgeApp

        chambers, receive, judge = self._chambers, settings.receive, settings.judge
        stack.callback(chambers.budget.close)
        app = JudgeApp(
            chambers.metrics.store, lambda: chambers.metrics.show(chambers.budget), self._ready.is_set
        )
        stack.callback(app.close)
        metrics = serve_asgi(
            app, *judge.metrics_address, flag="judge.metrics_address", limits=receive.limits()
        )
        stack.callback(metrics.stop)
        addresses = receiving.receive(
            receive, judge, self._engine, self._engine.observe, stack, flag="judge.otlp_http_address"
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_stop)
        signal.signal(signal.SIGHUP, lambda *_: _log.warning("a changed configuration takes a restart"))
        chambers.start()
        stack.callback(chambers.stop)
        gc.collect()
        gc.freeze()
        self._ready.set()
        stack.callback(self._ready.clear)
        print(
            f"listening otlp-grpc={addresses.get('otlp-grpc', 'off')} otlp-http={addresses.get('otlp-http', 'off')}"
            f" metrics={metrics.address}",
            flush=True,
        )
        _log.info("content of the calls that are drawn is sent to %s", urlsplit(judge.base_url).netloc)
        if judge.state_file is None:
            _log.warning("judge.state_file is not set: a restart forgets what was spent")

    def wait(self) -> int:
        """Let spans that were held go on their way, until told to stop. Return the exit code."""
        ticks = 0
        while not self._stop.wait(TICK_SECONDS):
            ticks += 1
            self._engine.refresh()
            if ticks % TICKS_OF_A_SWEEP == 0:
                self._engine.sweep()
                self._chambers.metrics.sweep(time.monotonic())
            if not self._chambers.alive:
                _log.error("the judge has ended by itself")
                return 1
        _log.info("stopping")
        return 0

    def _ask_stop(self, *_: object) -> None:
        self._stop.set()
