"""What receivers hand requests to: the interface between transport and meaning."""

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Verdict(NamedTuple):
    """What became of one request that was accepted.

    `rejected` counts its spans or log records that were refused; `message` says why, "" when there is nothing
    to say. Both go to the client as `partial_success`; a message with `rejected == 0` is a warning (OTLP
    specification, "Partial Success").
    """

    rejected: int
    message: str


class Malformed(Exception):  # noqa: N818
    """The body is not the OTLP message it claims to be: HTTP 400, INVALID_ARGUMENT; not retryable."""


class TooLarge(Exception):  # noqa: N818
    """The body exceeds `max_request_bytes` after decompression: HTTP 413, RESOURCE_EXHAUSTED; no retry."""


class Overloaded(Exception):  # noqa: N818
    """There is no room for the request now: HTTP 503 with Retry-After, UNAVAILABLE with RetryInfo."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Sink(Protocol):
    """Takes serialized OTLP requests, from one thread at a time.

    Each method may raise `Malformed` or `Overloaded`. Any other exception is a defect of the sink; the client
    then gets a code that it must not retry, so that one poisonous batch does not come back for ever.
    """

    def traces(self, request: bytes, transport: str) -> Verdict:
        """Take a serialized `ExportTraceServiceRequest`."""
        ...

    def logs(self, request: bytes, transport: str) -> Verdict:
        """Take a serialized `ExportLogsServiceRequest`."""
        ...


Observe = Callable[[str, str, int, int], None]
"""`observe(transport, code, n_bytes_wire, n_bytes)`, called once for each request, whatever its outcome.

`transport` is `grpc`, `http/protobuf`, `http/json`, or `http` where no supported content type was named.
`code` is the gRPC status name or the HTTP status; 499 is a client that went away. `n_bytes_wire` is what was
read, `n_bytes` its size after decompression (0 when it never came to that).
"""
