"""Traces of six LLM spans each, to be held open in great numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.calls import Callers
from bench.corpus import START_NS, write
from bench.writers import WRITERS

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACES: Final = 85
"""In a request."""
SPANS: Final = 6
"""LLM spans of a trace: an agent's run, and what is below it."""
N_SERVICES: Final = 4


def requests(n_traces: int, *, rooted: bool, seed: int = 17) -> Iterator[bytes]:
    """Yield requests of `TRACES` traces, `n_traces` at least; if not `rooted`, nobody ever sees their root."""
    callers = Callers(seed)
    draw = callers.random
    writer = WRITERS["semconv"]
    now = START_NS
    for place in range(-(-n_traces // TRACES)):
        request = ExportTraceServiceRequest()
        service = place % N_SERVICES
        resource = request.resource_spans.add()
        write(resource.resource.attributes, {"service.name": f"svc-{service:02d}"}.items())
        scope = resource.scope_spans.add()
        scope.scope.name = writer.scope
        for _ in range(TRACES):
            trace_id, root = draw.randbytes(16), draw.randbytes(8)
            for left in range(SPANS, 0, -1):
                is_root = rooted and left == 1
                call = replace(callers.call(service), question="", answer="")
                if is_root:
                    call = replace(call, operation="invoke_agent")
                now += draw.randrange(1_000_000, 40_000_000)
                span = scope.spans.add(trace_id=trace_id, kind=3)
                span.span_id, span.parent_span_id = (root, b"") if is_root else (draw.randbytes(8), root)
                span.start_time_unix_nano = now
                span.end_time_unix_nano = now + int(draw.lognormvariate(0.3, 0.9) * 1e9)
                write(span.attributes, writer.attributes(call).items())
        yield bytes(request.SerializeToString())
