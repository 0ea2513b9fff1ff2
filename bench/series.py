"""Calls that make many series: every service, feature and model of a fleet, each a few times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from bench.calls import MODELS, Callers
from bench.corpus import START_NS, write
from bench.writers import WRITERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.writers import Attributes

N_SERVICES: Final = 50
CALLS_EACH: Final = 20
"""Calls per label set: enough to fill about a quarter of the buckets, as the traffic of an hour might."""


def requests(n_resources: int, *, spread: bool = True, seed: int = 11) -> Iterator[bytes]:
    """Yield one request per service and feature: `CALLS_EACH` calls of each of the bench's models.

    A resource makes some 1,200 samples. Without `spread` the same calls are all of one service and feature.
    """
    callers = Callers(seed)
    draw = callers.random
    for place in range(n_resources):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        feature, service = divmod(place, N_SERVICES) if spread else (0, 0)
        said: Attributes = {
            "service.name": f"svc-{service:02d}",
            "deployment.environment.name": "prod",
            "app.feature": f"feature-{feature}",
        }
        write(resource.resource.attributes, said.items())
        scope = resource.scope_spans.add()
        scope.scope.name = WRITERS["semconv"].scope
        for provider, asked, answered in MODELS:
            embeds = asked.startswith("text-embedding")
            for _ in range(CALLS_EACH):
                call = replace(
                    callers.call(service),
                    operation="embeddings" if embeds else "chat",
                    provider=provider,
                    asked=asked,
                    answered=answered,
                    output=0 if embeds else 1 + int(draw.lognormvariate(5.2, 1.0)),
                    reasoning=0,
                    question="",
                    answer="",
                )
                span = scope.spans.add(trace_id=draw.randbytes(16), span_id=draw.randbytes(8), kind=3)
                span.start_time_unix_nano = START_NS
                span.end_time_unix_nano = START_NS + int(draw.lognormvariate(0.3, 0.9) * 1e9)
                write(span.attributes, WRITERS["semconv"].attributes(call).items())
                if call.failed:
                    span.status.code = Status.STATUS_CODE_ERROR
        yield bytes(request.SerializeToString())
