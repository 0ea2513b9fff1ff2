"""llm-exporter collect: write the traces that failed an evaluation, or that a user did not like, as lines of JSON."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from llm_exporter.collect.appending import Appending
from llm_exporter.collect.failures import Failures, Limits
from llm_exporter.collect.lines import line_of
from llm_exporter.commands.explain import NotOtlp, requests
from llm_exporter.commands.receiving import receive
from llm_exporter.engine import Engine
from llm_exporter.evaluations.http import routes
from llm_exporter.log import configure_log
from llm_exporter.otlp.encode import delimited
from llm_exporter.receive.endpoint import CannotListen
from llm_exporter.receive.malloc import keep_large_buffers
from llm_exporter.receive.sink import Malformed
from llm_exporter.settings import SettingsError, load
from llm_exporter.settings.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_exporter.collect.failures import Failure, Place
    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.settings import Settings

PROGRESS_SECONDS: Final = 60.0
SWEEP_SECONDS: Final = 60.0
TICK_REQUESTS: Final = 64
LONGEST_HOLD: Final = 3600.0
STANDARD: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    output: str
    """A file, or `-` for standard output."""
    include_content: bool = False
    most: int = 0
    """Lines after which to stop; 0 is never."""
    settle_seconds: float = 30.0
    max_bytes: int = 100_000_000
    traces: int = 50_000
    grpc_address: str = "127.0.0.1:4337"
    http_address: str = "127.0.0.1:4338"


class Output(Protocol):
    """Where lines go."""

    def append(self, line: bytes) -> None:
        """Write a whole line."""

    def close(self) -> None:
        """Write what is left."""


class _Stream:
    """Standard output."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def append(self, line: bytes) -> None:
        """Write a line at once."""
        self._stream.write(line)
        self._stream.flush()

    def close(self) -> None:
        """Write what is left."""
        self._stream.flush()


def run(files: Sequence[str], config: str | None, options: Options) -> int:
    """Collect from files of OTLP, or from what is received until SIGTERM or SIGINT.

    Returns the exit code: 1 when settings are bad, a file cannot be read or written, or a port is taken.
    """
    flags = {"--otlp-grpc-address": options.grpc_address, "--otlp-http-address": options.http_address}
    try:
        settings = without_signals(load(config, os.environ, flags))
        output: Output = (
            _Stream(sys.stdout.buffer)
            if options.output == STANDARD
            else Appending(Path(options.output), options.max_bytes)
        )
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    configure_log(settings.log.level, settings.log.format)
    try:
        if files:
            return _from_files(_Collector(for_files(settings), options, output, settle=math.inf), files)
        return _from_receivers(_Collector(settings, options, output, settle=options.settle_seconds), settings)
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        _say(str(error))
        return 1
    finally:
        output.close()


class _Collector:
    """An engine whose results are watched, and the lines that come of them."""

    def __init__(self, settings: Settings, options: Options, output: Output, settle: float) -> None:
        self._options = options
        self._output = output
        limits = Limits(settle, options.traces)
        self.failures = Failures(limits, time.monotonic, time.time, self._place_of)
        # Without permission nobody listens, and no text is read.
        self.engine = Engine(settings, listener=self.failures if options.include_content else None)
        self.engine.pipeline.scoring.watch = self.failures.judged
        self.n_written = 0
        self.n_lost = 0

    @property
    def full(self) -> bool:
        """Whether as many lines are written as were asked for."""
        return bool(self._options.most) and self.n_written >= self._options.most

    def tick(self) -> None:
        """Let what has waited for long enough be counted, and write what is due."""
        self.engine.refresh()
        with self.engine.store.lock:
            due = [*self.failures.due()]
        self._write(due)

    def finish(self) -> None:
        """Wait for nothing any more, and write everything that failed."""
        with self.engine.store.lock:
            self.engine.pipeline.assembly.release()
            self.engine.pipeline.scoring.release()
            rest = [*self.failures.all()]
        self._write(rest)

    def _write(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            if self.full:
                return
            line = line_of(failure, include_content=self._options.include_content)
            try:
                self._output.append(line)
            except BrokenPipeError:
                raise
            except OSError as error:
                # The disk may have room again later: what fails then is worth more than an end now.
                if not self.n_lost:
                    _say(f"writing failed, and is tried again with the next line: {error.strerror}")
                self.n_lost += 1
            else:
                self.n_written += 1

    def _place_of(self, result: Evaluation) -> Place | None:
        encoded = delimited(b"\x0a", result.response_id.encode("utf-8", "surrogatepass"))
        return self.engine.pipeline.assembly.answered_at(hash(encoded))

    def progress(self) -> str:
        """Return what was done so far."""
        lost = f", {self.n_lost} that could not be written" if self.n_lost else ""
        failures = self.failures
        waiting = f", {failures.n_waiting} waiting for more results" if failures.n_waiting else ""
        return (
            f"{failures.n_results} results read, {self.n_written} failed traces written to"
            f" {self._options.output}{lost}{waiting}"
        )


def _from_files(collector: _Collector, files: Sequence[str]) -> int:
    code = 0
    for name in files:
        try:
            if name == STANDARD:
                _take(collector, sys.stdin.buffer)
            else:
                with Path(name).open("rb") as stream:
                    _take(collector, stream)
        except (OSError, NotOtlp, Malformed) as error:
            _say(f"{name}: {error}")
            code = 1
    collector.finish()
    _say(collector.progress())
    return 1 if collector.n_lost else code


def _take(collector: _Collector, stream: BinaryIO) -> None:
    for number, request in enumerate(requests(stream), 1):
        take = collector.engine.logs if request.of_logs else collector.engine.traces
        take(request.encoded, "file")
        if number % TICK_REQUESTS == 0:
            collector.tick()
        if collector.full:
            break


def _from_receivers(collector: _Collector, settings: Settings) -> int:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    keep_large_buffers()
    engine = collector.engine
    try:
        with ExitStack() as stack:
            addresses = receive(
                settings.receive,
                settings.listen,
                engine,
                engine.observe,
                stack,
                routes=routes(engine.results) if settings.evaluations.http else None,
            )
            _say("listening " + " ".join(f"{name}={address}" for name, address in addresses.items()))
            _tick_until(stopped, collector)
    finally:
        # The receivers have finished what they had taken.
        collector.finish()
        _say(collector.progress())
    return 1 if collector.n_lost else 0


def _tick_until(stopped: threading.Event, collector: _Collector) -> None:
    said, told_at = collector.progress(), time.monotonic()
    swept_at = told_at
    while not stopped.wait(1.0) and not collector.full:
        collector.tick()
        now = time.monotonic()
        if now - told_at >= PROGRESS_SECONDS:
            told_at = now
            if (progress := collector.progress()) != said:
                said = progress
                _say(said)
        if now - swept_at >= SWEEP_SECONDS:
            swept_at = now
            collector.engine.sweep()


def _say(message: str) -> None:
    print(f"collect: {message}", file=sys.stderr, flush=True)


def without_signals(settings: Settings) -> Settings:
    """Return settings under which no text is read for metrics, which nobody scrapes here."""
    switches = {field.name: False for field in fields(Signals) if field.type in (bool, "bool")}
    return replace(settings, signals=replace(settings.signals, **switches))


def for_files(settings: Settings) -> Settings:
    """Return settings under which results wait for the spans that stand further down in the files."""
    return replace(settings, evaluations=replace(settings.evaluations, hold_seconds=LONGEST_HOLD))
