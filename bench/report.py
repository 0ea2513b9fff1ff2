"""What a run found: tables for people, the same as JSON, and figures held against their targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column headings; numbers get three significant digits or thousands' separators."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    note: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the table as aligned Markdown, so that it can be pasted."""
        cells = [self.columns, *[tuple(map(_written, row)) for row in self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numeric = [all(not isinstance(row[i], str) for row in self.rows) for i in range(len(self.columns))]
        yield f"### {self.title}"
        yield ""
        for place, row in enumerate(cells):
            padded = (
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, numeric, strict=True)
            )
            yield "| " + " | ".join(padded) + " |"
            if place == 0:
                rules = (
                    "-" * (width - 1) + (":" if right else "-")
                    for width, right in zip(widths, numeric, strict=True)
                )
                yield "| " + " | ".join(rules) + " |"
        if self.note:
            yield ""
            yield self.note


@dataclass(frozen=True, slots=True)
class Check:
    """A figure and what it must reach."""

    name: str
    value: float
    target: float
    at_most: bool = True

    @property
    def ok(self) -> bool:
        """Whether the target is reached."""
        return self.value <= self.target if self.at_most else self.value >= self.target

    def row(self) -> tuple[Value, ...]:
        """Return the check as a row: name, value, target, verdict."""
        return (
            self.name,
            self.value,
            f"{'≤' if self.at_most else '≥'} {self.target:g}",
            "ok" if self.ok else "MISS",
        )


@dataclass(slots=True)
class Report:
    """Everything a run found, in order."""

    machine: dict[str, Value] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def add(self, tables: Sequence[Table], checks: Sequence[Check] = ()) -> None:
        """Take up and print a section's tables; its checks are kept for the end."""
        self.tables += tables
        self.checks += checks
        for table in tables:
            print(*table.lines(), "", sep="\n", flush=True)

    def print_checks(self) -> None:
        """Print every figure beside its target."""
        rows = [check.row() for check in self.checks]
        print(*Table("Targets", ("figure", "value", "target", ""), rows).lines(), sep="\n")

    def as_json(self) -> dict[str, object]:
        """Return the report as what `json.dumps` takes."""
        checks = [asdict(check) | {"ok": check.ok} for check in self.checks]
        return {"machine": self.machine, "tables": [asdict(table) for table in self.tables], "checks": checks}


def _written(value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
