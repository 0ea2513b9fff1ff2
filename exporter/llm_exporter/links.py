"""Spans that are about no LLM, and may stand above some that are: found by their traces, most of them unparsed.

What is read here are slices of encoded spans, at the places where encoders that write the fields in order have the
trace id, the span id and the parent's. Where one does not, its spans are about an unknown trace.
"""

from __future__ import annotations

from itertools import groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_exporter.record import Context
    from llm_exporter.trace import Trace

Skipped = dict[bytes, tuple[bytes, "Context"]]
"""Encoded spans with their resources, by span id."""
MAX_LINKS: Final = 256
"""Spans of one trace of which it is remembered for a while what stands above them."""
LINK: Final = 18
"""Bytes that are remembered of each: its id, and the parent's field."""
_PARENT_OF_8: Final = b"\x22\x08"
"""How an encoded parent's id begins: field 4, 8 bytes."""
_trace_id_of: Final = itemgetter(slice(2, 18))
_span_id_of: Final = itemgetter(slice(20, 28))
_link_of: Final = itemgetter(slice(20, 20 + LINK))


def of_known_traces(
    skipped: Iterable[tuple[Sequence[bytes], Context]], traces: Mapping[bytes, Trace]
) -> Iterator[tuple[Trace, list[bytes], Context]]:
    """Yield those of the encoded spans that belong to a trace, some at a time, with their resource."""
    for spans, context in skipped:
        # Spans of one trace mostly come together.
        for trace_id, run in groupby(spans, _trace_id_of):
            trace = traces.get(trace_id)
            if trace is not None:
                yield trace, list(run), context


def remember(trace: Trace, encoded: list[bytes]) -> None:
    """Remember what stands above these spans, for those that will come below them."""
    room = MAX_LINKS - len(trace.links) // LINK
    if room > 0:
        trace.links += _links(encoded if len(encoded) <= room else encoded[:room])


def by_span_id(encoded: list[bytes], context: Context) -> Iterable[tuple[bytes, tuple[bytes, Any]]]:
    """Return the items of `Skipped` for these spans."""
    return zip(map(_span_id_of, encoded), zip(encoded, repeat(context), strict=False), strict=True)


def parents(links: bytes) -> dict[bytes, bytes]:
    """Return the parent's id of each span that is remembered, empty where it has none."""
    return {
        links[i : i + 8]: links[i + 10 : i + LINK] if links[i + 8 : i + 10] == _PARENT_OF_8 else b""
        for i in range(0, len(links), LINK)
    }


def _links(encoded: list[bytes]) -> bytes:
    links = b"".join(map(_link_of, encoded))
    if len(links) != LINK * len(encoded):
        links = b"".join([_link_of(raw).ljust(LINK, b"\0") for raw in encoded])
    return links
