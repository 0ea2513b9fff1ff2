"""The OpenTelemetry SDK as an application sets it up: a resource, batches, an OTLP exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

MAX_QUEUED_SPANS: Final = 100_000
"""The SDK's 2048 overflow when the demo runs faster than life, and a dropped span is a wrong count."""


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
