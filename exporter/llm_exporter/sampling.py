"""How many spans one stands for, where the others of its kind were sampled away before they came here.

Off unless configured: whoever can send spans could otherwise multiply their own bill. Sources: consistent
probability sampling in W3C tracestate (opentelemetry.io, "TraceState: Probability Sampling"), the attributes
that samplers write, or one ratio for all.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter.otlp.values import number

if TYPE_CHECKING:
    from collections.abc import Mapping

_THRESHOLD: Final = re.compile(rb"(?:^|,)\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?=[,;\s]|$)")
_WHOLE: Final = 1 << 56
MAX_TRACE_STATE: Final = 512


class Weight(NamedTuple):
    """What a span stands for."""

    times: int
    capped: bool
    """Whether it claimed to stand for more than is allowed."""


_ONE: Final = Weight(1, False)


class Sampling(NamedTuple):
    """Where the sampling ratio of a span is found, first that says one; a span that says none stands for itself."""

    tracestate: bool = False
    ratio_attributes: tuple[str, ...] = ()
    """Attributes with the ratio of spans that are kept, over 0 and up to 1; over 1 it is the weight itself."""
    ratio: float = 1.0
    """The ratio of spans that say nothing."""
    max_weight: int = 100

    @property
    def enabled(self) -> bool:
        """Whether any span may stand for more than itself."""
        return self.tracestate or bool(self.ratio_attributes) or self.ratio < 1

    def weight(self, span_id: bytes, trace_state: bytes, attributes: Mapping[str, bytes]) -> Weight:
        """Return how many spans this one stands for.

        A weight that is no whole number is rounded up for as many spans as its fraction says, by a hash of the
        span's id, so that sums are right on average and the same span always weighs the same.
        """
        wanted = self._said(trace_state, attributes)
        if wanted <= 1:
            return _ONE
        if wanted > self.max_weight:
            return Weight(self.max_weight, True)
        whole = int(wanted)
        fraction = wanted - whole
        if fraction:
            drawn = int.from_bytes(blake2b(span_id, digest_size=4).digest()) / 2**32
            whole += drawn < fraction
        return Weight(whole, False)

    def _said(self, trace_state: bytes, attributes: Mapping[str, bytes]) -> float:
        if self.tracestate and trace_state:
            found = _THRESHOLD.search(trace_state[:MAX_TRACE_STATE])
            if found:
                rejected = int(found[1].ljust(14, b"0"), 16)
                return _WHOLE / (_WHOLE - rejected)
        for key in self.ratio_attributes:
            ratio = number(attributes.get(key, b""))
            if ratio is not None and ratio > 0:
                return 1 / ratio if ratio <= 1 else float(ratio)
        return 1 / self.ratio


def sampling_of(span: Any, sampling: Sampling) -> Weight:
    """Return the weight of a lazily decoded span."""
    return sampling.weight(span.span_id, span.trace_state, span.attributes)
