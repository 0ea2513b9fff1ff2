"""What users show by what they do after an answer: they ask again, leave without one, or go on."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from core.building import SECOND, START, settings
from llm_exporter.conversations import Conversations, Habits, Turn, Who
from llm_exporter.engine import Engine
from traces.building import Timed, chat, other, step

OVER = 20.0
ENDED = 2000.0
"""Seconds after which a conversation is over."""
WHO = Who("assistant", "prod", "support", "chat")
KINDS = ("regeneration", "abandonment", "follow_up")
_numbers = count(1)


def feedback(exporter: Timed) -> dict[str, float]:
    """Return how often each sign was counted, without those that never were."""
    found = {kind: exporter.value("llm_feedback_total", kind=kind) for kind in KINDS}
    return {kind: value for kind, value in found.items() if value}


def a_task(exporter: Timed, at: float, session: str = "s-1", **more: Any) -> None:
    """Send a task that lasts two seconds, and let it be over: `root` and `call` are what their spans take."""
    trace = next(_numbers).to_bytes(16)
    said = {"gen_ai.conversation.id": session, **more.pop("said", {})}
    exporter.send(
        chat("call", "root", attributes=said, at=at, trace=trace, **more.pop("call", {})),
        other("root", at=at, seconds=2, trace=trace, **more.pop("root", {})),
    )
    exporter.wait(OVER)


@pytest.mark.parametrize("writer", ["the call", "the server's span"])
@pytest.mark.parametrize("flag", [True, "true", 1])
@pytest.mark.parametrize("name", ["app.regenerate", "regenerate"])
def test_a_writer_that_says_so_regenerates(timed: Timed, writer: str, flag: Any, name: str) -> None:
    """The application may say on any span that counts that its user asked for another answer."""
    a_task(timed, 0)
    said = {name: flag}
    a_task(timed, 1000, **({"said": said} if writer == "the call" else {"root": {"attributes": said}}))
    assert feedback(timed) == {"regeneration": 1}
    assert timed.value("llm_feedback_total", kind="regeneration", sentiment="negative") == 1


@pytest.mark.parametrize("flag", [False, "false", 0, ""])
def test_a_flag_that_is_not_set_says_nothing(timed: Timed, flag: Any) -> None:
    """`regenerate=false` is what every other request of such an application says."""
    a_task(timed, 0)
    a_task(timed, 1000, said={"app.regenerate": flag}, root={"attributes": {"app.regenerate": flag}})
    assert feedback(timed) == {}


def test_a_regenerated_answer_whose_first_was_not_seen_counts(timed: Timed) -> None:
    """The exporter may have been started in between."""
    a_task(timed, 0, said={"app.regenerate": True})
    assert feedback(timed) == {"regeneration": 1}


@pytest.mark.parametrize(
    ("after", "found"), [(0, {"follow_up": 1}), (119, {"follow_up": 1}), (120, {}), (5000, {})]
)
def test_another_task_soon_is_a_follow_up(timed: Timed, after: float, found: dict[str, float]) -> None:
    """Two minutes are counted from the end of the one task to the start of the next, in the time of the spans."""
    a_task(timed, 0)
    a_task(timed, 2 + after)
    assert feedback(timed) == found


def test_each_follow_up_counts(timed: Timed) -> None:
    """Four questions in a row are three follow-ups, neutral ones; those of another conversation are no part of it."""
    for number in range(4):
        a_task(timed, number * 30)
        a_task(timed, number * 30, session="s-2")
    assert feedback(timed) == {"follow_up": 6}
    assert timed.value("llm_feedback_total", sentiment="neutral") == 6


def test_tasks_side_by_side_are_no_follow_up(timed: Timed) -> None:
    """An application may send several requests for one page; and tasks may be counted in another order."""
    a_task(timed, 10)
    a_task(timed, 11)
    a_task(timed, 0)
    assert feedback(timed) == {}
    a_task(timed, 20)
    assert feedback(timed) == {"follow_up": 1}


def test_tasks_without_a_conversation_show_nothing(timed: Timed) -> None:
    """Without a session nobody knows who asked before."""
    for number in range(3):
        a_task(timed, number * 10, session="", root={"status": "ERROR"})
    timed.wait(ENDED)
    assert feedback(timed) == {}


FAILED = {"status": "ERROR"}


@pytest.mark.parametrize(
    ("last", "abandoned"),
    [
        ({}, False),
        ({"root": FAILED}, True),
        ({"call": FAILED}, True),
        ({"said": {"error.type": "CancelledError"}}, True),
    ],
    ids=["answered", "failed", "no call succeeded", "cancelled"],
)
def test_a_conversation_that_ends_without_an_answer_is_abandoned(
    timed: Timed, last: dict[str, Any], abandoned: bool
) -> None:
    """The last task decides, once nothing has come for half an hour."""
    a_task(timed, 0, root=FAILED)
    a_task(timed, 1000, **last)
    assert feedback(timed) == {}
    timed.wait(ENDED)
    assert feedback(timed) == ({"abandonment": 1} if abandoned else {})
    assert timed.value("llm_feedback_total", sentiment="negative") == abandoned


@pytest.mark.parametrize(
    ("calls", "abandoned"),
    [
        ([(0, 1, "OK"), (1, 1, "ERROR")], True),
        ([(0, 1, "ERROR"), (1, 1, "OK")], False),
        ([(0, 5, "OK"), (1, 6, "ERROR")], False),
    ],
    ids=["the last failed", "tried again", "the slower of two"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_last_call_is_the_answer(
    timed: Timed, calls: list[tuple[float, float, str]], abandoned: bool, order: int
) -> None:
    """A call that failed leaves the user without an answer unless one ended well after it began."""
    spans = [
        chat(f"c{n}", "root", at=at, seconds=seconds, status=status)
        for n, (at, seconds, status) in enumerate(calls)
    ]
    timed.send(*spans[::order], step("root", seconds=9, attributes={"session.id": "s-1"}))
    timed.wait(OVER)
    timed.wait(ENDED)
    assert feedback(timed) == ({"abandonment": 1} if abandoned else {})


def test_spans_at_rest_are_in_the_order_in_which_they_came(timed: Timed) -> None:
    """Of a trace that rests before it is over nothing but their order is known."""
    said = {"session.id": "s-1"}
    timed.send(chat("a", "lost", attributes=said), chat("b", "lost", attributes=said, status="ERROR"))
    timed.wait(30)
    timed.wait(400)
    timed.wait(ENDED)
    assert feedback(timed) == {"abandonment": 1}


def test_a_conversation_that_makes_room_is_not_abandoned() -> None:
    """It has not ended: nobody knows whether the user came back."""
    exporter = Timed({"tasks.max_conversations": 1})
    try:
        a_task(exporter, 0, session="s-1", root=FAILED)
        a_task(exporter, 0, session="s-2")
        exporter.wait(ENDED)
        assert feedback(exporter) == {}
        assert exporter.value("llm_conversation_turns_count") == 2
    finally:
        exporter.close()


def test_the_sign_is_about_the_answer_before(timed: Timed) -> None:
    """It counts under the labels of the task that was answered, not of the one that follows."""
    a_task(timed, 0, root={"attributes": {"app.feature": "search"}})
    a_task(timed, 10, root={"attributes": {"app.feature": "chat"}})
    assert timed.value("llm_feedback_total", kind="follow_up", feature="search") == 1


def test_a_sampled_task_shows_for_those_that_were_dropped(timed: Timed) -> None:
    """A span that stands for ten shows ten times what it shows."""
    timed.engine.apply(settings({"sampling.ratio": 0.1}))
    a_task(timed, 0)
    a_task(timed, 10, said={"app.regenerate": True})
    assert feedback(timed) == {"regeneration": 10}


def test_cost_and_turns_are_what_they_were(timed: Timed) -> None:
    """What users show takes nothing from a conversation: regenerated answers were paid as well."""
    for number in range(3):
        a_task(timed, number * 10, said={"app.regenerate": number == 2})
    timed.wait(ENDED)
    assert timed.value("llm_conversation_turns_sum") == 3
    assert timed.value("llm_conversation_cost_usd_sum") == pytest.approx(
        timed.value("llm_cost_usd_total"), rel=1e-12
    )
    assert feedback(timed) == {"regeneration": 1, "follow_up": 1}


def test_a_conversation_goes_on_over_a_reload(timed: Timed) -> None:
    """The limits may change with it: what is open is held against the new ones."""
    a_task(timed, 0)
    timed.engine.apply(settings({"tasks.follow_up_seconds": 0.0}))
    a_task(timed, 10)
    assert feedback(timed) == {}
    timed.engine.apply(settings({"tasks.follow_up_seconds": 30.0}))
    a_task(timed, 30)
    assert feedback(timed) == {"follow_up": 1}


class Deaf:
    """A listener that does nothing with what it is told; with one, content is read."""

    def answered(self, *told: Any) -> None:
        """Take a call."""


@pytest.fixture
def reading() -> Iterator[Timed]:
    """Return an exporter that reads content, whose time the test tells."""
    exporter = Timed()
    exporter.engine = Engine(settings(), Deaf())
    yield exporter
    exporter.close()


def messages(role: str, text: str) -> str:
    """Return a message as the conventions write it."""
    parts = [{"type": "text", "content": text}]
    return json.dumps([{"role": role, "parts": parts}])


def said(question: str, answer: str = "It is.") -> dict[str, Any]:
    """Return the attributes of a call with these texts."""
    return {
        "gen_ai.input.messages": messages("user", question),
        "gen_ai.output.messages": messages("assistant", answer),
        "gen_ai.response.finish_reasons": ["stop"],
    }


CANARY = "is zebra-quartz a stone?"


@pytest.mark.parametrize(
    ("second", "after", "found"),
    [
        (CANARY, 30, {"regeneration": 1}),
        (CANARY, 299, {"regeneration": 1}),
        (CANARY, 301, {}),
        (f"{CANARY} Really?", 30, {"follow_up": 1}),
    ],
)
def test_a_question_asked_again_is_known_by_its_hash(
    reading: Timed, second: str, after: float, found: dict[str, float]
) -> None:
    """Where content is read, the same question is a regeneration; nothing of it is kept or shown."""
    a_task(reading, 0, said=said(CANARY))
    a_task(reading, 2 + after, said=said(second))
    assert feedback(reading) == found
    kept = repr(reading.engine.pipeline.assembly.tasks.conversations._open)
    assert "zebra" not in kept + reading.scrape("openmetrics")


def test_a_question_that_nobody_reads_has_no_hash(timed: Timed) -> None:
    """With all signals off the same question is a follow-up: content is not read for this alone."""
    a_task(timed, 0, said=said(CANARY))
    a_task(timed, 10, said=said(CANARY))
    assert feedback(timed) == {"follow_up": 1}


def test_the_question_of_a_task_is_that_of_its_first_call(reading: Timed) -> None:
    """Other calls may ask the same of every answer, such as for its title."""
    for number in range(2):
        trace = next(_numbers).to_bytes(16)
        session = {"gen_ai.conversation.id": "s-1"}
        reading.send(
            chat(
                "a", "root", attributes={**said(f"{CANARY} {number}"), **session}, trace=trace, at=number * 10
            ),
            chat("b", "root", attributes={**said("Name this."), **session}, trace=trace, at=number * 10 + 1),
            other("root", trace=trace, seconds=3, at=number * 10),
        )
        reading.wait(OVER)
    assert feedback(reading) == {"follow_up": 1}


@pytest.mark.parametrize(
    ("answer", "finish", "abandoned"),
    [("", "stop", True), ("", "length", True), ("", "tool_calls", False), ("It is.", "stop", False)],
)
def test_an_empty_answer_is_none(reading: Timed, answer: str, finish: str, abandoned: bool) -> None:
    """A conversation that ends with it is abandoned; a call of a tool is no empty answer."""
    a_task(reading, 0, said={**said(CANARY, answer), "gen_ai.response.finish_reasons": [finish]})
    reading.wait(ENDED)
    assert feedback(reading) == ({"abandonment": 1} if abandoned else {})


@pytest.fixture
def conversations(timed: Timed) -> Conversations:
    """Return conversations that count in the exporter's store."""
    timed.engine.store.now = timed.clock.now
    return Conversations(timed.engine.store, 1800, 100, Habits(300, 120))


