"""OTLP over HTTP (OTLP specification, "OTLP/HTTP"), as a plain ASGI application."""

import asyncio
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from llm_exporter.otlp.json import NotOtlpJson, logs_to_protobuf, traces_to_protobuf
from llm_exporter.receive.asgi import Receive, Scope, Send, headers_of, read_body, send_response
from llm_exporter.receive.auth import knows_token
from llm_exporter.receive.inflate import Coding, inflate
from llm_exporter.receive.intake import Admission, Failed, Intake, Signal, failed
from llm_exporter.receive.route import JSON, PROTOBUF, Refused, Request, Response, Route
from llm_exporter.receive.sink import Malformed, Observe, Overloaded, TooLarge, Verdict
from llm_exporter.receive.status import (
    METRICS_BELONG_ELSEWHERE,
    Code,
    export_response,
    export_response_json,
    status,
    status_json,
)

_CODINGS: Final[dict[str, Coding | None]] = {
    "": None,
    "identity": None,
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
}
_TRANSPORTS: Final = {PROTOBUF: "http/protobuf", JSON: "http/json"}
_METRICS_PATH: Final = "/v1/metrics"
_CLIENT_GONE: Final = "499"


class _Exchange:
    """What is known of one request so far: enough to answer and to count it at any point."""

    def __init__(self, scope: Scope) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.headers: Mapping[str, str] = headers_of(scope)
        self.media_type, self.charset = _content_type(self.headers.get("content-type", ""))
        self.transport = _TRANSPORTS.get(self.media_type, "http")
        self.n_bytes_wire = 0
        self.n_bytes = 0


class HttpReceiver:
    """The ASGI application of the OTLP port.

    `routes` adds further paths to `/v1/traces` and `/v1/logs`. `allowed_origins` lists the origins whose
    browsers may post ("*": all); without any, CORS is off. Clients must send `token`, unless it is None.
    """

    def __init__(
        self,
        intake: Intake,
        observe: Observe,
        *,
        token: str | None = None,
        allowed_origins: frozenset[str] = frozenset(),
        routes: Mapping[str, Route] | None = None,
    ) -> None:
        self._intake = intake
        self._observe = observe
        self._token = token
        self._allowed_origins = allowed_origins
        self._routes = {
            "/v1/traces": _otlp_route(intake, "traces"),
            "/v1/logs": _otlp_route(intake, "logs"),
            **(routes or {}),
        }
        # One thread, since the sink takes one request at a time; the intake bounds how many wait for it.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="otlp-http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3, `http` scope)."""
        exchange = _Exchange(scope)
        try:
            response = await self._answer(exchange, receive)
        except Refused as refused:
            response = _error(exchange, refused)
        except ConnectionError:
            self._observe(exchange.transport, _CLIENT_GONE, exchange.n_bytes_wire, 0)
            return
        self._observe(exchange.transport, str(response.status), exchange.n_bytes_wire, exchange.n_bytes)
        await send_response(send, response, self._cors_headers(exchange))

    def close(self) -> None:
        """Finish what is being worked on; call it after the server has stopped."""
        self._worker.shutdown()

    async def _answer(self, exchange: _Exchange, receive: Receive) -> Response:
        route = self._find_route(exchange.path)
        if exchange.method == "OPTIONS" and self._cors_headers(exchange):
            return Response(204, b"", "", _PREFLIGHT)
        coding = self._check_head(exchange, route)
        try:
            with self._intake.admit() as admission:
                wire = await self._read(exchange, receive, admission)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._worker, self._work, exchange, route, coding, wire)
        except Malformed as error:
            raise Refused(400, Code.INVALID_ARGUMENT, str(error)) from None
        except TooLarge as error:
            raise Refused(413, Code.RESOURCE_EXHAUSTED, str(error)) from None
        except Failed as error:
            raise Refused(500, Code.INTERNAL, str(error)) from None
        except Overloaded as error:
            delay = error.retry_after_seconds
            retry_after = (("Retry-After", str(math.ceil(delay))),)
            raise Refused(
                503, Code.UNAVAILABLE, str(error), headers=retry_after, retry_after_seconds=delay
            ) from None

    def _find_route(self, path: str) -> Route:
        if path == _METRICS_PATH:
            raise Refused(404, Code.UNIMPLEMENTED, METRICS_BELONG_ELSEWHERE)
        if path not in self._routes:
            known = ", ".join(self._routes)
            raise Refused(404, Code.NOT_FOUND, f"there is nothing here; POST to one of {known}")
        return self._routes[path]

    def _check_head(self, exchange: _Exchange, route: Route) -> Coding | None:
        """Refuse what can be refused before the body is read; return the content coding."""
        headers = exchange.headers
        if exchange.method != "POST":
            allow = (("Allow", "POST"),)
            raise Refused(405, Code.UNIMPLEMENTED, "only POST is possible here", headers=allow)
        if not knows_token(headers.get("authorization", "").encode("latin-1"), self._token):
            challenge = (("WWW-Authenticate", 'Bearer realm="llm-exporter"'),)
            message = "this needs the header `Authorization: Bearer <token>`"
            raise Refused(401, Code.UNAUTHENTICATED, message, headers=challenge)
        if exchange.media_type not in route.media_types or exchange.charset not in ("", "utf-8", "utf8"):
            supported = " or ".join(route.media_types)
            message = f"the Content-Type must be {supported}, and its charset, if any, utf-8"
            raise Refused(
                415, Code.INVALID_ARGUMENT, message, headers=(("Accept", ", ".join(route.media_types)),)
            )
        coding = headers.get("content-encoding", "").strip().lower()
        if coding not in _CODINGS:
            accept = (("Accept-Encoding", "gzip, deflate, identity"),)
            message = "the Content-Encoding must be gzip, deflate or identity, and only one of them"
            raise Refused(415, Code.INVALID_ARGUMENT, message, headers=accept)
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            raise Refused(411, Code.INVALID_ARGUMENT, "the request has neither Content-Length nor chunks")
        if length is not None and int(length) > self._intake.limits.max_request_bytes:
            raise self._too_large()
        return _CODINGS[coding]

    async def _read(self, exchange: _Exchange, receive: Receive, admission: Admission) -> bytes:
        limits = self._intake.limits
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(limits.read_timeout_seconds):
                async for chunk in read_body(receive):
                    exchange.n_bytes_wire += len(chunk)
                    if exchange.n_bytes_wire > limits.max_request_bytes:
                        raise self._too_large()
                    admission.hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError:
            message = f"the body did not arrive within {limits.read_timeout_seconds:g} seconds"
            raise Refused(408, Code.CANCELLED, message, headers=(("Connection", "close"),)) from None
        return b"".join(chunks)

    def _work(self, exchange: _Exchange, route: Route, coding: Coding | None, wire: bytes) -> Response:
        with self._intake.turn:
            body = wire if coding is None else inflate(wire, coding, self._intake.limits.max_request_bytes)
            exchange.n_bytes = len(body)
            request = Request(exchange.path, exchange.media_type, exchange.headers, body)
            try:
                return route.answer(request)
            except (Malformed, Overloaded, Refused, Failed):
                raise
            except Exception as error:
                raise failed(error) from None

    def _too_large(self) -> Refused:
        limit = self._intake.limits.max_request_bytes
        return Refused(
            413, Code.RESOURCE_EXHAUSTED, f"the request is larger than {limit} bytes; send smaller batches"
        )

    def _cors_headers(self, exchange: _Exchange) -> tuple[tuple[str, str], ...]:
        origin = exchange.headers.get("origin")
        if origin is None or not self._allowed_origins & {origin, "*"}:
            return ()
        return (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))


