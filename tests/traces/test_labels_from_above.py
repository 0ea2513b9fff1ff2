"""What spans say of the ones below them: team, feature, user tier, customer, environment, prompt, agent."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.building import a_request
from traces.building import Timed, agent, chat, other, step, tool

SAID = {
    "app.team": "search",
    "app.feature": "answers",
    "app.user_tier": "gold",
    "app.customer": "acme",
    "deployment.environment.name": "prod",
}
LABELS = {"team": "search", "feature": "answers", "environment": "prod"}


@pytest.mark.parametrize("make", [other, step, agent, chat])
@pytest.mark.parametrize("order", ["children first", "root first", "one batch"])
def test_what_the_root_says_reaches_the_calls(timed: Timed, make: Any, order: str) -> None:
    """From a server's span, a workflow, an agent or a call above; in one batch, or in batches within seconds."""
    root, middle, call = make("root", attributes=SAID), step("mid", "root"), chat("call", "mid")
    if make is chat:
        middle = tool("mid", "root")
    if order == "one batch":
        timed.send(root, middle, call)
    else:
        spans = [call, middle, root] if order == "children first" else [middle, root, call]
        for span in spans:
            timed.send(span)
            timed.clock.advance(2)
    timed.wait(20)
    calls = 2 if make is chat else 1
    assert timed.value("llm_requests_total", **LABELS) == calls
    assert timed.value("llm_requests_total") == calls
    assert timed.value("llm_attributed_requests_total", user_tier="gold", customer="acme") == calls


def test_the_nearest_span_counts(timed: Timed) -> None:
    """A call's own attribute comes before its parent's, and that before the root's."""
    timed.send(
        other("root", attributes={"app.feature": "root", "app.team": "root", "app.customer": "root"}),
        step("mid", "root", attributes={"app.feature": "mid", "app.team": "mid"}),
        chat("call", "mid", attributes={"app.feature": "own"}),
    )
    assert timed.value("llm_requests_total", feature="own", team="mid") == 1
    assert timed.value("llm_attributed_requests_total", customer="root") == 1


def test_spans_come_before_the_resource(timed: Timed) -> None:
    """What is said of this request comes before what is said of the process; the process comes before nothing."""
    timed.send(
        other("root", attributes={"app.team": "of-the-request"}),
        chat("call", "root"),
        resource={"app.team": "of-the-process", "app.feature": "of-the-process"},
    )
    assert timed.value("llm_requests_total", team="of-the-request", feature="of-the-process") == 1


def test_the_callers_resource_fills_what_is_left(timed: Timed) -> None:
    """A service that is called knows no team: it has that of the service that calls."""
    timed.send_request(a_request(chat("call", "root"), resource={"service.name": "rag"}).SerializeToString())
    timed.send_request(
        a_request(other("root"), resource={"service.name": "shop", "app.team": "search"}).SerializeToString()
    )
    assert timed.value("llm_requests_total", service_name="rag", team="search") == 1


def test_siblings_hand_nothing_down(timed: Timed) -> None:
    """Only the spans above a call count, not those beside it."""
    timed.send(other("root"), step("beside", "root", attributes=SAID), chat("call", "root"))
    assert timed.value("llm_requests_total", feature="") == 1


def test_a_prompt_is_taken_whole(timed: Timed) -> None:
    """Name and version come from one span; a version is not put to another prompt's name."""
    above = {"gen_ai.prompt.name": "greeting", "gen_ai.prompt.version": "7"}
    timed.send(
        step("root", attributes=above),
        chat("a", "root"),
        chat("b", "root", attributes={"gen_ai.prompt.name": "bye"}),
    )
    assert timed.value("llm_prompt_requests_total", prompt_name="greeting", prompt_version="7") == 1
    assert timed.value("llm_prompt_requests_total", prompt_name="bye", prompt_version="") == 1


def test_a_tool_is_called_by_the_agent_above(timed: Timed) -> None:
    """The nearest agent's run is who acts, unless the tool's span says who."""
    timed.send(
        agent("outer", attributes={"gen_ai.agent.name": "boss"}),
        agent("inner", "outer", attributes={"gen_ai.agent.name": "helper"}),
        tool("a", "inner"),
        tool("b", "outer"),
        tool("c", "outer", attributes={"gen_ai.agent.name": "own"}),
    )
    found = {name: timed.value("llm_tool_calls_total", agent=name) for name in ("boss", "helper", "own")}
    assert found == {"boss": 1, "helper": 1, "own": 1}