def a_turn(at: int, question: int, **more: Any) -> Turn:
    """Return a turn of two seconds."""
    return Turn(WHO, 0, START + at * SECOND, START + (at + 2) * SECOND, question=question, **more)


@pytest.mark.parametrize(
    ("question", "after", "found"),
    [
        (7, 10, {"regeneration": 1}),
        (7, 299, {"regeneration": 1}),
        (7, 300, {}),
        (8, 10, {"follow_up": 1}),
        (0, 10, {"follow_up": 1}),
    ],
)
def test_the_same_question_soon_regenerates(
    timed: Timed, conversations: Conversations, question: int, after: int, found: dict[str, float]
) -> None:
    """The same hash within five minutes; another question, or one that nobody read, is a follow-up at most."""
    conversations.turn(b"s-1", a_turn(0, 7))
    conversations.turn(b"s-1", a_turn(2 + after, question))
    assert feedback(timed) == found


def test_questions_that_nobody_read_are_not_the_same(timed: Timed, conversations: Conversations) -> None:
    """No hash is no question."""
    conversations.turn(b"s-1", a_turn(0, 0))
    conversations.turn(b"s-1", a_turn(2, 0))
    assert feedback(timed) == {"follow_up": 1}


def test_the_same_question_of_somebody_else_says_nothing(timed: Timed, conversations: Conversations) -> None:
    """Conversations of two services may have the same id."""
    conversations.turn(b"s-1", a_turn(0, 7))
    conversations.turn(b"s-2", a_turn(5, 7))
    conversations.turn(b"s-1", a_turn(5, 7)._replace(who=WHO._replace(service_name="other")))
    assert feedback(timed) == {}
