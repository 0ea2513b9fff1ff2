"""Records what the real instrumentation packages write, as OTLP JSON for the dialect tests.

    python tests/demo/record.py otel [--content]        writes tests/demo/data/otel[-content].json

Of many traces only those are kept that show a shape of span not seen before. All text is the demo's own;
stack traces are cut because they hold the paths of whoever records.
"""

from __future__ import annotations

import argparse
import base64
import json
import threading
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_exporter.demo.agent import SupportAgent
from llm_exporter.demo.behaviour import ERROR_KINDS, Behaviour
from llm_exporter.demo.fake_llm import FakeLLM, serving
from llm_exporter.demo.instrument import INSTRUMENTATIONS, instrument
from llm_exporter.demo.sending import tracer_provider
from llm_exporter.demo.traffic import SERVICES, client, run_traffic

DATA = Path(__file__).parent / "data"
SPEED = 1000.0
NUMBERED = ("llm.input_messages", "llm.output_messages", "llm.tools", "gen_ai.prompt", "embedding.embeddings")
"""Attributes with an index in their names: more messages are no new shape."""
BEHAVIOUR = Behaviour(
    errors=dict.fromkeys(ERROR_KINDS, 0.02),
    refusal_rate=0.1,
    content_filter_rate=0.1,
    truncation_rate=0.1,
    tool_loop_rate=0.2,
    answer_factor=0.2,
)


def record(name: str, *, content: bool) -> dict[str, Any]:
    """The demo's traffic under one instrumentation: an ExportTraceServiceRequest as OTLP JSON."""
    memory = InMemorySpanExporter()
    provider = tracer_provider("support-assistant", memory)
    instrument(name, provider, content=content)
    with serving(FakeLLM(seed=7, speed=SPEED, behaviour=BEHAVIOUR)) as url:
        agent = SupportAgent(client(url, SPEED), provider.get_tracer("support-assistant"))
        for service in SERVICES:
            run_traffic(
                agent, service, threading.Event(), threading.Event(), rate=1e6, requests=60, seed=7, workers=1
            )
    provider.shutdown()
    traces: dict[int, list[Any]] = {}
    for span in memory.get_finished_spans():
        traces.setdefault(span.context.trace_id, []).append(span)
    kept, seen = [], set()
    for spans in traces.values():
        shapes = {_shape(span) for span in spans}
        if not shapes <= seen:
            seen |= shapes
            kept.extend(spans)
    return _otlp_json(MessageToDict(encode_spans(kept), use_integers_for_enums=True))


def _shape(span: Any) -> tuple[Any, ...]:
    attributes = span.attributes or {}
    values = [value for key, value in attributes.items() if "finish_reason" in key or key == "error.type"]
    return (
        span.instrumentation_scope.name,
        span.name,
        span.status.status_code,
        tuple(sorted(key for key in attributes if not key.startswith(NUMBERED))),
        str(values),
    )


def _otlp_json(node: Any) -> Any:
    """Protobuf's JSON as OTLP wants it: ids in hex; and without stack traces."""
    if isinstance(node, list):
        return [_otlp_json(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("key") == "exception.stacktrace":
        return {
            "key": "exception.stacktrace",
            "value": {"stringValue": "Traceback (most recent call last): ..."},
        }
    ids = {"traceId", "spanId", "parentSpanId"}
    return {
        key: base64.b64decode(value).hex() if key in ids else _otlp_json(value) for key, value in node.items()
    }


def _one_span_a_line(request: dict[str, Any]) -> str:
    text = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
    return text.replace('{"traceId"', '\n{"traceId"') + "\n"


def main() -> None:
    """Write one recording."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instrumentation", choices=list(INSTRUMENTATIONS))
    parser.add_argument("--content", action="store_true")
    options = parser.parse_args()
    recorded = record(options.instrumentation, content=options.content)
    target = DATA / f"{options.instrumentation}{'-content' if options.content else ''}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(_one_span_a_line(recorded))
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main()
