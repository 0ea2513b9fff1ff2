"""The prices file: an operator's own prices, read from YAML.

models:
  - model: llama-3.1-8b*           # * stands for any text
    provider: vllm                 # optional: only at this provider
    context_window: 131072         # tokens, optional
    prices:                        # USD for a million tokens; request: USD for each request
      - input: 0.05
        output: 0.08               # also input_audio, input_cache_read, input_cache_write,
                                   # input_cache_write_1h, output_audio, output_reasoning
      - from: 2026-06-01           # a UTC day
        input: 0.04
        output: 0.06
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .config import MAX_PRICE, PRICE_KEYS, DatedPrices, PricedModel

if TYPE_CHECKING:
    from collections.abc import Hashable

MAX_FILE_BYTES = 1 << 20
MAX_MODELS = 10_000
MAX_PRICES = 1_000
"""Dated entries of one model."""
MAX_TEXT = 256

_MODEL_KEYS = ("model", "provider", "context_window", "prices")
_DATED_KEYS = ("from", *PRICE_KEYS)


class PricesFileError(ValueError):
    """A prices file that cannot be used: which file, entry, key and value it is, and what is allowed."""


def load_overrides(path: str | Path) -> tuple[PricedModel, ...]:
    """The priced models of a prices file, in its order.

    Raises:
        OSError: the file cannot be read.
        PricesFileError: it is no prices file; its first fault is told.
    """
    path = Path(path)
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    try:
        return _models(_parsed(raw))
    except ValueError as error:
        raise PricesFileError(f"{path}: {error}") from None


class _TextLoader(yaml.BaseLoader):
    """Leaves every scalar the text that it is: a price that became a float would have lost digits."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # Nested aliases make a small file describe an enormous one.
            raise ValueError("YAML aliases (*name) are not allowed: write out what they stand for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refused(f"line {key.start_mark.line + 1}", key.value, "give each key once")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _parsed(raw: bytes) -> object:
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"the file is too large: at most {MAX_FILE_BYTES} bytes are allowed")
    try:
        return yaml.load(raw, Loader=_TextLoader)  # noqa: S506 - it builds only texts, lists and mappings
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("not valid YAML: it is nested too deeply") from None


def _models(document: object) -> tuple[PricedModel, ...]:
    entries = _mapping(document, "the file", ("models",)).get("models")
    return tuple(_model(entry, where) for where, entry in _items(entries, "models", MAX_MODELS))


def _model(entry: object, where: str) -> PricedModel:
    fields = _mapping(entry, where, _MODEL_KEYS)
    name = _text(fields.get("model"), f"{where}.model")
    provider = _text(fields.get("provider", ""), f"{where}.provider")
    window = (
        _tokens(fields["context_window"], f"{where}.context_window") if "context_window" in fields else None
    )
    items = _items(fields.get("prices"), f"{where}.prices", MAX_PRICES)
    prices = tuple(_dated(item, item_where) for item_where, item in items)
    try:
        return PricedModel(model=name, provider=provider, prices=prices, context_window=window)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None


def _dated(entry: object, where: str) -> DatedPrices:
    fields = _mapping(entry, where, _DATED_KEYS)
    start = _day(fields["from"], f"{where}.from") if "from" in fields else None
    prices = {key: _price(fields[key], f"{where}.{key}") for key in PRICE_KEYS if key in fields}
    if "input" not in prices:
        raise ValueError(
            f"{where}.input: it is missing: the other prices need the one for uncached input beside them"
        )
    try:
        return DatedPrices(from_date=start, **prices)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None


def _price(value: object, where: str) -> Decimal:
    try:
        return Decimal(_text(value, where))
    except InvalidOperation:
        raise _refused(where, value, f"give a decimal number of USD from 0 to {MAX_PRICE}") from None


def _day(value: object, where: str) -> date:
    try:
        return date.fromisoformat(_text(value, where))
    except ValueError:
        raise _refused(where, value, "give a day such as 2026-06-01") from None


def _tokens(value: object, where: str) -> int:
    text = _text(value, where)
    if not (text.isascii() and text.isdigit()):
        raise _refused(where, value, "give a number of tokens above 0")
    return int(text)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _refused(where, value, f"give a text of at most {MAX_TEXT} characters")
    return value


def _items(value: object, where: str, most: int) -> list[tuple[str, object]]:
    if not isinstance(value, list) or len(value) > most:
        raise _refused(where, value, f"give a list of at most {most} entries")
    return [(f"{where}[{index}]", item) for index, item in enumerate(value)]


def _mapping(value: object, where: str, allowed: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _refused(where, value, f"give a mapping with the keys {', '.join(allowed)}")
    for key in value:
        if key not in allowed:
            near = get_close_matches(str(key)[:MAX_TEXT], allowed, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise _refused(where, key, f"the keys are {', '.join(allowed)}{meant}")
    return value


def _refused(where: str, value: object, allowed: str) -> ValueError:
    shown = repr(value)
    if len(shown) > 80:
        shown = f"{shown[:77]}..."
    return ValueError(f"{where}: {shown} is not allowed: {allowed}")
