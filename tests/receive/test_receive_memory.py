"""What hostile bodies can make the process hold: measured on a real one."""

import http.client
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest

from llm_exporter.receive.route import JSON, PROTOBUF

MIB = 1 << 20
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Process(NamedTuple):
    """A receiver with the default limits."""

    pid: int
    http_address: str
    grpc_address: str

    def peak_rss_bytes(self) -> int:
        """Return the high-water mark of the resident set since it was last reset."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def reset_peak(self) -> None:
        """Set the high-water mark to what is resident now (man 5 proc, clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@pytest.fixture
def process() -> Iterator[Process]:
    """Start a receiver as a process, with a first request behind it."""
    script = Path(__file__).with_name("server_process.py")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        started = Process(server.pid, *json.loads(server.stdout.readline()))
        assert post(started, b"") == 200
        started.reset_peak()
        yield started
        server.terminate()


def post(process: Process, body: bytes, content_type: str = PROTOBUF, coding: str = "identity") -> int:
    """POST traces and return the status."""
    connection = http.client.HTTPConnection(process.http_address, timeout=60)
    headers = {"Content-Type": content_type, "Content-Encoding": coding}
    connection.request("POST", "/v1/traces", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def call(process: Process, message: bytes) -> int:
    """Export over gRPC and return the code as an HTTP status would put it."""
    with grpc.insecure_channel(process.grpc_address) as channel:
        code = channel.unary_unary(TRACES).future(message, timeout=60).code()
    return {grpc.StatusCode.OK: 200, grpc.StatusCode.RESOURCE_EXHAUSTED: 413}[code]


def bomb() -> bytes:
    """Return 1 MiB of gzip that inflates to 1 GiB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MIB)
    return b"".join([*(compressor.compress(zeros) for _ in range(1024)), compressor.flush()])


def rise(process: Process, send: Callable[[int], int], expected: set[int], at_once: int = 16) -> int:
    """Send several at once; return by how many bytes the resident set rose at its highest."""
    before = process.peak_rss_bytes()
    with ThreadPoolExecutor(at_once) as pool:
        statuses = list(pool.map(send, range(at_once)))
    assert set(statuses) <= expected
    return process.peak_rss_bytes() - before


def test_sixteen_bombs_at_once_raise_memory_by_less_than_200_mib(process: Process) -> None:
    """1 MiB that inflates to 1 GiB, sixteen at once: refused; a good request passes afterwards."""
    body = bomb()
    assert 0.9 * MIB < len(body) < 1.1 * MIB
    assert rise(process, lambda _: post(process, body, coding="gzip"), {413}) < 200 * MIB
    assert post(process, b"") == 200


def test_sixteen_bombs_at_once_over_grpc(process: Process) -> None:
    """The same over gRPC, where the library by itself would inflate first and look at the size afterwards."""
    body = bomb()
    assert rise(process, lambda _: call(process, body), {413}) < 200 * MIB
    assert call(process, b"") == 200


@pytest.mark.parametrize(
    "element",
    [b"{}", b"0", b'{"attributes":[{},{},{},{}]}', b'{"events":[{},{},{},{},{}]}', b'{"links":[{}]}'],
)
@pytest.mark.parametrize("share", [0.99, 1.5])
def test_json_of_many_small_elements_stays_small_in_memory(
    process: Process, element: bytes, share: float
) -> None:
    """The smallest elements, as many as are allowed and more: taken or refused, within bounds."""
    allowed = 1_500_000 / (1 + element.count(b","))
    if b"{" in element:
        allowed = min(allowed, 600_000 / element.count(b"{"))
    spans = b",".join([element] * int(allowed * share))
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + spans + b"]}]}]}"
    expected = 200 if share < 1 else 400
    assert rise(process, lambda _: post(process, body, JSON), {expected}, at_once=2) < 200 * MIB
