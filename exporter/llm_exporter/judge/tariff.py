"""What a request to the judge costs: at most, before it is sent, and in fact, from the usage that comes back."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from llm_exporter.pricing import PICO, Usage
from llm_exporter.pricing.rates import Bracket, Rates, TokenPrices

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

OVERHEAD_TOKENS: Final = 256
"""Tokens that a chat template puts around the messages, generously."""
_BYTES_PER_TOKEN: Final = 16
"""No tokenizer makes do with fewer tokens for a text of any language; runs of spaces aside."""


def own_rates(input_price: Decimal, output_price: Decimal) -> Rates:
    """Return the rates of prices in USD for a million tokens."""
    prices = TokenPrices.of(input=input_price, output=output_price)
    return Rates((Bracket(-1, prices),))


class Tariff:
    """Prices requests.

    Args:
        rates: Rates that hold now, None where there are none any more.
        max_output_tokens: Longest reply that is asked for.
    """

    def __init__(self, rates: Callable[[], Rates | None], max_output_tokens: int) -> None:
        self._rates = rates
        self._max_output = max_output_tokens

    def most(self, n_bytes: int) -> int | None:
        """Return the most picodollars that a request of so many bytes can cost; None without a price.

        No tokenizer makes more tokens of a text than it has bytes in UTF-8. That is three or four times what most
        make of English, and about right for what they know worst: only such a bound is never passed.
        """
        rates = self._rates()
        if rates is None:
            return None
        tokens, output = n_bytes + OVERHEAD_TOKENS, self._max_output
        # However the tokens turn out to be billed: from or to the cache, for an hour; as reply or as thought.
        inputs = ((tokens, 0, 0, 0), (0, tokens, 0, 0), (0, 0, tokens, 0), (0, 0, tokens, tokens))
        return max(
            rates.cost(Usage(plain, read, write, *spoken, hour))
            for plain, read, write, hour in inputs
            for spoken in ((output, 0), (0, output))
        )

    def cost(self, usage: Usage) -> int | None:
        """Return what a usage costs in picodollars; None without a price."""
        rates = self._rates()
        return None if rates is None else rates.cost(usage)


def believable(usage: Usage | None, n_bytes: int, reply: str) -> Usage | None:
    """Return the usage that a server reports, or None where it cannot be: then all that was reserved is spent."""
    if usage is None or min(usage) < 0:
        return None
    sent = usage.input + usage.input_cache_read + usage.input_cache_write
    received = usage.output + usage.output_reasoning
    if sent * _BYTES_PER_TOKEN < n_bytes or received * _BYTES_PER_TOKEN < len(reply):
        return None
    return usage


def usd(amount: Decimal) -> int:
    """Return an amount of USD in picodollars."""
    return int(Fraction(amount) * PICO)
