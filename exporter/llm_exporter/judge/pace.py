"""When the judge may ask again: so many requests a minute, pauses that the server asks for, and none while it fails.

Times are those of the running event loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

_log = logging.getLogger("llm_exporter.judge")

ERRORS_IN_A_ROW: Final = 5
REST_SECONDS: Final = 60.0
LONGEST_PAUSE_SECONDS: Final = 600.0


class Pace:
    """Holds requests back. For one event loop."""

    def __init__(self, requests_per_minute: float) -> None:
        self._interval = 60.0 / requests_per_minute
        self._next = 0.0
        self._rests_until = 0.0
        self._errors = 0

    @property
    def rests(self) -> bool:
        """Whether nothing is asked now."""
        return self._rests_until > asyncio.get_running_loop().time()

    async def ready(self) -> None:
        """Wait until the judge rests no more."""
        loop = asyncio.get_running_loop()
        while (wait := self._rests_until - loop.time()) > 0:
            await asyncio.sleep(wait)

    async def turn(self) -> None:
        """Wait for the turn of one request."""
        loop = asyncio.get_running_loop()
        while True:
            await self.ready()
            now = loop.time()
            if self._next <= now:
                self._next = now + self._interval
                return
            await asyncio.sleep(self._next - now)

    def pause(self, seconds: float) -> None:
        """Ask nothing for so long, as the server wants it."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE_SECONDS)
        self._rests_until = max(self._rests_until, until)

    def succeeded(self) -> None:
        """Note that the server answers."""
        self._errors = 0

    def failed(self) -> None:
        """Note that it did not; after several times in a row it is left alone for a while, and then tried again."""
        self._errors += 1
        if self._errors >= ERRORS_IN_A_ROW:
            if not self.rests:
                _log.warning(
                    "%d requests of the judge in a row failed: the next is sent in %d s",
                    self._errors,
                    REST_SECONDS,
                )
            self.pause(REST_SECONDS)
