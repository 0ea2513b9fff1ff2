"""Quotes over time, own prices, discounts, and bounds on memory."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.pricing import (
    PICO,
    DatedPrices,
    Discount,
    ModelAlias,
    PriceBook,
    PricedModel,
    PricingConfig,
    Usage,
    book,
)

if TYPE_CHECKING:
    import pytest

MILLION_EACH = Usage(1_000_000, 0, 0, 1_000_000, 0)


def ns(*when: int) -> int:
    """Unix nanoseconds of a UTC time, from its year on."""
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[arg-type]


NOON = ns(2026, 11, 20, 12)


def usd(
    prices: PriceBook,
    provider: str,
    model: str,
    start_ns: int = NOON,
    usage: Usage = MILLION_EACH,
    **more: str,
) -> Decimal:
    """The price of a call in USD, which must be priced."""
    rates = prices.quote(provider, model, start_ns, **more).rates
    assert rates is not None
    return Decimal(rates.cost(usage)) / PICO


def test_a_quote_holds_from_one_change_of_price_to_the_next() -> None:
    """o3 has one price until 2025-06-10 and another from then on, to the nanosecond."""
    prices = PriceBook(PricingConfig())
    change = ns(2025, 6, 10)
    before, after = prices.quote("openai", "o3", change - 1), prices.quote("openai", "o3", change)
    assert (before.valid_from_ns, before.valid_until_ns) == (0, change)
    assert (after.valid_from_ns, after.valid_until_ns) == (change, book.FOREVER_NS)
    assert before.rates != after.rates


def test_a_quote_with_busy_hours_holds_until_the_next_one() -> None:
    """deepseek-chat changes its price at 00:30 and 16:30 UTC every day."""
    prices = PriceBook(PricingConfig())
    day = prices.quote("deepseek", "deepseek-chat", NOON)
    assert (day.valid_from_ns, day.valid_until_ns) == (ns(2026, 11, 20, 0, 30), ns(2026, 11, 20, 16, 30))
    night = prices.quote("deepseek", "deepseek-chat", ns(2026, 11, 20, 23))
    assert (night.valid_from_ns, night.valid_until_ns) == (ns(2026, 11, 20, 16, 30), ns(2026, 11, 21, 0, 30))
    after_midnight = prices.quote("deepseek", "deepseek-chat", ns(2026, 11, 21, 0, 29))
    assert after_midnight == night


@given(st.lists(st.integers(ns(2025, 1, 1), ns(2027, 6, 1)), min_size=1, max_size=8))
def test_the_order_in_which_calls_are_priced_does_not_matter(starts: list[int]) -> None:
    """A remembered quote never leaks into a time it does not hold for."""
    shared = PriceBook(PricingConfig())
    for start_ns in starts:
        fresh = PriceBook(PricingConfig()).quote("deepseek", "deepseek-v4-flash", start_ns)
        assert shared.quote("deepseek", "deepseek-v4-flash", start_ns) == fresh


@given(st.integers(0, 2**64 - 1))
def test_the_rates_are_constant_while_a_quote_holds(start_ns: int) -> None:
    """At the first and the last nanosecond of its validity a quote is the same as in between."""
    quote = PriceBook(PricingConfig()).quote("deepseek", "deepseek-v4-flash", start_ns)
    for edge in (quote.valid_from_ns, quote.valid_until_ns - 1):
        assert PriceBook(PricingConfig()).quote("deepseek", "deepseek-v4-flash", edge) == quote


def test_an_own_price_comes_before_the_price_table() -> None:
    """What the operator says a model costs is what it costs, and only there."""
    prices = PriceBook(
        PricingConfig(
            overrides=(
                PricedModel("gpt-4o", (DatedPrices(Decimal(1), Decimal(2)),), provider="azure.ai.openai"),
                PricedModel("claude-*", (DatedPrices(Decimal(7)),)),
            )
        )
    )
    assert usd(prices, "azure.ai.openai", "gpt-4o-2024-11-20") == 3
    assert usd(prices, "azure.ai.openai", "gpt-4o-2024-05-13") == 20
    assert usd(prices, "azure.ai.openai", "azure/GPT-4o") == 3
    assert usd(prices, "openai", "gpt-4o") == Decimal("12.5")
    everywhere = prices.quote("anthropic", "claude-sonnet-4-5-20250929", NOON)
    assert (everywhere.model, everywhere.context_window) == ("claude-sonnet-4-5", 200_000)
    assert usd(prices, "anthropic", "claude-sonnet-4-5-20250929") == 7


def test_an_own_price_makes_a_self_hosted_model_priced() -> None:
    """Every key of an own price counts, per million tokens, and the request fee per call."""
    own = DatedPrices(
        input=Decimal("0.05"),
        input_cache_read=Decimal("0.01"),
        input_cache_write=Decimal("0.06"),
        input_cache_write_1h=Decimal("0.07"),
        output=Decimal("0.08"),
        output_reasoning=Decimal("0.09"),
        request=Decimal("0.001"),
    )
    prices = PriceBook(PricingConfig(overrides=(PricedModel("llama-3.1-8b*", (own,), "vllm", 131_072),)))
    quote = prices.quote("vllm", "llama-3.1-8b-instruct", NOON)
    assert (quote.provider, quote.model, quote.context_window) == ("vllm", "llama-3.1-8b-instruct", 131_072)
    # 100 x 0.05 + 200 x 0.01 + (300 - 100) x 0.06 + 100 x 0.07 + 400 x 0.08 + 500 x 0.09 = 103 millionths, +
    # 0.001
    assert usd(prices, "vllm", "llama-3.1-8b-instruct", usage=Usage(100, 200, 300, 400, 500, 100)) == Decimal(
        "0.001103"
    )
    assert prices.quote("ollama", "llama-3.1-8b-instruct", NOON).unpriced_reason == "unknown_provider"


def test_own_prices_start_at_the_beginning_of_their_day() -> None:
    """The last price that has started holds, in any order; before all of them the earliest."""
    prices = PriceBook(
        PricingConfig(
            overrides=(
                PricedModel(
                    "m",
                    (
                        DatedPrices(Decimal(3), from_date=date(2026, 9, 1)),
                        DatedPrices(Decimal(2), from_date=date(2026, 6, 1)),
                    ),
                ),
            )
        )
    )
    starts = [ns(2020, 1, 1), ns(2026, 6, 1), ns(2026, 9, 1) - 1, ns(2026, 9, 1), NOON]
    assert [usd(prices, "vllm", "m", start) for start in starts] == [2, 2, 2, 3, 3]
    assert prices.quote("vllm", "m", ns(2026, 7, 1)).valid_until_ns == ns(2026, 9, 1)


def test_an_alias_leads_to_an_own_price() -> None:
    """An alias and an own price work together."""
    prices = PriceBook(
        PricingConfig(
            model_aliases=(ModelAlias("prod-.*", "house-model", "vllm"),),
            overrides=(PricedModel("house-model", (DatedPrices(Decimal(4)),), "vllm"),),
        )
    )
    assert usd(prices, "openai", "prod-7") == 4


def test_the_first_matching_discount_applies_while_it_lasts() -> None:
    """A discount multiplies the price of matching calls between its days; others are not added."""
    prices = PriceBook(
        PricingConfig(
            discounts=(
                Discount(Decimal("0.85"), "openai", "gpt-4o*", "shop", date(2026, 1, 1), date(2026, 12, 1)),
                Discount(Decimal("0.5"), "openai"),
            )
        )
    )
    assert usd(prices, "openai", "gpt-4o", service_name="shop") == Decimal("10.625")
    assert usd(prices, "openai", "gpt-4o", service_name="other") == Decimal("6.25")
    assert usd(prices, "openai", "gpt-4o", ns(2026, 12, 1), service_name="shop") == Decimal("6.25")
    assert usd(prices, "openai", "gpt-4o", ns(2026, 12, 1) - 1, service_name="shop") == Decimal("10.625")
    assert usd(prices, "anthropic", "claude-haiku-4-5", service_name="shop") == 6
    quote = prices.quote("openai", "gpt-4o", NOON, service_name="shop")
    assert (quote.valid_from_ns, quote.valid_until_ns) == (ns(2026, 1, 1), ns(2026, 12, 1))


def test_a_discount_also_lowers_request_fees_and_cache_savings() -> None:
    """Everything on the bill is multiplied."""
    prices = PriceBook(PricingConfig(discounts=(Discount(Decimal("0.5")),)))
    # half of 0.0131, and half of the 0.009 that claude-haiku-4-5 saves
    assert usd(prices, "perplexity", "sonar", usage=Usage(1000, 0, 0, 100, 0)) == Decimal("0.00655")
    rates = prices.quote("anthropic", "claude-haiku-4-5", NOON).rates
    assert rates is not None
    assert rates.cache_savings(Usage(0, 10_000, 0, 0, 0)) == Decimal("0.0045") * PICO


@given(st.integers(0, 10**7), st.decimals(0, 10, places=9))
def test_a_discounted_cost_is_rounded_once_half_to_even(count: int, multiplier: Decimal) -> None:
    """A multiplier with nine decimals costs no more than half a picodollar of exactness."""
    prices = PriceBook(PricingConfig(discounts=(Discount(multiplier),)))
    rates = prices.quote("openai", "text-embedding-3-small", NOON).rates
    assert rates is not None
    assert rates.cost(Usage(count, 0, 0, 0, 0)) == round(count * 20_000 * multiplier)


def test_the_service_name_is_ignored_without_discounts_by_service() -> None:
    """Service names alone do not take room among the remembered names."""
    prices = PriceBook(PricingConfig())
    first = prices.quote("openai", "gpt-4o", NOON, service_name="a")
    assert prices.quote("openai", "gpt-4o", NOON, service_name="b") is first


def test_the_service_tier_is_part_of_what_is_remembered() -> None:
    """A call at a dearer tier does not change the price of the next one at the standard tier."""
    prices = PriceBook(PricingConfig())
    assert usd(prices, "openai", "gpt-4o", service_tier="priority") == Decimal("21.25")
    assert usd(prices, "openai", "gpt-4o") == Decimal("12.5")


def test_a_stream_of_new_names_does_not_grow_memory() -> None:
    """Of fifty thousand new names only as many stay as the cache may hold, here and in genai-prices."""
    prices = PriceBook(PricingConfig())
    snapshot = get_snapshot()
    remembered = [
        len(cache) for cache in (snapshot._lookup_cache, snapshot._provider_cache, snapshot._provider_misses)
    ]

    def novel(start: int, count: int) -> None:
        for number in range(start, start + count):
            quote = prices.quote("meta", f"{number:09}" + "x" * 3000, NOON)
            assert (len(quote.model), quote.unpriced_reason) == (book.NAME_LENGTH, "unknown_model")

    novel(0, 9000)
    full = sys.getallocatedblocks()
    novel(9000, 41_000)
    assert sys.getallocatedblocks() - full < book.CACHE_SIZE
    assert remembered == [
        len(cache) for cache in (snapshot._lookup_cache, snapshot._provider_cache, snapshot._provider_misses)
    ]


def test_a_name_without_a_price_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not finding a name is remembered too: in a long table it costs most."""
    looked_up = []
    monkeypatch.setattr(book.table, "find", lambda *names: looked_up.append(names))
    prices = PriceBook(PricingConfig())
    for _ in range(3):
        assert prices.quote("openrouter", "nobody/nothing", NOON).rates is None
    assert len(looked_up) == 1


