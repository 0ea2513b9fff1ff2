"""The exporter's own process, as every Prometheus client shows it: `process_*` and `python_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics

if TYPE_CHECKING:
    from llm_exporter.exposition import Format

_EOF: Final = b"# EOF\n"
_registry: Final = CollectorRegistry()
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)


def process_metrics(form: Format) -> bytes:
    """Return CPU, memory, file descriptors and start time of this process, to stand before OpenMetrics' EOF."""
    if form == "openmetrics":
        shown: bytes = as_openmetrics(_registry)
        return shown.removesuffix(_EOF)
    return as_text(_registry)
