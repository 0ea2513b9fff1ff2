"""The price of a call: from the names and the start time on its span to rates that hold for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from . import names, table
from .rates import PICO, Rates, TokenPrices, rates

if TYPE_CHECKING:
    from .config import DatedPrices, Discount, PricedModel, PricingConfig

NAME_LENGTH = 256
"""Characters of a name that count: the rest is cut before any matching."""
CACHE_SIZE = 4096
"""Combinations of names remembered, whether priced or not."""
FOREVER_NS = 1 << 64
"""No OTLP timestamp, a fixed64, reaches this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quote:
    """What the calls of one model cost, as long as they start within its time of validity."""

    provider: str
    """Provider id in the price table, or the provider of an own price; "" when neither matched."""
    model: str
    """Canonical name for the `model` label: of the price table or the own price, else the cleaned name."""
    context_window: int | None
    """Tokens, None when the table does not know."""
    rates: Rates | None
    """None: unpriced, which is not free."""
    unpriced_reason: str
    """unknown_model, unknown_provider, no_token_price or no_model; "" when priced."""
    valid_from_ns: int
    """Unix nanoseconds of the earliest call start that this holds for."""
    valid_until_ns: int
    """Unix nanoseconds of the first call start that this holds for no more."""


class PriceBook:
    """The bundled price table under an operator's aliases, own prices and discounts.

    Safe to use from several threads. Never touches the network.
    """

    data_timestamp_seconds: float
    """Unix seconds at or before which the price data was made: see `table.data_timestamp`."""

    def __init__(self, config: PricingConfig) -> None:
        self.data_timestamp_seconds = table.data_timestamp()
        self._provider_aliases = {
            name.lower(): target.lower() for name, target in config.provider_aliases.items()
        }
        self._model_aliases = [(re.compile(a.match, re.IGNORECASE), a) for a in config.model_aliases]
        self._overrides = [(_glob(own.model), own) for own in config.overrides]
        self._discounts = [
            (_glob(d.provider), _glob(d.model), _glob(d.service), _glob(d.service_tier), d)
            for d in config.discounts
        ]
        self._by_service = any(discount.service != "*" for discount in config.discounts)
        # A per-instance cache: its keys are cut names, so its size in bytes is bounded as well as its length.
        self._schedule = lru_cache(maxsize=CACHE_SIZE)(self._find_schedule)

    def quote(
        self, provider: str, model: str, start_ns: int, *, service_tier: str = "", service_name: str = ""
    ) -> Quote:
        """The price of a call of `model` at `provider` that started at `start_ns` (unix nanoseconds).

        `provider` is a semantic-conventions value, or whatever the span had, or "". `service_tier` is the one
        the response names; a tier the model has no price for is charged the standard price, see `table.find`.
        `service_name` only matters to discounts.
        """
        schedule = self._schedule(
            provider[:NAME_LENGTH],
            model[:NAME_LENGTH],
            service_tier[:NAME_LENGTH],
            service_name[:NAME_LENGTH] if self._by_service else "",
        )
        return schedule.at(start_ns)

    def _find_schedule(self, provider: str, model: str, service_tier: str, service_name: str) -> _Schedule:
        provider = provider.strip().lower()
        provider = self._provider_aliases.get(provider, provider)
        service_tier = names.tier(service_tier)
        found = self._find(provider, model.strip(), service_tier)
        discounts = [
            discount
            for by_provider, by_model, by_service, by_tier, discount in self._discounts
            if (by_provider.fullmatch(provider) or by_provider.fullmatch(found.provider))
            and by_model.fullmatch(found.model)
            and by_service.fullmatch(service_name)
            and by_tier.fullmatch(service_tier)
        ]
        return _Schedule(found, discounts)

    def _find(self, provider: str, model: str, service_tier: str) -> table.Listing:
        for pattern, alias in self._model_aliases:
            if pattern.fullmatch(model):
                provider, model = alias.provider.lower() or provider, alias.model
                break
        if not model:
            return _unlisted("", "no_model")
        model = names.clean(model)
        known = table.provider_id(provider)
        listed = None
        if known is not None:
            listed = table.find(known, model, service_tier)
        elif not names.has_own_price(provider):
            listed = table.guess(model, service_tier)
        spelt = (model, listed.model) if listed else (model,)
        for pattern, own in self._overrides:
            if any(map(pattern.fullmatch, spelt)) and own.provider.lower() in ("", provider, known):
                return _own_listing(own, provider, model, listed)
        if listed is not None:
            return listed
        unknown_provider = provider and known is None
        return _unlisted(names.label(model), "unknown_provider" if unknown_provider else "unknown_model")


