"""The same metrics inside an application: a span processor that is a prometheus_client collector as well.

    metrics = LLMMetrics()
    provider.add_span_processor(metrics)

Needs the extra packages of `llm-exporter[sdk]`. `docs/sdk.md` says when to use it.
"""

try:
    from llm_exporter.sdk.processor import LLMMetrics
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing}; llm_exporter.sdk needs it: pip install 'llm-exporter[sdk]'", name=missing.name
    ) from missing

__all__ = ["LLMMetrics"]
