"""When a listener is told of a call, and with what."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from content.building import Hearing
from core.building import a_request
from llm_exporter.content import MAX_DOCUMENTS, Content
from llm_exporter.content import places as parts
from llm_exporter.content.kept import Kept
from llm_exporter.pipeline import Pipeline
from llm_exporter.record import Record
from llm_exporter.sampling import Sampling
from traces.building import CHAT, TRACE, Timed, agent, an_id, chat, named, other, tool

ASKED = {"gen_ai.input.messages": json.dumps([{"role": "user", "content": "Why?"}])}
TOLD = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": "So."}])}
BOTH = {**ASKED, **TOLD}
WHOLE = Content("Why?", "So.", said_answer=True)


@pytest.fixture
def timed() -> Iterator[Timed]:
    """An exporter whose time the test tells."""
    exporter = Timed()
    yield exporter
    exporter.close()


@pytest.fixture
def hearing(timed: Timed) -> Hearing:
    """A pipeline with a listener, in that exporter's time."""
    return Hearing(timed)


def retrieval(name: str, parent: str, *texts: str, **more: Any) -> Any:
    """Return a retrieval that brought these texts."""
    documents = json.dumps([{"id": str(n), "content": text} for n, text in enumerate(texts)])
    said = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents}
    return named(name, parent, said, **more)


def total(hearing: Hearing) -> int:
    """Return how many characters are kept by the account of them."""
    kept = hearing.pipeline.assembly.kept
    assert kept is not None
    return kept.characters


def in_traces(hearing: Hearing) -> int:
    """Return how many characters the traces hold in truth."""
    return sum(
        sum(content.characters for content in (trace.contents or {}).values())
        + sum(map(len, trace.documents or ()))
        for trace in hearing.pipeline.assembly.traces.values()
    )


def test_a_call_is_told_once_when_it_is_counted(hearing: Hearing) -> None:
    """With what its span says, its ids, its finish reason; and nothing of it is kept after that."""
    finish = {"gen_ai.response.finish_reasons": ["length"]}
    (told,) = hearing.send(chat("a", attributes={**BOTH, **finish}))
    assert told.content == WHOLE
    assert (told.trace_id, told.span_id, told.finish, told.times) == (TRACE, an_id("a"), "length", 1)
    assert (told.call.provider, told.call.request_model) == ("openai", "gpt-4o")
    assert list(told.documents) == []
    assert len(hearing.send(chat("a", attributes=BOTH))) == 1
    assert total(hearing) == in_traces(hearing) == 0


def test_a_call_without_content_is_told_too(hearing: Hearing) -> None:
    """Who samples or counts must know of it."""
    (told,) = hearing.send(chat("a"))
    assert told.content == Content()


def test_a_call_is_told_under_the_labels_of_the_spans_above_it(hearing: Hearing) -> None:
    """It waits for them with its content, as its counting does."""
    assert hearing.send(chat("call", "root", attributes=BOTH)) == []
    assert total(hearing) == in_traces(hearing) == len("Why?So.")
    (told,) = hearing.send(agent("root", attributes={"app.feature": "search"}))
    assert (told.call.feature, told.content) == ("search", WHOLE)
    assert total(hearing) == 0


def test_a_call_whose_parent_never_comes_is_told_when_it_is_counted(timed: Timed, hearing: Hearing) -> None:
    """After it has waited for as long as spans do."""
    hearing.send(chat("call", "root", attributes=BOTH))
    timed.clock.advance(11)
    with timed.engine.store.lock:
        hearing.pipeline.store.now = timed.clock.now
        hearing.pipeline.collect()
    assert [told.content for told in hearing.ear.heard] == [WHOLE]


def test_one_call_in_two_spans_is_told_once(hearing: Hearing) -> None:
    """As the inner of the two, which counts."""
    outer = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": "Outer."}])}
    (told,) = hearing.send(chat("inner", "outer", attributes=BOTH), chat("outer", attributes=outer))
    assert (told.span_id, told.content) == (an_id("inner"), WHOLE)


