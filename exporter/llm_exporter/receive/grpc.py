"""OTLP over gRPC: TraceService and LogsService (opentelemetry-proto, collector/*/v1/*_service.proto)."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import grpc

from llm_exporter.receive.auth import knows_token
from llm_exporter.receive.deadlines import ReadDeadlines
from llm_exporter.receive.endpoint import CannotListen, Tls
from llm_exporter.receive.inflate import Coding, inflate
from llm_exporter.receive.intake import Admission, Failed, Intake, Signal
from llm_exporter.receive.sink import Malformed, Observe, Overloaded, TooLarge, Verdict
from llm_exporter.receive.status import METRICS_BELONG_ELSEWHERE, Code, export_response, status

_TRANSPORT: Final = "grpc"
_METHODS: Final[dict[str, Signal]] = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
}
_METRICS_METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
# Threads beyond the requests in flight: they tell those for whom there is no room so.
_SPARE_THREADS: Final = 4
# How long gRPC may take to report that a call whose message it gave up on has ended.
_END_OF_CALL_SECONDS: Final = 0.2


class _Refused(Exception):  # noqa: N818
    def __init__(self, code: Code, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Sizes:
    wire: int = 0
    plain: int = 0


class GrpcReceiver(grpc.GenericRpcHandler):
    """Answers `Export` calls.

    Export is served as a *stream-unary* method, the same on the wire as a unary one: the handler then
    runs before the message is read. So a client without the token, or one for whom there is no room, cannot
    make the exporter buffer a message, and a client that never finishes sending can be cut off.

    Decompression is ours too (`serve_grpc` switches gRPC's off), because gRPC applies its size limit to a
    compressed message only after it has inflated all of it.
    """

    def __init__(self, intake: Intake, observe: Observe, token: str | None = None) -> None:
        self._intake = intake
        self._observe = observe
        self._token = token
        self._readers = ReadDeadlines(intake.limits.read_timeout_seconds)

    def service(self, handler_call_details: Any) -> Any:
        """Return the handler of one call; unknown methods get one that says which exist."""
        method: str = handler_call_details.method

        def handle(messages: Iterator[bytes], context: Any) -> bytes:
            return self._handle(method, messages, context)

        return grpc.stream_unary_rpc_method_handler(handle)

    def close(self) -> None:
        """Stop watching clients that are slow to send."""
        self._readers.close()

    def _handle(self, method: str, messages: Iterator[bytes], context: Any) -> bytes:
        sizes = _Sizes()
        try:
            signal, verdict = self._export(method, messages, context, sizes)
        except _Refused as error:
            refused = error
        except Malformed as error:
            refused = _Refused(Code.INVALID_ARGUMENT, str(error))
        except TooLarge as error:
            refused = _Refused(Code.RESOURCE_EXHAUSTED, str(error))
        except Overloaded as error:
            refused = _Refused(Code.UNAVAILABLE, str(error), error.retry_after_seconds)
        except Failed as error:
            refused = _Refused(Code.INTERNAL, str(error))
        else:
            self._observe(_TRANSPORT, "OK", sizes.wire, sizes.plain)
            return export_response(signal, verdict)
        # Not in the handlers, where the exception still holds the frames and with them the request.
        return self._fail(context, sizes, refused)

    def _export(
        self, method: str, messages: Iterator[bytes], context: Any, sizes: _Sizes
    ) -> tuple[Signal, Verdict]:
        signal = _signal(method)
        self._authenticate(context)
        with self._intake.admit() as admission:
            wire = self._read(messages, context, admission)
            sizes.wire = len(wire)
            with self._intake.turn:
                plain = _plain(wire, self._intake.limits.max_request_bytes)
                sizes.plain = len(plain)
                return signal, self._intake.export(signal, plain, _TRANSPORT)

    def _authenticate(self, context: Any) -> None:
        sent = next((value for key, value in context.invocation_metadata() if key == "authorization"), "")
        if not knows_token(sent.encode(), self._token):
            raise _Refused(Code.UNAUTHENTICATED, "this needs the metadata `authorization: Bearer <token>`")

    def _read(self, messages: Iterator[bytes], context: grpc.ServicerContext, admission: Admission) -> bytes:
        limits = self._intake.limits
        # The size is known only when the message is here, so room is taken for the largest one.
        admission.hold(limits.max_grpc_message_bytes, patience_seconds=limits.read_timeout_seconds)
        ended = threading.Event()
        with self._readers.watch(context.cancel) as watch:
            context.add_callback(ended.set)
            try:
                message = next(messages, None)
            except grpc.RpcError:
                message = None
                ended.set()
        if message is None:
            raise _no_message(ended.wait(_END_OF_CALL_SECONDS), watch.expired or _deadline_passed(context))
        admission.give_back(limits.max_grpc_message_bytes - len(message))
        return message

    def _fail(self, context: Any, sizes: _Sizes, refused: _Refused) -> NoReturn:
        self._observe(_TRANSPORT, refused.code.name, sizes.wire, sizes.plain)
        details = status(refused.code, refused.message, refused.retry_after_seconds)
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(grpc.StatusCode[refused.code.name], refused.message)
        raise AssertionError("abort returns never")


def _no_message(ended: bool, late: bool) -> _Refused:
    """Tell why a call has no message; once gRPC or the client has ended it, only `observe` hears this."""
    if not ended:
        return _Refused(Code.INVALID_ARGUMENT, "the call carries no message")
    if late:
        return _Refused(Code.CANCELLED, "the message did not arrive in time")
    return _Refused(Code.RESOURCE_EXHAUSTED, "the message is too large, or the client gave up")


def _deadline_passed(context: Any) -> bool:
    remaining: float | None = context.time_remaining()
    return remaining is not None and remaining <= 0


def _signal(method: str) -> Signal:
    if method == _METRICS_METHOD:
        raise _Refused(Code.UNIMPLEMENTED, METRICS_BELONG_ELSEWHERE)
    if method not in _METHODS:
        raise _Refused(Code.UNIMPLEMENTED, f"there is no such method; llm-exporter has {', '.join(_METHODS)}")
    return _METHODS[method]


def _plain(message: bytes, max_bytes: int) -> bytes:
    """Inflate a message that is compressed.

    gRPC does not tell which codec was used, the bytes do: gzip starts with 1f 8b, which is no protobuf (there
    is no wire type 7). A zlib stream starts with 78, the tag of a field 15 that OTLP requests do not have,
    and its first two bytes are a multiple of 31 (RFC 1950).
    """
    coding: Coding
    if message[:2] == b"\x1f\x8b":
        coding = "gzip"
    elif message[:1] == b"\x78" and int.from_bytes(message[:2], "big") % 31 == 0:
        coding = "deflate"
    else:
        return message
    return inflate(message, coding, max_bytes)


@dataclass(frozen=True, slots=True)
class RunningGrpc:
    """A gRPC server that is listening; `address` holds the actual port."""

    address: str
    _server: Any
    _receiver: GrpcReceiver

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Refuse new calls (UNAVAILABLE), answer those in flight; return when done or when time is up."""
        self._server.stop(grace_seconds).wait()
        self._receiver.close()


def serve_grpc(
    intake: Intake,
    observe: Observe,
    host: str,
    port: int,
    *,
    token: str | None = None,
    tls: Tls | None = None,
) -> RunningGrpc:
    """Listen on `host:port` (0: any free port) and return once calls are taken.

    Raises `CannotListen` when the port is taken or the address is not this machine's.
    """
    receiver = GrpcReceiver(intake, observe, token)
    limits = intake.limits
    server = grpc.server(
        ThreadPoolExecutor(limits.max_concurrent_requests + _SPARE_THREADS, thread_name_prefix="otlp-grpc"),
        handlers=[receiver],
        # gRPC refuses with RESOURCE_EXHAUSTED, which OTLP clients do not retry: far beyond our own bound.
        maximum_concurrent_rpcs=8 * limits.max_concurrent_requests,
        options=(
            ("grpc.max_receive_message_length", limits.max_grpc_message_bytes),
            ("grpc.per_message_decompression", 0),
            ("grpc.max_connection_age_ms", round(limits.max_connection_age_seconds * 1000)),
            ("grpc.max_connection_age_grace_ms", round(limits.read_timeout_seconds * 1000)),
            ("grpc.so_reuseport", 0),
        ),
    )
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if tls is None:
            bound = server.add_insecure_port(address)
        else:
            credentials = grpc.ssl_server_credentials([(tls.key.read_bytes(), tls.certificate.read_bytes())])
            bound = server.add_secure_port(address, credentials)
    except RuntimeError:
        receiver.close()
        raise CannotListen(address, "--otlp-grpc-address") from None
    server.start()
    return RunningGrpc(address.removesuffix(f":{port}") + f":{bound}", server, receiver)
