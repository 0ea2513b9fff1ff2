"""Hostile traffic: spans whose label values are nearly all new, far beyond every cap."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.corpus import START_NS, write
from llm_exporter import catalogue as c

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.writers import Attributes

RESOURCES_PER_REQUEST: Final = 8
SPANS_PER_RESOURCE: Final = 64
SPANS: Final = RESOURCES_PER_REQUEST * SPANS_PER_RESOURCE
"""Spans in a request."""
TIMES_THE_CAP: Final = 10
_OPERATIONS: Final = ("chat", "execute_tool", "invoke_agent")


def requests(n: int, seed: int = 13) -> Iterator[bytes]:
    """Yield `n` requests. Each label's values are drawn from `TIMES_THE_CAP` times as many as its cap."""
    draw = random.Random(seed)

    def any_of(label: c.Label) -> str:
        return f"{label.name}-{draw.randrange(TIMES_THE_CAP * label.cap)}"

    for _ in range(n):
        request = ExportTraceServiceRequest()
        for _ in range(RESOURCES_PER_REQUEST):
            resource = request.resource_spans.add()
            who = (c.SERVICE_NAME, c.ENVIRONMENT, c.TEAM, c.FEATURE)
            said: Attributes = {label.attributes[0]: any_of(label) for label in who}
            write(resource.resource.attributes, said.items())
            scope = resource.scope_spans.add()
            for _ in range(SPANS_PER_RESOURCE):
                span = scope.spans.add(trace_id=draw.randbytes(16), span_id=draw.randbytes(8))
                span.start_time_unix_nano = START_NS
                span.end_time_unix_nano = START_NS + draw.randrange(10**10)
                attributes: Attributes = {
                    "gen_ai.operation.name": draw.choice(_OPERATIONS),
                    "gen_ai.provider.name": any_of(c.PROVIDER),
                    "gen_ai.request.model": any_of(c.MODEL),
                    "gen_ai.usage.input_tokens": draw.randrange(10**6),
                    "gen_ai.usage.output_tokens": draw.randrange(10**5),
                    "gen_ai.tool.name": any_of(c.TOOL),
                    "gen_ai.agent.name": any_of(c.AGENT),
                    "gen_ai.prompt.name": any_of(c.PROMPT_NAME),
                    "gen_ai.prompt.version": any_of(c.PROMPT_VERSION),
                    "app.user_tier": any_of(c.USER_TIER),
                    "app.customer": any_of(c.CUSTOMER),
                }
                write(span.attributes, attributes.items())
        yield bytes(request.SerializeToString())