_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type"),
    ("Access-Control-Max-Age", "7200"),
)


def _otlp_route(intake: Intake, signal: Signal) -> Route:
    """Return the route that passes one signal to the sink."""
    to_protobuf = traces_to_protobuf if signal == "traces" else logs_to_protobuf

    def answer(request: Request) -> Response:
        transport = _TRANSPORTS[request.media_type]
        if request.media_type == PROTOBUF:
            verdict = intake.export(signal, request.body, transport)
            return Response(200, export_response(signal, verdict), PROTOBUF)
        try:
            transcoded = to_protobuf(request.body)
        except NotOtlpJson as error:
            raise Malformed(str(error)) from None
        verdict = intake.export(signal, transcoded.request, transport)
        messages = "; ".join(filter(None, (transcoded.message, verdict.message)))
        verdict = Verdict(transcoded.rejected + verdict.rejected, messages)
        return Response(200, export_response_json(signal, verdict), JSON)

    return Route(answer, (PROTOBUF, JSON))


def _error(exchange: _Exchange, refused: Refused) -> Response:
    encode, media_type = (status, PROTOBUF) if exchange.media_type == PROTOBUF else (status_json, JSON)
    body = encode(refused.code, refused.message, refused.retry_after_seconds)
    return Response(refused.status, body, media_type, refused.headers)


def _content_type(value: str) -> tuple[str, str]:
    """Return media type and charset in lower case (RFC 9110 §8.3.1)."""
    media_type, *parameters = (part.strip().lower() for part in value.split(";"))
    charset = ""
    for parameter in parameters:
        name, _, argument = parameter.partition("=")
        if name == "charset":
            charset = argument.strip('"')
    return media_type, charset
