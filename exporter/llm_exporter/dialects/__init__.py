"""Dialects: one file per instrumentation, found by being here. A span's dialect is settled once per shape."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from llm_exporter.dialects._dialect import Dialect

FALLBACK = "semconv"
BY_SCOPE = 4
"""The evidence that nothing surpasses."""


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


@cache
def _known() -> tuple[frozenset[str], tuple[str, ...]]:
    found = all_dialects().values()
    exact = frozenset(key for dialect in found for key in (*dialect.keys, *dialect.shared))
    return exact, tuple(prefix for dialect in found for prefix in dialect.prefixes)


@lru_cache(maxsize=1024)
def _suffices(scope: str) -> bool:
    """Return whether a span under this scope is some dialect's even without an attribute that any knows."""
    sure = [dialect for dialect in all_dialects().values() if dialect.scope_suffices]
    return any(fnmatchcase(scope, pattern) for dialect in sure for pattern in dialect.scopes)


def claims(
    scope: str, keys: Collection[str], said: Callable[[str], str] | None = None
) -> list[tuple[int, Dialect]]:
    """Return the specific dialects that claim a span, surest first, each with its `Dialect.evidence`."""
    found = [
        (dialect.evidence(scope, keys, said), dialect)
        for dialect in all_dialects().values()
        if dialect.name != FALLBACK
    ]
    return sorted((claim for claim in found if claim[0]), key=lambda claim: (-claim[0], claim[1].name))


def claim(
    scope: str,
    keys: Collection[str],
    disabled: Collection[str] = (),
    said: Callable[[str], str] | None = None,
) -> Dialect | None:
    """Return the one dialect of a span, None when it has nothing to do with an LLM.

    An instrumentation's scope counts for more than an attribute or value that only it writes, that for more
    than a prefix, and that for more than an attribute that others have taken over. A scope alone proves
    nothing unless its dialect says so, and neither does a value: there must be an attribute that some dialect
    knows by its name.
    """
    exact, prefixes = _known()
    known = not exact.isdisjoint(keys) or any(key.startswith(prefixes) for key in keys)
    if not known and not _suffices(scope):
        return None
    for evidence, dialect in claims(scope, keys, said):
        if dialect.name not in disabled and (known or (evidence == BY_SCOPE and dialect.scope_suffices)):
            return dialect
    semconv = fallback()
    if known and semconv.name not in disabled and any(key.startswith(semconv.prefixes) for key in keys):
        return semconv
    return None


def rivals(
    claimed: Dialect, scope: str, keys: Collection[str], disabled: Collection[str] = ()
) -> list[Dialect]:
    """Return the dialects that may claim single spans of these attributes instead, by what the values say."""
    if claimed.evidence(scope, keys) == BY_SCOPE:
        return []
    return [
        dialect
        for dialect in all_dialects().values()
        if dialect is not claimed
        and dialect.name not in disabled
        and not dialect.values.keys().isdisjoint(keys)
    ]
