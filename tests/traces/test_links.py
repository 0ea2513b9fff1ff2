"""What is remembered of spans that are about no LLM."""

from hypothesis import given
from hypothesis import strategies as st

from core.building import a_span
from llm_exporter.links import LINK, MAX_LINKS, by_span_id, of_known_traces, parents, remember
from llm_exporter.record import NOWHERE
from llm_exporter.trace import Trace

OURS, OTHER = b"trace-of-a-test.", b"another-trace..."


def encoded(span_id: bytes, parent: bytes = b"", trace: bytes = OURS) -> bytes:
    """Return an encoded span."""
    return a_span({"http.route": "/"}, trace_id=trace, span_id=span_id, parent=parent).SerializeToString()


def test_parents_are_remembered_and_roots_have_none() -> None:
    """Each span leads to its parent, and a root to nothing."""
    trace = Trace(OURS, 0.0)
    remember(trace, [encoded(b"a-child.", b"its-root"), encoded(b"its-root")])
    assert parents(trace.links) == {b"a-child.": b"its-root", b"its-root": b""}


@given(st.lists(st.binary(max_size=48), max_size=8))
def test_what_is_no_span_spoils_no_other(odd: list[bytes]) -> None:
    """Whatever else comes in between, a span is found under its id."""
    trace = Trace(OURS, 0.0)
    remember(trace, [*odd, encoded(b"a-child.", b"its-root")])
    assert len(trace.links) == LINK * (len(odd) + 1)
    assert parents(trace.links)[b"a-child."] == b"its-root"


def test_so_many_spans_of_a_trace_are_remembered() -> None:
    """A trace with very many spans about no LLM takes no more memory than one with `MAX_LINKS`."""
    trace = Trace(OURS, 0.0)
    spans = [encoded(n.to_bytes(8), b"its-root") for n in range(1, MAX_LINKS + 50)]
    remember(trace, spans[:100])
    remember(trace, spans[100:])
    remember(trace, spans[:1])
    assert list(parents(trace.links)) == [n.to_bytes(8) for n in range(1, MAX_LINKS + 1)]


def test_spans_are_found_by_their_traces() -> None:
    """Spans of traces that nobody knows are passed over, those of known ones come with their resource."""
    trace = Trace(OURS, 0.0)
    mine = [encoded(b"first...", b"its-root"), encoded(b"second..", b"its-root")]
    batch = [mine[0], encoded(b"foreign.", trace=OTHER), mine[1]]
    found = list(of_known_traces([(batch, NOWHERE)], {OURS: trace}))
    assert found == [(trace, [mine[0]], NOWHERE), (trace, [mine[1]], NOWHERE)]
    assert dict(by_span_id(mine, NOWHERE)) == {
        b"first...": (mine[0], NOWHERE),
        b"second..": (mine[1], NOWHERE),
    }
