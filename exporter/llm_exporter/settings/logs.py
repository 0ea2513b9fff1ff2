"""The `logs` section: which log records count, and under which names an application logs its calls."""

# `key` and `section` make fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from collections.abc import Mapping
from dataclasses import dataclass

from llm_exporter.logs import KEYS
from llm_exporter.settings.compound import Items, Table, key, section
from llm_exporter.settings.scalars import Boolean, Text

KEY = Text("key of A-Z a-z 0-9 _ . : / @ -", r"[A-Za-z0-9_@][A-Za-z0-9_.:/@-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """The line that an application logs for each call."""

    keys: Mapping[str, tuple[str, ...]] = key(
        Table(Items(KEY, 40), "field", tuple(KEYS)),
        "Keys of the line that hold each field; the first that is set wins, a dot leads into a nested object. What "
        "is given for a field takes the place of its list; an empty list turns the field off.",
        dict(KEYS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Calls that arrive as log records."""

    enabled: bool = key(Boolean(), "Whether log records are read; if not, they are all ignored.", True)
    structured: Structured = section(Structured, "The line that an application logs for each call.")

    def keys(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the table of keys as `llm_exporter.logs.translator` takes it."""
        return tuple(self.structured.keys.items())
