"""Kinds of values that are written as one word: what is allowed, in words and in code."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import cast

from llm_exporter.settings.problem import did_you_mean, shown
from llm_exporter.settings.reading import UNSET, Reading
from llm_exporter.settings.source import ListNode, Node, Scalar

BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NUMBER = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,3})?")
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")


class ScalarKind(ABC):
    """A kind written as one word; `parse` raises ValueError, with a hint if there is one, to refuse it."""

    secret = False

    @abstractmethod
    def describe(self) -> str:
        """Say what is allowed."""

    @abstractmethod
    def parse(self, text: str, plain: bool) -> object:
        """Return the value of a text; `plain` when it had no quotes."""

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:  # noqa: ARG002
        """Read a scalar."""
        hint = ""
        if isinstance(node, Scalar):
            try:
                return self.parse(node.text, node.plain)
            except ValueError as error:
                hint = str(error)
        return reading.problem(path, f"{self._shown(node)} is not allowed", self.describe(), hint)

    def dump(self, value: object) -> object:
        """Give the value back as JSON data."""
        return value

    def _shown(self, node: Node) -> str:
        match node:
            case Scalar() if node.is_null:
                return "no value"
            case Scalar() if self.secret:
                return "the value"
            case Scalar():
                return (
                    f"value {node.text if NUMBER.fullmatch(node.text) and node.plain else shown(node.text)}"
                )
            case ListNode():
                return "a list"
            case _:
                return "a mapping"


@dataclass(frozen=True, slots=True)
class Boolean(ScalarKind):
    """true or false; YAML 1.1's yes, no, on and off are words."""

    def describe(self) -> str:
        """Say what is allowed."""
        return "true or false"

    def parse(self, text: str, plain: bool) -> bool:
        """Return the truth value."""
        if not plain or text not in BOOLEAN:
            meant = {
                "yes": "true",
                "on": "true",
                "1": "true",
                "no": "false",
                "off": "false",
                "0": "false",
            }.get(text.lower())
            raise ValueError(f"did you mean {meant}?" if meant else "")
        return BOOLEAN[text]


@dataclass(frozen=True, slots=True)
class Integer(ScalarKind):
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def describe(self) -> str:
        """Say what is allowed."""
        return f"integer, {self.least} to {self.most}"

    def parse(self, text: str, plain: bool) -> int:
        """Return the number."""
        if not plain or not INTEGER.fullmatch(text):
            raise ValueError("write it without quotes" if INTEGER.fullmatch(text) else "")
        if not self.least <= int(text) <= self.most:
            raise ValueError
        return int(text)


@dataclass(frozen=True, slots=True)
class Number(ScalarKind):
    """A number from `least` to `most`, or strictly between them when `between`."""

    least: float
    most: float
    between: bool = False

    def describe(self) -> str:
        """Say what is allowed."""
        if self.between:
            return f"number, more than {self.least:g} and less than {self.most:g}"
        return f"number, {self.least:.15g} to {self.most:.15g}"

    def parse(self, text: str, plain: bool) -> float:
        """Return the number."""
        if not plain or not NUMBER.fullmatch(text):
            raise ValueError("write it without quotes" if NUMBER.fullmatch(text) else "")
        number = float(text)
        if not self.least <= number <= self.most or (self.between and number in {self.least, self.most}):
            raise ValueError
        return number

    def dump(self, value: object) -> object:
        """Give a whole number back without its `.0`."""
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


@dataclass(frozen=True, slots=True)
class DecimalNumber(ScalarKind):
    """A number from `least` to `most`, kept as exactly as it is written."""

    least: int
    most: int

    def describe(self) -> str:
        """Say what is allowed."""
        return f"decimal number, {self.least} to {self.most}"

    def parse(self, text: str, plain: bool) -> Decimal:  # noqa: ARG002
        """Return the number; quotes make no difference to a decimal."""
        if not NUMBER.fullmatch(text) or not self.least <= Decimal(text) <= self.most:
            raise ValueError
        return Decimal(text)

    def dump(self, value: object) -> object:
        """Give the number back as text."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Day(ScalarKind):
    """A day in UTC."""

    def describe(self) -> str:
        """Say what is allowed."""
        return "date, such as 2026-01-31"

    def parse(self, text: str, plain: bool) -> date:  # noqa: ARG002
        """Return the date."""
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("there is no such day") from None

    def dump(self, value: object) -> object:
        """Give the date back."""
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Instant(ScalarKind):
    """A point in time; a day without a time of day is its beginning in UTC."""

    def describe(self) -> str:
        """Say what is allowed."""
        return "date and time with a time zone, such as 2026-01-31T09:00:00Z, or a date"

    def parse(self, text: str, plain: bool) -> datetime:
        """Return the point in time."""
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return datetime.combine(Day().parse(text, plain), time(), UTC)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("say the time zone, Z for UTC")
        return found.astimezone(UTC)

    def dump(self, value: object) -> object:
        """Give the point in time back."""
        return None if value is None else cast("datetime", value).isoformat()


@dataclass(frozen=True, slots=True)
class Text(ScalarKind):
    """A text of at most `most` characters that matches `pattern` as a whole; `meaning` says so in words."""

    meaning: str
    pattern: str = r"[^\x00-\x1f\x7f]*"
    most: int = 128

    def describe(self) -> str:
        """Say what is allowed."""
        return f"{self.meaning}, up to {self.most} characters"

    def parse(self, text: str, plain: bool) -> str:
        """Return the text; a plain number, truth value or null is not one."""
        if plain and (NUMBER.fullmatch(text) or text in BOOLEAN or Scalar(0, text, plain).is_null):
            raise ValueError("put it in quotes")
        if len(text) > self.most or not re.fullmatch(self.pattern, text):
            raise ValueError
        return text


@dataclass(frozen=True, slots=True)
class Choice(ScalarKind):
    """One of a few words."""

    words: tuple[str, ...]

    def describe(self) -> str:
        """Say what is allowed."""
        return ", ".join(self.words[:-1]) + " or " + self.words[-1]

    def parse(self, text: str, plain: bool) -> str:  # noqa: ARG002
        """Return the word."""
        if text not in self.words:
            raise ValueError(did_you_mean(text, self.words))
        return text


@dataclass(frozen=True, slots=True)
class Pattern(ScalarKind):
    """A regular expression of Python's `re`, kept as text; the whole name has to match."""

    most: int = 256

    def describe(self) -> str:
        """Say what is allowed."""
        return f"regular expression, 1 to {self.most} characters"

    def parse(self, text: str, plain: bool) -> str:  # noqa: ARG002
        """Return the expression."""
        if not 0 < len(text) <= self.most:
            raise ValueError
        try:
            re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"it does not compile: {error}") from None
        return text