@pytest.mark.parametrize(
    ("inner", "outer"),
    [({}, BOTH), (ASKED, TOLD), (TOLD, ASKED), (BOTH, {})],
    ids=["none", "asked", "told", "all"],
)
def test_what_only_the_span_around_says_is_told_of_the_call(
    hearing: Hearing, inner: dict[str, str], outer: dict[str, str]
) -> None:
    """A framework may know the messages where the client does not."""
    (told,) = hearing.send(chat("inner", "outer", attributes=inner), chat("outer", attributes=outer))
    assert (told.span_id, told.content) == (an_id("inner"), WHOLE)


def test_the_wish_and_the_instructions_may_stand_in_the_span_around(hearing: Hearing) -> None:
    """As its question and answer may."""
    outer = {"gen_ai.output.type": "json", "gen_ai.system_instructions": "Speak French."}
    (told,) = hearing.send(chat("inner", "outer", attributes=BOTH), chat("outer", attributes=outer))
    assert told.content == WHOLE._replace(system="Speak French.", wants_json=True)


def test_a_span_around_several_calls_lends_them_nothing(hearing: Hearing) -> None:
    """It does not say which of them its content is about."""
    told = hearing.send(
        chat("one", "outer"), chat("two", "outer", at=1.0), chat("outer", attributes=BOTH, seconds=3.0)
    )
    assert [call.content for call in told] == [Content(), Content()]


def test_a_call_counted_before_what_is_inside_it_comes_is_told_once(hearing: Hearing) -> None:
    """What comes later repeats it."""
    hearing.send(chat("outer", attributes=BOTH))
    (told,) = hearing.send(chat("inner", "outer", attributes=BOTH))
    assert told.span_id == an_id("outer")
    assert total(hearing) == in_traces(hearing) == 0


def test_documents_of_the_same_trace_come_with_the_call(hearing: Hearing) -> None:
    """Those that came before it was counted, wherever its span stood in the request; each text once."""
    other_trace = retrieval("r", "", "c", trace=b"another-trace-id")
    told = hearing.send(
        other_trace,
        chat("call", "root", attributes=BOTH),
        retrieval("r", "root", "a", "b"),
        retrieval("again", "r", "a", "b"),
        agent("root"),
    )
    assert [list(call.documents) for call in told] == [["a", "b"]]
    told = hearing.send(chat("next", "root", attributes=BOTH), retrieval("late", "root", "d"))
    assert list(told[-1].documents) == ["a", "b", "d"]


def test_documents_of_a_trace_are_bounded_together(hearing: Hearing) -> None:
    """The first go, in the order in which they came."""
    size = MAX_DOCUMENTS // 4
    for n in range(6):
        hearing.send(retrieval(f"r{n}", "root", str(n) * size))
    hearing.send(retrieval("big", "root", "x" * 10 * MAX_DOCUMENTS, "y"))
    (told,) = hearing.send(agent("root"), chat("call", "root"))
    assert sum(map(len, told.documents)) <= MAX_DOCUMENTS
    assert told.documents[-1].startswith("x")
    assert total(hearing) == in_traces(hearing) <= MAX_DOCUMENTS


def test_nothing_is_kept_of_a_trace_that_is_over(hearing: Hearing) -> None:
    """Neither of its documents nor of the account of them."""
    hearing.send(agent("root"), retrieval("r", "root", "a"), chat("call", "root", attributes=BOTH))
    assert total(hearing) == in_traces(hearing) == 1
    hearing.pipeline.assembly.close_all()
    assert total(hearing) == 0


def test_all_traces_together_are_bounded(hearing: Hearing) -> None:
    """What is too much is dropped and counted, and its call is told without it."""
    assembly = hearing.pipeline.assembly
    assembly.kept = Kept(hearing.ear, most=10)
    hearing.send(chat("one", "root", attributes=BOTH), chat("two", "root", attributes=BOTH, at=1.0))
    assert (total(hearing), in_traces(hearing), assembly.contents_dropped) == (7, 7, 1)
    told = hearing.send(agent("root", seconds=9.0))
    assert [call.content for call in told] == [WHOLE, Content()]
    hearing.send(retrieval("r", "root", "x" * 11))
    assert (total(hearing), assembly.contents_dropped) == (0, 2)
    hearing.send(chat("three", "root", attributes=BOTH, at=2.0))
    assert hearing.ear.heard[-1].content == WHOLE


