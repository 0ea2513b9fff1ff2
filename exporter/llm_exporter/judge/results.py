"""Verdicts as `gen_ai.evaluation.result` events, in OTLP log records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from llm_exporter import __version__
from llm_exporter import catalogue as c
from llm_exporter.judge.reference import EXACT, FUZZY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

    from llm_exporter.judge.item import Verdict, Who

EVENT: Final = "gen_ai.evaluation.result"
SCOPE: Final = "llm_exporter.judge"
_WHO: Final = tuple(label.attributes[0] for label in (c.SERVICE_NAME, c.ENVIRONMENT, c.TEAM, c.FEATURE))
_BY_CODE: Final = frozenset({EXACT, FUZZY})


class Result(NamedTuple):
    """A verdict and the call that it is about."""

    who: Who
    trace_id: bytes
    span_id: bytes
    evaluator: str
    verdict: Verdict
    time_ns: int


def encoded(results: Sequence[Result], *, with_explanations: bool) -> bytes:
    """Return an ExportLogsServiceRequest; each result stands under the labels of its call."""
    request = ExportLogsServiceRequest()
    places: dict[Who, ResourceLogs] = {}
    for result in results:
        place = places.get(result.who)
        if place is None:
            place = places[result.who] = request.resource_logs.add()
            for key, value in zip(_WHO, result.who, strict=True):
                if value:
                    place.resource.attributes.append(_text(key, value))
            scope = place.scope_logs.add().scope
            scope.name, scope.version = SCOPE, __version__
        _fill(place.scope_logs[0].log_records.add(), result, with_explanations)
    return request.SerializeToString()


def _fill(record: LogRecord, result: Result, with_explanations: bool) -> None:
    verdict = result.verdict
    record.time_unix_nano = record.observed_time_unix_nano = result.time_ns
    record.event_name = EVENT
    record.trace_id, record.span_id = result.trace_id, result.span_id
    said = [
        _text("event.name", EVENT),
        _text("gen_ai.evaluation.name", result.evaluator),
        _text("gen_ai.evaluation.evaluator.type", "code" if result.evaluator in _BY_CODE else "judge"),
    ]
    if not verdict.holds:
        said.append(_text("error.type", verdict.error or "unknown"))
    else:
        if verdict.score is not None:
            score = AnyValue(double_value=verdict.score)
            said.append(KeyValue(key="gen_ai.evaluation.score.value", value=score))
        if verdict.label:
            said.append(_text("gen_ai.evaluation.score.label", verdict.label))
        if with_explanations and verdict.explanation:
            said.append(_text("gen_ai.evaluation.explanation", verdict.explanation))
    record.attributes.extend(said)


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value.encode("utf-8", "replace").decode()))
