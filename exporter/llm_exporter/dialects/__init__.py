"""Dialects: one file per instrumentation, found by being here. A span's dialect is settled once per shape."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from llm_exporter.dialects._dialect import Dialect

FALLBACK = "semconv"


@cache
def all_dialects() -> dict[str, Dialect]:
    """Return every dialect by name."""
    modules = (
        import_module(f"{__name__}.{module.name}")
        for module in iter_modules(__path__)
        if not module.name.startswith("_")
    )
    return {module.DIALECT.name: module.DIALECT for module in modules}


def fallback() -> Dialect:
    """Return the semantic conventions, which fill what the others leave open."""
    return all_dialects()[FALLBACK]


def claims(scope: str, keys: Collection[str]) -> list[tuple[int, Dialect]]:
    """Return the specific dialects that claim a span, surest first, each with its `Dialect.evidence`."""
    found = [
        (dialect.evidence(scope, keys), dialect)
        for dialect in all_dialects().values()
        if dialect.name != FALLBACK
    ]
    return sorted((claim for claim in found if claim[0]), key=lambda claim: (-claim[0], claim[1].name))


def claim(scope: str, keys: Collection[str], disabled: Collection[str] = ()) -> Dialect | None:
    """Return the one dialect of a span, None when it has nothing to do with an LLM.

    An instrumentation's scope counts for more than an attribute that only it writes, and that for more than a
    prefix. A scope alone proves nothing: there must be an attribute that some dialect knows.
    """
    known = fallback().prefixes + tuple(p for d in all_dialects().values() for p in d.prefixes)
    exact = frozenset().union(*(d.keys for d in all_dialects().values()))
    if exact.isdisjoint(keys) and not any(key.startswith(known) for key in keys):
        return None
    for _, dialect in claims(scope, keys):
        if dialect.name not in disabled:
            return dialect
    semconv = fallback()
    if semconv.name not in disabled and any(key.startswith(semconv.prefixes) for key in keys):
        return semconv
    return None
