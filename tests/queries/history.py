"""A past for Prometheus: what an exporter showed minute by minute, written into the blocks of a real server."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.processes import Prometheus, prometheus_over

MINUTE = 60
BEGINS = 1_780_000_000 // 300 * 300
"""Unix seconds of the first scrape: the beginning of five minutes."""
_SAMPLE = re.compile(r"^(llm_[a-z_0-9]+(?:\{.*?\})?) (\S+)", re.MULTILINE)
SERIES = re.compile(r"llm_(prompt|evaluation|feedback|tasks|conversation)")


class History:
    """The samples of one target, scrape by scrape."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def scraped(self, exposition: str, minute: int) -> None:
        """Take what the target shows at a minute of the history."""
        at = BEGINS + minute * MINUTE
        self._lines += [
            f"{series} {value} {at}\n"
            for series, value in _SAMPLE.findall(exposition)
            if SERIES.match(series)
        ]

    def write(self, promtool: Path, directory: Path) -> None:
        """Write the blocks of a server's data directory."""
        source = directory / "history.txt"
        source.write_text("".join(self._lines) + "# EOF\n")
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", source, directory / "data"],
            check=True,
            capture_output=True,
            timeout=120,
        )


@dataclass(frozen=True)
class Past:
    """A server that knows a history, asked at its end."""

    server: Prometheus
    minute: int

    def ask(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return what an instant query at the last minute finds, by the labels that are set."""
        at = str(BEGINS + self.minute * MINUTE)
        found: list[Any] = self.server.api("query", query=expression, time=at)["result"]
        return {
            frozenset((name, value) for name, value in one["metric"].items() if value): float(one["value"][1])
            for one in found
        }


@contextmanager
def remembering(
    history: History, prometheus: Path, promtool: Path, directory: Path, minute: int
) -> Iterator[Past]:
    """Run a server over a history; it scrapes nothing."""
    history.write(promtool, directory)
    with prometheus_over(prometheus, directory) as server:
        yield Past(server, minute)
