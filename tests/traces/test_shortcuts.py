"""Ways round the dear ways lead to the same: many at once as one by one, and a look before a search."""

import json

from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from llm_exporter import catalogue as c
from llm_exporter.loops import fingerprint
from llm_exporter.store import Store
from traces.building import Timed, chat, other

BOUNDS = [int(bound * c.REQUEST_DURATION.unit.scale) for bound in c.REQUEST_DURATION.buckets]


@given(st.lists(st.one_of(st.integers(0, 10**13), st.sampled_from(BOUNDS)), max_size=60))
def test_many_values_count_as_one_by_one(values: list[int]) -> None:
    """A column fills the buckets that its values fill one at a time, those at a bound included."""
    store = Store()
    duration = store.groups[c.REQUEST_DURATION.name].instrument(c.REQUEST_DURATION)
    at_once, singly = (store.cell(c.REQUEST_DURATION, (name,) * 7) for name in ("at-once", "singly"))
    at_once.observe_all(duration, values)
    for value in values:
        singly.observe(duration, value)
    assert at_once.counts == singly.counts
    assert at_once.values == singly.values


@example("null", " ")
@example('"t"', "\n")
@given(st.text(st.sampled_from(" {}[\"]'-+.0159eEtrufalsnINy:,\n"), max_size=12), st.text(" \n", max_size=2))
def test_json_is_recognised_however_it_is_spaced(written: str, space: str) -> None:
    """Arguments that are JSON have the fingerprint of the same JSON with other space around it."""
    plain, spaced = (
        AnyValue(string_value=text).SerializeToString() for text in (written, space + written + space)
    )
    try:
        json.loads(written)
    except ValueError:
        return
    if written.strip() != "{}":
        assert fingerprint(plain) == fingerprint(spaced)


def test_calls_of_two_scopes_that_have_nothing_in_common_count_each(timed: Timed) -> None:
    """Calls written by two instrumentations with other tokens and ids are different calls."""
    timed.send(chat("one", "root", 100, 10), scope="my.app")
    timed.send(chat("two", "root", 200, 20), scope="another.app")
    timed.send(other("root"))
    timed.wait(11)
    assert timed.value("llm_requests_total") == 2
    assert timed.value("llm_task_llm_calls_sum") == 2
