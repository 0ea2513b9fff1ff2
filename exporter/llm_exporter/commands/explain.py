"""llm-exporter explain: how each span or log record of a file is read, what it counts in, what is missing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict
from io import BytesIO
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_exporter.describe import Described
from llm_exporter.engine import Engine
from llm_exporter.logs import Translator, translator
from llm_exporter.otlp.encode import delimited
from llm_exporter.otlp.json import NotOtlpJson, logs_to_protobuf, traces_to_protobuf
from llm_exporter.otlp.schema import DecodeError, opened, parse_log_record, parse_span
from llm_exporter.settings import SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_exporter.settings import Settings

MAX_REQUEST_BYTES: Final = 64 << 20
MAX_SPANS: Final = 100_000
_BOM: Final = b"\xef\xbb\xbf"


class NotOtlp(Exception):  # noqa: N818
    """The file holds something else than OTLP or lines of JSON."""


class Request(NamedTuple):
    """An encoded export request."""

    encoded: bytes
    of_logs: bool


def run(file: str, config: str | None, *, as_json: bool) -> int:
    """Explain a file, `-` for standard input. Returns the exit code: 1 when it cannot be read as OTLP."""
    try:
        settings = load(config, os.environ, {})
        if file == "-":
            return _explain(settings, sys.stdin.buffer, as_json)
        with Path(file).open("rb") as stream:
            return _explain(settings, stream, as_json)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"{file}: {error}", file=sys.stderr)
    except NotOtlp as error:
        print(f"{file}: {error}", file=sys.stderr)
    return 1


def requests(stream: BinaryIO) -> Iterator[Request]:
    """Yield the export requests of a file, of traces or of logs.

    Takes one JSON object, one object per line (the Collector's and the SDKs' file exporters), protobuf bytes,
    or protobuf behind 4-byte big-endian lengths (the Collector's file exporter with `format: proto`). A JSON object
    that is not OTLP is a line of an application's log.

    Raises:
        NotOtlp: it is none of them, or one request is over 64 MiB.
    """
    start = stream.read(1)
    if not start:
        raise NotOtlp("the file is empty")
    if start == _BOM[:1]:
        start = (start + stream.read(len(_BOM) - 1)).removeprefix(_BOM)
    if start.strip(b"{[ \t\r"):
        yield from _protobuf(start, stream)
    else:
        yield from _json(start, stream)


def _json(start: bytes, stream: BinaryIO) -> Iterator[Request]:
    number = 0
    while line := start + stream.readline(MAX_REQUEST_BYTES):
        start, number = b"", number + 1
        if not line.strip():
            continue
        if line.strip() in (b"{", b"[") or (number == 1 and not line.rstrip().endswith(b"}")):
            # A pretty-printed object is whole at the end of the file only.
            line += stream.read(MAX_REQUEST_BYTES)
        try:
            yield _request_of(line)
        except NotOtlpJson as error:
            raise NotOtlp(f"line {number}: {error}") from None


def _request_of(line: bytes) -> Request:
    if b'"resourceSpans"' in line or b'"resource_spans"' in line:
        return Request(traces_to_protobuf(line).request, of_logs=False)
    # What is no request of either kind is JSON, or refused, all the same.
    logs = logs_to_protobuf(line).request
    if logs or b'"resourceLogs"' in line or b'"resource_logs"' in line:
        return Request(logs, of_logs=True)
    record = delimited(b"\x2a", delimited(b"\x0a", line.strip()))
    observed = b"\x59" + time.time_ns().to_bytes(8, "little")
    return Request(_of_one_record(b"", b"", observed + record), of_logs=True)


def _of_one_record(resource: bytes, scope: bytes, record: bytes) -> bytes:
    scope_logs = delimited(b"\x0a", scope) + delimited(b"\x12", record)
    return delimited(b"\x0a", delimited(b"\x0a", resource) + delimited(b"\x12", scope_logs))


def _protobuf(start: bytes, stream: BinaryIO) -> Iterator[Request]:
    body = start + stream.read(MAX_REQUEST_BYTES)
    if len(body) > MAX_REQUEST_BYTES:
        raise NotOtlp(f"more than {MAX_REQUEST_BYTES} bytes of protobuf; split the file")
    # The first tag of a request is a line feed: JSON may begin with one too, after an empty line.
    if body.lstrip()[:1] == b"{" and not _decodes(body):
        yield from _json(b"", BytesIO(body))
        return
    if body[0] != 0:
        yield Request(body, _is_of_logs(body))
        return
    place = 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4])
        request = body[place + 4 : place + 4 + size]
        if len(request) != size:
            raise NotOtlp(f"byte {place}: a message of {size} bytes is announced, {len(request)} follow")
        yield Request(request, _is_of_logs(request))
        place += 4 + size


def _decodes(body: bytes) -> bool:
    for request in (ExportTraceServiceRequest, ExportLogsServiceRequest):
        try:
            request.FromString(body)
        except DecodeError:
            continue
        return True
    return False


def _is_of_logs(request: bytes) -> bool:
    """Return whether an encoded request is one of logs: on the wire both look the same down to the items."""
    try:
        items = (item for _, scopes in opened(request) for scope in scopes for item in scope.items)
        first = next(items, b"")
        record = parse_log_record(first)
    except DecodeError:
        return False
    try:
        span = parse_span(first)
    except DecodeError:
        return True
    # The times of the one are no times to the other.
    return bool(record.time or record.observed) and not (span.start or span.end)


def _explain(settings: Settings, stream: BinaryIO, as_json: bool) -> int:
    engine = Engine(settings)
    read = translator(settings.logs.keys()) if settings.logs.enabled else None
    outcomes: Counter[str] = Counter()
    kinds = set()
    for request in _together(requests(stream)):
        kinds.add("log records" if request.of_logs else "spans")
        try:
            described = (
                _records(engine, read, request.encoded)
                if request.of_logs
                else engine.describe(request.encoded, MAX_SPANS)
            )
        except DecodeError as error:
            raise NotOtlp("neither OTLP JSON nor a protobuf export request of traces or logs") from error
        for item in described:
            outcomes[item.outcome] += 1
            print(json.dumps(asdict(item)) if as_json else _text(item))
    if not as_json:
        summary = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
        noun = " and ".join(sorted(kinds, reverse=True)) or "spans"
        print(f"{outcomes.total()} {noun}: {summary or 'none in this file'}")
    return 0


def _together(found: Iterable[Request]) -> Iterator[Request]:
    """Yield requests with the spans of those that follow each other in one, since a trace may be in several.

    Joined, encoded messages decode as one (protobuf's encoding guide).
    """
    for of_logs, group in groupby(found, attrgetter("of_logs")):
        if of_logs:
            yield from group
            continue
        size = 0
        joined: list[bytes] = []
        for request in group:
            if joined and size + len(request.encoded) > MAX_REQUEST_BYTES:
                yield Request(b"".join(joined), of_logs=False)
                size, joined = 0, []
            size += len(request.encoded)
            joined.append(request.encoded)
        yield Request(b"".join(joined), of_logs=False)


def _records(engine: Engine, read: Translator | None, request: bytes) -> Iterator[Described]:
    """Yield how each log record of an encoded request is read."""
    for resource, scopes in opened(request):
        for _, scope, records in scopes:
            for raw in records[:MAX_SPANS]:
                if read is None:
                    yield Described("", "", "", "", "ignored", why="logs.enabled is false")
                    continue
                found = read.translate(_of_one_record(resource, scope, raw))
                if found.read:
                    yield from engine.describe(found.request)
                elif found.invalid:
                    yield Described("", "", "", "", "invalid", why="its bytes are not a log record of OTLP")
                else:
                    why = "no event that a dialect counts, and no model with tokens, latency or cost"
                    yield Described("", "", "", "", "ignored", why=why)


def _text(span: Described) -> str:
    lines = [f"{span.name or '(no name)'}  trace {span.trace_id or '-'} span {span.span_id or '-'}"]
    dialect = f" ({span.dialect}: {span.why})" if span.dialect else f" ({span.why})" if span.why else ""
    lines.append(f"  outcome  {span.outcome}{dialect}")
    lines += [f"  {title:8} {text}" for title, text in _rows(span) if text]
    return "\n".join(lines) + "\n"


def _rows(span: Described) -> Iterator[tuple[str, str]]:
    yield "labels", ", ".join(f"{name}={value}" for name, value in span.words.items())
    yield "numbers", ", ".join(f"{name} {value}" for name, value in span.numbers.items())
    yield "counted", ", ".join(span.counted)
    for note in span.notes:
        yield "note", note
