"""The exporter's settings: one declaration, from which reading, checking, the example and the docs follow."""

from llm_exporter.settings.dialects import Dialects, InputConvention
from llm_exporter.settings.endpoints import Address
from llm_exporter.settings.loading import FLAGS, Flag, load
from llm_exporter.settings.logs import Logs, Structured
from llm_exporter.settings.objectives import Budget, Slo
from llm_exporter.settings.pricing import Discount, ModelAlias, Pricing
from llm_exporter.settings.problem import Problem, SettingsError
from llm_exporter.settings.schema import (
    Exposition,
    LabelSettings,
    Limits,
    Listen,
    Log,
    Receive,
    Settings,
)

__all__ = [
    "FLAGS",
    "Address",
    "Budget",
    "Dialects",
    "Discount",
    "Exposition",
    "Flag",
    "InputConvention",
    "LabelSettings",
    "Limits",
    "Listen",
    "Log",
    "Logs",
    "ModelAlias",
    "Pricing",
    "Problem",
    "Receive",
    "Settings",
    "SettingsError",
    "Slo",
    "Structured",
    "load",
]
