"""OTLP over HTTP: answers to good requests, overload, tokens, CORS, further routes."""

import gzip
import http.client
import json
import zlib
from threading import Event, Thread

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.route import JSON, PROTOBUF
from llm_exporter.receive.server import serve_asgi
from llm_exporter.receive.sink import Overloaded, Verdict
from receive.conftest import Receiver, running

TWO_SPANS = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"good"},{"traceId":"not hex"}]}]}]}'


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize(
    ("content_type", "body", "answer"),
    [
        (PROTOBUF, b"", b""),
        (PROTOBUF.upper(), b"", b""),
        (JSON, b"{}", b"{}"),
        ("Application/JSON; Charset=UTF-8", b"{}", b"{}"),
        ('application/json;charset="utf-8"', b"{}", b"{}"),
    ],
)
def test_full_success_answers_in_the_encoding_of_the_request(
    receiver: Receiver, path: str, content_type: str, body: bytes, answer: bytes
) -> None:
    """An empty request succeeds; the response has the request's type and no partial_success."""
    given = receiver.post(path, body, content_type)
    media_type = content_type.lower().partition(";")[0]
    assert (given.status, given.headers["Content-Type"], given.body) == (200, media_type, answer)
    transport = "http/json" if media_type == JSON else "http/protobuf"
    assert receiver.sink.requests == [(path.rpartition("/")[2], b"", transport)]
    assert receiver.observed == [(transport, "200", len(body), len(body))]


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:5000]) + gzip.compress(body[5000:])),
    ],
)
def test_compressed_bodies_reach_the_sink_as_sent(
    receiver: Receiver, coding: str, compress: type[bytes]
) -> None:
    """The sink gets the plain bytes of every coding; both sizes are counted."""
    body = b"\x0a\x00" * 5000
    wire = compress(body)
    assert receiver.post("/v1/traces", wire, Content_Encoding=coding).status == 200
    assert receiver.sink.requests == [("traces", body, "http/protobuf")]
    assert receiver.observed == [("http/protobuf", "200", len(wire), len(body))]


def test_chunked_bodies_are_taken(receiver: Receiver) -> None:
    """A body without Content-Length arrives whole."""
    answer = receiver.post("/v1/logs", iter([b"\x0a", b"\x00\x0a", b"\x00"]))
    assert (answer.status, receiver.sink.requests) == (200, [("logs", b"\x0a\x00\x0a\x00", "http/protobuf")])


def test_partial_success_in_protobuf_and_json(receiver: Receiver) -> None:
    """The number and the reason of what was rejected come back in the field of the signal."""
    receiver.sink.verdict = Verdict(3, "no names")
    traces = ExportTraceServiceResponse.FromString(receiver.post("/v1/traces").body)
    logs = ExportLogsServiceResponse.FromString(receiver.post("/v1/logs").body)
    traces_json = json.loads(receiver.post("/v1/traces", b"{}", JSON).body)
    logs_json = json.loads(receiver.post("/v1/logs", b"{}", JSON).body)

    assert (traces.partial_success.rejected_spans, traces.partial_success.error_message) == (3, "no names")
    assert (logs.partial_success.rejected_log_records, logs.partial_success.error_message) == (3, "no names")
    assert traces_json == {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no names"}}
    assert logs_json == {"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "no names"}}


def test_spans_that_json_cannot_give_count_as_rejected(receiver: Receiver) -> None:
    """A span left out by the transcoder and those rejected by the sink are added up."""
    receiver.sink.verdict = Verdict(1, "too old")
    answer = json.loads(receiver.post("/v1/traces", TWO_SPANS, JSON).body)
    message = "1 of 2 spans were rejected; the first: traceId is not hexadecimal; too old"
    assert answer == {"partialSuccess": {"rejectedSpans": "2", "errorMessage": message}}


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_overload_is_503_with_retry_after(receiver: Receiver, content_type: str) -> None:
    """Retry-After is in whole seconds, rounded up; RetryInfo has the exact time."""
    receiver.sink.error = Overloaded("busy", 2.5)
    answer = receiver.post("/v1/traces", b"{}" if content_type == JSON else b"", content_type)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
    if content_type == JSON:
        (retry_info,) = json.loads(answer.body)["details"]
        assert retry_info == {
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": "2.500000000s",
        }
    else:
        detail = RetryInfo()
        assert Status.FromString(answer.body).details[0].Unpack(detail)
        assert (detail.retry_delay.seconds, detail.retry_delay.nanos) == (2, 500_000_000)


def test_a_defect_of_the_sink_is_500_and_tells_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """500 is not retryable; the exception's text, which can quote prompts, appears nowhere."""
    receiver.sink.error = KeyError("what a prompt said")
    answer = receiver.post("/v1/traces")
    assert (answer.status, Status.FromString(answer.body).code) == (500, 13)
    assert b"prompt said" not in answer.body
    assert "prompt said" not in caplog.text


def test_one_request_too_many_is_503_and_places_come_back(receiver: Receiver) -> None:
    """Requests beyond the bound are turned away while the places are taken, and taken afterwards."""
    limits = ReceiveLimits(max_concurrent_requests=1, retry_after_seconds=7)
    with running(limits) as receiver:
        with receiver.intake.admit():
            answer = receiver.post("/v1/traces")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
        assert receiver.post("/v1/traces").status == 200


def test_bytes_in_flight_are_bounded_and_given_back(receiver: Receiver) -> None:
    """A body that does not fit beside those in flight gets 503; once they are gone it is taken."""
    limits = receiver.intake.limits
    with receiver.intake.admit() as other:
        other.hold(limits.max_inflight_bytes - 10)
        assert receiver.post("/v1/traces", b"\x0a\x00" * 6).status == 503
        assert receiver.post("/v1/traces", b"\x0a\x00" * 5).status == 200
    assert receiver.post("/v1/traces", b"\x0a\x00" * 6).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        ("Bearer right wrong", 401),
        ("Digest right", 401),
        ("Basic right", 401),
        ("Basic dXNlcjp3cm9uZw==", 401),
        ("Bearer right", 200),
        ("bearer  right ", 200),
        ("Basic dXNlcjpyaWdodA==", 200),
    ],
)
def test_a_token_is_asked_for(guarded: Receiver, sent: str, status: int) -> None:
    """Only the token passes, as Bearer or as the password of Basic; 401 names the scheme."""
    answer = guarded.post("/v1/traces", Authorization=sent)
    assert answer.status == status
    assert (answer.headers["WWW-Authenticate"] is not None) == (status == 401)


