"""Real instrumentation packages from PyPI, switched on as their own documentation says.

Each is data: the module with its `OpenAIInstrumentor`, and the environment variables it reads. Content capture is
off everywhere unless asked for; none of these packages calls home (Traceloop's SDK would, so that is off as well).
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

MAX_QUEUED_SPANS: Final = 100_000
"""The SDK's 2048 overflow when the demo runs faster than life, and a dropped span is a wrong count."""


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """One package: where its `OpenAIInstrumentor` is, and what it reads from the environment."""

    module: str
    package: str
    environment: Mapping[str, str] = field(default_factory=dict)
    with_content: Mapping[str, str] = field(default_factory=dict)


INSTRUMENTATIONS: Final[dict[str, Instrumentation]] = {
    "otel": Instrumentation(
        "opentelemetry.instrumentation.genai.openai",
        "opentelemetry-instrumentation-genai-openai",
        {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"},
        {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"},
    ),
    # Its predecessor, which wrote semantic conventions 1.30 by default. Many applications still have it; it needs
    # openai < 3 and opentelemetry-util-genai < 1, so an environment of its own.
    "otel-v2": Instrumentation(
        "opentelemetry.instrumentation.openai_v2",
        "opentelemetry-instrumentation-openai-v2",
        {"OTEL_SEMCONV_STABILITY_OPT_IN": "", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"},
        {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
    ),
    "openinference": Instrumentation(
        "openinference.instrumentation.openai",
        "openinference-instrumentation-openai",
        {
            "OPENINFERENCE_HIDE_INPUTS": "true",
            "OPENINFERENCE_HIDE_OUTPUTS": "true",
            "OPENINFERENCE_HIDE_EMBEDDINGS_TEXT": "true",
            "OPENINFERENCE_HIDE_EMBEDDINGS_VECTORS": "true",
        },
        {"OPENINFERENCE_HIDE_INPUTS": "false", "OPENINFERENCE_HIDE_OUTPUTS": "false"},
    ),
    "openllmetry": Instrumentation(
        "opentelemetry.instrumentation.openai",
        "opentelemetry-instrumentation-openai",
        {"TRACELOOP_TRACE_CONTENT": "false", "TRACELOOP_TELEMETRY": "false", "TRACELOOP_METRICS_ENABLED": "false"},
        {"TRACELOOP_TRACE_CONTENT": "true"},
    ),
}


def instrument(name: str, provider: TracerProvider, *, content: bool = False) -> None:
    """Have this process's openai client traced by one package of `INSTRUMENTATIONS`.

    Once per process: the packages patch the client's classes and read the environment at import.
    ModuleNotFoundError names the missing distribution.
    """
    chosen = INSTRUMENTATIONS[name]
    os.environ.update(chosen.environment)
    if content:
        os.environ.update(chosen.with_content)
    try:
        module = importlib.import_module(chosen.module)
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"{missing}; --instrumentation {name} needs it: pip install {chosen.package}"
        ) from missing
    module.OpenAIInstrumentor().instrument(tracer_provider=provider)


def tracer_provider(service: str, exporter: SpanExporter) -> TracerProvider:
    """A provider as an application would configure it, exporting in batches."""
    resource = Resource.create({"service.name": service, "deployment.environment.name": "demo"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MAX_QUEUED_SPANS, schedule_delay_millis=500)
    )
    return provider


def otlp_exporter(endpoint: str, protocol: str) -> SpanExporter:
    """The SDK's OTLP exporter for `grpc` or `http`; `endpoint` is a URL without a path."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
