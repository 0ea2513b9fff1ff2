"""What the provider served and what the exporter counted, in one form that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from genai_prices.data_snapshot import get_snapshot
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter.demo.answers import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_exporter.demo.ledger import Ledger

PICODOLLARS = 10**12
_METRICS = {
    # book: metric, and the labels that are its key
    "requests": ("llm_requests_total", ("model", "operation", "status", "stream")),
    "tokens": ("llm_tokens_total", ("model", "token_type")),
    "picodollars": ("llm_cost_usd_total", ("model",)),
    "unpriced": ("llm_unpriced_tokens_total", ("model",)),
    "errors": ("llm_request_errors_total", ("model", "error_type")),
    "finish_reasons": ("llm_finish_reasons_total", ("model", "finish_reason")),
    "tool_calls": ("llm_tool_calls_total", ("tool",)),
    "guardrail_checks": ("llm_guardrail_checks_total", ("guardrail", "action")),
    "anomalies": ("llm_usage_anomalies_total", ("kind",)),
}

Books = dict[str, Counter[tuple[str, ...]]]
Silence = Callable[[Books], None]
"""Takes out of the provider's books what the spans of an SDK do not say, so that nobody can count it."""


def counted(exposition: str) -> Books:
    """The exporter's side: sums of its samples as exact integers, zeros left out."""
    books: Books = {name: Counter() for name in _METRICS}
    samples = [s for family in text_string_to_metric_families(exposition) for s in family.samples]
    for name, (metric, labels) in _METRICS.items():
        scale = PICODOLLARS if name == "picodollars" else 1
        for sample in samples:
            # That an outer span repeats the usage of an inner one is as it should be; the exporter's own look for
            # personal data is nothing that an application did.
            told = sample.labels.get("kind") != "repeated_usage"
            own = sample.labels.get("guardrail", "").startswith("pii_")
            if sample.name == metric and sample.value and told and not own:
                key = tuple(sample.labels.get(label, "") for label in labels)
                books[name][key] += round(sample.value * scale)
    return books


def served(ledger: Ledger, silences: Iterable[Silence] = ()) -> Books:
    """The provider's side as far as the spans of an SDK tell it, priced."""
    books: Books = {name: Counter() for name in _METRICS}
    for request, count in ledger.requests.items():
        key = (request.model, request.operation, request.status, str(request.stream).lower())
        books["requests"][key] += count
    for tokens, count in ledger.tokens.items():
        books["tokens"][tokens.model, tokens.token_type] += count
    for failure, count in ledger.errors.items():
        books["errors"][failure.model, failure.error_type] += count
    for finish, count in ledger.finish_reasons.items():
        books["finish_reasons"][finish.model, finish.finish_reason] += count
    for call, count in ledger.tool_calls.items():
        books["tool_calls"][call.tool,] += count
    for silence in silences:
        silence(books)
    for (model, token_type), count in books["tokens"].items():
        books["picodollars"][model,] += count * rates(model)[token_type]
    return books


def differences(counted: Books, served: Books) -> list[str]:
    """One line for each number that is not the same on both sides."""
    return [
        f"{name} {' '.join(key)}: counted {counted[name][key]}, served {served[name][key]}"
        for name in _METRICS
        for key in sorted(counted[name].keys() | served[name].keys())
        if counted[name][key] != served[name][key]
    ]


def rates(model: str) -> dict[str, int]:
    """Picodollars for one token of each type, straight from the price table."""
    provider = next(p for p in get_snapshot().providers if p.id == MODELS[model].vendor)
    found = provider.find_model(model)
    assert found is not None
    prices: Any = found.get_prices(datetime.now(UTC))

    def picodollars(kind: str) -> int:
        price = getattr(prices, f"{kind}_mtok") or 0
        # Where long prompts have another price: the ones here are short.
        return int(getattr(price, "base", price) * (PICODOLLARS // 10**6))

    return {
        "input": picodollars("input"),
        "input_cache_read": picodollars("cache_read") or picodollars("input"),
        "input_cache_write": picodollars("cache_write"),
        "output": picodollars("output"),
        "output_reasoning": picodollars("output"),
    }