def test_tools_agents_and_retrievals_take_over_labels_too(timed: Timed) -> None:
    """Whatever is counted has the labels of the spans above it."""
    timed.send(other("root", attributes=SAID), agent("agent", "root"), tool("tool", "agent"))
    assert timed.value("llm_tool_calls_total", **LABELS) == 1
    assert timed.value("llm_agent_runs_total", **LABELS) == 1


def test_a_call_waits_for_its_parents_so_long(timed: Timed) -> None:
    """A parent that comes within `hold_seconds` gives its labels; later it comes too late for that call."""
    timed.send(chat("early", "root"))
    timed.wait(8)
    assert timed.value("llm_requests_total") == 0
    assert timed.value("llm_exporter_spans_held") == 1
    timed.wait(4)
    assert timed.value("llm_requests_total", feature="") == 1
    timed.send(chat("later", "root"))
    timed.send(other("root", attributes=SAID))
    assert timed.value("llm_requests_total", feature="answers") == 1
    assert timed.value("llm_exporter_spans_released_total", reason="timeout") == 1
    assert timed.value("llm_exporter_spans_released_total", reason="complete") == 1


def test_late_spans_take_over_what_the_root_said(timed: Timed) -> None:
    """A call that comes after its task was closed still has the task's feature."""
    timed.send(other("root", attributes=SAID), chat("call", "root"))
    timed.wait(60)
    timed.send(chat("late", "root"))
    timed.wait(60)
    assert timed.value("llm_requests_total", feature="answers") == 2


def test_a_task_has_the_labels_of_its_root(timed: Timed) -> None:
    """Whose task it is says the outermost span."""
    timed.send(other("root", attributes=SAID), chat("call", "root"))
    timed.wait(20)
    assert timed.value("llm_tasks_total", **LABELS) == 1


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_arrival_does_not_matter(timed: Timed, order: tuple[int, ...]) -> None:
    """Four spans in four batches in any order: the call has the labels of all above it."""
    spans = [
        step("root", attributes={"app.team": "search"}),
        agent("agent", "root", attributes={"app.feature": "answers"}),
        step("step", "agent", attributes={"app.customer": "acme"}),
        chat("call", "step"),
    ]
    for place in order:
        timed.send(spans[place])
    timed.wait(20)
    assert timed.value("llm_requests_total", team="search", feature="answers") == 1
    assert timed.value("llm_attributed_requests_total", customer="acme") == 1


TREES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([None, "a", "b"]), st.sampled_from([None, "x", "y"])),
    min_size=1,
    max_size=10,
)  # fmt: skip


@given(TREES, st.randoms(use_true_random=False))
@hypothesis_settings(deadline=None, max_examples=100)
def test_labels_are_those_of_the_nearest_ancestor_that_says_them(tree: list[Any], shuffler: Any) -> None:
    """Against a plain walk from each call to the root, over random trees in random order and batches."""
    said: list[tuple[int, str | None, str | None]] = [
        (min(parent, number - 1), team, feature) for number, (parent, team, feature) in enumerate(tree)
    ]

    def walked(number: int, which: int) -> str:
        while number >= 0:
            if said[number][which]:
                return str(said[number][which])
            number = said[number][0]
        return ""

    spans, wanted = [], {}
    for number, (parent, team, feature) in enumerate(said):
        attributes = {key: value for key, value in (("app.team", team), ("app.feature", feature)) if value}
        above = f"s{parent}" if parent >= 0 else ""
        spans.append(step(f"s{number}", above, attributes=attributes))
        spans.append(chat(f"c{number}", f"s{number}"))
        labels = (walked(number, 1), walked(number, 2))
        wanted[labels] = wanted.get(labels, 0) + 1
    shuffler.shuffle(spans)
    exporter = Timed()
    try:
        while spans:
            size = shuffler.randint(1, 5)
            exporter.send(*spans[:size])
            del spans[:size]
        exporter.wait(20)
        found = {
            labels: exporter.value("llm_requests_total", team=labels[0], feature=labels[1])
            for labels in wanted
        }
        assert found == wanted
        assert exporter.value("llm_requests_total") == len(tree)
    finally:
        exporter.close()
