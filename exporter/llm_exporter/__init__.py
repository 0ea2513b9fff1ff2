"""LLM observability for Prometheus: OpenTelemetry traces in, metrics out."""

__version__ = "0.1.0"
