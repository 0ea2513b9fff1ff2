"""The price table bundled with genai-prices: which entry a name means, and its rates on a day.

Only the data and the matching of genai-prices are used, without `calc_price` and its `DataSnapshot`: those
remember every name they are asked for, found or not, and names come from outside. Nothing here touches the
network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, cast

from genai_prices.data import providers as _PROVIDERS  # noqa: N812
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from . import names, windows
from .rates import PICO, Rates, TokenPrices, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BY_ID: Mapping[str, Provider] = {provider.id: provider for provider in _PROVIDERS}
_MADE_OF_OTHER_TOKENS = frozenset({"output_image_mtok", "output_video_mtok"})
_FREE = rates([(-1, TokenPrices.of(Decimal(0)))])
_BATCH_HALVES_CACHE = {
    "anthropic": True,
    "aws": False,
    "azure": False,
    "google": False,
    "groq": False,
    "mistral": False,
    "openai": False,
}
"""Sellers that charge half for whatever is sent in batches, and whether that goes for cache reads too. For
the models whose batch prices the table lists, the table holds.

Sources: docs.claude.com/en/docs/build-with-claude/batch-processing, docs.aws.amazon.com/bedrock (Capacity,
limits, and cost optimization), learn.microsoft.com/azure/ai-foundry/openai/how-to/batch,
ai.google.dev/gemini-api/docs/batch-api, console.groq.com/docs/batch, docs.mistral.ai/capabilities/batch,
platform.openai.com/docs/guides/batch.
"""
_AUDIO_PRICES = {
    "gpt-4o-audio-preview": (Decimal(40), Decimal(80)),
    "gpt-4o-mini-audio-preview": (Decimal(10), Decimal(20)),
}
"""USD for a million tokens of audio, in and out, of OpenAI's models for which the table has the price of text
alone (platform.openai.com/docs/models)."""
_CHECKED = re.compile(r"\b(?:verified|checked)\b[^.;()]{0,40}?\b(\d{4}-\d{2}-\d{2})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listing:
    """A model with its prices over time."""

    provider: str
    model: str
    context_window: int | None
    """Tokens."""
    rates_at: Callable[[datetime], Rates | None]
    """The rates of a call that starts at this (UTC) time; None when tokens alone do not tell its price."""
    change_dates: frozenset[date] = frozenset()
    """UTC days at whose start the rates may change."""
    change_times: frozenset[time] = frozenset()
    """UTC times of day at which the rates may change, every day."""
    unpriced_reason: str = "no_token_price"
    """Why, when there are no rates."""


def provider_id(provider: str) -> str | None:
    """The price table's id for a provider's (lower-case) semantic-conventions name, None when it has none."""
    provider = names.PROVIDERS.get(provider, provider)
    return provider if provider in _BY_ID else None


def find(provider: str, model: str, service_tier: str = "") -> Listing | None:
    """The entry for a clean model name at a provider id of the table, None when it is not listed.

    `service_tier`, in the spelling of `names.tier`, selects the prices listed for it (priority, flex, batch,
    fast). Without any, batches cost half where the seller says that all of them do; any other tier is charged
    the standard price, since most models have but one.
    """
    seller = _BY_ID[provider]
    for name in names.spellings(names.plain(model)):
        if entry := seller.find_model(name, all_providers=_PROVIDERS):
            return _listing(seller, entry, service_tier)
    return None


def guess(model: str, service_tier: str = "") -> Listing | None:
    """The entry for a clean model name whose provider is unknown, None when the name itself does not tell."""
    if implied := names.vendor(model):
        known = provider_id(implied)
        return find(known, model, service_tier) if known else None
    for name in names.spellings(names.plain(model)):
        for seller in _PROVIDERS:
            if seller.model_match is not None and seller.model_match.is_match(name):
                entry = seller.find_model(name, all_providers=_PROVIDERS)
                if entry is not None:
                    return _listing(seller, entry, service_tier)
                break
    return None


@cache
def data_timestamp() -> float:
    """Unix seconds of the latest day on which a price of the table is said to have been checked.

    genai-prices records no date of release in its distribution, and its wheel's files carry no usable time.
    Remarks beside the prices do say when they were last "checked" or "verified"; the newest of these is a
    lower bound.
    """
    days = (
        day
        for provider in _PROVIDERS
        for text in (provider.price_comments, *(model.price_comments for model in provider.models))
        for day in _CHECKED.findall(text or "")
    )
    return datetime.fromisoformat(max(days, default="1970-01-01")).replace(tzinfo=UTC).timestamp()


def rates_of(price: ModelPrice, audio: tuple[Decimal, Decimal] | None = None) -> Rates | None:
    """The rates of a genai-prices price, None when token counts do not tell what a call costs.

    Prices of extras (searches, pages, seconds of audio, pictures as input) are left out. Pictures and videos
    as output are no extra: they are most of what such a model gives, and a token of them costs up to twelve
    times one of text. `audio` stands in for prices of audio that are not listed.
    """
    listed = {key for key, value in price.__dict__.items() if value is not None}
    if listed == {"requests_kcount"}:
        price = ModelPrice(input_mtok=Decimal(0), requests_kcount=price.requests_kcount)
    elif "input_mtok" not in listed or not listed.isdisjoint(_MADE_OF_OTHER_TOKENS):
        return None
    starts = {-1}
    for value in price.__dict__.values():
        if isinstance(value, TieredPrices):
            starts.update(tier.start for tier in value.tiers)
    fee = price.requests_kcount
    return rates(
        ((start, _prices_above(price, start, audio)) for start in starts),
        Fraction(fee) * PICO / 1000 if isinstance(fee, Decimal) else Fraction(0),
    )


def _prices_above(price: ModelPrice, start: int, audio: tuple[Decimal, Decimal] | None) -> TokenPrices:
    def value(key: str) -> Decimal | None:
        listed = getattr(price, key)
        if isinstance(listed, TieredPrices):
            return next((tier.price for tier in reversed(listed.tiers) if tier.start <= start), listed.base)
        return cast("Decimal | None", listed)

    input_audio, output_audio = value("input_audio_mtok"), value("output_audio_mtok")
    if audio is not None and input_audio is None and output_audio is None:
        input_audio, output_audio = audio
    return TokenPrices.of(
        input=cast("Decimal", value("input_mtok")),
        output=value("output_mtok"),
        cache_read=value("cache_read_mtok"),
        cache_write=value("cache_write_mtok"),
        cache_write_1h=value("cache_write_1h_mtok"),
        reasoning=value("output_reasoning_mtok"),
        input_audio=input_audio,
        output_audio=output_audio,
    )


def _listing(seller: Provider, entry: ModelInfo, service_tier: str) -> Listing:
    # A reseller's own tiers are its own: genai-prices applies variants only to models listed by the seller
    # itself.
    own = any(entry is model for model in seller.models)
    # Providers file the same wish under different names.
    context = (
        dict.fromkeys(("service_tier", "processing", "speed"), service_tier) if own and service_tier else None
    )
    halves_cache = _BATCH_HALVES_CACHE.get(seller.id) if service_tier == "batch" else None
    conditions = [] if isinstance(entry.prices, ModelPrice) else [price.constraint for price in entry.prices]
    if context:
        conditions += [variant.constraint for variant in entry.price_variants or ()]

    def rates_at(moment: datetime) -> Rates | None:
        price = entry.get_prices(moment, context)
        if not price.__dict__ and names.is_free(seller.id, entry.id):
            return _FREE
        found = rates_of(price, _AUDIO_PRICES.get(entry.id))
        if found is not None and halves_cache is not None and not _has_variant(entry, moment, context):
            return found.batch(halves_cache)
        return found

    return Listing(
        provider=seller.id,
        model=entry.id,
        context_window=entry.context_window or windows.context_window(seller.id, entry.id),
        rates_at=rates_at,
        change_dates=frozenset(c.start_date for c in conditions if isinstance(c, StartDateConstraint)),
        change_times=frozenset(
            _utc(edge)
            for c in conditions
            if isinstance(c, TimeOfDateConstraint)
            for edge in (c.start_time, c.end_time)
        ),
    )


def _has_variant(entry: ModelInfo, moment: datetime, context: Mapping[str, str] | None) -> bool:
    """Whether the table lists prices of their own for calls in this context, at this time."""
    return context is not None and any(
        (variant.constraint is None or variant.constraint.active(moment))
        and variant.when.items() <= context.items()
        for variant in entry.price_variants or ()
    )


def _utc(edge: time) -> time:
    """A time of day in UTC, as genai-prices reads it: a naive one is UTC already."""
    if edge.tzinfo is None:
        return edge
    return datetime.combine(date(1970, 1, 1), edge).astimezone(UTC).time()
