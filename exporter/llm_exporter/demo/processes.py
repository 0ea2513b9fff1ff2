"""Child processes of the demo: started with a log, waited for, and always ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

STOP_SECONDS: Final = 10.0
"""How long a child may take to end after SIGTERM."""


class StartError(Exception):
    """A server of the demo ended or did not get ready in time; the message holds the end of its log."""


class Process:
    """A child process, ended when the context is left.

    It has a session of its own, so that Ctrl-C reaches the demo alone, which then ends its children in order.
    """

    def __init__(
        self, name: str, command: list[str], directory: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - programs of ours, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
            )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL when that does not help."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_SECONDS)
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    def output(self, last: int = 4000) -> str:
        """The last characters of its log."""
        return self.log.read_text(errors="replace")[-last:]

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return when `ready()` holds; StartError when the process ends or the time is up before."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise StartError(f"{self.name} ended with code {self.exit_code}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {seconds:g} s:\n{self.output()}")
            time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a GET gets a 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - a URL of ours, http
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def port_or_free(wanted: int) -> int:
    """`wanted` when it is free on 127.0.0.1, else a port that is."""
    for port in (wanted, 0):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    raise StartError("there is no free port on 127.0.0.1")
