"""uvicorn's HTTP/1.1 protocol with the bounds it lacks: connections, size of a head, time for a head."""

from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_exporter.receive.limits import ReceiveLimits


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers what never becomes a request (not HTTP, a head too large or too slow), and reports the status.

    uvicorn's own arguments come by keyword from uvicorn.
    """

    def __init__(
        self, limits: ReceiveLimits, observe_rejected: Callable[[str], None], **uvicorn_arguments: Any
    ) -> None:
        super().__init__(**uvicorn_arguments)
        self.limits = limits
        self.observe_rejected = observe_rejected
        self._timer: TimerHandle | None = None
        self._in_head = True
        # Bytes since the last step forward: a complete head, some body, a complete message.
        self._n_bytes_idle = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Refuse one connection too many."""
        if len(self.connections) >= self.limits.max_connections:
            self.transport = transport  # type: ignore[assignment]
            self.transport.abort()
            return
        super().connection_made(transport)  # type: ignore[arg-type]
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; too many without a step forward end the connection."""
        if self._timer is None and (self._in_head or self.cycle.response_complete):
            self._start_timer()
        self._n_bytes_idle += len(data)
        super().data_received(data)
        if self._n_bytes_idle > self.limits.max_head_bytes and not self.transport.is_closing():
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Begin a body."""
        self._step_forward(in_head=False)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count body bytes as a step forward."""
        self._n_bytes_idle = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._step_forward(in_head=True)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._observe("400")
        super().send_400_response(msg)

    def _step_forward(self, *, in_head: bool) -> None:
        self._stop_timer()
        self._in_head = in_head
        self._n_bytes_idle = 0

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.limits.read_timeout_seconds, self._time_is_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        if self._in_head and self._n_bytes_idle:
            self._reject(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _reject(self, status: HTTPStatus) -> None:
        self._observe(str(status.value))
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()

    def _observe(self, status: str) -> None:
        # Once its head is complete, the application counts it. Before the first request there is no cycle.
        if getattr(self.cycle, "response_complete", True):
            self.observe_rejected(status)
