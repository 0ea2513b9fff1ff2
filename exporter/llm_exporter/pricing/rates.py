"""What a model's tokens cost: exact integer picodollars, whatever the shape of the price.

A price is a table of eight rates (one for each kind of token) for each bracket of input length, plus a fee for
each request. A long prompt moves the *whole* call into the dearer bracket (the "cliff" rule of providers and
of genai-prices `TieredPrices`), so exactly one bracket prices a call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    _Row = tuple[int, int, int, int, int, int, int, int]

PICO = 10**12
"""Picodollars in one USD."""


class Usage(NamedTuple):
    """Tokens of one call, in disjoint counts: `input` is what no cache served, `output` is without reasoning.

    The last three are parts of counts before them: `input_cache_write_1h` is what of `input_cache_write` was
    kept for an hour, `input_audio` what of `input` and `output_audio` what of `output` was audio. A part that
    is more than the whole is read as the whole.
    """

    input: int
    input_cache_read: int
    input_cache_write: int
    output: int
    output_reasoning: int
    input_cache_write_1h: int = 0
    input_audio: int = 0
    output_audio: int = 0


class TokenPrices(NamedTuple):
    """Picodollars for one token of each kind, exact."""

    input: Fraction
    cache_read: Fraction
    cache_write: Fraction
    cache_write_1h: Fraction
    output: Fraction
    reasoning: Fraction
    input_audio: Fraction
    output_audio: Fraction

    @classmethod
    def of(
        cls,
        input: Decimal,  # noqa: A002 - named as the tokens are
        output: Decimal | None = None,
        cache_read: Decimal | None = None,
        cache_write: Decimal | None = None,
        cache_write_1h: Decimal | None = None,
        reasoning: Decimal | None = None,
        input_audio: Decimal | None = None,
        output_audio: Decimal | None = None,
    ) -> TokenPrices:
        """From USD for a million tokens.

        A kind of token without a price of its own costs what the kind does that contains it, which is how
        providers bill it (`genai_prices.decompose`). Output without any price is free, as for embeddings.
        """
        output = Decimal(0) if output is None else output
        cache_write = input if cache_write is None else cache_write
        prices = (
            input,
            input if cache_read is None else cache_read,
            cache_write,
            cache_write if cache_write_1h is None else cache_write_1h,
            output,
            output if reasoning is None else reasoning,
            input if input_audio is None else input_audio,
            output if output_audio is None else output_audio,
        )
        return cls._make(Fraction(price) * PICO / 10**6 for price in prices)


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
    just the sum of these products, else None. It tells neither one-hour cache writes nor audio apart: a call
    that has any needs `cost`."""
    _scale: int = field(init=False)
    _first: _Row = field(init=False)
    _dearer: tuple[tuple[int, _Row], ...] = field(init=False)
    _fee: int = field(init=False)

    def __post_init__(self) -> None:
        scale = lcm(
            self.request.denominator, *(rate.denominator for _, prices in self.brackets for rate in prices)
        )
        first, *dearer = (
            (above, tuple(int(rate * scale) for rate in prices)) for above, prices in self.brackets
        )
        flat = None
        if scale == 1 and not dearer and not self.request:
            uncached, read, write, _, output, reasoning, _, _ = first[1]
            flat = (uncached, read, write, output, reasoning)
        object.__setattr__(self, "flat", flat)
        object.__setattr__(self, "_scale", scale)
        object.__setattr__(self, "_first", first[1])
        object.__setattr__(self, "_dearer", tuple(reversed(dearer)))
        object.__setattr__(self, "_fee", int(self.request * scale))

    def cost(self, usage: Usage) -> int:
        """Picodollars for one call."""
        uncached, read, write, output, reasoning, write_1h, audio, spoken = usage
        p_input, p_read, p_write, p_write_1h, p_output, p_reasoning, p_audio, p_spoken = self._row(
            uncached + read + write
        )
        write_1h, audio, spoken = min(write_1h, write), min(audio, uncached), min(spoken, output)
        return self._rounded(
            self._fee
            + (uncached - audio) * p_input
            + audio * p_audio
            + read * p_read
            + (write - write_1h) * p_write
            + write_1h * p_write_1h
            + (output - spoken) * p_output
            + spoken * p_spoken
            + reasoning * p_reasoning
        )

    def cache_savings(self, usage: Usage) -> int:
        """Picodollars that the prompt cache saved: its tokens at the uncached rate, minus what they did cost.

        Negative when writing the cache cost more than reading it saved, as when a cache is never read.
        """
        uncached, read, write, _, _, write_1h, _, _ = usage
        p_input, p_read, p_write, p_write_1h, *_ = self._row(uncached + read + write)
        write_1h = min(write_1h, write)
        return self._rounded(
            read * (p_input - p_read)
            + (write - write_1h) * (p_input - p_write)
            + write_1h * (p_input - p_write_1h)
        )

    def scaled(self, multiplier: Fraction) -> Rates:
        """The same rates, each times `multiplier`."""
        brackets = tuple(
            Bracket(above, TokenPrices._make(rate * multiplier for rate in row))
            for above, row in self.brackets
        )
        return Rates(brackets, self.request * multiplier)

    def batch(self, cache_too: bool) -> Rates:
        """The rates of calls that are sent in batches: half, for what the cache serves only when `cache_too`.

        Else that keeps its price, but costs no more than input without a cache.
        """

        def halved(row: TokenPrices) -> TokenPrices:
            half = TokenPrices._make(price / 2 for price in row)
            return half if cache_too else half._replace(cache_read=min(row.cache_read, half.input))

        return rates(((above, halved(row)) for above, row in self.brackets), self.request)

    def _row(self, input_tokens: int) -> _Row:
        for above, row in self._dearer:
            if input_tokens > above:
                return row
        return self._first

    def _rounded(self, amount: int) -> int:
        return amount if self._scale == 1 else round(Fraction(amount, self._scale))


def rates(brackets: Iterable[tuple[int, TokenPrices]], request: Fraction = Fraction(0)) -> Rates:
    """Rates from brackets in any order."""
    return Rates(tuple(sorted(Bracket(above, prices) for above, prices in brackets)), request)
