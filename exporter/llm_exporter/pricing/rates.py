"""What a model's tokens cost: exact integer picodollars, whatever the shape of the price.

A price is a table of six rates (one for each kind of token) for each bracket of input length, plus a fee for
each request. A long prompt moves the *whole* call into the dearer bracket (the "cliff" rule of providers and
of genai-prices `TieredPrices`), so exactly one bracket prices a call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PICO = 10**12
"""Picodollars in one USD."""


class Usage(NamedTuple):
    """Tokens of one call, in disjoint counts: `input` is what no cache served, `output` is without reasoning.

    `input_cache_write_1h` is the part of `input_cache_write` that was kept for an hour; more than the whole
    is read as the whole.
    """

    input: int
    input_cache_read: int
    input_cache_write: int
    output: int
    output_reasoning: int
    input_cache_write_1h: int = 0


class TokenPrices(NamedTuple):
    """Picodollars for one token of each kind, exact."""

    input: Fraction
    cache_read: Fraction
    cache_write: Fraction
    cache_write_1h: Fraction
    output: Fraction
    reasoning: Fraction


class Bracket(NamedTuple):
    """The prices of calls with more than `above` input tokens; the first bracket has `above` = -1."""

    above: int
    prices: TokenPrices


@dataclass(frozen=True, slots=True)
class Rates:
    """The price of a call's tokens at one moment, after discounts.

    Amounts are whole picodollars, rounded half to even once for each call: a few listed prices are not a
    whole number of picodollars for one token (thirds of a cent, the rounding noise of a provider's API), and
    a discount can make any.
    """

    brackets: tuple[Bracket, ...]
    """By ascending `above`."""
    request: Fraction = Fraction(0)
    """Picodollars for each request, whatever its tokens."""
    flat: tuple[int, int, int, int, int] | None = field(init=False)
    """Picodollars for one token of (input, cache read, cache write, output, reasoning), when a call costs
    just the sum of these products, else None. It does not tell one-hour cache writes apart: a call that has
    any needs `cost`."""
    _scale: int = field(init=False)
    _table: tuple[tuple[int, tuple[int, ...]], ...] = field(init=False)
    _fee: int = field(init=False)

    def __post_init__(self) -> None:
        scale = lcm(self.request.denominator, *(rate.denominator for _, row in self.brackets for rate in row))
        table = tuple((above, tuple(int(rate * scale) for rate in row)) for above, row in self.brackets)
        flat = None
        if scale == 1 and len(table) == 1 and not self.request:
            uncached, read, write, _, output, reasoning = table[0][1]
            flat = (uncached, read, write, output, reasoning)
        object.__setattr__(self, "flat", flat)
        object.__setattr__(self, "_scale", scale)
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_fee", int(self.request * scale))

    def cost(self, usage: Usage) -> int:
        """Picodollars for one call."""
        return self._rounded(self._fee + sum(map(mul, self._row(usage), _counts(usage))))

    def cache_savings(self, usage: Usage) -> int:
        """Picodollars that the prompt cache saved: the same input at the uncached rate, minus what it did
        cost.

        Negative when writing the cache cost more than reading it saved, which is what a cache that is never
        hit does.
        """
        uncached, *cached, _, _ = self._row(usage)
        _, *counts, _, _ = _counts(usage)
        return self._rounded(
            sum((uncached - rate) * count for rate, count in zip(cached, counts, strict=True))
        )

    def scaled(self, multiplier: Fraction) -> Rates:
        """The same rates, each times `multiplier`."""
        brackets = tuple(
            Bracket(above, TokenPrices._make(rate * multiplier for rate in row))
            for above, row in self.brackets
        )
        return Rates(brackets, self.request * multiplier)

    def _row(self, usage: Usage) -> tuple[int, ...]:
        table = self._table
        if len(table) > 1:
            total = usage.input + usage.input_cache_read + usage.input_cache_write
            for above, row in reversed(table):
                if total > above:
                    return row
        return table[0][1]

    def _rounded(self, amount: int) -> int:
        return amount if self._scale == 1 else round(Fraction(amount, self._scale))


def rates(brackets: Iterable[tuple[int, TokenPrices]], request: Fraction = Fraction(0)) -> Rates:
    """Rates from brackets in any order."""
    return Rates(tuple(sorted(Bracket(above, prices) for above, prices in brackets)), request)


def _counts(usage: Usage) -> tuple[int, int, int, int, int, int]:
    write_1h = min(usage.input_cache_write_1h, usage.input_cache_write)
    return (
        usage.input,
        usage.input_cache_read,
        usage.input_cache_write - write_1h,
        write_1h,
        usage.output,
        usage.output_reasoning,
    )
