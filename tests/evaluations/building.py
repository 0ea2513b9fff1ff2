"""Spans and log records with results in them, as readers get them."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import any_value, key_values
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.records import of_record
from llm_exporter.evaluations.spans import RESULT_EVENT, may_tell, of_span
from llm_exporter.otlp import log_records
from llm_exporter.otlp.schema import parse_span

TRACE = bytes.fromhex("80f198ee56343ba864fe8b2a57d3eff7")
SPAN = bytes.fromhex("e457b5a2e4d86bd1")
PARENT = bytes.fromhex("00f067aa0ba902b7")
OTHER_TRACE = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
OTHER_SPAN = bytes.fromhex("53995c3f42cd8ad8")
RESULT = "gen_ai.evaluation.result"


def span_with(
    attributes: Mapping[str, Any],
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    links: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return an encoded span of `TRACE`, with these attributes, events and links."""
    return Span(
        trace_id=TRACE,
        span_id=SPAN,
        parent_span_id=PARENT,
        name="work",
        start_time_unix_nano=1,
        end_time_unix_nano=2,
        attributes=key_values(attributes),
        events=[
            Span.Event(name=name, time_unix_nano=5 + place, attributes=key_values(said))
            for place, (name, said) in enumerate(events)
        ],
        links=[Span.Link(trace_id=trace_id, span_id=span_id) for trace_id, span_id in links],
    ).SerializeToString()


def read_span(encoded: bytes) -> list[Evaluation]:
    """Return the results in an encoded span, which must be seen to be possible when there are any."""
    results = of_span(parse_span(encoded))
    assert not results or RESULT_EVENT in encoded or may_tell(parse_span(encoded).attributes)
    return results


def record_with(
    attributes: Mapping[str, Any],
    *,
    event: str = RESULT,
    body: Any = None,
    trace_id: bytes = TRACE,
    span_id: bytes = SPAN,
    time: int = 7,
) -> bytes:
    """Return an encoded log record."""
    return LogRecord(
        time_unix_nano=time,
        event_name=event,
        body=any_value(body),
        trace_id=trace_id,
        span_id=span_id,
        attributes=key_values(attributes),
    ).SerializeToString()


def read_record(encoded: bytes) -> Evaluation | None:
    """Return the result in an encoded log record."""
    return of_record(log_records.opened(encoded), encoded)


def without_key(result: Evaluation | None) -> Evaluation | None:
    """Return a result without what makes it this one, to compare what it says."""
    return None if result is None else result._replace(key=b"")
