"""The prices file: an operator's own prices, read from YAML.

models:
  - model: llama-3.1-8b*           # * stands for any text
    provider: vllm                 # optional: only at this provider
    context_window: 131072         # tokens, optional
    prices:                        # USD for a million tokens, in quotes
      - input: "0.05"
        output: "0.08"
      - from: 2026-06-01           # a UTC day
        input: "0.04"
        output: "0.06"
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path

import yaml

from .config import PRICE_KEYS, DatedPrices, PricedModel

MAX_FILE_BYTES = 1 << 20
MAX_MODELS = 10_000
MAX_TEXT = 256

_MODEL_KEYS = ("model", "provider", "context_window", "prices")
_PRICE_ENTRY_KEYS = ("from", *PRICE_KEYS)


class PricesFileError(ValueError):
    """A prices file that cannot be used; the text names the file, the entry, the key, the value and what is
    allowed."""


def load_overrides(path: str | Path) -> tuple[PricedModel, ...]:
    """The priced models of a prices file.

    Raises:
        OSError: the file cannot be read.
        PricesFileError: it is no prices file; the first fault is told.
    """
    path = Path(path)
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    try:
        return _models(_parsed(raw))
    except ValueError as error:
        raise PricesFileError(f"{path}: {error}") from None


def _parsed(raw: bytes) -> object:
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(
            f"the file is larger than the {MAX_FILE_BYTES} bytes allowed: split off what is not prices"
        )
    try:
        for event in yaml.parse(raw, Loader=yaml.SafeLoader):
            # Aliases make a small file describe an enormous one, and prices need none.
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(
                    f"line {event.start_mark.line + 1}: YAML aliases (*name) are not allowed: write it out"
                )
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("not valid YAML: it is nested too deeply") from None


def _models(document: object) -> tuple[PricedModel, ...]:
    entries = _mapping(document, "the file", ("models",)).get("models")
    if not isinstance(entries, list) or len(entries) > MAX_MODELS:
        raise ValueError(
            f"models: {_shown(entries)} is not allowed: give a list of at most {MAX_MODELS} models"
        )
    return tuple(_model(entry, f"models[{index}]") for index, entry in enumerate(entries))


def _model(entry: object, where: str) -> PricedModel:
    fields = _mapping(entry, where, _MODEL_KEYS)
    prices = fields.get("prices")
    if not isinstance(prices, list):
        raise ValueError(f"{where}.prices: {_shown(prices)} is not allowed: give a list of prices")
    window = fields.get("context_window")
    if window is not None and (not isinstance(window, int) or isinstance(window, bool)):
        raise ValueError(
            f"{where}.context_window: {_shown(window)} is not allowed: give a number of tokens above 0"
        )
    dated = tuple(_dated(item, f"{where}.prices[{index}]") for index, item in enumerate(prices))
    try:
        return PricedModel(
            model=_text(fields.get("model"), f"{where}.model"),
            provider=_text(fields.get("provider", ""), f"{where}.provider"),
            prices=dated,
            context_window=window,
        )
    except ValueError as error:
        raise _at(where, error) from None


def _dated(entry: object, where: str) -> DatedPrices:
    fields = _mapping(entry, where, _PRICE_ENTRY_KEYS)
    start = fields.get("from")
    if start is not None and (not isinstance(start, date) or isinstance(start, datetime)):
        raise ValueError(f"{where}.from: {_shown(start)} is not allowed: give a day such as 2026-06-01")
    money = {key: _money(fields[key], f"{where}.{key}") for key in PRICE_KEYS if key in fields}
    if "input" not in money:
        raise ValueError(
            f"{where}.input: it is missing: every other price needs the one for uncached input beside it"
        )
    try:
        return DatedPrices(from_date=start, **money)
    except ValueError as error:
        raise _at(where, error) from None


def _money(value: object, where: str) -> Decimal:
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        try:
            return Decimal(value)
        except InvalidOperation:
            pass
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(
        f'{where}: {_shown(value)} is not allowed: give USD as a decimal number in quotes, such as "0.05",'
        " which loses no digit"
    )


def _mapping(value: object, where: str, allowed: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {_shown(value)} is not allowed: give a mapping with {', '.join(allowed)}")
    for key in value:
        if key not in allowed:
            near = get_close_matches(str(key)[:MAX_TEXT], allowed, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{where}: the key {_shown(key)} is not allowed: allowed are {', '.join(allowed)}{meant}"
            )
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(
            f"{where}: {_shown(value)} is not allowed: give a text of at most {MAX_TEXT} characters"
        )
    return value


def _at(where: str, error: ValueError) -> ValueError:
    return ValueError(f"{where}.{error}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
