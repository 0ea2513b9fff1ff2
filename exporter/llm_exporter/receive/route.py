"""What the HTTP receiver serves: a path, and a plain function from request to response."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llm_exporter.receive.status import Code

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


class Request(NamedTuple):
    """A POST whose body has arrived, been authenticated, decompressed and found within the limits."""

    path: str
    media_type: str
    """Lower case, without parameters: one of the route's `media_types`."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Response(NamedTuple):
    """Status, body and headers; `Content-Type` is `media_type`."""

    status: int
    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()


class Route(NamedTuple):
    """One path. `answer` runs in the receiver's worker thread, one request at a time."""

    answer: Callable[[Request], Response]
    media_types: tuple[str, ...] = (JSON,)


class Refused(Exception):  # noqa: N818
    """An answer that is an error: sent as a `google.rpc.Status` in the request's encoding."""

    def __init__(
        self,
        status: int,
        code: Code,
        message: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        self.retry_after_seconds = retry_after_seconds
