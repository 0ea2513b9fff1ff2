"""What clients get for requests that are wrong: status, encoding and count; and the receiver lives on."""

import gzip
import json
import socket
import zlib
from typing import Any, NamedTuple

import pytest
from google.rpc.status_pb2 import Status

from llm_exporter.receive.route import JSON, PROTOBUF
from receive.conftest import LIMITS, Answer, Receiver

TRACES = "/v1/traces"
LOGS = "/v1/logs"
EMPTY_JSON = b'{"resourceSpans":[]}'
TOO_LARGE = bytes(LIMITS.max_request_bytes + 1)
GZIP_BOMB = gzip.compress(bytes(64 << 20))
ZLIB_BOMB = zlib.compress(bytes(64 << 20))
DEEP = b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"


class Bad(NamedTuple):
    """A request and what must come of it."""

    name: str
    status: int
    body: bytes = b""
    method: str = "POST"
    path: str = TRACES
    content_type: str | None = PROTOBUF
    headers: tuple[tuple[str, str], ...] = ()
    answer_type: str = PROTOBUF
    transport: str = "http/protobuf"
    answer_headers: tuple[tuple[str, str], ...] = ()
    words: str = ""


def as_json(name: str, status: int, body: bytes, words: str = "", **more: Any) -> Bad:
    """Return a bad request in JSON."""
    more = {"content_type": JSON, "answer_type": JSON, "transport": "http/json", **more}
    return Bad(name, status, body, words=words, **more)


def encoded(name: str, status: int, coding: str, body: bytes, words: str = "", **more: Any) -> Bad:
    """Return a bad request in protobuf with a Content-Encoding."""
    return Bad(name, status, body, headers=(("Content-Encoding", coding),), words=words, **more)


def untyped(name: str, content_type: str | None) -> Bad:
    """Return a request whose type is not one of OTLP's."""
    accept = (("Accept", "application/x-protobuf, application/json"),)
    words = "application/x-protobuf or application/json"
    return Bad(name, 415, b"x", "POST", TRACES, content_type, (), JSON, "http", accept, words)


POST_ONLY = (("Allow", "POST"),)
CODINGS = (("Accept-Encoding", "gzip, deflate, identity"),)

