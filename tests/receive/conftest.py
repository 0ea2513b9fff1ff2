"""A receiver on real sockets with a sink that remembers, for each test its own."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, NamedTuple

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_exporter.receive.grpc import RunningGrpc, serve_grpc
from llm_exporter.receive.http import HttpReceiver
from llm_exporter.receive.intake import Intake
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.route import PROTOBUF, Request, Response, Route
from llm_exporter.receive.server import RunningServer, serve_asgi
from llm_exporter.receive.sink import Malformed, Verdict

LIMITS = ReceiveLimits(
    max_request_bytes=1 << 20,
    max_grpc_message_bytes=1 << 20,
    max_inflight_bytes=8 << 20,
    max_head_bytes=16 << 10,
    read_timeout_seconds=1.0,
    retry_after_seconds=2.5,
)


@dataclass
class Sink:
    """Remembers what it was given; answers with `verdict`, or raises `error` when there is one."""

    requests: list[tuple[str, bytes, str]] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict(0, ""))
    error: Exception | None = None

    def traces(self, request: bytes, transport: str) -> Verdict:
        """Take traces."""
        return self._take("traces", ExportTraceServiceRequest, request, transport)

    def logs(self, request: bytes, transport: str) -> Verdict:
        """Take logs."""
        return self._take("logs", ExportLogsServiceRequest, request, transport)

    def _take(self, signal: str, message: type, request: bytes, transport: str) -> Verdict:
        if self.error is not None:
            raise self.error
        try:
            message.FromString(request)
        except DecodeError:
            raise Malformed("the body is not an OTLP request") from None
        self.requests.append((signal, request, transport))
        return self.verdict


class Answer(NamedTuple):
    """What the receiver answered."""

    status: int
    headers: Message
    body: bytes


@dataclass
class Receiver:
    """Both servers in front of one sink, and every call of `observe`."""

    sink: Sink
    intake: Intake
    http: RunningServer
    grpc: RunningGrpc
    observed: list[tuple[str, str, int, int]]

    def request(self, method: str, path: str, body: Any = b"", headers: Any = None) -> Answer:
        """Send one HTTP request on a connection of its own."""
        connection = http.client.HTTPConnection(self.http.address, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, path: str, body: Any = b"", content_type: str = PROTOBUF, **headers: str) -> Answer:
        """POST; keyword arguments become headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, body, {"Content-Type": content_type, **named})


@contextmanager
def running(limits: ReceiveLimits = LIMITS, token: str | None = None, **options: Any) -> Iterator[Receiver]:
    """Start both servers on free ports, and stop them at the end."""
    sink = Sink()
    observed: list[tuple[str, str, int, int]] = []

    def observe(transport: str, code: str, n_bytes_wire: int, n_bytes: int) -> None:
        observed.append((transport, code, n_bytes_wire, n_bytes))

    intake = Intake(sink, limits)
    app = HttpReceiver(intake, observe, token=token, routes={"/v1/echo": Route(echo)}, **options)
    http_server = serve_asgi(
        app, "127.0.0.1", 0, limits=limits, observe_rejected=lambda status: observe("http", status, 0, 0)
    )
    grpc_server = serve_grpc(intake, observe, "127.0.0.1", 0, token=token)
    try:
        yield Receiver(sink, intake, http_server, grpc_server, observed)
    finally:
        intake.close()
        http_server.stop()
        grpc_server.stop(1.0)
        app.close()


@pytest.fixture(scope="session")
def _shared() -> Iterator[Receiver]:
    with running() as receiver:
        yield receiver


@pytest.fixture
def receiver(_shared: Receiver) -> Receiver:
    """Return the receiver that the tests share, its memory wiped."""
    with _shared.intake._room:  # what the last test gave up on may still be on its way
        _shared.intake._room.wait_for(lambda: not _shared.intake._requests, 5)
    _shared.observed.clear()
    _shared.sink.requests.clear()
    _shared.sink.verdict = Verdict(0, "")
    _shared.sink.error = None
    return _shared


def echo(request: Request) -> Response:
    """Answer with what was sent; fail on request."""
    if request.body == b"fail":
        raise KeyError("what a prompt said")
    return Response(201, request.body, "application/json")


@pytest.fixture(scope="session")
def guarded() -> Iterator[Receiver]:
    """Return a receiver that asks for the token `right`."""
    with running(token="right") as receiver:  # noqa: S106
        yield receiver
