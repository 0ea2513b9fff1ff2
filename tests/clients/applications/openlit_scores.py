"""OpenLIT's scores of a span, of each type of value, as traces.pb and logs.pb in the current directory."""

from pathlib import Path

import opentelemetry.sdk._logs.export as logs_export
from openlit.score import record_evaluation_score
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
tracer_provider = TracerProvider()
tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracer_provider)
# It has had two names.
logs = getattr(logs_export, "InMemoryLogRecordExporter", getattr(logs_export, "InMemoryLogExporter", None))()
logger_provider = LoggerProvider()
logger_provider.add_log_record_processor(logs_export.SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(logger_provider)

with trace.get_tracer("application").start_as_current_span("chat"):
    record_evaluation_score("user_feedback", value=True, comment="what a user wrote")
    record_evaluation_score("helpful", 0.5, idempotency_key="score-1")
    record_evaluation_score("tone", "warm")

Path("traces.pb").write_bytes(encode_spans(spans.get_finished_spans()).SerializeToString())
Path("logs.pb").write_bytes(encode_logs(logs.get_finished_logs()).SerializeToString())
