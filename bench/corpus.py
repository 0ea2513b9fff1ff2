"""OTLP requests as a fleet of services sends them: LLM spans between HTTP spans, no two batches alike."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.calls import Call, Callers
from bench.writers import WRITERS, Attributes, Value, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH: Final = 512
"""Spans in a request: what the OpenTelemetry SDKs' batch processors send at most by default."""
N_SERVICES: Final = 20
PODS_PER_SERVICE: Final = 3
START_NS: Final = 1_793_000_000 * 10**9
_OWN_SCOPE: Final = "my.app"
_HTTP_SCOPE: Final = "opentelemetry.instrumentation.httpx"
_CLIENT, _SERVER, _INTERNAL = 3, 2, 1
_ERROR: Final = 2
_SHARE_OF_ROOTS: Final = 0.12


@dataclass(frozen=True, slots=True)
class Corpus:
    """Encoded requests and what is in them."""

    name: str
    batches: tuple[bytes, ...]
    calls: tuple[Call, ...]
    """Every LLM span's call, in the order of writing."""

    @property
    def n_spans(self) -> int:
        """How many spans there are."""
        return len(self.batches) * BATCH

    @property
    def bytes_per_span(self) -> float:
        """Encoded size."""
        return sum(map(len, self.batches)) / self.n_spans


def build(share: float, n_batches: int, dialect: str = "semconv", seed: int = 7) -> Corpus:
    """Make `n_batches` requests of `BATCH` spans, `share` of which concern an LLM."""
    fleet = _Fleet(WRITERS[dialect], share, seed)
    batches = tuple(fleet.batch() for _ in range(n_batches))
    return Corpus(f"{share:.0%} LLM, {dialect}", batches, tuple(fleet.calls))


class _Fleet:
    def __init__(self, writer: Writer, share: float, seed: int) -> None:
        self._writer = writer
        self._share = share
        self._callers = Callers(seed)
        self._random = random.Random(seed + 1)
        self._now = START_NS
        services = [f"svc-{i:02d}" for i in range(N_SERVICES)]
        self._pods = {
            service: [f"{service}-{self._random.getrandbits(24):06x}" for _ in range(PODS_PER_SERVICE)]
            for service in services
        }
        self._routes = [f"/api/v1/things/{{id}}/r{i}" for i in range(60)]
        self._agents = [f"Mozilla/5.0 (agent {i}) AppleWebKit/537.36" for i in range(20)]
        self.calls: list[Call] = []

    def batch(self) -> bytes:
        request = ExportTraceServiceRequest()
        for service in self._random.sample(sorted(self._pods), 2):
            self._resource(request.resource_spans.add(), service, BATCH // 2)
        return bytes(request.SerializeToString())

    def _resource(self, resource_spans: Any, service: str, n_spans: int) -> None:
        draw = self._random
        pod = draw.choice(self._pods[service])
        resource: Attributes = {
            "service.name": service,
            "service.version": "1.4.2",
            "service.namespace": "shop",
            "deployment.environment.name": "prod",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": "1.38.0",
            "host.name": f"node-{pod[-1]}",
            "k8s.pod.name": pod,
        }
        write(resource_spans.resource.attributes, resource.items())
        scopes = {}
        for name in (self._writer.scope, _HTTP_SCOPE, _OWN_SCOPE):
            scopes[name] = resource_spans.scope_spans.add()
            scopes[name].scope.name = name
            scopes[name].scope.version = "2.1.0"
        trace = root = b""
        for left in range(n_spans, 0, -1):
            if not trace:
                trace, root = draw.randbytes(16), draw.randbytes(8)
            self._now += draw.randrange(1_000_000, 40_000_000)
            # Some instrument by hand, under the application's own scope.
            llm, by_hand = draw.random() < self._share, draw.random() < 0.15
            scope = _OWN_SCOPE if by_hand else self._writer.scope if llm else _HTTP_SCOPE
            # The root of a trace ends last.
            last = left == 1 or draw.random() < _SHARE_OF_ROOTS
            span = scopes[scope].spans.add(trace_id=trace, flags=0x100)
            span.span_id, span.parent_span_id = (root, b"") if last else (draw.randbytes(8), root)
            span.start_time_unix_nano = self._now
            if llm:
                self._llm_span(span, int(service[-2:]), is_root=last)
            else:
                self._http_span(span)
            if last:
                trace = b""

    def _llm_span(self, span: Any, service: int, *, is_root: bool) -> None:
        call = self._callers.call(service)
        if is_root:
            call = replace(call, operation="invoke_agent")
        self.calls.append(call)
        span.kind = _INTERNAL if call.operation == "execute_tool" else _CLIENT
        span.name = f"{call.operation} {call.tool if call.operation == 'execute_tool' else call.asked}"
        span.end_time_unix_nano = span.start_time_unix_nano + int(self._random.lognormvariate(0.3, 0.9) * 1e9)
        write(span.attributes, self._writer.attributes(call).items())
        if call.failed:
            span.status.code = _ERROR
            span.status.message = "429 too many requests"
            event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
            said: Attributes = {
                "exception.type": "openai.RateLimitError",
                "exception.message": "Error code: 429",
            }
            write(event.attributes, said.items())

    def _http_span(self, span: Any) -> None:
        draw = self._random
        method, route = draw.choice(("GET", "POST")), draw.choice(self._routes)
        status = draw.choice((200, 200, 200, 201, 404, 500))
        span.kind = draw.choice((_SERVER, _CLIENT))
        span.name = f"{method} {route}"
        span.end_time_unix_nano = span.start_time_unix_nano + int(draw.lognormvariate(-4, 1) * 1e9)
        attributes: Attributes = {
            "http.request.method": method,
            "http.response.status_code": status,
            "http.route": route,
            "url.path": f"/api/v1/things/{draw.randrange(5000)}",
            "server.address": "svc.internal",
            "server.port": 8080,
            "network.protocol.version": "1.1",
            "user_agent.original": draw.choice(self._agents),
        }
        write(span.attributes, attributes.items())
        if status >= 500:
            span.status.code = _ERROR


def write(target: Any, attributes: Iterable[tuple[str, Value]]) -> None:
    """Add attributes to a repeated KeyValue."""
    for key, value in attributes:
        any_value = target.add(key=key).value
        match value:
            case bool():
                any_value.bool_value = value
            case str():
                any_value.string_value = value
            case int():
                any_value.int_value = value
            case float():
                any_value.double_value = value
            case list():
                for item in value:
                    any_value.array_value.values.add(string_value=item)
