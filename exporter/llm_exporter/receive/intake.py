"""The one door that every transport goes through: bounds on what is in flight, and turns at the sink."""

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.sink import Malformed, Overloaded, Sink, Verdict

logger = logging.getLogger(__name__)

Signal = Literal["traces", "logs"]


class Failed(Exception):  # noqa: N818
    """A defect met while working on a request: HTTP 500, INTERNAL; clients must not retry."""


class Intake:
    """Admits requests while there is room for them and passes them to the sink one at a time.

    One `Intake` is shared by all transports of a process, so its bounds hold for their sum.
    """

    def __init__(self, sink: Sink, limits: ReceiveLimits) -> None:
        self.limits = limits
        self._sink = sink
        self.turn = threading.RLock()
        """Held while a request is inflated, transcoded or in the sink: all that multiplies its size."""
        self._room = threading.Condition()
        self._requests = 0
        self._bytes = 0
        self._closed = False

    @contextmanager
    def admit(self) -> Iterator["Admission"]:
        """Hold a place for one request; raises `Overloaded` when all are taken or the intake was closed."""
        with self._room:
            if self._closed:
                raise self._overloaded("the exporter is shutting down")
            if self._requests >= self.limits.max_concurrent_requests:
                raise self._overloaded(f"{self._requests} requests are in flight, as many as are allowed")
            self._requests += 1
        admission = Admission(self)
        try:
            yield admission
        finally:
            with self._room:
                self._requests -= 1
                self._bytes -= admission.n_bytes
                self._room.notify_all()

    def export(self, signal: Signal, request: bytes, transport: str) -> Verdict:
        """Give `request` to the sink when it is its turn.

        Raises what the sink may raise, and `Failed` for anything else.
        """
        with self.turn:
            try:
                take = self._sink.traces if signal == "traces" else self._sink.logs
                return take(request, transport)
            except (Malformed, Overloaded):
                raise
            except Exception as error:
                raise failed(error) from None

    def close(self) -> None:
        """Turn away new requests from now on; those admitted already are finished."""
        with self._room:
            self._closed = True

    def _hold(self, n_bytes: int, patience_seconds: float) -> None:
        with self._room:
            fits = self._room.wait_for(
                lambda: self._bytes + n_bytes <= self.limits.max_inflight_bytes, patience_seconds
            )
            if not fits:
                raise self._overloaded(f"{self._bytes} bytes of requests are in flight, close to the limit")
            self._bytes += n_bytes

    def _give_back(self, n_bytes: int) -> None:
        with self._room:
            self._bytes -= n_bytes
            self._room.notify_all()

    def _overloaded(self, reason: str) -> Overloaded:
        return Overloaded(f"{reason}; retry later", self.limits.retry_after_seconds)


def failed(error: Exception) -> Failed:
    """Log a defect met while working on a request, and return what to raise in its place."""
    # An exception's text can quote prompts; its type and the lines it passed cannot.
    lines = "".join(traceback.format_tb(error.__traceback__))
    logger.error("a request could not be processed: %s\n%s", type(error).__name__, lines)
    return Failed(f"the exporter failed on this request ({type(error).__name__}); its log says where")


class Admission:
    """The place of one request, and the bytes held for it."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.n_bytes = 0

    def hold(self, n_bytes: int, patience_seconds: float = 0.0) -> None:
        """Account for `n_bytes` more; raises `Overloaded` when there is no room within `patience_seconds`."""
        self._intake._hold(n_bytes, patience_seconds)
        self.n_bytes += n_bytes

    def give_back(self, n_bytes: int) -> None:
        """Account for `n_bytes` less; what is still held is given back when the request ends."""
        self._intake._give_back(n_bytes)
        self.n_bytes -= n_bytes
