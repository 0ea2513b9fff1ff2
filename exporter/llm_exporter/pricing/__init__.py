"""Prices and context windows: which table entry a call's names mean, and what its tokens cost."""

from .book import PriceBook, Quote
from .config import DatedPrices, Discount, ModelAlias, PricedModel, PricingConfig
from .overrides import load_overrides
from .rates import PICO, Rates, Usage

__all__ = [
    "PICO",
    "DatedPrices",
    "Discount",
    "ModelAlias",
    "PriceBook",
    "PricedModel",
    "PricingConfig",
    "Quote",
    "Rates",
    "Usage",
    "load_overrides",
]
