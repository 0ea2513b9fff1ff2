"""How the fake provider behaves: rates and factors that can change while it runs, and named incidents.

An incident is data: the fields of `Behaviour` that it changes. Adding one is a line in `INCIDENTS`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ERROR_KINDS: Final = (
    "rate_limit",
    "quota",
    "auth",
    "unavailable",
    "timeout",
    "context_overflow",
    "invalid_request",
)
"""What can go wrong with a request, in the words of the exporter's `error_type`."""

EVERYDAY_ERRORS: Final = MappingProxyType(
    {"rate_limit": 0.012, "unavailable": 0.006, "timeout": 0.002, "context_overflow": 0.003}
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Probabilities are 0-1 per request; factors multiply what the model's own distribution draws."""

    errors: Mapping[str, float] = field(default_factory=lambda: dict(EVERYDAY_ERRORS))
    """Probability of each error kind; together at most 1."""
    latency_factor: float = 1.0
    answer_factor: float = 1.0
    """Verbosity: output tokens, and with them the price of an answer."""
    prompt_factor: float = 6.0
    """Prompt tokens billed per token of text received: the demo's documents are short, real ones are not."""
    cache_hit_rate: float = 0.6
    refusal_rate: float = 0.01
    content_filter_rate: float = 0.005
    truncation_rate: float = 0.01
    tool_rate: float = 0.7
    """Probability that a first turn which may call tools does."""
    tool_loop_rate: float = 0.02
    """Probability that the model repeats its last tool calls although it has their results."""

    def changed(self, fields: Mapping[str, Any]) -> Behaviour:
        """This behaviour with some fields replaced.

        `{"incident": NAME}` stands for the fields of that incident. ValueError names the field, the value and
        what is allowed.
        """
        fields = dict(fields)
        if "incident" in fields:
            name = fields.pop("incident")
            if not isinstance(name, str) or name not in INCIDENTS:
                raise ValueError(f"incident {name!r:.40} is not known; known: {', '.join(INCIDENTS)}")
            fields = {**INCIDENTS[name], **fields}
        for name, value in fields.items():
            if name == "errors":
                _check_errors(value)
            elif name in _NUMBERS:
                _check_number(name, value, top=1 if name.endswith("_rate") else 1000)
            else:
                known = ", ".join(("incident", "errors", *_NUMBERS))
                raise ValueError(f"behaviour has no field {name!r:.40}; known: {known}")
        return dataclasses.replace(self, **fields)


_NUMBERS: Final = tuple(f.name for f in dataclasses.fields(Behaviour) if f.name != "errors")

INCIDENTS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "none": {f.name: getattr(Behaviour(), f.name) for f in dataclasses.fields(Behaviour)},
        "slow-model": {"latency_factor": 6.0},
        "provider-down": {"errors": {"unavailable": 1.0}},
        "provider-hangs": {"errors": {"timeout": 0.5}},
        "rate-limited": {"errors": {"rate_limit": 0.4}},
        "quota-exhausted": {"errors": {"quota": 1.0}},
        "key-revoked": {"errors": {"auth": 1.0}},
        "long-prompts": {"errors": {"context_overflow": 0.3}, "prompt_factor": 40.0},
        "verbose-answers": {"answer_factor": 5.0},
        "cache-lost": {"cache_hit_rate": 0.0},
        "refusals": {"refusal_rate": 0.4},
        "content-filter": {"content_filter_rate": 0.3},
        "tool-loops": {"tool_rate": 1.0, "tool_loop_rate": 0.9},
    }
)


def _check_number(name: str, value: object, top: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        raise ValueError(f"{name} is {value!r:.40}; it must be a number from 0 to {top}")


def _check_errors(value: object) -> None:
    if not isinstance(value, dict):  # what comes from JSON is one error: a wrong value
        raise ValueError(  # noqa: TRY004
            f"errors is {value!r:.40}; it must map error kinds to probabilities"
        )
    for kind, share in value.items():
        if kind not in ERROR_KINDS:
            raise ValueError(f"errors has the kind {kind!r:.40}; known: {', '.join(ERROR_KINDS)}")
        _check_number(f"errors[{kind}]", share, top=1)
    if sum(value.values()) > 1:
        raise ValueError(f"errors sum to {sum(value.values())}; together they must be at most 1")