BAD = [
    Bad("text for protobuf", 400, b"hello", words="not an OTLP request"),
    Bad("json for protobuf", 400, EMPTY_JSON, words="not an OTLP request"),
    Bad("truncated protobuf", 400, b"\x0a\x7f\x00", words="not an OTLP request"),
    Bad("protobuf with wire type 7", 400, b"\x0f"),
    Bad("protobuf with field number 0", 400, b"\x00\x00"),
    Bad("endless varint", 400, b"\x0a" + b"\xff" * 20),
    Bad("protobuf with an open group", 400, b"\x0b"),
    Bad("protobuf logs cut short", 400, b"\x0a\x05abc", path=LOGS),
    Bad("gzip without saying so", 400, gzip.compress(b"")),
    as_json("empty body for JSON", 400, b"", "not valid JSON"),
    as_json("protobuf for JSON", 400, b"\x0a\x00", "not valid JSON"),
    as_json("JSON cut short", 400, b'{"resourceSpans":[', "not valid JSON"),
    as_json("two JSON documents", 400, EMPTY_JSON * 2, "not valid JSON"),
    as_json("trailing comma", 400, b'{"resourceSpans":[],}', "not valid JSON"),
    as_json("single quotes", 400, b"{'resourceSpans':[]}", "not valid JSON"),
    as_json("bare NaN", 400, b'{"x":NaN}', "not valid JSON"),
    as_json("comment", 400, b'{/* */"resourceSpans":[]}', "not valid JSON"),
    as_json("JSON list", 400, b"[]", "not an OTLP request"),
    as_json("JSON string", 400, b'"resourceSpans"', "not an OTLP request"),
    as_json("JSON number", 400, b"1", "not an OTLP request"),
    as_json("JSON null", 400, b"null", "not an OTLP request"),
    as_json("JSON true", 400, b"true", "not an OTLP request"),
    as_json("resourceSpans is an object", 400, b'{"resourceSpans":{}}', "$.resourceSpans"),
    as_json("resourceSpans is a string", 400, b'{"resourceSpans":"secret"}', "$.resourceSpans"),
    as_json("resourceSpans holds null", 400, b'{"resourceSpans":[null]}', "$.resourceSpans[0]"),
    as_json("scopeSpans is a number", 400, b'{"resourceSpans":[{"scopeSpans":7}]}', "scopeSpans"),
    as_json("spans is an object", 400, b'{"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]}', "spans"),
    as_json("schemaUrl is a number", 400, b'{"resourceSpans":[{"schemaUrl":7}]}', "schemaUrl"),
    as_json("resourceLogs is a string", 400, b'{"resourceLogs":""}', "$.resourceLogs", path=LOGS),
    as_json("JSON nested deep", 400, DEEP, "nested too deep"),
    as_json("JSON in UTF-16", 400, '{"a":1}'.encode("utf-16"), "not valid JSON"),
    as_json("JSON with a NUL", 400, b'{"a":\x00}', "not valid JSON"),
    untyped("no content type", None),
    untyped("empty content type", ""),
    untyped("text/plain", "text/plain"),
    untyped("form", "application/x-www-form-urlencoded"),
    untyped("grpc over HTTP/1", "application/grpc"),
    untyped("misspelt protobuf", "application/protobuf"),
    untyped("two content types", "application/json, application/x-protobuf"),
    untyped("only a parameter", ";charset=utf-8"),
    Bad("charset of protobuf", 415, content_type=f"{PROTOBUF}; charset=latin-1", words="utf-8"),
    as_json("charset that is not UTF-8", 415, EMPTY_JSON, "utf-8", content_type=f"{JSON}; charset=utf-16"),
    encoded("zstd", 415, "zstd", b"x", "gzip, deflate", answer_headers=CODINGS),
    encoded("brotli", 415, "br", b"x", answer_headers=CODINGS),
    encoded("snappy", 415, "snappy", b"x", answer_headers=CODINGS),
    encoded("two codings", 415, "gzip, gzip", b"x", answer_headers=CODINGS),
    encoded("unknown coding", 415, "rot13", b"x", answer_headers=CODINGS),
    encoded("gzip that is not", 400, "gzip", b"hello", "the body is not gzip"),
    encoded("gzip of nothing", 400, "gzip", b"", "damaged or cut short"),
    encoded("gzip cut short", 400, "gzip", gzip.compress(b"\x0a\x00")[:-9], "damaged or cut short"),
    encoded(
        "gzip with a wrong checksum",
        400,
        "gzip",
        gzip.compress(b"\x0a\x00")[:-8] + bytes(8),
        "the body is not gzip",
    ),
    encoded("gzip and then rubbish", 400, "gzip", gzip.compress(b"") + b"rubbish", "the body is not gzip"),
    encoded("gzip of a thousand members", 400, "gzip", gzip.compress(b"") * 1000, "more than 64 members"),
    encoded("gzip of rubbish", 400, "gzip", gzip.compress(b"rubbish"), "not an OTLP request"),
    encoded("deflate that is gzip", 400, "deflate", gzip.compress(b""), "the body is not deflate"),
    encoded("raw deflate", 400, "deflate", zlib.compress(b"\x0a\x00")[2:-4], "the body is not deflate"),
    encoded("deflate cut short", 400, "deflate", zlib.compress(b"\x0a\x00")[:-5], "damaged or cut short"),
    encoded("deflate and then rubbish", 400, "deflate", zlib.compress(b"") + b"x", "goes on after the end"),
    encoded("gzip bomb", 413, "gzip", GZIP_BOMB, "after decompression"),
    encoded("zlib bomb", 413, "deflate", ZLIB_BOMB, "after decompression"),
    encoded("bomb in pieces", 413, "gzip", gzip.compress(bytes(300_000)) * 4, "after decompression"),
    Bad("one byte too many", 413, TOO_LARGE, words="1048576 bytes"),
    as_json("JSON too large", 413, b" " * len(TOO_LARGE), "1048576 bytes"),
    Bad("metrics", 404, path="/v1/metrics", words="/api/v1/otlp/v1/metrics"),
    as_json("metrics in JSON", 404, b"{}", "--web.enable-otlp-receiver", path="/v1/metrics"),
    Bad("profiles", 404, path="/v1development/profiles", words="/v1/traces, /v1/logs"),
    Bad("root", 404, path="/", words="/v1/traces"),
    Bad("trailing slash", 404, path=TRACES + "/"),
    Bad("upper case path", 404, path="/V1/TRACES"),
    Bad("climbing path", 404, path="/v1/../v1/traces"),
    Bad("doubled path", 404, path="/v1/traces/v1/traces"),
    Bad("GET", 405, method="GET", answer_headers=POST_ONLY),
    Bad("PUT", 405, b"x", method="PUT", answer_headers=POST_ONLY),
    Bad("DELETE", 405, method="DELETE", answer_headers=POST_ONLY),
    Bad("PATCH", 405, b"x", method="PATCH", answer_headers=POST_ONLY),
    Bad(
        "OPTIONS while CORS is off",
        405,
        method="OPTIONS",
        headers=(("Origin", "http://a"),),
        answer_headers=POST_ONLY,
    ),
]


