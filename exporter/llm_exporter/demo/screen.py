"""The demo's display: a live table in a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from llm_exporter.demo.live import HEADINGS, total

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.live import Live

    from llm_exporter.demo.live import Row

LINE_SECONDS: Final = 5.0
"""How often a plain line is printed where there is no terminal."""


class Screen:
    """Shows rows while the context is open, and all of them once more as plain text at its end."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._rows: Mapping[str, Row] = {}
        self._started = self._line_due = time.monotonic()

    def __enter__(self) -> Screen:
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        elif self._rows:
            print(plain_table(self._rows), flush=True)

    def show(self, rows: Mapping[str, Row]) -> None:
        """Show the newest state."""
        self._rows = rows
        if self._live:
            from rich.table import Table

            table = Table(*HEADINGS, title="from the exporter's /metrics")
            for column in table.columns[1:]:
                column.justify = "right"
            for model, row in rows.items():
                table.add_row(*row.cells(model))
            table.add_section()
            table.add_row(*total(rows).cells("total"))
            self._live.update(table)
        elif time.monotonic() >= self._line_due:
            self._line_due += LINE_SECONDS
            cells = dict(zip(HEADINGS, total(rows).cells("total"), strict=True))
            seconds = time.monotonic() - self._started
            print(
                f"{seconds:4.0f} s  requests {cells['requests']}  errors {cells['errors']}"
                f"  p95 {cells['p95 s'] or '-'} s  cost {cells['cost USD']} USD",
                flush=True,
            )


def plain_table(rows: Mapping[str, Row]) -> str:
    """The rows with their total as aligned text."""
    lines = [HEADINGS, *(row.cells(model) for model, row in rows.items()), total(rows).cells("total")]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )
