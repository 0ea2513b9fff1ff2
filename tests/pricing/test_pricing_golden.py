"""Worked examples: what real calls cost in dollars, with the arithmetic written out (`data/golden.yaml`)."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from llm_exporter.account import Accountant
from llm_exporter.pricing import PICO, PriceBook, PricingConfig, Usage
from llm_exporter.record import Kind, Record
from llm_exporter.settings import load
from llm_exporter.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.pricing import Quote

GOLDEN = yaml.safe_load((Path(__file__).parent / "data" / "golden.yaml").read_text(encoding="utf-8"))
TOPICS = {
    "audio_input",
    "audio_output",
    "azure_deployments",
    "batch",
    "bedrock_arns",
    "cache_read",
    "cache_write_1h",
    "cache_write_5m",
    "context_tiers",
    "dated_changes",
    "dated_suffixes",
    "discounts",
    "embeddings",
    "fine_tuned",
    "flex",
    "free_models",
    "hours_of_the_day",
    "images",
    "model_that_answered",
    "openrouter",
    "other_tiers",
    "plain",
    "priority",
    "reasoning",
    "regional_prefixes",
    "request_fees",
    "rerank",
    "self_hosted",
    "unknown_models",
    "unknown_providers",
    "vertex_paths",
}
TIMES = "\N{MULTIPLICATION SIGN}"
NOON = "2026-11-20T12:00"
NO_TOKENS = Usage(0, 0, 0, 0, 0)


class Case(NamedTuple):
    """A call, and its price or the reason why it has none."""

    topic: str
    call: Mapping[str, Any]
    usage: Usage
    cost: int | None = None
    because: str = ""
    source: str = ""
    unpriced: str = ""


def read(topic: str, case: Mapping[str, Any]) -> Case:
    """A case of the file; a key that nobody reads is an error."""
    words = dict(case["call"])
    usage = NO_TOKENS._replace(**{name: words.pop(name) for name in Usage._fields if name in words})
    assert words.keys() <= {"provider", "model", "requested", "tier", "service", "at"}
    told = {key: value for key, value in case.items() if key != "call"}
    assert told.keys() in ({"cost", "because", "source"}, {"unpriced"})
    return Case(topic, words, usage, **told)


CASES = [read(topic, case) for topic, section in GOLDEN["topics"].items() for case in section["cases"]]
PRICED = [case for case in CASES if case.cost is not None]


def name(case: Case) -> str:
    """What a case is called in a test report."""
    words = " ".join(f"{value}"[-50:] for value in case.call.values())
    return f"{case.topic} {words} {'/'.join(map(str, case.usage))}"


def unix_ns(text: str) -> int:
    """Unix nanoseconds of a UTC time."""
    seconds, _, fraction = text.partition(".")
    whole = int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0") if fraction else 0)


def accountant(section: Mapping[str, Any], directory: Path) -> Accountant:
    """One who prices calls under a section's configuration, read from files as an operator writes them."""
    pricing = dict(section.get("pricing", {}))
    if "prices" in section:
        prices = directory / "prices.yaml"
        prices.write_text(yaml.safe_dump({"models": section["prices"]}), encoding="utf-8")
        pricing["prices_file"] = str(prices)
    file = directory / "config.yaml"
    file.write_text(yaml.safe_dump({"pricing": pricing} if pricing else {}), encoding="utf-8")
    return Accountant(Store(), PriceBook(load(str(file), {}, {}).pricing.for_price_book()))


@pytest.fixture(scope="module")
def accountants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Accountant]:
    """One for each topic."""
    return {
        topic: accountant(section, tmp_path_factory.mktemp(topic))
        for topic, section in GOLDEN["topics"].items()
    }


def quote(case: Case, by: Mapping[str, Accountant]) -> Quote:
    """The price of a case's call."""
    call = case.call
    record = Record(
        "golden",
        Kind.CALL,
        service_name=call.get("service", ""),
        provider=call["provider"],
        response_model=call["model"],
        request_model=call.get("requested", ""),
        service_tier=call.get("tier", ""),
    )
    return by[case.topic].price(record, unix_ns(call.get("at", NOON)))


