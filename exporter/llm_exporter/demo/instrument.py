"""Real instrumentation packages from PyPI, switched on as their own documentation says.

Each is data: the module with its `OpenAIInstrumentor`, and the environment variables it reads. Content
capture is off everywhere unless asked for; none of these packages calls home (Traceloop's SDK would: off as
well).
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import TracerProvider


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
    # Its predecessor, which wrote semantic conventions 1.30 by default. Many applications still have it; it
    # needs openai < 3 and opentelemetry-util-genai < 1, so an environment of its own.
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
        {
            "TRACELOOP_TRACE_CONTENT": "false",
            "TRACELOOP_TELEMETRY": "false",
            "TRACELOOP_METRICS_ENABLED": "false",
        },
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
