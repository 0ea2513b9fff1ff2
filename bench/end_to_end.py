"""The real server behind real sockets: CPU time of its process per request, over each transport.

The servers run on one core, the client in this process on another. The client is prepared: bodies are encoded
and compressed beforehand, a raw gRPC stub sends bytes, `http.client` keeps one connection. Wall-clock rates
would measure the client; the CPU time of the server, all its threads together, does not.

A shared machine can be half as fast a minute later. So a server for each transport and the exporter in process
take turns at every few batches, and what is compared is what they took for the same ones, one after the other.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from statistics import median
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import corpus
from bench.in_process import NO_SIGNALS, WARMING, as_server, engine
from bench.process import core_of, cpu_ns, pinned
from bench.report import Check, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from bench.corpus import Corpus

    Send = Callable[[bytes], None]

_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_SERVER_CORE, _CLIENT_CORE = 0, 1
_ALONE: Final = "in process"
_TURN: Final = 8
"""Batches in a turn: enough to have the processor's caches to oneself for most of it."""
_TIMEOUT_SECONDS: Final = 30.0


class Server:
    """A running `llm-exporter serve`, on ports that were free."""

    def __init__(self, process: subprocess.Popen[str], addresses: dict[str, str]) -> None:
        self.pid = process.pid
        self.grpc = addresses["otlp-grpc"]
        self.http = addresses["otlp-http"]
        self.metrics = addresses["metrics"]

    def spans_counted(self) -> int:
        """Return how many spans the server says it has received."""
        connection = http.client.HTTPConnection(self.metrics, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return sum(int(n) for n in re.findall(r"^llm_exporter_spans_total\{.*\} (\d+)$", text, re.MULTILINE))


@contextmanager
def serving() -> Iterator[Server]:
    """Start the server on its core, and stop it in the end."""
    flags = ("otlp-grpc-address", "otlp-http-address", "metrics-address")
    command = [sys.executable, "-m", "llm_exporter", "serve", "--first-sample-hold=0"]
    command += [f"--{flag}=127.0.0.1:0" for flag in flags]
    with ExitStack() as stack:
        config = stack.enter_context(NamedTemporaryFile("w", suffix=".yaml"))
        # As `in_process.engine` is.
        json.dump({"signals": {name: on for name, on in asdict(NO_SIGNALS).items() if on is False}}, config)
        config.flush()
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - ourselves
                [*command, f"--config={config.name}"],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"LLM_EXPORTER_LOG_LEVEL": "warning"},
            )
        )
        os.sched_setaffinity(process.pid, {core_of(_SERVER_CORE)})
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            addresses = dict(word.partition("=")[::2] for word in line.split()[1:])
            if "metrics" not in addresses:
                raise RuntimeError(f"llm-exporter serve did not start; it wrote {line!r}")
            yield Server(process, addresses)
        finally:
            process.terminate()
            process.wait(_TIMEOUT_SECONDS)


@contextmanager
def _grpc(server: Server) -> Iterator[Send]:
    with grpc.insecure_channel(server.grpc) as channel:
        export: Any = channel.unary_unary(_EXPORT, request_serializer=None, response_deserializer=None)
        yield lambda body: export(body, timeout=_TIMEOUT_SECONDS)


@contextmanager
def _http(server: Server, **headers: str) -> Iterator[Send]:
    connection = http.client.HTTPConnection(server.http, timeout=_TIMEOUT_SECONDS)
    connection.connect()

    def send(body: bytes) -> None:
        connection.request("POST", "/v1/traces", body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status} to a good request: {answer[:200]!r}")

    try:
        yield send
    finally:
        connection.close()


def otlp_json(request: bytes) -> bytes:
    """Return an encoded ExportTraceServiceRequest as OTLP/JSON, whose ids are hexadecimal."""
    message = ExportTraceServiceRequest.FromString(request)
    written: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    for resource, raw_resource in zip(written["resourceSpans"], message.resource_spans, strict=True):
        for scope, raw_scope in zip(resource["scopeSpans"], raw_resource.scope_spans, strict=True):
            for span, raw in zip(scope.get("spans", ()), raw_scope.spans, strict=True):
                span |= {"traceId": raw.trace_id.hex(), "spanId": raw.span_id.hex()}
                span["parentSpanId"] = raw.parent_span_id.hex()
    return json.dumps(written, separators=(",", ":")).encode()