def test_documents_make_room_for_what_comes_after_them(hearing: Hearing) -> None:
    """Those held for longest go first: a trace may be open long after its last call."""
    assembly = hearing.pipeline.assembly
    assembly.kept = Kept(hearing.ear, most=20)
    for n, trace in enumerate((b"first-of-traces.", b"second-of-traces")):
        hearing.send(retrieval("r", "", str(n) * 8, trace=trace))
    hearing.send(retrieval("more", "", "1111", trace=b"second-of-traces"))
    assert (total(hearing), assembly.contents_dropped) == (20, 0)
    hearing.send(chat("call", "root", attributes=BOTH))
    assert (total(hearing), in_traces(hearing), assembly.contents_dropped) == (19, 19, 1)
    first = hearing.send(chat("a", attributes=BOTH, trace=b"first-of-traces."))[-1]
    second = hearing.send(chat("b", attributes=BOTH, trace=b"second-of-traces"))[-1]
    assert [list(first.documents), list(second.documents)] == [[], ["11111111", "1111"]]
    assert [first.content, second.content] == [WHOLE, WHOLE]
    hearing.send(chat("late", "root", attributes=BOTH, at=1.0))
    assert (total(hearing), in_traces(hearing), assembly.contents_dropped) == (14, 14, 2)


@pytest.mark.parametrize("operation", ["embeddings", "rerank", "image_generation", "speech", "transcription"])
def test_a_call_that_answers_with_no_words_is_not_told(hearing: Hearing, operation: str) -> None:
    """There is no answer to look at."""
    hearing.send(chat("a", "root", attributes={**BOTH, "gen_ai.operation.name": operation}))
    assert total(hearing) == in_traces(hearing) == 0
    assert hearing.send(agent("root")) == []


def test_other_spans_are_not_told(hearing: Hearing) -> None:
    """Whatever messages they hold: an agent's are those of its calls."""
    assert hearing.send(agent("a", attributes=BOTH), tool("t", "a", attributes=BOTH), other("o")) == []
    assert total(hearing) == 0


def test_a_failed_call_is_told_as_one(hearing: Hearing) -> None:
    """With the question that it failed at."""
    (told,) = hearing.send(chat("a", attributes=ASKED, status="ERROR"))
    assert (told.call.failed, told.content) == (True, Content("Why?"))


def test_a_call_in_no_trace_is_told_without_a_trace(hearing: Hearing) -> None:
    """The id that is made up for it is nobody's."""
    (told,) = hearing.send(chat("a", attributes=BOTH, trace=b""))
    assert (told.trace_id, told.content) == (b"", WHOLE)


def test_a_sampled_call_is_told_with_its_weight(timed: Timed) -> None:
    """How many such calls it stands for."""
    hearing = Hearing(timed, sampling=Sampling(ratio=0.25))
    (told,) = hearing.send(chat("a", attributes=BOTH))
    assert (told.times, told.content) == (4, WHOLE)


def test_only_what_is_wanted_is_read(timed: Timed) -> None:
    """A listener that looks at answers alone does not pay for long questions."""
    hearing = Hearing(timed, parts=parts.ANSWER)
    (told,) = hearing.send(chat("a", attributes=BOTH))
    assert told.content == Content(answer="So.", said_answer=True)


def test_a_listener_may_choose_for_each_call_what_is_read(timed: Timed) -> None:
    """It is asked when the call's labels are known, right before it is told of that call."""
    hearing = Hearing(timed)
    asked: list[tuple[str, int]] = []

    def wants(call: Record) -> int:
        asked.append((call.feature, len(hearing.ear.heard)))
        return parts.ANSWER if len(asked) % 2 else parts.QUESTION

    hearing.ear.wants = wants  # type: ignore[attr-defined]
    assembly = hearing.pipeline.assembly
    assembly.kept = Kept(hearing.ear)
    root = agent("root", attributes={"app.feature": "search"}, seconds=9.0)
    told = hearing.send(chat("a", "root", attributes=BOTH), chat("b", "root", attributes=BOTH, at=1.0), root)
    assert asked == [("search", 0), ("search", 1)]
    assert [call.content for call in told] == [Content(answer="So.", said_answer=True), Content("Why?")]


