"""Where the answers with a provider's id were given, for results that name nothing else. Bounded: the oldest go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llm_exporter.trace import FRESH, Detail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_exporter.trace import Trace

MAX_ANSWERS: Final = 65_536


class Answers:
    """The spans of answers by the hash of the provider's id."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[bytes, bytes]] = {}

    def add(self, trace: Trace, span_ids: Iterable[bytes]) -> None:
        """Remember those of these spans of a trace that are answers with an id."""
        spans = self._spans
        for span_id in span_ids:
            node = trace.nodes[span_id]
            answer = _answer(node[4]) if len(node) == FRESH and node[0].is_call else 0
            if answer:
                spans[answer] = (trace.id, span_id)
                if len(spans) > MAX_ANSWERS:
                    del spans[next(iter(spans))]

    def find(self, answer: int) -> tuple[bytes, bytes] | None:
        """Return trace id and span id of the answer whose provider's id has this hash."""
        return self._spans.get(answer)


def _answer(payload: object) -> int:
    if isinstance(payload, Detail):
        return payload.response_id
    return payload[-1] if isinstance(payload, tuple) else 0
