"""The exporters of opentelemetry-python deliver through both transports."""

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from receive.conftest import Receiver


def span_names(exporter: SpanExporter, receiver: Receiver) -> list[str]:
    """Send two spans through a real exporter; return the names that the sink was given."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for name in ("chat gpt-4o", "chat ünïcode"):
        tracer.start_span(name, attributes={"gen_ai.usage.input_tokens": 7}).end()
    provider.shutdown()
    return [
        span.name
        for _, request, _ in receiver.sink.requests
        for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


@pytest.mark.parametrize("compression", Compression)
def test_http_exporter(receiver: Receiver, compression: Compression) -> None:
    """OTLP/HTTP of the SDK arrives, with every compression it has."""
    exporter = HttpExporter(endpoint=f"http://{receiver.http.address}/v1/traces", compression=compression)
    assert span_names(exporter, receiver) == ["chat gpt-4o", "chat ünïcode"]
    assert [code for _, code, _, _ in receiver.observed] == ["200", "200"]


@pytest.mark.parametrize("compression", grpc.Compression)
def test_grpc_exporter(receiver: Receiver, compression: grpc.Compression) -> None:
    """OTLP/gRPC of the SDK arrives, with every compression gRPC has."""
    exporter = GrpcExporter(endpoint=receiver.grpc.address, insecure=True, compression=compression)
    assert span_names(exporter, receiver) == ["chat gpt-4o", "chat ünïcode"]
    assert [code for _, code, _, _ in receiver.observed] == ["OK", "OK"]
