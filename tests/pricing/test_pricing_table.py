"""Our rates against genai-prices' own calculation, over its whole table."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.pricing import PICO, PriceBook, PricingConfig, Usage, table, windows

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
MODELS = [(provider, model) for provider in providers for model in provider.models]
TIERS = ("", "priority", "flex", "batch", "fast", "default")


def upstream_usage(usage: Usage) -> genai_prices.Usage:
    """The same tokens as genai-prices counts them: totals with their parts inside."""
    return genai_prices.Usage(
        input_tokens=usage.input + usage.input_cache_read + usage.input_cache_write,
        cache_read_tokens=usage.input_cache_read,
        cache_write_tokens=usage.input_cache_write,
        cache_write_1h_tokens=usage.input_cache_write_1h,
        output_tokens=usage.output + usage.output_reasoning,
        output_reasoning_tokens=usage.output_reasoning,
        input_audio_tokens=usage.input_audio,
        cache_audio_read_tokens=0,
        output_audio_tokens=usage.output_audio,
    )


def without_tier(model: ModelInfo, tier: str) -> bool:
    """Whether the table lists nothing for calls of this tier at noon."""
    return not any(
        (variant.constraint is None or variant.constraint.active(NOON))
        and set(variant.when.values()) == {tier}
        for variant in model.price_variants or ()
    )


def usages(price: ModelPrice) -> list[Usage]:
    """Token counts that use every rate, on both sides of each bracket's bound."""
    found = [Usage(0, 0, 0, 0, 0), Usage(1, 1, 1, 1, 1, 1), Usage(12_345, 6789, 4321, 987, 654, 321)]
    found.append(Usage(12_345, 6789, 4321, 987, 654, 321, 9876, 765))
    tiered = [value for value in price.__dict__.values() if isinstance(value, TieredPrices)]
    for start in {tier.start for value in tiered for tier in value.tiers} | {200_000}:
        found += [Usage(start - 77, 50, 27, 11, 7, 13), Usage(start - 76, 50, 27, 11, 7, 13)]
    return found


def moments(model: ModelInfo) -> list[datetime]:
    """A time within each dated price of a model, and its borders."""
    prices = [] if isinstance(model.prices, ModelPrice) else model.prices
    variants = model.price_variants or []
    days = {
        condition.constraint.start_date
        for condition in (*prices, *variants)
        if isinstance(condition.constraint, StartDateConstraint)
    }
    starts = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    return [NOON, NOON.replace(hour=20), *starts, *(start - timedelta(microseconds=1) for start in starts)]


def exact(usd: object) -> int:
    """Whole picodollars, rounded half to even."""
    return round(Fraction(str(usd)) * PICO)


def test_every_price_of_the_table_gives_the_cost_that_genai_prices_works_out() -> None:
    """Each dated price of each model, on both sides of each bracket's bound: the same picodollars."""
    compared = 0
    for provider, model in MODELS:
        for moment in moments(model):
            price = model.get_prices(moment)
            rates = table.rates_of(price)
            if rates is None:
                assert (
                    "input_mtok" not in price.__dict__ or price.output_image_mtok or price.output_video_mtok
                )
                continue
            for usage in usages(price):
                theirs = model.calc_price(upstream_usage(usage), provider, genai_request_timestamp=moment)
                assert rates.cost(usage) == exact(theirs.total_price), (provider.id, model.id, moment, usage)
                compared += 1
    assert compared > 2 * len(MODELS)


