"""The real server behind real sockets: CPU time of its process per request, over each transport.

The server runs on one core, the client in this process on another. The client is prepared: bodies are encoded
and compressed beforehand, a raw gRPC stub sends bytes, `http.client` keeps one connection. Wall-clock rates
would measure the client; the CPU time of the server, all its threads together, does not.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import corpus
from bench.in_process import WARMING, as_server, engine
from bench.process import core_of, cpu_ns, pinned
from bench.report import Check, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.corpus import Corpus

    Send = Callable[[bytes], None]

_EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_SERVER_CORE, _CLIENT_CORE = 0, 1
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
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"LLM_EXPORTER_LOG_LEVEL": "warning"}
    ) as process:
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
    """Send a corpus over every transport, each to a fresh server, and in process between them."""
    n_warm = len(requests.batches) // WARMING
    n_spans = (len(requests.batches) - n_warm) * corpus.BATCH
    measured: dict[str, int] = {}
    alone = []
    for name, (encode, connect) in _TRANSPORTS.items():
        alone.append(_in_process(requests.batches, n_warm))
        bodies = [encode(batch) for batch in requests.batches]
        with pinned(_CLIENT_CORE), serving() as server:
            measured[name] = _served(server, connect, bodies, n_warm)
            counted = server.spans_counted()
        if counted != requests.n_spans:
            raise RuntimeError(f"{name}: {requests.n_spans} spans were sent and {counted} counted")
    alone_ns = sorted(alone)[len(alone) // 2]
    rows: list[tuple[str | float, ...]] = [("in process", alone_ns / n_spans, n_spans * 1e9 / alone_ns, 1.0)]
    rows += [(name, ns / n_spans, n_spans * 1e9 / ns, alone_ns / ns) for name, ns in measured.items()]
    columns = ("transport", "server CPU ns/span", "spans/s/core", "of in process")
    checks = [
        Check(f"{name} end to end, of the in-process rate", alone_ns / measured[name], 0.6, at_most=False)
        for name in ("gRPC", "HTTP")
    ]
    return [Table(f"End to end, {requests.name}", columns, rows)], checks


def _in_process(batches: Sequence[bytes], n_warm: int) -> int:
    exporter = engine()
    with pinned(_SERVER_CORE), as_server():
        for batch in batches[:n_warm]:
            exporter.traces(batch, "grpc")
        before = cpu_ns(os.getpid())
        for batch in batches[n_warm:]:
            exporter.traces(batch, "grpc")
        return cpu_ns(os.getpid()) - before


def _served(server: Server, connect: Callable[[Server], Any], bodies: Sequence[bytes], n_warm: int) -> int:
    with connect(server) as send:
        for body in bodies[:n_warm]:
            send(body)
        before = cpu_ns(server.pid)
        for body in bodies[n_warm:]:
            send(body)
        return cpu_ns(server.pid) - before
