"""The `signals` section: what is read from the texts of calls, without a model."""

# `key` makes fields, as `dataclasses.field` does.

import dataclasses
from dataclasses import dataclass

from llm_exporter.settings.compound import key
from llm_exporter.settings.scalars import Boolean, Number
from llm_exporter.signals.answers import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is read from questions and answers where spans hold them. No text is kept or shown."""

    refusals: bool = key(Boolean(), "Whether an answer refuses.", True)
    lengths: bool = key(Boolean(), "How long an answer is, and whether it is empty.", True)
    json: bool = key(Boolean(), "Whether an answer is JSON where JSON was asked for.", True)
    pii: bool = key(
        Boolean(), "Whether an answer holds e-mail addresses, card numbers, secret keys and the like.", True
    )
    languages: bool = key(Boolean(), "In which language questions and answers are.", True)
    overlap: bool = key(Boolean(), "Which share of an answer's words is in the retrieved documents.", True)
    repetition: bool = key(Boolean(), "Whether an answer goes round in circles.", True)
    drift: bool = key(Boolean(), "Whether the words of questions and answers are hashed for drift.", True)
    samples_per_second: float = key(
        Number(0, 1_000_000),
        "Most calls a second, of each service and feature, that languages, overlap and drift look at.",
        5.0,
        unit="calls a second",
    )

    def switches(self) -> Switches:
        """Return these as `signals.answers` takes them."""
        return Switches(**{field.name: getattr(self, field.name) for field in dataclasses.fields(self)})