def test_names_are_cut_before_they_are_matched() -> None:
    """What stands behind the 256th character of a name is not read."""
    prices = PriceBook(PricingConfig(model_aliases=(ModelAlias("x*y?", "gpt-4o", "openai"),)))
    assert prices.quote("vllm", "x" * 256 + "y" * 10**6, NOON).provider == "openai"
    assert prices.quote("vllm", "x" * 256 + "!" * 10**6, NOON).provider == "openai"


def test_a_providers_name_is_cut_too() -> None:
    """What stands behind the 256th character of a provider's name is neither read nor remembered."""
    prices = PriceBook(PricingConfig(provider_aliases={"x" * 256: "openai"}))
    assert prices.quote("x" * 300, "gpt-4o", NOON).provider == "openai"
    assert prices.quote("x" * 256, "gpt-4o", NOON) is prices.quote("x" * 10**6, "gpt-4o", NOON)


def test_a_name_in_a_foreign_script_costs_no_more_to_look_up_than_another() -> None:
    """Changing the case of such a name takes long, so it is done once and not for each entry of the table."""
    prices = PriceBook(PricingConfig())

    def fastest(letter: str) -> float:
        seconds = []
        for number in range(20):
            name = f"{number:02}{letter * 300}"
            before = time.perf_counter()
            assert prices.quote("openrouter", name, NOON).unpriced_reason == "unknown_model"
            seconds.append(time.perf_counter() - before)
        return min(seconds)

    assert fastest("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}") < 3 * fastest("x")


