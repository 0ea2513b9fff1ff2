"""Kinds of values that point outside: addresses to listen on, and files."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from llm_exporter.settings.reading import UNSET, Reading
from llm_exporter.settings.scalars import ScalarKind, Text
from llm_exporter.settings.source import Node, read_bounded

MAX_REFERENCED_BYTES = 16 << 20


class Address(NamedTuple):
    """Where to listen: a name or an IP address without brackets, and a port; 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]{1,253})):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class ListenAddress(ScalarKind):
    """`host:port`; `off` or empty, which is None, when the listener is `optional`."""

    optional: bool = False

    def describe(self) -> str:
        """Say what is allowed."""
        return "host:port or [IPv6]:port, port 0 to 65535 (0: any free port)" + (
            ', or "" for off' if self.optional else ""
        )

    def parse(self, text: str, plain: bool) -> Address | None:  # noqa: ARG002
        """Return the address."""
        if self.optional and text in {"", "off"}:
            return None
        match = ADDRESS.fullmatch(text)
        if match is None or int(match[3]) > 65535:
            host, _, port = text.rpartition(":")
            nearest = f"[{host}]:{port}" if ":" in host else f"{host or '127.0.0.1'}:{port}"
            raise ValueError(
                f"did you mean {nearest}?" if ADDRESS.fullmatch(nearest) and text != nearest else ""
            )
        return Address(match[1] or match[2], int(match[3]))

    def dump(self, value: object) -> object:
        """Give the address back."""
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class File(ScalarKind):
    """A file that is there and can be read, or "" for none (None); relative to the file that names it.

    Errors never show the value of a `secret`: somebody will put the secret itself where its file belongs.
    """

    secret: bool = False

    def describe(self) -> str:
        """Say what is allowed."""
        return 'path of a readable file, or "" for none'

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:
        """Return the absolute path of the file."""
        name = ScalarKind.read(self, node, path, reading, default)
        if not isinstance(name, str) or not name:
            return None if name == "" else name
        file = reading.directory / name
        try:
            read_bounded(file, MAX_REFERENCED_BYTES)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return reading.problem(
                path, f"{self._shown(node)} is not allowed", self.describe(), f"reading it failed: {reason}"
            )
        return file

    def parse(self, text: str, plain: bool) -> str:
        """Return the path as written."""
        return Text("path", most=4096).parse(text, plain)

    def dump(self, value: object) -> object:
        """Give the path back."""
        return "" if value is None else str(value)