_PROTOBUF: Final = "application/x-protobuf"
_TRANSPORTS: Final[dict[str, tuple[Callable[[bytes], bytes], Callable[[Server], Any]]]] = {
    "gRPC": (bytes, _grpc),
    "HTTP": (bytes, lambda server: _http(server, **{"Content-Type": _PROTOBUF})),
    "HTTP+gzip": (
        lambda body: gzip.compress(body, 6),
        lambda server: _http(server, **{"Content-Type": _PROTOBUF, "Content-Encoding": "gzip"}),
    ),
    "HTTP JSON": (
        otlp_json,
        lambda server: _http(server, **{"Content-Type": "application/json"}),
    ),
}


def section(requests: Corpus) -> tuple[list[Table], list[Check]]:
    """Give a corpus to the exporter in process and to one server for each transport, which take turns."""
    batches = requests.batches
    n_warm = len(batches) // WARMING
    with ExitStack() as stack:
        alone = stack.enter_context(_alone())
        servers = {name: stack.enter_context(serving()) for name in _TRANSPORTS}
        ways: dict[str, Callable[[slice], int]] = {_ALONE: lambda turn: alone(batches[turn])}
        for name, (encode, connect) in _TRANSPORTS.items():
            with pinned(_CLIENT_CORE):  # and with it the threads that gRPC starts
                send = stack.enter_context(connect(servers[name]))
            bodies = [encode(batch) for batch in batches]
            ways[name] = partial(_served, servers[name].pid, send, bodies)
        for way in ways.values():
            way(slice(n_warm))
        turns = [slice(at, at + _TURN) for at in range(n_warm, len(batches) - _TURN + 1, _TURN)]
        times = [{name: way(turn) for name, way in ways.items()} for turn in turns]
        n_sent = (n_warm + len(turns) * _TURN) * corpus.BATCH
        for name, server in servers.items():
            counted = server.spans_counted()
            if counted != n_sent:
                raise RuntimeError(f"{name}: {n_sent} spans were sent and {counted} counted")
    ratios = {name: median(turn[_ALONE] / turn[name] for turn in times) for name in ways}
    per_span = {name: median(turn[name] for turn in times) / (_TURN * corpus.BATCH) for name in ways}
    rows: list[tuple[str | float, ...]] = [
        (name, per_span[name], 1e9 / per_span[name], ratios[name]) for name in ways
    ]
    columns = ("transport", "server CPU ns/span", "spans/s/core", "of in process")
    checks = [
        Check(f"{name} end to end, of the in-process rate", ratios[name], 0.6, at_most=False)
        for name in ("gRPC", "HTTP")
    ]
    note = f"Medians of turns of {_TURN} requests; the ratio is the median of what it is in each turn."
    return [Table(f"End to end, {requests.name}", columns, rows, note)], checks


@contextmanager
def _alone() -> Iterator[Callable[[Sequence[bytes]], int]]:
    """Start the exporter without its listeners. In this process it would share memory with all the bodies."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_in_process, args=(theirs,))
    process.start()

    def measure(batches: Sequence[bytes]) -> int:
        ours.send(batches)
        taken: int = ours.recv()
        return taken

    try:
        yield measure
    finally:
        ours.send(())
        process.join(_TIMEOUT_SECONDS)


def _in_process(requests: Connection) -> None:
    exporter = engine()
    with pinned(_SERVER_CORE), as_server():
        while batches := requests.recv():
            before = cpu_ns(os.getpid())
            for batch in batches:
                exporter.traces(batch, "grpc")
            requests.send(cpu_ns(os.getpid()) - before)


def _served(pid: int, send: Send, bodies: Sequence[bytes], turn: slice) -> int:
    with pinned(_CLIENT_CORE):
        before = cpu_ns(pid)
        for body in bodies[turn]:
            send(body)
        return cpu_ns(pid) - before