class _Schedule:
    """The quotes of one listing over time, of which the last is remembered."""

    __slots__ = ("_current", "_discounts", "_listing")

    def __init__(self, listing: table.Listing, discounts: list[Discount]) -> None:
        self._listing = listing
        self._discounts = discounts
        self._current: Quote | None = None

    def at(self, start_ns: int) -> Quote:
        """The quote for a call that starts then, in unix nanoseconds."""
        quote = self._current
        if quote is None or not quote.valid_from_ns <= start_ns < quote.valid_until_ns:
            # Threads may race to here: each gets its own right answer, and any of them is worth remembering.
            quote = self._quote(min(max(start_ns, 0), FOREVER_NS - 1))
            self._current = quote
        return quote

    def _quote(self, start_ns: int) -> Quote:
        listing = self._listing
        moment = _EPOCH + timedelta(microseconds=start_ns // 1000)
        found = listing.rates_at(moment)
        discount = next((discount for discount in self._discounts if _holds(discount, moment.date())), None)
        if found is not None and discount is not None:
            found = found.scaled(Fraction(discount.multiplier))
        valid_from_ns, valid_until_ns = self._validity(moment, start_ns)
        return Quote(
            provider=listing.provider,
            model=listing.model,
            context_window=listing.context_window,
            rates=found,
            unpriced_reason="" if found is not None else listing.unpriced_reason,
            valid_from_ns=valid_from_ns,
            valid_until_ns=valid_until_ns,
        )

    def _validity(self, moment: datetime, start_ns: int) -> tuple[int, int]:
        days = set(self._listing.change_dates)
        for discount in self._discounts:
            days.update(day for day in (discount.from_date, discount.until_date) if day is not None)
        edges = {_unix_ns(day, time()) for day in days}
        for day in (moment - _DAY, moment, moment + _DAY):
            edges.update(_unix_ns(day.date(), edge) for edge in self._listing.change_times)
        return (
            max((edge for edge in edges if edge <= start_ns), default=0),
            min((edge for edge in edges if edge > start_ns), default=FOREVER_NS),
        )


def _holds(discount: Discount, day: date) -> bool:
    return (discount.from_date is None or discount.from_date <= day) and (
        discount.until_date is None or day < discount.until_date
    )


def _unix_ns(day: date, edge: time) -> int:
    return (datetime.combine(day, edge, UTC) - _EPOCH) // _MICROSECOND * 1000


def _unlisted(model: str, reason: str) -> table.Listing:
    return table.Listing("", model, None, rates_at=lambda _moment: None, unpriced_reason=reason)


def _own_listing(own: PricedModel, provider: str, model: str, listed: table.Listing | None) -> table.Listing:
    """An own price as a listing; what it leaves open is taken from the price table."""
    prices = sorted(own.prices, key=lambda entry: entry.from_date or date.min)
    charged = [(entry.from_date or date.min, _own_rates(entry)) for entry in prices]

    def rates_at(moment: datetime) -> Rates:
        today = moment.date()
        return next((found for start, found in reversed(charged) if start <= today), charged[0][1])

    return table.Listing(
        provider=own.provider or (listed.provider if listed else provider),
        model=own.model if "*" not in own.model else (listed.model if listed else names.label(model)),
        context_window=own.context_window or (listed.context_window if listed else None),
        rates_at=rates_at,
        change_dates=frozenset(entry.from_date for entry in prices if entry.from_date),
    )


def _own_rates(prices: DatedPrices) -> Rates:
    row = TokenPrices.of(
        input=prices.input,
        output=prices.output,
        cache_read=prices.input_cache_read,
        cache_write=prices.input_cache_write,
        cache_write_1h=prices.input_cache_write_1h,
        reasoning=prices.output_reasoning,
        input_audio=prices.input_audio,
        output_audio=prices.output_audio,
    )
    return rates([(-1, row)], Fraction(prices.request) * PICO)


def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern in which `*` stands for any text; capitals are ignored."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL)