def test_a_quote_for_every_listed_name_and_tier_costs_what_genai_prices_works_out() -> None:
    """Looking a model up by its id, under each tier, finds what genai-prices finds."""
    book = PriceBook(PricingConfig())
    usage = Usage(150_000, 60_000, 4321, 987, 654, 321)
    snapshot = genai_prices.data_snapshot.DataSnapshot(providers=providers, from_auto_update=False)
    compared = set()
    for provider, model in MODELS:
        for tier in TIERS if model.price_variants else ("",):
            if tier == "batch" and without_tier(model, tier):
                continue  # see below
            context = {"service_tier": tier, "processing": tier, "speed": tier} if tier else None
            try:
                theirs = snapshot.calc(upstream_usage(usage), model.id, provider.id, None, NOON, context)
            except LookupError:  # an id for display only, such as "regional.…" on Bedrock
                continue
            quote = book.quote(provider.id, model.id, NOON_NS, service_tier=tier)
            assert (quote.provider, quote.model) == (theirs.provider.id, theirs.model.id)
            if theirs.model.context_window:
                assert quote.context_window == theirs.model.context_window
            compared.add((provider.id, model.id))
            if quote.rates is not None:
                assert quote.rates.cost(usage) == exact(theirs.total_price), (provider.id, model.id, tier)
            else:
                assert quote.unpriced_reason == "no_token_price"
    assert len(compared) > 0.95 * len(MODELS)


def test_batches_without_prices_of_their_own_cost_half_at_sellers_who_say_so() -> None:
    """Where the table lists no batch price a batch costs half of genai-prices' total, or all of it elsewhere."""
    sellers = {"anthropic", "aws", "azure", "google", "groq", "mistral", "openai"}
    book = PriceBook(PricingConfig())
    usage = Usage(250_001, 0, 4321, 987, 654, 321)
    snapshot = genai_prices.data_snapshot.DataSnapshot(providers=providers, from_auto_update=False)
    compared = {False: 0, True: 0}
    for provider, model in MODELS:
        quote = book.quote(provider.id, model.id, NOON_NS, service_tier="batch")
        if quote.rates is None or quote.model != model.id or not without_tier(model, "batch"):
            continue
        theirs = snapshot.calc(upstream_usage(usage), model.id, provider.id, None, NOON, None)
        share = Fraction(1, 2) if provider.id in sellers else 1
        assert quote.rates.cost(usage) == round(Fraction(theirs.total_price) * PICO * share), model.id
        compared[provider.id in sellers] += 1
    assert compared[True] > 150
    assert compared[False] > 1000


def test_a_price_by_the_request_alone_is_a_price() -> None:
    """What is sold by the search costs that for each call, and its tokens nothing."""
    rates = table.rates_of(ModelPrice(requests_kcount=Decimal(2)))
    assert rates is not None
    assert rates.cost(Usage(5000, 0, 0, 0, 0)) == Decimal("0.002") * PICO
    assert table.rates_of(ModelPrice(requests_kcount=Decimal(2), input_audio_hours=Decimal(1))) is None


@pytest.mark.parametrize("model", table._AUDIO_PRICES)
def test_each_added_price_of_audio_is_one_that_the_price_table_lacks(model: str) -> None:
    """A model whose price of audio the table has learnt, or that left it, is dead weight here."""
    entry = next(entry for provider, entry in MODELS if (provider.id, entry.id) == ("openai", model))
    price = entry.get_prices(NOON)
    assert (price.input_audio_mtok, price.output_audio_mtok) == (None, None)


def test_only_a_few_prices_are_no_whole_number_of_picodollars() -> None:
    """Nearly every price can be multiplied inline; the others keep their fractions until the call's sum."""
    ours = [(provider.id, model.id, table.rates_of(model.get_prices(NOON))) for provider, model in MODELS]
    priced = [(provider, rates) for provider, _, rates in ours if rates is not None]
    fractional = {
        provider
        for provider, rates in priced
        if any(rate.denominator != 1 for bracket in rates.brackets for rate in bracket.prices)
    }
    assert fractional <= {"openrouter", "huggingface_together"}
    assert sum(rates.flat is not None for _, rates in priced) > 0.9 * len(priced)


