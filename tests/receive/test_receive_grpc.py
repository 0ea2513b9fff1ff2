"""OTLP over gRPC: what the specification asks of codes, details and sizes."""

import gzip
from collections.abc import Iterator
from threading import Event

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from llm_exporter.receive.endpoint import CannotListen
from llm_exporter.receive.grpc import serve_grpc
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.sink import Overloaded, Verdict
from receive.conftest import LIMITS, Receiver, running

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


def call(
    receiver: Receiver,
    method: str,
    message: bytes,
    compression: grpc.Compression = grpc.Compression.NoCompression,
    metadata: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Make one unary call on a channel of its own."""
    with grpc.insecure_channel(receiver.grpc.address, compression=compression) as channel:
        answer = channel.unary_unary(method)(message, timeout=10, metadata=metadata)
    assert isinstance(answer, bytes)
    return answer


def failure(receiver: Receiver, method: str, message: bytes, **options: object) -> tuple[str, str, Status]:
    """Make a call that fails; return its code, its text, and the Status in its details."""
    with pytest.raises(grpc.RpcError) as raised:
        call(receiver, method, message, **options)  # type: ignore[arg-type]
    error = raised.value
    assert isinstance(error, grpc.Call)
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    return error.code().name, error.details() or "", status


@pytest.mark.parametrize("method", [TRACES, LOGS])
def test_full_success_leaves_partial_success_unset(receiver: Receiver, method: str) -> None:
    """An empty request succeeds, and its response has no partial_success."""
    assert call(receiver, method, b"") == b""
    assert receiver.observed == [("grpc", "OK", 0, 0)]


def test_partial_success_says_how_many_and_why(receiver: Receiver) -> None:
    """What the sink rejects comes back in the field of its signal; a message alone is a warning."""
    receiver.sink.verdict = Verdict(3, "no names")
    traces = ExportTraceServiceResponse.FromString(call(receiver, TRACES, b""))
    logs = ExportLogsServiceResponse.FromString(call(receiver, LOGS, b""))
    receiver.sink.verdict = Verdict(0, "old")
    warning = ExportTraceServiceResponse.FromString(call(receiver, TRACES, b""))

    assert (traces.partial_success.rejected_spans, traces.partial_success.error_message) == (3, "no names")
    assert (logs.partial_success.rejected_log_records, logs.partial_success.error_message) == (3, "no names")
    assert (warning.partial_success.rejected_spans, warning.partial_success.error_message) == (0, "old")


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_reach_the_sink_as_sent(
    receiver: Receiver, compression: grpc.Compression
) -> None:
    """The sink gets the plain bytes; both sizes are counted."""
    message = b"\x0a\x00" * 5000
    assert call(receiver, TRACES, message, compression) == b""
    assert receiver.sink.requests == [("traces", message, "grpc")]
    ((transport, code, n_bytes_wire, n_bytes),) = receiver.observed
    assert (transport, code, n_bytes) == ("grpc", "OK", 10_000)
    assert n_bytes_wire < 200


def test_malformed_is_invalid_argument_with_bad_request_details(receiver: Receiver) -> None:
    """Bytes that are no request get INVALID_ARGUMENT, which clients do not retry, and a BadRequest."""
    code, text, status = failure(receiver, TRACES, b"hello")
    assert (code, text, status.code) == ("INVALID_ARGUMENT", "the body is not an OTLP request", 3)
    detail = BadRequest()
    assert status.details[0].Unpack(detail)
    assert [violation.description for violation in detail.field_violations] == [text]
    assert receiver.observed == [("grpc", "INVALID_ARGUMENT", 5, 5)]


def test_overload_is_unavailable_with_retry_info(receiver: Receiver) -> None:
    """A sink that cannot take more makes clients wait as long as it says, and retry."""
    receiver.sink.error = Overloaded("busy", 2.5)
    code, _, status = failure(receiver, TRACES, b"")
    assert (code, status.code, status.message) == ("UNAVAILABLE", 14, "busy")
    detail = RetryInfo()
    assert status.details[0].Unpack(detail)
    assert (detail.retry_delay.seconds, detail.retry_delay.nanos) == (2, 500_000_000)


def test_a_defect_of_the_sink_is_internal_and_tells_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Any other exception is INTERNAL, not retryable; its text, which can quote prompts, appears nowhere."""
    receiver.sink.error = KeyError("what a prompt said")
    code, text, status = failure(receiver, TRACES, b"")
    assert (code, status.code) == ("INTERNAL", 13)
    assert "KeyError" in text
    assert "prompt said" not in text + status.message + caplog.text
    assert "conftest.py" in caplog.text


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_too_large_is_resource_exhausted_without_retry_info(
    receiver: Receiver, compression: grpc.Compression
) -> None:
    """RESOURCE_EXHAUSTED without RetryInfo is final for clients: on the wire, and after decompression."""
    code, _, status = failure(receiver, TRACES, bytes(LIMITS.max_request_bytes + 1), compression=compression)
    assert (code, list(status.details)) == ("RESOURCE_EXHAUSTED", [])
    assert [observed[1] for observed in receiver.observed] == ["RESOURCE_EXHAUSTED"]


def test_damaged_gzip_is_invalid_argument(receiver: Receiver) -> None:
    """A message that starts as gzip and does not end as it must is malformed."""
    code, text, _ = failure(receiver, TRACES, gzip.compress(b"\x0a\x00")[:-4] + bytes(4))
    assert code == "INVALID_ARGUMENT"
    assert "damaged" in text


@pytest.mark.parametrize(
    ("method", "words"), [(METRICS, "/api/v1/otlp/v1/metrics"), ("/grpc.health.v1.Health/Check", TRACES)]
)
def test_other_methods_are_unimplemented_and_say_where_to_go(
    receiver: Receiver, method: str, words: str
) -> None:
    """Metrics are sent to Prometheus; other methods get the names of those that exist."""
    code, text, status = failure(receiver, method, b"")
    assert (code, status.code) == ("UNIMPLEMENTED", 12)
    assert words in text
    assert receiver.observed == [("grpc", "UNIMPLEMENTED", 0, 0)]


def test_a_call_without_message_is_invalid(receiver: Receiver) -> None:
    """A client that closes its side without a message is told so."""
    with grpc.insecure_channel(receiver.grpc.address) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.stream_unary(TRACES)(iter(()), timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert receiver.observed == [("grpc", "INVALID_ARGUMENT", 0, 0)]


def test_a_client_that_never_sends_is_cut_off(receiver: Receiver) -> None:
    """After the read timeout the call is cancelled, which clients may retry; others are served meanwhile."""
    over = Event()

    def never() -> Iterator[bytes]:
        over.wait(10)
        yield b""

    with grpc.insecure_channel(receiver.grpc.address) as channel:
        slow = channel.stream_unary(TRACES).future(never(), timeout=10)
        assert call(receiver, TRACES, b"") == b""
        assert isinstance(slow.exception(), grpc.RpcError)
        assert slow.code() is grpc.StatusCode.CANCELLED
        over.set()


@pytest.mark.parametrize("sent", ["", "Bearer wrong", "Bearer", "right", "Basic cmlnaHQ="])
def test_a_token_is_asked_for(sent: str) -> None:
    """Without the token a call is UNAUTHENTICATED before its message is read; with it, it passes."""
    with running(token="right") as receiver:  # noqa: S106
        code, _, status = failure(receiver, TRACES, b"", metadata=(("authorization", sent),))
        assert (code, status.code) == ("UNAUTHENTICATED", 16)
        assert call(receiver, TRACES, b"", metadata=(("authorization", "Bearer right"),)) == b""
        assert [observed[1] for observed in receiver.observed] == ["UNAUTHENTICATED", "OK"]


def test_one_call_too_many_is_unavailable() -> None:
    """With every place taken a call gets UNAVAILABLE and RetryInfo at once."""
    limits = ReceiveLimits(max_concurrent_requests=1, retry_after_seconds=7)
    over = Event()

    def never() -> Iterator[bytes]:
        over.wait(10)
        yield b""

    with running(limits) as receiver, grpc.insecure_channel(receiver.grpc.address) as channel:
        with receiver.intake.admit():
            code, text, status = failure(receiver, TRACES, b"")
        assert (code, status.code) == ("UNAVAILABLE", 14)
        assert "as many as are allowed" in text
        detail = RetryInfo()
        assert status.details[0].Unpack(detail)
        assert detail.retry_delay.seconds == 7
        assert channel.unary_unary(TRACES)(b"", timeout=10) == b""


def test_a_taken_port_names_the_flag(receiver: Receiver) -> None:
    """The error says which address and which flag."""
    host, port = receiver.grpc.address.split(":")
    with pytest.raises(CannotListen, match=rf"{host}:{port}.*--otlp-grpc-address"):
        serve_grpc(receiver.intake, lambda *_: None, host, int(port))