def test_a_discount_can_be_for_a_service_tier() -> None:
    """It holds for the calls whose response names the tier, in whatever case, and for no others."""
    prices = PriceBook(PricingConfig(discounts=(Discount(Decimal("0.5"), service_tier="flex"),)))
    assert usd(prices, "aws.bedrock", "amazon.nova-pro-v1:0", service_tier="FLEX") == 2
    assert usd(prices, "aws.bedrock", "amazon.nova-pro-v1:0", service_tier="priority") == 4
    assert usd(prices, "aws.bedrock", "amazon.nova-pro-v1:0") == 4


def test_an_own_price_is_charged_whatever_the_tier() -> None:
    """Half price for batches is what sellers promise on their own price, not on the operator's."""
    own = PricedModel("gpt-4o", (DatedPrices(Decimal(1), Decimal(2)),))
    prices = PriceBook(PricingConfig(overrides=(own,)))
    assert usd(prices, "openai", "gpt-4o", service_tier="batch") == 3


def test_threads_get_the_right_quote_for_their_time() -> None:
    """Two threads that price calls on both sides of a change each get the price of their own side."""
    prices = PriceBook(PricingConfig())
    change = ns(2025, 6, 10)

    def costs(start_ns: int) -> set[Decimal]:
        return {usd(prices, "openai", "o3", start_ns) for _ in range(2000)}

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(costs, (change - 1, change))) == [{Decimal(50)}, {Decimal(10)}]


def test_pricing_never_opens_a_socket() -> None:
    """The bundled table is all there is: with sockets forbidden, import and pricing still work."""
    program = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('a socket')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from llm_exporter.pricing import *\n"
        "book = PriceBook(PricingConfig())\n"
        f"print(book.quote('openai', 'gpt-4o', {NOON}).rates.flat)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "(2500000, 1250000, 2500000, 10000000, 10000000)"