def test_what_conversations_need_is_read_in_any_case(timed: Timed) -> None:
    """Of a trace that belongs to one: the first question, and whether the last answer was empty."""
    hearing = Hearing(timed, parts=parts.FORM)
    session = {"gen_ai.conversation.id": "s"}
    silent = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": ""}])}
    stopped = {"gen_ai.response.finish_reasons": ["stop"]}
    hearing.send(
        chat("a", attributes={**BOTH, **session}),
        chat("b", attributes={**ASKED, **silent, **stopped}, at=1.0),
    )
    (trace,) = hearing.pipeline.assembly.traces.values()
    assert (trace.question, trace.silent) == (hash("Why?"), True)
    hearing.send(chat("c", attributes=BOTH, trace=b"another-trace-id"))
    assert hearing.ear.heard[-1].content == Content()


def test_what_is_told_is_told_once_whatever_comes_of_it(timed: Timed) -> None:
    """A listener that fails leaves counts and the account of what is kept as they must be."""
    hearing = Hearing(timed)

    class Deaf:
        def answered(self, *told: Any) -> None:
            raise LookupError(told[4])

    hearing.send(chat("one", "root", attributes=BOTH))
    assert hearing.pipeline.assembly.kept is not None
    hearing.pipeline.assembly.kept = Kept(Deaf())
    hearing.pipeline.assembly.kept.characters = 7
    with pytest.raises(LookupError):
        hearing.send(agent("root"))
    assert total(hearing) == in_traces(hearing) == 0
    (trace,) = hearing.pipeline.assembly.traces.values()
    assert (trace.calls, trace.held) == (1, [])


def test_without_a_listener_nothing_is_read(timed: Timed) -> None:
    """Traces hold no text at all."""
    old = timed.engine.pipeline
    pipeline = Pipeline(old.accountant, old.vocabulary)
    pipeline.traces(
        a_request(chat("call", "root", attributes=BOTH), retrieval("r", "root", "a")).SerializeToString()
    )
    (trace,) = pipeline.assembly.traces.values()
    assert (trace.contents, trace.documents) == (None, None)
    assert pipeline.assembly.contents_dropped == 0


@pytest.mark.parametrize("listens", [True, False])
def test_a_new_configuration_takes_the_account_over(timed: Timed, listens: bool) -> None:
    """What traces hold is still bounded; where nobody listens any more it goes."""
    old = Hearing(timed)
    old.send(agent("root"), retrieval("r", "root", "abc"))
    new = Hearing(timed)
    if not listens:
        new.pipeline.assembly.kept = None
    new.pipeline.assembly.adopt(old.pipeline.assembly)
    if listens:
        assert total(new) == in_traces(new) == 3
        assert list(new.send(chat("call", "root", attributes=BOTH))[0].documents) == ["abc"]
    else:
        assert in_traces(new) == 0


def test_a_call_in_a_log_record_inside_of_its_span_lends_and_takes_content(hearing: Hearing) -> None:
    """Many writers put the messages on one of the two."""
    hearing.pipeline.traces(b"")
    (told,) = hearing.send(
        named(
            "record",
            "span",
            {**CHAT, **TOLD, "event.name": "gen_ai.client.inference.operation.details"},
            seconds=0,
        ),
        chat("span", attributes=ASKED),
    )
    assert told.content == WHOLE


def test_no_text_is_in_what_is_exported_or_shown(timed: Timed, hearing: Hearing) -> None:
    """Neither of the metrics, nor of the description of spans, has a word of it."""
    canary = "canary-7d1e"
    said = {
        "gen_ai.input.messages": json.dumps([{"role": "user", "content": canary}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": canary}]),
        "gen_ai.system_instructions": canary,
    }
    spans = [agent("root"), retrieval("r", "root", canary), chat("call", "root", attributes=said)]
    told = hearing.send(*spans)
    assert told[0].content == Content(canary, canary, canary, said_answer=True)
    assert list(told[0].documents) == [canary]
    shown = timed.scrape() + timed.scrape("openmetrics")
    assert "llm_requests_total" in shown
    assert canary not in shown