def worked_out(arithmetic: str) -> Fraction:
    """The dollars that the left side of a case's arithmetic comes to; it may only add and multiply."""
    left = re.split("[=≈]", arithmetic)[0].replace(",", "")
    left = re.sub(r"\$([\d.]+)/M", r"(\1 / 1000000)", left)
    left = re.sub(r"\$([\d.]+)/K", r"(\1 / 1000)", left).replace(TIMES, "*")

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant():
                return Fraction(ast.get_source_segment(left, node) or "")
            case ast.BinOp(one, ast.Add(), other):
                return value(one) + value(other)
            case ast.BinOp(one, ast.Mult(), other):
                return value(one) * value(other)
            case ast.BinOp(one, ast.Div(), other):
                return value(one) / value(other)
        raise AssertionError(f"{ast.dump(node)} in {arithmetic}")

    return value(ast.parse(left.strip(), mode="eval").body)


def test_every_topic_has_cases_and_there_are_enough() -> None:
    """What a price depends on is all there, with more than ninety calls whose arithmetic is written out."""
    assert set(GOLDEN["topics"]) == TOPICS
    assert all(section["cases"] for section in GOLDEN["topics"].values())
    assert len(PRICED) > 120
    assert len({name(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", PRICED, ids=name)
def test_the_arithmetic_comes_to_the_cost_beside_it(case: Case) -> None:
    """Worked out again, the left side is the dollars on the right and the picodollars of the case."""
    left, sign, right = re.split(" ([=≈]) ", case.because)
    dollars = worked_out(case.because)
    stated = Fraction(right.removeprefix("$").replace(",", ""))
    assert right.startswith("$")
    assert left
    assert stated * PICO == case.cost
    assert (dollars == stated) if sign == "=" else (dollars != stated and round(dollars * PICO) == case.cost)
    assert case.source.startswith("https://")


@pytest.mark.parametrize("case", PRICED, ids=name)
def test_the_arithmetic_is_about_the_tokens_of_the_call(case: Case) -> None:
    """The counts that are multiplied by a price for tokens are all tokens of the call, each once."""
    counted = re.findall(rf"([\d,]+|\([\d ,+]+\)) {TIMES} \$[\d.]+/M", case.because)
    assert sum(worked_out(count) for count in counted) == sum(case.usage[:5])


@pytest.mark.parametrize("case", PRICED, ids=name)
def test_a_call_costs_what_the_published_prices_come_to(
    case: Case, accountants: Mapping[str, Accountant]
) -> None:
    """The price in picodollars is the one worked out by hand, to the last digit."""
    found = quote(case, accountants)
    assert found.unpriced_reason == ""
    assert found.rates is not None
    assert found.rates.cost(case.usage) == case.cost


@pytest.mark.parametrize("case", [case for case in CASES if case.unpriced], ids=name)
def test_a_call_without_a_price_is_not_free(case: Case, accountants: Mapping[str, Accountant]) -> None:
    """It has no rates, and says why."""
    found = quote(case, accountants)
    assert (found.rates, found.unpriced_reason) == (None, case.unpriced)


def test_the_flat_rates_of_a_plain_price_give_the_same_cost(accountants: Mapping[str, Accountant]) -> None:
    """Where `flat` is set, multiplying by hand gives what `cost` gives for a call without audio."""
    flat_seen = 0
    for case in PRICED:
        rates = quote(case, accountants).rates
        assert rates is not None
        if rates.flat is not None:
            usage = case.usage._replace(input_cache_write_1h=0, input_audio=0, output_audio=0)
            assert sum(rate * count for rate, count in zip(rates.flat, usage, strict=False)) == rates.cost(
                usage
            )
            flat_seen += 1
    assert flat_seen > 80


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        # 10000 x (1 - 0.1)
        (Usage(1000, 10_000, 0, 5, 0), "0.009"),
        # 10000 x (1 - 0.1) - 2000 x (1.25 - 1) = 9000 - 500
        (Usage(1000, 10_000, 2000, 0, 0), "0.0085"),
        # written and never read: -2000 x (1.25 - 1)
        (Usage(1000, 0, 2000, 0, 0), "-0.0005"),
        # kept for an hour: -500 x (1.25 - 1) - 1500 x (2 - 1) = -125 - 1500
        (Usage(0, 0, 2000, 0, 0, 1500), "-0.001625"),
        (Usage(1000, 0, 0, 1000, 0), "0"),
    ],
)
def test_cache_savings_are_what_the_same_input_would_have_cost_more(usage: Usage, usd: str) -> None:
    """Reading the cache saves, writing it costs, and the sum can be negative (claude-haiku-4-5)."""
    rates = PriceBook(PricingConfig()).quote("anthropic", "claude-haiku-4-5", unix_ns(NOON)).rates
    assert rates is not None
    assert rates.cache_savings(usage) == Decimal(usd) * PICO
