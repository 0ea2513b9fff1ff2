"""Results on their way to the exporter: a bounded queue, and OTLP over HTTP with retries."""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from llm_exporter.judge.results import Result, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("llm_exporter.judge")

BATCH: Final = 100
MAX_WAITING: Final = 10_000
TIMEOUT_SECONDS: Final = 10.0
LONGEST_BACKOFF_SECONDS: Final = 60.0
_HOPELESS: Final = frozenset({400, 404, 405, 413, 415})
"""Statuses with which the same request will always be answered; for 401 somebody may yet set the token."""

Post = "Callable[[bytes], int]"


class Sender:
    """Sends results in their order. For one event loop.

    Args:
        post: Sends an encoded request and returns the HTTP status; runs in a thread, may raise OSError.
        lost: Is told of each result that is given up.
        with_explanations: Whether the judge's reasons go along.
    """

    def __init__(
        self, post: Callable[[bytes], int], lost: Callable[[Result], None], *, with_explanations: bool
    ) -> None:
        self._post = post
        self._lost = lost
        self._with_explanations = with_explanations
        self._waiting: deque[Result] = deque()
        self._news = asyncio.Event()

    def add(self, result: Result) -> None:
        """Send a result as soon as may be; when too many wait, the oldest is given up."""
        if len(self._waiting) >= MAX_WAITING:
            self._lost(self._waiting.popleft())
        self._waiting.append(result)
        self._news.set()

    @property
    def waiting(self) -> int:
        """How many results have not been sent."""
        return len(self._waiting)

    async def run(self) -> None:
        """Send what comes, for ever."""
        backoff = 1.0
        while True:
            await self._news.wait()
            if await self.send_some():
                backoff = 1.0
            else:
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, LONGEST_BACKOFF_SECONDS)

    async def send_some(self) -> bool:
        """Send one batch; return whether it is done with."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        if not self._waiting:
            self._news.clear()
        if not batch:
            return True
        body = encoded(batch, with_explanations=self._with_explanations)
        said: object
        try:
            status = said = await asyncio.get_running_loop().run_in_executor(None, self._post, body)
        except (OSError, http.client.HTTPException) as error:
            status, said = 0, type(error).__name__
        if status == 200:
            return True
        _log.warning("sending %d results to the exporter failed: %s", len(batch), said)
        if status in _HOPELESS:
            for result in batch:
                self._lost(result)
            return True
        room = MAX_WAITING - len(self._waiting)
        for result in batch[: max(len(batch) - room, 0)]:
            self._lost(result)
        self._waiting.extendleft(reversed(batch[max(len(batch) - room, 0) :]))
        self._news.set()
        return False


class HttpPost:
    """Posts encoded requests to an exporter's /v1/logs."""

    def __init__(self, url: str, token: str) -> None:
        self._to = urlsplit(url)
        self._headers = {"Content-Type": "application/x-protobuf"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def __call__(self, body: bytes) -> int:
        """Return the status of the answer. Raises OSError or HTTPException when there is none."""
        kind = http.client.HTTPSConnection if self._to.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._to.hostname or "", self._to.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self._to.path.rstrip("/") + "/v1/logs", body, self._headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
