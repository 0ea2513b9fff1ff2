"""The `pricing` section: what the operator knows about names and prices."""

# `key` and `section` make fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from llm_exporter.pricing import config
from llm_exporter.pricing.overrides import load_overrides
from llm_exporter.settings.compound import Items, Section, Table, key
from llm_exporter.settings.endpoints import File
from llm_exporter.settings.scalars import Boolean, Day, DecimalNumber, Pattern, Text

GLOB = Text(
    "name of A-Z a-z 0-9 _ . : / @ + - and spaces, * stands for any characters", r"[A-Za-z0-9_.:/@+ *-]+", 256
)
PROVIDER = Text("provider in A-Z a-z 0-9 _ . : / -, or nothing", r"[A-Za-z0-9_.:/-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAlias:
    """A name of a model as spans have it, and what it is in the price table."""

    match: str = key(Pattern(), "Regular expression that the whole model name matches, capitals ignored.")
    provider: str = key(PROVIDER, "Provider whose price holds; empty is the span's own.", "")
    model: str = key(
        Text("name of A-Z a-z 0-9 _ . : / @ + - and spaces", r"[A-Za-z0-9_.:/@+ -]+"),
        "Name in the price table or the prices file.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A factor on the price of the calls that match."""

    provider: str = key(GLOB, "Provider of the call.", "*")
    model: str = key(GLOB, "Model, as in the label.", "*")
    service: str = key(GLOB, "Service that made the call.", "*")
    service_tier: str = key(
        GLOB,
        "Service tier that the response names, such as batch, flex or priority; * also stands for none.",
        "*",
    )
    multiplier: Decimal = key(DecimalNumber(0, 10), "Factor on the price; 0.85 is 15 % off.", unit="ratio")
    from_: date | None = key(Day(), "First day, in UTC.", None)
    until: date | None = key(Day(), "First day on which it holds no more, in UTC.", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """What calls cost."""

    prefer_reported: bool = key(
        Boolean(), "Take the cost that a span reports, where there is one, rather than work it out.", True
    )
    prices_file: Path | None = key(
        File(), "YAML file with own prices; they come before the built-in ones.", None
    )
    provider_aliases: Mapping[str, str] = key(
        Table(Text("provider in A-Z a-z 0-9 _ . : / -", r"[A-Za-z0-9_.:/-]+"), "name of a provider"),
        "Names of providers that spans carry, and the provider each one stands for.",
        {},
        example={"my-gateway": "openai"},
    )
    model_aliases: tuple[ModelAlias, ...] = key(
        Items(Section(ModelAlias), 1000),
        "Names of models that the price table does not know; the first that matches holds.",
        (),
        example=[{"match": "prod-gpt4o-.*", "provider": "azure.ai.openai", "model": "gpt-4o"}],
    )
    discounts: tuple[Discount, ...] = key(
        Items(Section(Discount), 1000),
        "Factors on the price; the first that matches holds.",
        (),
        example=[{"provider": "anthropic", "multiplier": 0.85, "from": "2026-01-01", "until": "2027-01-01"}],
    )

    def for_price_book(self) -> config.PricingConfig:
        """Return what the price book takes. Raises OSError or PricesFileError when `prices_file` is bad."""
        return config.PricingConfig(
            model_aliases=tuple(
                config.ModelAlias(alias.match, alias.model, alias.provider) for alias in self.model_aliases
            ),
            provider_aliases=self.provider_aliases,
            overrides=load_overrides(self.prices_file) if self.prices_file else (),
            discounts=tuple(
                config.Discount(
                    discount.multiplier,
                    provider=discount.provider,
                    model=discount.model,
                    service=discount.service,
                    from_date=discount.from_,
                    until_date=discount.until,
                    service_tier=discount.service_tier,
                )
                for discount in self.discounts
            ),
        )
