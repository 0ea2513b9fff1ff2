"""What an operator can say about prices: aliases, own prices, discounts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

NO_ALIASES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """Names that mean a model the price table knows: Azure deployments, Bedrock application profiles.

    Raises:
        ValueError: `match` is no regular expression, or `model` is empty.
    """

    match: str
    """Regular expression for the whole name as the span gives it, capitals ignored."""
    model: str
    provider: str = ""
    """Semantic-conventions name of the provider whose price holds; empty: the span's own."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.match)
        except re.error as error:
            raise ValueError(f"match: {self.match!r} is not a regular expression: {error}") from None
        if not self.model:
            raise ValueError(
                "model: '' is not allowed: give the name that the price table or an own price has"
            )


@dataclass(frozen=True, slots=True)
class DatedPrices:
    """Prices in USD for a million tokens, from the start of a UTC day on.

    A price that is None falls back as providers bill it: cached input and audio cost `input`, one-hour cache
    writes cost `input_cache_write`, reasoning and spoken output cost `output`.

    Raises:
        ValueError: a price is no Decimal from 0 to `MAX_PRICE`, or the one for an hour lacks its general one.
    """

    input: Decimal
    output: Decimal = Decimal(0)
    input_cache_read: Decimal | None = None
    input_cache_write: Decimal | None = None
    input_cache_write_1h: Decimal | None = None
    output_reasoning: Decimal | None = None
    request: Decimal = Decimal(0)
    """USD for each request."""
    from_date: date | None = None
    """None: always, until a later entry starts."""
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None

    def __post_init__(self) -> None:
        for key in PRICE_KEYS:
            price = getattr(self, key)
            if not _is_decimal(price, MAX_PRICE) and (price is not None or key in _REQUIRED_KEYS):
                shown = str(price) if isinstance(price, Decimal) else repr(price)
                raise ValueError(
                    f"{key}: {shown} is not allowed: give a decimal number of USD from 0 to {MAX_PRICE}"
                )
        if self.input_cache_write_1h is not None and self.input_cache_write is None:
            raise ValueError("input_cache_write_1h: needs input_cache_write beside it")


PRICE_KEYS = (
    "input",
    "input_audio",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
    "output",
    "output_audio",
    "output_reasoning",
    "request",
)
_REQUIRED_KEYS = ("input", "output", "request")
MAX_PRICE = Decimal(1_000_000)
"""USD for a million tokens, or for a request."""
MAX_MULTIPLIER = Decimal(10)


def _is_decimal(value: object, highest: Decimal) -> bool:
    # A float has lost digits before it gets here: 0.1 + 0.2 is not 0.3, and money has to be.
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value <= highest


@dataclass(frozen=True, slots=True)
class PricedModel:
    """A model with the operator's own prices; they come before those of the price table.

    Raises:
        ValueError: the name is empty, there is no price, two prices start on the same day, or the window is
        no count.
    """

    model: str
    """Name as spans have it or as in the `model` label, capitals ignored; `*` stands for any text."""
    prices: tuple[DatedPrices, ...]
    """In any order; the last one that has started holds, before all of them the earliest."""
    provider: str = ""
    """Semantic-conventions name of the provider, or the one a self-hosted server reports; empty: any."""
    context_window: int | None = None
    """Tokens."""

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model: '' is not allowed: give a model name, * stands for any text")
        if not self.prices:
            raise ValueError(
                "prices: an empty list is not allowed: give at least one entry with a price for input"
            )
        starts = [prices.from_date for prices in self.prices]
        if len(set(starts)) < len(starts):
            raise ValueError("prices: two entries start on the same day: give each its own `from` date")
        if self.context_window is not None and self.context_window <= 0:
            raise ValueError(
                f"context_window: {self.context_window} is not allowed: give a number of tokens above 0"
            )


@dataclass(frozen=True, slots=True)
class Discount:
    """A factor on the whole price of matching calls; of several that match, the first holds.

    Raises:
        ValueError: the multiplier is not a Decimal from 0 to 10, or the dates are in the wrong order.
    """

    multiplier: Decimal
    """0.85 is 15 % off; above 1 is a surcharge."""
    provider: str = "*"
    """Semantic-conventions name; here and below `*` stands for any text, capitals are ignored."""
    model: str = "*"
    """Name as in the `model` label."""
    service: str = "*"
    from_date: date | None = None
    """First UTC day."""
    until_date: date | None = None
    """First UTC day on which it holds no more."""
    service_tier: str = "*"
    """Tier that the response names: priority, flex, batch …"""

    def __post_init__(self) -> None:
        if not _is_decimal(self.multiplier, MAX_MULTIPLIER):
            raise ValueError(
                f"multiplier: {self.multiplier!r} is not allowed: give a decimal number"
                f" from 0 to {MAX_MULTIPLIER}, 0.85 is 15 % off"
            )
        if self.from_date is not None and self.until_date is not None and self.from_date >= self.until_date:
            raise ValueError(
                f"until: {self.until_date} is not allowed: give a day after `from`, {self.from_date}"
            )


@dataclass(frozen=True, slots=True)
class PricingConfig:
    """Everything an operator says about prices. The default says nothing: the price table alone holds."""

    model_aliases: tuple[ModelAlias, ...] = ()
    """Tried in order; the first match holds."""
    provider_aliases: Mapping[str, str] = field(default_factory=lambda: NO_ALIASES)
    """Provider names that spans carry, to the semantic-conventions names that they stand for."""
    overrides: tuple[PricedModel, ...] = ()
    """Tried in order; the first match holds."""
    discounts: tuple[Discount, ...] = ()
