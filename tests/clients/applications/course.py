"""What every application has in common: the questions, the tool, the models, and a provider that fails on demand.

Only the standard library and the OpenTelemetry SDK: each environment has those. Each kind of call has a model
of its own, so that sums by model are the calls one by one.
"""

from __future__ import annotations

import json
import os
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider

LLM_URL = os.environ["LLM_URL"]
OPENAI_URL = f"{LLM_URL}/v1"
API_KEY = "none-needed"

CHAT = "gpt-4o"
STREAMED = "gpt-4o-mini"
STREAMED_WITHOUT_USAGE = "gpt-4.1"
WITH_TOOLS = "gpt-4.1-mini"
REASONING = "o4-mini"
EMBEDDINGS = "text-embedding-3-small"
CLAUDE = "claude-sonnet-4-5"
CLAUDE_STREAMED = "claude-haiku-4-5"

QUESTION = "How warm is it in Graz today, and what should I wear for a walk along the river this evening?"
TOOL = "current_weather"
TOOL_HELP = "The weather in a city right now."
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Graz", "Linz", "Wels"]}},
    "required": ["city"],
    "additionalProperties": False,
}


def current_weather(city: str) -> str:
    """The weather in a city right now."""
    return f"18 degrees and dry in {city}"


@contextmanager
def failing(kind: str) -> Iterator[None]:
    """Let the provider answer each request with an error of a kind, and expect an exception."""
    _behave(errors={kind: 1.0})
    try:
        yield
    except Exception as failure:
        print(f"expected: {type(failure).__name__}", flush=True)
    else:
        raise AssertionError(f"the call should have failed: {kind}")
    finally:
        _behave(errors={})


def tracing() -> TracerProvider:
    """The global tracer provider as the documentation sets it up: batches to the OTLP endpoint over HTTP."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def request(provider: TracerProvider) -> Iterator[None]:
    """The span of a web framework around what is done for one user."""
    from opentelemetry.trace import SpanKind

    with provider.get_tracer("web").start_as_current_span("POST /advice", kind=SpanKind.SERVER):
        yield


def _behave(**fields: Any) -> None:
    body = json.dumps(fields).encode()
    with urllib.request.urlopen(f"{LLM_URL}/behaviour", body, timeout=10) as response:  # noqa: S310 - loopback
        assert response.status == 200
