"""Label values: their alphabet, what is redacted, and the cap on distinct values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from llm_exporter.catalogue import Label

OTHER: Final = "__other__"
REDACTED: Final = "__redacted__"
MAX_LENGTH: Final = 128

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.:/@+ -]")
# The shapes of identifiers and secrets that end up where a name belongs: e-mail addresses, UUIDs, JSON Web
# Tokens, and the key prefixes of OpenAI and Anthropic, AWS, GitHub, Slack, Google and Hugging Face.
_PRIVATE = re.compile(
    r"[^\s@/]+@[^\s@/]+\.[A-Za-z]{2,}"
    r"|(?<![A-Za-z0-9])(?:"  # not \b: an underscore, as in run_<id>, starts a new word too
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![A-Za-z0-9])"
    r"|[0-9a-fA-F]{32,}(?![A-Za-z0-9])"
    r"|eyJ[\w-]{8,}\.[\w-]+"
    r"|sk-[\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"
    r"|gh[pousr]_\w{20,}"
    r"|xox[abprs]-[\w-]{10,}"
    r"|AIza[\w-]{30,}"
    r"|hf_\w{20,}"
    r")"
)


def clean(value: str) -> str:
    """Return `value` in the alphabet `[A-Za-z0-9_.:/@+ -]`, at most 128 characters, or `__redacted__`.

    A value that looks like an e-mail address, a key or an id says who or which one, not what kind: it would
    leak and never aggregate.
    """
    value = value[: 4 * MAX_LENGTH].strip()
    if _PRIVATE.search(value):
        return REDACTED
    return _FORBIDDEN.sub("_", value[:MAX_LENGTH])


class LabelLimiter:
    """Bounds the distinct values of each open label; over the cap a value becomes `__other__`.

    `on_overflow` and `on_redacted` are called with the label's name each time a value is replaced.
    """

    def __init__(
        self,
        caps: Mapping[str, int],
        on_overflow: Callable[[str], None],
        on_redacted: Callable[[str], None],
    ) -> None:
        self.caps = caps
        self._seen: dict[str, set[str]] = {}
        self._on_overflow = on_overflow
        self._on_redacted = on_redacted

    def admit(self, label: Label, value: str) -> str:
        """Return the value to expose for `value`, remembering it when there is room."""
        if not value:
            return value
        seen = self._seen.setdefault(label.name, set())
        if value in seen:
            return value
        cleaned = clean(value)
        if cleaned in seen:
            return cleaned
        if cleaned == REDACTED:
            self._on_redacted(label.name)
            return cleaned
        if len(seen) >= self.caps.get(label.name, label.cap):
            self._on_overflow(label.name)
            return OTHER
        seen.add(cleaned)
        return cleaned

    def forget_all_but(self, live: Mapping[str, Iterable[str]]) -> None:
        """Make room again: keep only the values, by label name, that some series still has."""
        self._seen = {name: set(values) - {"", OTHER, REDACTED} for name, values in live.items()}
