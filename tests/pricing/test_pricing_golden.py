"""Worked examples: what real calls cost in dollars, with the arithmetic written out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest

from llm_exporter.pricing import PICO, PriceBook, PricingConfig, Usage

BOOK = PriceBook(PricingConfig())
NOON = "2026-11-20T12:00"


class Case(NamedTuple):
    """A call and its price."""

    provider: str
    model: str
    usage: Usage
    usd: str
    at: str = NOON
    tier: str = ""


def tokens(
    uncached: int = 0, read: int = 0, write: int = 0, out: int = 0, reasoning: int = 0, hour: int = 0
) -> Usage:
    """Token counts by short names."""
    return Usage(uncached, read, write, out, reasoning, hour)


SONNET = "claude-sonnet-4-5-20250929"
ARN = "arn:aws:bedrock:eu-west-1:123456789012"

# The comments give rates in USD for a million tokens, so that tokens times rate are millionths of a dollar.
CASES = [
    # 1000 x 2.5 + 500 x 10 = 2500 + 5000
    Case("openai", "gpt-4o", tokens(1000, out=500), "0.0075"),
    # 1000 x 2.5 + 9000 x 1.25 + 500 x 10 = 2500 + 11250 + 5000
    Case("openai", "gpt-4o", tokens(1000, read=9000, out=500), "0.01875"),
    # a snapshot at the price of its family: 1 x 2.5 + 1 x 10
    Case("openai", "gpt-4o-2024-11-20", tokens(1, out=1), "0.0000125"),
    # a snapshot at a price of its own: 1000 x 5 + 1000 x 15
    Case("openai", "gpt-4o-2024-05-13", tokens(1000, out=1000), "0.02"),
    # 12345 x 0.15 + 678 x 0.6 = 1851.75 + 406.8
    Case("openai", "gpt-4o-mini", tokens(12345, out=678), "0.00225855"),
    # 100000 x 2 + 50000 x 0.5 + 2000 x 8 = 200000 + 25000 + 16000
    Case("openai", "gpt-4.1", tokens(100_000, read=50_000, out=2000), "0.241"),
    # 7 x 0.1 + 3 x 0.4 = 0.7 + 1.2
    Case("openai", "gpt-4.1-nano", tokens(7, out=3), "0.0000019"),
    # reasoning costs what output does: 1000 x 1.25 + (200 + 800) x 10 = 1250 + 10000
    Case("openai", "gpt-5", tokens(1000, out=200, reasoning=800), "0.01125"),
    # 2000 x 0.25 + 1000 x 0.025 + (100 + 400) x 2 = 500 + 25 + 1000
    Case("openai", "gpt-5-mini", tokens(2000, read=1000, out=100, reasoning=400), "0.001525"),
    # 1000 x 15 + (100 + 900) x 60 = 15000 + 60000
    Case("openai", "o1", tokens(1000, out=100, reasoning=900), "0.075"),
    # flex halves it: 1000 x 0.875 + 1000 x 7
    Case("openai", "gpt-5.2", tokens(1000, out=1000), "0.007875", tier="flex"),
    # flex: 1000 x 0.138
    Case("openai", "o4-mini", tokens(read=1000), "0.000138", tier="flex"),
    # priority: 1000 x 2.5 + 1000 x 20
    Case("openai", "gpt-5", tokens(1000, out=1000), "0.0225", tier="priority"),
    # a tier in capitals is the same tier: 1000 x 3.5 + 1000 x 14
    Case("openai", "gpt-4.1", tokens(1000, out=1000), "0.0175", tier="Priority"),
    # the default tier is the standard price: 1000 x 2 + 1000 x 8
    Case("openai", "gpt-4.1", tokens(1000, out=1000), "0.01", tier="default"),
    # batch halves all but the cache, whose read rate equals the halved one: 1000 x 1.25 + 1000 x 1.25 + 1000
    # x 5
    Case("openai", "gpt-4o", tokens(1000, read=1000, out=1000), "0.0075", tier="batch"),
    # the table has no batch price before 2026-10-14: 1000 x 2.5 + 1000 x 10
    Case("openai", "gpt-4o", tokens(1000, out=1000), "0.0125", at="2026-10-13T23:59", tier="batch"),
    # a tier that the model has no price for: 1000 x 0.5 + 1000 x 1.5
    Case("openai", "gpt-3.5-turbo", tokens(1000, out=1000), "0.002", tier="priority"),
    # before the price cut of 2025-06-10: 10^6 x 10 + 10^6 x 40
    Case("openai", "o3", tokens(1_000_000, out=1_000_000), "50", at="2025-05-01T00:00"),
    # after it: 10^6 x 2 + 10^6 x 8
    Case("openai", "o3", tokens(1_000_000, out=1_000_000), "10", at="2025-07-01T00:00"),
    # its last minute (10^6 x 10) and its first (10^6 x 2)
    Case("openai", "o3", tokens(1_000_000), "10", at="2025-06-09T23:59"),
    Case("openai", "o3", tokens(1_000_000), "2", at="2025-06-10T00:00"),
    # 10^6 x 0.13
    Case("openai", "text-embedding-3-large", tokens(1_000_000), "0.13"),
    # 1000 x 0.3 + 1000 x 1.2
    Case("openai", "ft:gpt-4o-mini-2024-07-18:acme::Ab12Cd34", tokens(1000, out=1000), "0.0015"),
    # the text of a call to an audio model: 100 x 2.5 + 100 x 10
    Case("openai", "gpt-4o-audio-preview", tokens(100, out=100), "0.00125"),
    # moderation is free
    Case("openai", "omni-moderation-latest", tokens(1000), "0"),
    # 1000 x 1 + 10000 x 0.1 + 2000 x 1.25 + 500 x 5 = 1000 + 1000 + 2500 + 2500
    Case("anthropic", "claude-haiku-4-5-20251001", tokens(1000, read=10_000, write=2000, out=500), "0.007"),
    # 1500 of the 2000 written are kept for an hour: 1000 + 1000 + 500 x 1.25 + 1500 x 2 + 2500 = 8125
    Case(
        "anthropic", "claude-haiku-4-5", tokens(1000, read=10_000, write=2000, out=500, hour=1500), "0.008125"
    ),
    # no more can be kept for an hour than was written: 2000 x 2
    Case("anthropic", "claude-haiku-4-5", tokens(write=2000, hour=9999), "0.004"),
    # 1000 x 0.5 + 1000 x 0.05 + 1000 x 2.5
    Case("anthropic", "claude-haiku-4-5", tokens(1000, read=1000, out=1000), "0.00305", tier="batch"),
    # 200000 input tokens in all: 150000 x 3 + 40000 x 0.3 + 10000 x 3.75 + 1000 x 15 = 450000 + 12000 + 37500
    # + 15000
    Case("anthropic", SONNET, tokens(150_000, read=40_000, write=10_000, out=1000), "0.5145"),
    # one more: 150001 x 6 + 40000 x 0.6 + 10000 x 7.5 + 1000 x 22.5 = 900006 + 24000 + 75000 + 22500
    Case("anthropic", SONNET, tokens(150_001, read=40_000, write=10_000, out=1000), "1.021506"),
    # the last day of the dearer long prompts: 300000 x 10 + 1000 x 37.5
    Case("anthropic", "claude-opus-4-6", tokens(300_000, out=1000), "3.0375", at="2026-03-12T23:59"),
    # the first day without: 300000 x 5 + 1000 x 25
    Case("anthropic", "claude-opus-4-6", tokens(300_000, out=1000), "1.525", at="2026-03-13T00:00"),
    # fast mode: 1000 x 10 + 100 x 50
    Case("anthropic", "claude-opus-4-8", tokens(1000, out=100), "0.015", tier="fast"),
    # 333 x 0.25 + 77 x 1.25 = 83.25 + 96.25
    Case("anthropic", "claude-3-haiku-20240307", tokens(333, out=77), "0.0001795"),
    # at the bound of a bracket: 200000 x 1.25 + 1000 x 10
    Case("gcp.gemini", "gemini-2.5-pro", tokens(200_000, out=1000), "0.26"),
    # over it the whole call is dearer: 200001 x 2.5 + 1000 x 15 = 500002.5 + 15000
    Case("gcp.gemini", "gemini-2.5-pro", tokens(200_001, out=1000), "0.5150025"),
    # cached tokens count for the bound: 1 x 2.5 + 200000 x 0.25
    Case("gcp.gemini", "gemini-2.5-pro", tokens(1, read=200_000), "0.0500025"),
    # output does not: 1 x 1.25 + 200000 x 10
    Case("gcp.gemini", "gemini-2.5-pro", tokens(1, out=200_000), "2.00000125"),
    # thinking tokens: 1000 x 0.3 + (100 + 900) x 2.5
    Case("gcp.vertex_ai", "gemini-2.5-flash", tokens(1000, out=100, reasoning=900), "0.0028"),
    # 1000 x 0.1 + 1000 x 0.01 + 1000 x 0.4
    Case("gcp.vertex_ai", "models/gemini-2.5-flash-lite", tokens(1000, read=1000, out=1000), "0.00051"),
    # 123456 x 0.1 + 789 x 0.4 = 12345.6 + 315.6
    Case("gcp.gen_ai", "publishers/google/models/gemini-2.0-flash", tokens(123_456, out=789), "0.0126612"),
    # another maker's model on Vertex AI: 1000 x 1 + 100 x 5
    Case(
        "gcp.vertex_ai",
        "publishers/anthropic/models/claude-haiku-4-5@20251001",
        tokens(1000, out=100),
        "0.0015",
    ),
    # regional profiles on Bedrock are 10 % dearer: 1000 x 3.3 + 1000 x 16.5
    Case("aws.bedrock", f"us.anthropic.{SONNET}-v1:0", tokens(1000, out=1000), "0.0198"),
    # global ones are not: 1000 x 3 + 1000 x 15
    Case("aws.bedrock", f"global.anthropic.{SONNET}-v1:0", tokens(1000, out=1000), "0.018"),
    Case(
        "aws.bedrock", f"{ARN}:inference-profile/eu.anthropic.{SONNET}-v1:0", tokens(1000, out=1000), "0.0198"
    ),
    # 1000 x 0.035 + 1000 x 0.00875 + 1000 x 0.14
    Case("aws.bedrock", "amazon.nova-micro-v1:0", tokens(1000, read=1000, out=1000), "0.00018375"),
    # 1000 x 0.8 + 1000 x 3.2
    Case(
        "aws.bedrock", f"{ARN[:-12]}:foundation-model/amazon.nova-pro-v1:0", tokens(1000, out=1000), "0.004"
    ),
    # 1000 x 0.72 + 1000 x 0.72
    Case("aws.bedrock", "meta.llama3-1-70b-instruct-v1:0", tokens(1000, out=1000), "0.00144"),
    # Azure sells OpenAI's models at OpenAI's standard price: 1000 x 2.5 + 1000 x 10
    Case("azure.ai.openai", "gpt-4o", tokens(1000, out=1000), "0.0125"),
    # but OpenAI's tiers are not Azure's
    Case("azure.ai.openai", "azure/gpt-4o", tokens(1000, out=1000), "0.0125", tier="priority"),
    # 1000 x 0.125 + 1000 x 0.5
    Case("azure.ai.inference", "phi-4", tokens(1000, out=1000), "0.000625"),
    # a fee for each request: 1000 x 1 + 100 x 1 + 12000
    Case("perplexity", "sonar", tokens(1000, out=100), "0.0131"),
    # the fee alone
    Case("perplexity", "sonar-pro", tokens(), "0.014"),
    # reasoning at a price of its own: 1000 x 2 + 100 x 8 + 900 x 3 = 2000 + 800 + 2700
    Case("perplexity", "sonar-deep-research", tokens(1000, out=100, reasoning=900), "0.0055"),
    # in the busy hours: 1000 x 0.27 + 1000 x 0.07 + 1000 x 1.1
    Case("deepseek", "deepseek-chat", tokens(1000, read=1000, out=1000), "0.00144"),
    Case(
        "deepseek",
        "deepseek-chat",
        tokens(1000, read=1000, out=1000),
        "0.00144",
        at="2026-11-20T16:29:59.999999",
    ),
    # off peak, from 16:30 to 00:30 UTC: 1000 x 0.135 + 1000 x 0.035 + 1000 x 0.55
    Case("deepseek", "deepseek-chat", tokens(1000, read=1000, out=1000), "0.00072", at="2026-11-20T16:30"),
    Case("deepseek", "deepseek-chat", tokens(1000, read=1000, out=1000), "0.00072", at="2026-11-21T00:29"),
    # 1000 x 2 + 1000 x 6
    Case("mistral_ai", "mistral-large-latest", tokens(1000, out=1000), "0.008"),
    # 1000 x 0.3 + 1000 x 0.9
    Case("mistral_ai", "codestral-latest", tokens(1000, out=1000), "0.0012"),
    # 1000 x 0.15 + 1000 x 0.6
    Case("cohere", "command-r", tokens(1000, out=1000), "0.00075"),
    # 1000 x 0.12
    Case("cohere", "embed-v4.0", tokens(1000), "0.00012"),
    # 1000 x 0.59 + 1000 x 0.79
    Case("groq", "llama-3.3-70b-versatile", tokens(1000, out=1000), "0.00138"),
    # 1000 x 3 + 1000 x 0.75 + 1000 x 15
    Case("x_ai", "grok-4", tokens(1000, read=1000, out=1000), "0.01875"),
    # 1000 x 0.3 + (100 + 900) x 0.5
    Case("x_ai", "grok-3-mini", tokens(1000, out=100, reasoning=900), "0.0008"),
    # 1000 x 0.6 + 1000 x 0.15 + 1000 x 2.5
    Case("moonshot_ai", "kimi-k2-0905-preview", tokens(1000, read=1000, out=1000), "0.00325"),
    # 1000 x 0.88 + 1000 x 0.88
    Case("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo", tokens(1000, out=1000), "0.00176"),
    # 3 x 0.0833333333333333 is a ten-millionth of a picodollar less than this
    Case("openrouter", "google/gemini-2.5-flash", tokens(write=3), "0.00000025"),
    # 0.0833333333333333, to the picodollar
    Case("openrouter", "google/gemini-2.5-flash", tokens(write=1), "0.000000083333"),
    # given away
    Case("openrouter", "deepseek/deepseek-r1:free", tokens(1000, out=1000), "0"),
    # the provider is unknown, the name is not: 1000 x 2.5 + 500 x 10
    Case("", "gpt-4o", tokens(1000, out=500), "0.0075"),
    Case("our-gateway", "openai/gpt-4o", tokens(1000, out=500), "0.0075"),
    # a router's name says who is paid: 1000 x 0.25 + 1000 x 1.25
    Case("litellm", "bedrock/anthropic.claude-3-haiku-20240307-v1:0", tokens(1000, out=1000), "0.0015"),
]


def unix_ns(text: str) -> int:
    """Unix nanoseconds of a UTC time."""
    seconds, _, fraction = text.partition(".")
    whole = int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0") if fraction else 0)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.provider} {case.model[-30:]} {case.tier} {case.at}"
)
def test_a_call_costs_what_the_providers_price_list_says(case: Case) -> None:
    """The price in picodollars is the one worked out by hand, to the last digit."""
    quote = BOOK.quote(case.provider, case.model, unix_ns(case.at), service_tier=case.tier)
    assert quote.rates is not None, quote.unpriced_reason
    assert quote.unpriced_reason == ""
    assert quote.rates.cost(case.usage) == Decimal(case.usd) * PICO


def test_the_flat_rates_of_a_plain_price_give_the_same_cost() -> None:
    """Where `flat` is set, multiplying by hand gives what `cost` gives."""
    flat_seen = 0
    for case in CASES:
        rates = BOOK.quote(case.provider, case.model, unix_ns(case.at), service_tier=case.tier).rates
        assert rates is not None
        if rates.flat is not None:
            usage = case.usage._replace(input_cache_write_1h=0)
            assert sum(rate * count for rate, count in zip(rates.flat, usage, strict=False)) == rates.cost(
                usage
            )
            flat_seen += 1
    assert flat_seen > 40


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        # 10000 x (1 - 0.1)
        (tokens(1000, read=10_000, out=5), "0.009"),
        # 10000 x (1 - 0.1) - 2000 x (1.25 - 1) = 9000 - 500
        (tokens(1000, read=10_000, write=2000), "0.0085"),
        # written and never read: -2000 x (1.25 - 1)
        (tokens(1000, write=2000), "-0.0005"),
        # kept for an hour: -500 x (1.25 - 1) - 1500 x (2 - 1) = -125 - 1500
        (tokens(write=2000, hour=1500), "-0.001625"),
        (tokens(1000, out=1000), "0"),
    ],
)
def test_cache_savings_are_what_the_same_input_would_have_cost_more(usage: Usage, usd: str) -> None:
    """Reading the cache saves, writing it costs, and the sum can be negative (claude-haiku-4-5)."""
    rates = BOOK.quote("anthropic", "claude-haiku-4-5", unix_ns(NOON)).rates
    assert rates is not None
    assert rates.cache_savings(usage) == Decimal(usd) * PICO