@given(
    index=st.integers(0, len(MODELS) - 1),
    counts=st.tuples(*[st.integers(0, 10**7)] * 5),
    parts=st.tuples(*[st.floats(0, 1)] * 3),
)
def test_any_usage_costs_the_same_as_in_genai_prices(
    index: int, counts: tuple[int, ...], parts: tuple[float, ...]
) -> None:
    """Whatever the counts, the sum of the parts is genai-prices' total."""
    provider, model = MODELS[index]
    price = model.get_prices(NOON)
    rates = table.rates_of(price)
    if rates is None:
        return
    hour, heard, spoken = (int(counts[kind] * part) for kind, part in zip((2, 0, 3), parts, strict=True))
    usage = Usage(*counts, hour, heard, spoken)
    theirs = model.calc_price(upstream_usage(usage), provider, genai_request_timestamp=NOON)
    assert rates.cost(usage) == exact(theirs.total_price)


def test_an_entry_without_prices_is_free_only_where_the_provider_says_so() -> None:
    """A model given away costs $0; one that was withdrawn, or whose price is unknown, has no price."""
    book = PriceBook(PricingConfig())
    assert book.quote("github_copilot", "gpt-4o", NOON_NS).rates is not None
    withdrawn = book.quote("cerebras", "qwen-3-coder-480b", NOON_NS)
    assert (withdrawn.rates, withdrawn.unpriced_reason) == (None, "no_token_price")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "whisper-1"),
        ("mistral_ai", "mistral-ocr-latest"),
        ("openai", "tts-1"),
        ("gcp.gemini", "gemini-2.5-flash-image"),
        ("gcp.gemini", "gemini-omni-1.1-flash"),
    ],
)
def test_a_model_sold_by_something_else_than_tokens_is_unpriced_and_not_free(
    provider: str, model: str
) -> None:
    """Seconds of audio, pages and characters are not in a call's token counts, pictures are in them unmarked."""
    quote = PriceBook(PricingConfig()).quote(provider, model, NOON_NS)
    assert (quote.rates, quote.unpriced_reason) == (None, "no_token_price")


def test_the_price_data_has_a_date_that_is_not_in_the_future_of_its_release() -> None:
    """It is a day of late 2026 on which prices were checked, and it has passed."""
    stamp = datetime.fromtimestamp(PriceBook(PricingConfig()).data_timestamp_seconds, UTC)
    assert date(2026, 10, 1) < stamp.date()
    assert stamp.time() == datetime.min.time()
    assert stamp < datetime.now(UTC)


@pytest.mark.parametrize(
    ("provider", "model", "window"),
    [
        ("openai", "gpt-4o", 128_000),  # the table's own
        ("gcp.gemini", "gemini-2.5-pro", 1_048_576),  # from its model on OpenRouter
        ("groq", "llama-3.3-70b-versatile", 131_072),  # from the provider's page
        ("openai", "whisper-1", None),
    ],
)
def test_the_context_window_is_known_where_anyone_says_it(
    provider: str, model: str, window: int | None
) -> None:
    """The price table's window, else another listing's, else the provider's page, else none."""
    assert PriceBook(PricingConfig()).quote(provider, model, NOON_NS).context_window == window


def test_each_added_context_window_is_one_that_the_price_table_lacks() -> None:
    """A window that the table has learnt, or whose model left it, is dead weight here."""
    missing = {(provider.id, model.id) for provider, model in MODELS if not model.context_window}
    assert windows._WINDOWS.keys() <= missing


def test_every_kind_of_price_in_the_table_is_used_or_left_out_on_purpose() -> None:
    """A new kind of token price must not be dropped unseen: calls would look too cheap."""
    used = {
        "input_mtok",
        "cache_read_mtok",
        "cache_write_mtok",
        "cache_write_1h_mtok",
        "output_mtok",
        "output_reasoning_mtok",
        "requests_kcount",
        "input_audio_mtok",
        "output_audio_mtok",
    }
    other_units = (
        "cache_audio_read_mtok",
        "_image_",
        "_video_",
        "_citation_",
        "_hours",
        "_kpages",
        "_mchars",
        "_kcount",
    )
    for provider, model in MODELS:
        for moment in moments(model):
            for key in model.get_prices(moment).__dict__:
                left_out = any(part in key for part in other_units)
                assert key in used or left_out, (provider.id, model.id, key)
