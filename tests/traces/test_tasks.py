"""What a trace adds up to when it is over: one task, with its time, cost, calls, stages, loops and completeness."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.building import SECOND, START, a_request, settings
from llm_exporter.binding import STAGES, Bound
from llm_exporter.record import Kind, Record
from llm_exporter.settings import Settings
from llm_exporter.tasks import own_times
from traces.building import Timed, agent, an_id, chat, named, other, step, tool

OVER = 20.0
"""Seconds after which a trace whose root has come is over."""


def sums(exporter: Timed, *names: str) -> dict[str, float]:
    """Return the sums of task histograms."""
    return {name: exporter.value(f"llm_task_{name}_sum") for name in names}


def test_a_task_adds_up_its_trace(timed: Timed) -> None:
    """Duration of the root, cost, tokens, calls, tool calls and steps of everything in it."""
    timed.send(
        chat("one", "agent", at=0, seconds=1),
        tool("tool", "agent", at=1, seconds=2),
        chat("two", "agent", at=3, seconds=1),
        agent("agent", "root", at=0, seconds=4),
        other("root", called="POST /ask", at=0, seconds=5),
    )
    timed.wait(OVER)
    assert sums(timed, "duration_seconds", "tokens", "llm_calls", "tool_calls", "steps") == {
        "duration_seconds": 5,
        "tokens": 220,
        "llm_calls": 2,
        "tool_calls": 1,
        "steps": 3,
    }
    assert timed.value("llm_task_cost_usd_sum") == timed.value("llm_cost_usd_total") > 0
    assert timed.value("llm_tasks_total", task="POST /ask", status="ok", complete="true") == 1


def test_a_task_is_counted_once_it_was_quiet(timed: Timed) -> None:
    """Not before `quiet_seconds` have passed since its last span."""
    timed.send(chat("call", "root"), step("root"))
    timed.wait(9)
    timed.send(chat("more", "root"))
    timed.wait(9)
    assert timed.value("llm_tasks_total") == 0
    timed.wait(3)
    assert timed.value("llm_tasks_total") == 1
    assert timed.value("llm_task_llm_calls_sum") == 2


def test_a_task_without_its_root_ends_when_idle(timed: Timed) -> None:
    """It is incomplete, and lasts from the first start to the last end."""
    timed.send(chat("one", "lost", at=0, seconds=2), chat("two", "lost", at=5, seconds=1))
    timed.wait(200)
    assert timed.value("llm_tasks_total") == 0
    timed.wait(200)
    assert timed.value("llm_tasks_total", complete="false", task="") == 1
    assert timed.value("llm_task_duration_seconds_sum") == 6
    assert timed.value("llm_exporter_tasks_closed_total", reason="idle") == 1


def test_an_orphan_makes_a_task_incomplete(timed: Timed) -> None:
    """A span whose parent never came says that something is missing."""
    timed.send(step("root"), chat("call", "lost"))
    timed.wait(OVER)
    timed.wait(OVER)
    assert timed.value("llm_tasks_total", complete="false") == 1


def test_a_root_with_a_parent_in_another_process_may_be_complete(timed: Timed) -> None:
    """Where the caller's spans go elsewhere, the outermost span that came is the task's."""
    timed.send(chat("call", "server"), other("server", "far", called="POST /ask", flags=0x300, seconds=3))
    timed.wait(400)
    assert timed.value("llm_tasks_total", task="POST /ask", complete="true") == 1
    assert timed.value("llm_task_duration_seconds_sum") == 3


def test_a_failed_root_is_a_failed_task(timed: Timed) -> None:
    """What became of the calls in it does not matter: an agent may recover."""
    timed.send(chat("call", "root", status="ERROR"), step("root"))
    timed.send(
        other("root2", trace=b"another-trace-id", status="ERROR"),
        chat("x", "root2", trace=b"another-trace-id"),
    )
    timed.wait(OVER)
    assert timed.value("llm_tasks_total", status="ok") == 1
    assert timed.value("llm_tasks_total", status="error") == 1


def test_of_two_roots_the_first_names_the_task(timed: Timed) -> None:
    """A second span without a parent joins the same task."""
    timed.send(step("b", called="second", at=5), step("a", called="first", at=0), chat("call", "b", at=5))
    timed.wait(OVER)
    assert timed.value("llm_tasks_total", task="first") == 1
    assert timed.value("llm_tasks_total") == 1


def test_time_is_where_it_was_spent(timed: Timed) -> None:
    """Each stage has the time of its spans without that of the spans inside them."""
    timed.send(
        chat("think", "agent", at=1, seconds=3),
        tool("tool", "agent", at=4, seconds=5),
        chat("inside", "tool", at=5, seconds=2),
        named("find", "agent", {"gen_ai.operation.name": "retrieval"}, at=9, seconds=0.5),
        agent("agent", "root", at=0, seconds=10),
        other("root", at=0, seconds=12),
    )
    timed.wait(OVER)
    found = {stage: timed.value("llm_task_stage_duration_seconds_sum", stage=stage) for stage in STAGES}
    assert found == {
        "generate": 5, "tool": 3, "retrieve": 0.5, "agent": 1.5, "other": 2,
        "embed": 0, "rerank": 0, "guardrail": 0,
    }  # fmt: skip
    assert sum(found.values()) == 12


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8)


@given(SPANS)
def test_own_time_is_what_no_child_takes(children: list[tuple[int, int]]) -> None:
    """Of any children the union is taken off, second by second; the same as by looking at each second."""
    root = Bound(Record("", Kind.STRUCTURE))
    call = Bound(Record("", Kind.CALL))
    begin, length = 100, 50
    nodes: dict[bytes, Any] = {b"root": (root, b"", begin, begin + length, None)}
    taken = set()
    for number, (offset, seconds) in enumerate(children):
        start = begin + min(offset, length - 1)
        end = min(start + seconds, begin + length)
        nodes[b"%d" % number] = (call, b"root", start, end, None)
        taken |= set(range(start, end))
    spent = own_times(nodes, None)
    assert spent[STAGES.index("other")] == length - len(taken)


def test_clocks_that_differ_take_no_more_than_there_is(timed: Timed) -> None:
    """A child that seems to lie outside its parent, or before it, takes its duration and never more than all."""
    timed.send(
        chat("before", "root", at=-50, seconds=1),
        chat("after", "root", at=60, seconds=1),
        chat("long", "root", at=-99, seconds=90),
        step("root", at=0, seconds=10),
    )
    timed.wait(OVER)
    assert timed.value("llm_task_stage_duration_seconds_sum", stage="other") == 0
    assert timed.value("llm_task_duration_seconds_sum") == 10


@pytest.mark.parametrize(
    ("first", "second", "repeated"),
    [
        ({"gen_ai.tool.call.arguments": '{"a": 1, "b": [2]}'}, {"gen_ai.tool.call.arguments": '{"b":[2],"a":1}'}, 1),
        ({"gen_ai.tool.call.arguments": {"a": 1}}, {"gen_ai.tool.call.arguments": '{"a": 1}'}, 1),
        ({"gen_ai.tool.call.arguments": '{"a": 1}'}, {"gen_ai.tool.call.arguments": '{"a": 2}'}, 0),
        ({"gen_ai.tool.call.arguments": "{}"}, {"gen_ai.tool.call.arguments": "{}"}, 0),
        ({}, {}, 0),
    ],
    ids=["same JSON", "map and JSON", "other", "not captured", "none"],
)  # fmt: skip
def test_the_same_tool_call_again_is_a_loop(
    timed: Timed, first: dict[str, Any], second: dict[str, Any], repeated: int
) -> None:
    """The same tool with the same arguments, however they are written; arguments that are not known prove nothing."""
    timed.send(agent("agent"), tool("a", "agent", attributes=first), tool("b", "agent", attributes=second))
    assert timed.value("llm_task_loops_total", kind="repeated_call", agent="planner") == repeated


def test_every_repetition_counts(timed: Timed) -> None:
    """An agent that asks the same thing ten times has repeated itself nine times."""
    again = {"gen_ai.tool.call.arguments": json.dumps({"q": "weather"})}
    timed.send(agent("agent"), *(tool(f"t{i}", "agent", attributes=again) for i in range(10)))
    assert timed.value("llm_task_loops_total", kind="repeated_call") == 9


def test_a_circle_of_tools_is_a_loop(timed: Timed) -> None:
    """Read, write, read, write, read, write: once a task; the same tool in a row is no circle."""
    steps = [tool(f"t{i}", "agent", called=("read", "write")[i % 2]) for i in range(12)]
    timed.send(agent("agent"), *steps)
    assert timed.value("llm_task_loops_total", kind="cycle") == 1
    alike = [tool(f"u{i}", "b", called="read", trace=b"another-trace-id") for i in range(12)]
    timed.send(agent("b", trace=b"another-trace-id"), *alike)
    assert timed.value("llm_task_loops_total", kind="cycle") == 1


def test_too_many_steps_are_a_loop(timed: Timed) -> None:
    """More calls to models and tools than `tasks.max_steps`: once a task."""
    timed.send(step("root"), *(chat(f"c{i}", "root") for i in range(120)))
    assert timed.value("llm_task_loops_total", kind="too_many_steps") == 1
    assert timed.value("llm_requests_total") == 120


def test_a_conversation_is_its_tasks(timed: Timed) -> None:
    """Its turns and its cost are counted once nothing has come for half an hour; the id is shown nowhere."""
    for turn in range(3):
        trace = b"%016d" % turn
        said = {"gen_ai.conversation.id": "secret-conversation"}
        timed.send(chat("call", "root", attributes=said, trace=trace), step("root", trace=trace))
        timed.wait(60)
    assert timed.value("llm_exporter_conversations_open") == 1
    assert timed.value("llm_conversation_turns_count") == 0
    timed.wait(1900)
    assert timed.value("llm_conversation_turns_sum") == 3
    assert timed.value("llm_conversation_turns_count") == 1
    assert timed.value("llm_conversation_cost_usd_sum") == pytest.approx(
        timed.value("llm_cost_usd_total"), rel=1e-12
    )
    assert "secret-conversation" not in timed.scrape("openmetrics")


def test_a_session_on_the_server_span_makes_the_conversation(timed: Timed) -> None:
    """The span of a web server may be the only one that knows the session."""
    timed.send(chat("call", "root"), other("root", attributes={"session.id": "s-1"}))
    timed.wait(OVER)
    assert timed.value("llm_exporter_conversations_open") == 1


class Bounded(Timed):
    """An exporter with little room."""

    def __init__(self, **tasks: Any) -> None:
        super().__init__({"tasks": replace(Settings().tasks, **tasks)})


def test_the_oldest_task_ends_early_when_there_are_too_many() -> None:
    """Over `max_open` it is counted as it is, and a counter says why."""
    exporter = Bounded(max_open=10)
    try:
        for number in range(30):
            exporter.send(chat("call", "lost", trace=b"%016d" % number))
        assert exporter.value("llm_exporter_tasks_open") == 10
        assert exporter.value("llm_exporter_tasks_closed_total", reason="evicted") == 20
        assert exporter.value("llm_requests_total") == 20
        exporter.wait(400)
        assert exporter.value("llm_requests_total") == 30
        assert exporter.value("llm_tasks_total") == 30
    finally:
        exporter.close()


def test_spans_of_one_huge_trace_are_bounded() -> None:
    """Ten thousand spans of one trace all count; what is remembered of them stays within `max_spans`."""
    exporter = Bounded(max_spans=1000)
    try:
        for start in range(0, 10_000, 500):
            exporter.send(*(chat(f"{start + i}", "lost") for i in range(500)))
            held = sum(len(trace.nodes) for trace in exporter.engine.pipeline.assembly.traces.values())
            assert held <= 1000
        exporter.wait(4000)
        assert exporter.value("llm_requests_total") == 10_000
        assert exporter.value("llm_exporter_spans_held") == 0
    finally:
        exporter.close()


def test_a_chain_of_ten_thousand_spans_ends(timed: Timed) -> None:
    """Deep nesting is walked once, not once for each span."""
    depth = 10_000
    timed.send(
        other("0", attributes={"app.feature": "deep"}),
        *(step(str(i), str(i - 1)) for i in range(1, depth)),
        chat("leaf", str(depth - 1)),
    )
    timed.wait(OVER)
    assert timed.value("llm_requests_total", feature="deep") == 1
    assert timed.value("llm_exporter_tasks_open") == 0


def test_ten_thousand_calls_in_each_other_are_one(timed: Timed) -> None:
    """Calls nested as deep as can be: the innermost counts."""
    timed.send(*(chat(str(i), str(i - 1) if i else "") for i in range(10_000)))
    assert timed.value("llm_requests_total") == 1
    assert timed.outcomes() == {"call": 1, "repeated": 9999}


def test_an_old_task_ends(timed: Timed) -> None:
    """A trace that never falls silent is counted after `max_age_seconds`, and its later spans are late."""
    for minute in range(70):
        timed.send(chat(f"c{minute}", "lost"))
        timed.wait(60)
    assert timed.value("llm_exporter_tasks_closed_total", reason="age") == 1
    assert timed.value("llm_exporter_late_spans_total") > 0
    timed.wait(400)
    assert timed.value("llm_requests_total") == 70
    assert timed.value("llm_tasks_total") == 1


def test_a_reload_loses_nothing(timed: Timed) -> None:
    """What is held when the configuration changes is counted, and its task goes on."""
    timed.send(chat("one", "root"))
    timed.engine.apply(settings({"labels.model": 7}))
    timed.send(chat("two", "root"), step("root", called="the task"))
    timed.wait(OVER)
    assert timed.value("llm_requests_total") == 2
    assert timed.value("llm_task_llm_calls_sum", task="the task") == 2


def test_cells_that_were_dropped_are_not_counted_in(timed: Timed) -> None:
    """A span that is held while its series expires counts in the new series."""
    timed.send(chat("old", trace=b"an-older-trace-1"))
    timed.wait(1)
    timed.wait(3595)
    timed.send(chat("one", "lost"))
    timed.clock.advance(8)
    timed.engine.sweep()
    timed.wait(10)
    assert timed.value("llm_requests_total") == 1
    assert timed.tokens() == {"input": 100, "output": 10}


def test_ids_that_mean_nothing_are_alone(timed: Timed) -> None:
    """Spans without ids, or with zeros, do not become one trace."""
    for _ in range(3):
        timed.send(chat("x", trace=bytes(16)), chat("y", trace=b""))
    assert timed.value("llm_requests_total") == 6


def test_what_is_remembered_of_a_trace_at_rest_is_small() -> None:
    """At rest a trace of six LLM spans keeps its aggregates and eight bytes a span, not the spans."""
    exporter = Timed()
    try:
        exporter.send_request(a_request(*(chat(f"c{i}", "lost", at=i) for i in range(6))).SerializeToString())
        exporter.wait(12)
        exporter.wait(12)
        (trace,) = exporter.engine.pipeline.assembly.traces.values()
        assert {len(node) for node in trace.nodes.values()} == {2}
        assert len({id(node) for node in trace.nodes.values()}) == 1
        assert (trace.start, trace.end) == (START, START + 6 * SECOND)
        assert an_id("c0") in trace.nodes
    finally:
        exporter.close()


def test_a_batch_with_more_traces_than_there_is_room_for() -> None:
    """A trace may be closed in the batch that opened it; every span counts, and the books stay right."""
    exporter = Bounded(max_open=2)
    try:
        traces = [b"%016d" % number for number in range(8)]
        exporter.send(*(chat(f"c{i}", "lost", trace=trace) for i in range(3) for trace in traces))
        exporter.wait(400)
        assert exporter.value("llm_requests_total") == 24
        assert exporter.value("llm_exporter_tasks_open") == 0
        assert exporter.engine.pipeline.assembly._n_spans == 0
        assert exporter.outcomes() == {"call": 24}
    finally:
        exporter.close()
