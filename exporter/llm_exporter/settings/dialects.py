"""The `dialects` section: how instrumentations are read."""

# `key` makes fields, as `dataclasses.field` does.

from dataclasses import dataclass

from llm_exporter.dialects import all_dialects
from llm_exporter.settings.compound import Items, Section, key
from llm_exporter.settings.pricing import GLOB, PROVIDER
from llm_exporter.settings.scalars import Boolean, Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class InputConvention:
    """How the spans of a scope count input tokens."""

    scope: str = key(GLOB, "Name of the instrumentation scope.")
    provider: str = key(PROVIDER, "Only calls to this provider; empty is any.", "")
    value: bool = key(
        Boolean(), "Whether the input tokens they report include those read from a prompt cache."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialects:
    """How instrumentations are read."""

    disabled: tuple[str, ...] = key(
        Items(Choice(tuple(sorted(all_dialects()))), 100),
        "Dialects whose spans are not read.",
        (),
        example=["openinference"],
    )
    input_includes_cache: tuple[InputConvention, ...] = key(
        Items(Section(InputConvention), 100),
        "Corrections of how an instrumentation counts; the first that matches holds.",
        (),
        example=[{"scope": "my.instrumentation*", "provider": "anthropic", "value": False}],
    )