def test_routes_share_the_port_the_token_and_the_limits(guarded: Receiver, receiver: Receiver) -> None:
    """A further route gets decompressed bodies, and its failures are answered without their text."""
    answer = receiver.post("/v1/echo", gzip.compress(b"{}"), JSON, Content_Encoding="gzip")
    assert (answer.status, answer.body) == (201, b"{}")
    failed = receiver.post("/v1/echo", b"fail", JSON)
    assert (failed.status, b"prompt" in failed.body) == (500, False)
    assert receiver.post("/v1/echo", b"", PROTOBUF).status == 415
    assert guarded.post("/v1/echo", b"{}", JSON).status == 401


def test_cors_only_for_allowed_origins() -> None:
    """A browser of an allowed origin may post; another's preflight is refused."""
    with running(allowed_origins=frozenset({"http://app"})) as receiver:
        preflight = receiver.request("OPTIONS", "/v1/traces", headers={"Origin": "http://app"})
        foreign = receiver.request("OPTIONS", "/v1/traces", headers={"Origin": "http://evil"})
        posted = receiver.post("/v1/traces", Origin="http://app")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "http://app")
    assert "Content-Encoding" in preflight.headers["Access-Control-Allow-Headers"]
    assert (foreign.status, foreign.headers["Access-Control-Allow-Origin"]) == (405, None)
    assert (posted.status, posted.headers["Access-Control-Allow-Origin"]) == (200, "http://app")


def test_stopping_answers_what_is_in_flight_and_refuses_the_rest() -> None:
    """After `close` new requests get 503; one that is in the sink is answered with its own verdict."""
    with running() as receiver:
        entered, leave = Event(), Event()

        def slow(request: bytes, transport: str) -> Verdict:  # noqa: ARG001
            entered.set()
            assert leave.wait(10)
            return Verdict(0, "done")

        receiver.sink.traces = slow  # type: ignore[method-assign]
        answers: list[bytes] = []
        first = Thread(target=lambda: answers.append(receiver.post("/v1/traces").body))
        first.start()
        assert entered.wait(10)
        receiver.intake.close()
        refused = receiver.post("/v1/traces")
        leave.set()
        first.join(10)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "3")
    assert ExportTraceServiceResponse.FromString(answers[0]).partial_success.error_message == "done"


def test_a_connection_serves_many_requests(receiver: Receiver) -> None:
    """Keep-alive works across successes and errors, also where the body was never read."""
    connection = http.client.HTTPConnection(receiver.http.address, timeout=10)
    statuses = []
    for body in (b"", b"x", bytes(receiver.intake.limits.max_request_bytes + 1), b""):
        connection.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [200, 400, 413, 200]


def test_a_taken_port_names_the_flag(receiver: Receiver) -> None:
    """The error says which address and which flag."""
    host, port = receiver.http.address.split(":")

    async def nothing(*_: object) -> None:
        raise AssertionError

    with pytest.raises(OSError, match=rf"{host}:{port}.*--metrics-address"):
        serve_asgi(nothing, host, int(port), flag="--metrics-address")
