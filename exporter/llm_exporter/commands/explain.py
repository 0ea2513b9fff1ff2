"""llm-exporter explain: how each span of an OTLP file is read, what it counts in, what is missing."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from llm_exporter.engine import Engine
from llm_exporter.otlp.json import NotOtlpJson, traces_to_protobuf
from llm_exporter.otlp.schema import DecodeError
from llm_exporter.settings import SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_exporter.describe import Described

MAX_REQUEST_BYTES: Final = 64 << 20
MAX_SPANS: Final = 100_000
_BOM: Final = b"\xef\xbb\xbf"


class NotOtlp(Exception):  # noqa: N818
    """The file holds something else than OTLP traces."""


def run(file: str, config: str | None, *, as_json: bool) -> int:
    """Explain a file, `-` for standard input. Returns the exit code: 1 when it cannot be read as OTLP."""
    try:
        engine = Engine(load(config, os.environ, {}))
        if file == "-":
            return _explain(engine, sys.stdin.buffer, as_json)
        with Path(file).open("rb") as stream:
            return _explain(engine, stream, as_json)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"{file}: {error}", file=sys.stderr)
    except NotOtlp as error:
        print(f"{file}: {error}", file=sys.stderr)
    return 1


def requests(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the encoded ExportTraceServiceRequests of a file.

    Takes one JSON object, one object per line (the Collector's and the SDKs' file exporters), protobuf bytes,
    or protobuf behind 4-byte big-endian lengths (the Collector's file exporter with `format: proto`).

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


def _json(start: bytes, stream: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := start + stream.readline(MAX_REQUEST_BYTES):
        start, number = b"", number + 1
        if not line.strip():
            continue
        if line.strip() in (b"{", b"[") or (number == 1 and not line.rstrip().endswith(b"}")):
            # A pretty-printed object is whole at the end of the file only.
            line += stream.read(MAX_REQUEST_BYTES)
        try:
            yield traces_to_protobuf(line).request
        except NotOtlpJson as error:
            raise NotOtlp(f"line {number}: {error}") from None


def _protobuf(start: bytes, stream: BinaryIO) -> Iterator[bytes]:
    body = start + stream.read(MAX_REQUEST_BYTES)
    if len(body) > MAX_REQUEST_BYTES:
        raise NotOtlp(f"more than {MAX_REQUEST_BYTES} bytes of protobuf; split the file")
    # The first tag of a request is a line feed: JSON may begin with one too, after an empty line.
    if body.lstrip()[:1] == b"{" and not _decodes(body):
        yield from _json(b"", BytesIO(body))
        return
    if body[0] != 0:
        yield body
        return
    place = 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4])
        request = body[place + 4 : place + 4 + size]
        if len(request) != size:
            raise NotOtlp(f"byte {place}: a message of {size} bytes is announced, {len(request)} follow")
        yield request
        place += 4 + size


def _decodes(body: bytes) -> bool:
    try:
        ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return False
    return True


def _explain(engine: Engine, stream: BinaryIO, as_json: bool) -> int:
    outcomes: Counter[str] = Counter()
    for request in requests(stream):
        try:
            described = engine.describe(request, MAX_SPANS)
        except DecodeError as error:
            raise NotOtlp("neither OTLP JSON nor a protobuf ExportTraceServiceRequest") from error
        for span in described:
            outcomes[span.outcome] += 1
            print(json.dumps(asdict(span)) if as_json else _text(span))
    if not as_json:
        summary = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
        print(f"{outcomes.total()} spans: {summary or 'none in this file'}")
    return 0


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