@pytest.fixture(name="bad", params=BAD, ids=lambda bad: bad.name.replace(" ", "-"))
def _bad(request: pytest.FixtureRequest) -> Bad:
    return request.param


def test_bad_requests_get_a_status_in_their_encoding_and_are_counted_once(
    receiver: Receiver, bad: Bad
) -> None:
    """Each gets its status code, a google.rpc.Status in its encoding, one count; a good one then passes."""
    headers = dict(bad.headers)
    if bad.content_type is not None:
        headers["Content-Type"] = bad.content_type
    answer = receiver.request(bad.method, bad.path, bad.body, headers)

    assert answer.status == bad.status
    assert answer.headers["Content-Type"] == bad.answer_type
    assert [(name, answer.headers[name]) for name, _ in bad.answer_headers] == list(bad.answer_headers)
    message = message_of(answer)
    assert bad.words in message
    assert "secret" not in message
    read = len(bad.body) if bad.status == 400 or "after decompression" in bad.words else 0
    (observed,) = receiver.observed
    assert observed[:3] == (bad.transport, str(bad.status), read)
    assert receiver.sink.requests == []
    assert_takes_a_good_one(receiver)


def message_of(answer: Answer) -> str:
    """Decode the Status of an answer."""
    if answer.headers["Content-Type"] == JSON:
        message = json.loads(answer.body)["message"]
    else:
        message = Status.FromString(answer.body).message
    assert isinstance(message, str)
    assert message
    return message


def assert_takes_a_good_one(receiver: Receiver) -> None:
    """Send an empty request, which OTLP wants answered with success."""
    answer = receiver.post(TRACES)
    assert (answer.status, answer.body) == (200, b"")
    assert receiver.sink.requests[-1] == ("traces", b"", "http/protobuf")


RAW = {
    "not HTTP": (b"\x16\x03\x01\x02\x00 a TLS hello\r\n\r\n", 400),
    "no method": (b"/v1/traces HTTP/1.1\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "length that is no number": (b"POST /v1/traces HTTP/1.1\r\nContent-Length: ten\r\n\r\n", 400),
    "negative length": (b"POST /v1/traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "two lengths": (b"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "length and chunks": (
        b"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "chunk size that is no number": (
        b"POST /v1/logs HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nx\r",
        400,
    ),
    "head without end": (b"POST /v1/traces HTTP/1.1\r\nX: " + b"a" * (LIMITS.max_head_bytes + 100), 431),
    "slow head": (b"POST /v1/traces HTTP/1.1\r\nX: ", 408),
    "slow body": (
        b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\nabc",
        408,
    ),
    "neither length nor chunks": (b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\n\r\n", 411),
    "announces too much": (
        b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n",
        413,
    ),
    "chunks that add up to too much": (
        b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"40000\r\n" + bytes(0x40000) + b"\r\n") * 5,
        413,
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_proper_request_end_with_a_status(receiver: Receiver, name: str) -> None:
    """What no HTTP client would send is answered with its status, counted once, and hurts nobody else."""
    sent, expected = RAW[name]
    host, port = receiver.http.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        assert connection.recv(4096).startswith(b"HTTP/1.1 %d " % expected)
    assert_takes_a_good_one(receiver)
    counted = [code for _, code, _, _ in receiver.observed if code != "200"]
    # To the application, a body that breaks off is a client that went away.
    assert counted == ["499" if name == "chunk size that is no number" else str(expected)]
