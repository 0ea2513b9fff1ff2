"""What a dialect's table can say, one by one, with dialects made up for it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.building import START, Exporter, a_call, a_request, a_span, any_value
from dialects.writing import Said, read
from llm_exporter import dialects
from llm_exporter.dialects._dialect import (
    Choice,
    Dialect,
    EventAttribute,
    Field,
    HttpError,
    Json,
    Not,
    Part,
    Present,
    SpanName,
    Sum,
    Timestamp,
    When,
)
from llm_exporter.otlp.schema import parse_span
from llm_exporter.reading import MAX_REMEMBERED, MAX_VARIANTS, said, with_span
from llm_exporter.record import Kind, Numbers, Record, disjoint
from llm_exporter.vocabulary import CORE_MARKS, Vocabulary

CHAT: dict[str, Any] = {"gen_ai.operation.name": "chat"}
Adding = Callable[..., Dialect]


def forget() -> None:
    """Have what is remembered of all dialects worked out anew."""
    dialects._known.cache_clear()
    dialects._suffices.cache_clear()


@pytest.fixture
def adding(monkeypatch: pytest.MonkeyPatch) -> Iterator[Adding]:
    """Return what adds a dialect, for this test, to the conventions alone."""
    known = {"semconv": dialects.fallback()}
    monkeypatch.setattr(dialects, "all_dialects", lambda: known)
    forget()

    def add(name: str, fields: dict[Field, Any] | None = None, **more: Any) -> Dialect:
        found = Dialect(name=name, authority=("a test",), fields=fields or {}, **more)
        known[name] = found
        forget()
        return found

    yield add
    monkeypatch.undo()
    forget()


def record_of(said: Said) -> Record:
    """Return what a span says."""
    variant, values, _ = read(said)
    context = Exporter().engine.pipeline.context_of(b"")
    return variant.record(context, None, variant.words_of(values))


def numbers_of(attributes: dict[str, Any], scope: str = "own") -> Numbers:
    """Return the numbers that a span says."""
    variant, values, span = read(Said(attributes, scope=scope))
    return variant.quantities.read(values, span)


def by_dialect(exporter: Exporter) -> dict[str, float]:
    """Return how many spans were read in which dialect."""
    return {
        labels["dialect"]: value
        for name, labels, value in exporter.samples()
        if name == "llm_exporter_dialect_spans_total" and value
    }


# Whose span it is


def test_a_value_claims_single_spans_among_those_with_the_same_attributes(adding: Adding) -> None:
    """Spans of one shape are in different dialects by what an attribute says, in any case of letters."""
    adding("strict", {Field.PROMPT_NAME: ("gen_ai.system",)}, values={"gen_ai.system": frozenset({"strict"})})
    adding("loose", values={"gen_ai.system": frozenset({"loose", "looser"})})
    exporter = Exporter()
    systems = ["openai", "Strict", "loose", "looser", "strict", "openai", "anthropic"]
    for _ in range(2):
        exporter.send(*(a_call({"gen_ai.system": system}) for system in systems))
    assert by_dialect(exporter) == {"semconv": 6, "strict": 4, "loose": 4}
    # each is read with its own dialect's table
    assert exporter.value("llm_prompt_requests_total", prompt_name="strict") == 2
    assert exporter.value("llm_prompt_requests_total") == 4
    described = exporter.engine.describe(a_request(a_call({"gen_ai.system": "Strict"})).SerializeToString())
    assert described[0].why == "attribute gen_ai.system=strict"


def test_a_value_claims_numbers_and_documents_too(adding: Adding) -> None:
    """What a rival's table says of numbers holds for the spans that it claims, and for no other."""
    adding(
        "odd",
        {Field.INPUT: ("odd.in",)},
        values={"gen_ai.system": frozenset({"odd"})},
        cache_outside_input=(When(),),
    )
    more = {"odd.in": 7, "gen_ai.usage.cache_read.input_tokens": 50}
    exporter = Exporter()
    exporter.send(a_call({"gen_ai.system": "odd", **more}))
    assert exporter.tokens() == {"input": 7, "input_cache_read": 50, "output": 10}
    exporter.send(a_call({"gen_ai.system": "openai", **more}))
    assert exporter.tokens() == {"input": 57, "input_cache_read": 100, "output": 20}


def test_a_rival_that_derives_the_operation_is_read_by_its_own_words(adding: Adding) -> None:
    """Two operations of a rival are told apart even where the plan that hands over cannot tell them."""
    adding(
        "named",
        {Field.OPERATION: (SpanName((("call *", "chat"), ("use *", "execute_tool"))),)},
        values={"gen_ai.system": frozenset({"named"})},
    )
    exporter = Exporter()
    attributes = {"gen_ai.system": "named"}
    for _ in range(2):
        exporter.send(a_span(attributes, name="call m"), a_span(attributes, name="use t"))
    assert exporter.outcomes() == {"call": 2, "tool": 2}
    assert by_dialect(exporter) == {"named": 4}


def test_values_that_claim_nothing_multiply_nothing(adding: Adding) -> None:
    """Where a rival looks at names that are all different, spans of others share what is remembered as before."""
    adding("valued", values={"gen_ai.agent.name": frozenset({"it"})})
    exporter = Exporter()
    n_spans = MAX_REMEMBERED + 10
    for n in range(n_spans):
        exporter.send(a_span({**CHAT, "gen_ai.agent.name": f"agent {n}"}))
    exporter.send(a_span({**CHAT, "gen_ai.agent.name": "it"}))
    assert by_dialect(exporter) == {"semconv": n_spans, "valued": 1}
    (plan,) = exporter.engine.pipeline._plans.values()
    assert len(plan.variants) <= MAX_REMEMBERED
    assert len(set(plan.variants.values())) == 2
    assert len(next(iter(plan.variants.values())).bindings) == 1


def test_what_is_remembered_of_a_rivals_spans_is_forgotten_with_the_rest(adding: Adding) -> None:
    """Bindings of spans that were handed over are dropped when prices change, like all others."""
    adding(
        "valued",
        {Field.OPERATION: (SpanName((("*", "chat"),)),)},
        values={"gen_ai.system": frozenset({"it"})},
    )
    exporter = Exporter()
    exporter.send(a_span({"gen_ai.system": "it", "gen_ai.request.model": "m"}))
    pipeline = exporter.engine.pipeline
    (plan,) = pipeline._plans.values()
    span = Said({"gen_ai.system": "it", "gen_ai.request.model": "m"}).request().resource_spans[0]
    parsed = parse_span(span.scope_spans[0].spans[0].SerializeToString())
    shape = pipeline.shape_of(pipeline.scope_of(b""), parsed.attributes)
    assert shape is not None
    variant = plan.variant(with_span(shape.take(parsed.attributes), parsed), parsed)
    assert len(variant.bindings) == 1
    pipeline.forget_bindings()
    assert not variant.bindings


def test_no_value_outweighs_a_scope_or_names_a_disabled_dialect(adding: Adding) -> None:
    """A span under a dialect's scope is its own, and a dialect that is not read claims nothing."""
    adding("scoped", scopes=("own.*",))
    adding("valued", values={"gen_ai.system": frozenset({"it"})})
    exporter = Exporter()
    exporter.send(a_call({"gen_ai.system": "it"}), scope="own.x")
    assert by_dialect(exporter) == {"scoped": 1}
    assert dialects.rivals(dialects.all_dialects()["scoped"], "own.x", ["gen_ai.system"]) == []
    without = Vocabulary(disabled=("valued",))
    keys = without.known(["gen_ai.system"])
    assert dialects.rivals(dialects.fallback(), "", keys, without.disabled) == []
    assert (
        dialects.claim("", keys, without.disabled, {"gen_ai.system": "it"}.__getitem__) is dialects.fallback()
    )


def test_a_value_alone_makes_no_llm_span(adding: Adding) -> None:
    """An attribute of any name may hold any word: some attribute must be one that a dialect knows by its name."""
    adding("valued", values={"type": frozenset({"it"})})
    exporter = Exporter()
    exporter.send(a_span({"type": "it"}))
    assert exporter.outcomes() == {"not_llm": 1}
    exporter.send(a_span({"type": "it", "gen_ai.request.model": "m"}))
    assert by_dialect(exporter) == {"valued": 1}


def test_evidence_in_its_order(adding: Adding) -> None:
    """Scope, own attribute or value, prefix, attribute that others write too: the surest claim wins."""
    adding("a_shared", shared=frozenset({"taken.over"}))
    adding("b_prefixed", prefixes=("pre.",))
    adding("c_keyed", keys=frozenset({"only.mine"}))
    adding("d_scoped", scopes=("own",))
    keys = ["taken.over", "pre.x", "only.mine"]
    for scope, wanted in [("own", "d_scoped"), ("", "c_keyed")]:
        claimed = dialects.claim(scope, keys)
        assert claimed is not None
        assert claimed.name == wanted
    assert [(evidence, dialect.name) for evidence, dialect in dialects.claims("own", keys)] == [
        (4, "d_scoped"),
        (3, "c_keyed"),
        (2, "b_prefixed"),
        (1, "a_shared"),
    ]
    exporter = Exporter()
    exporter.send(a_call({"taken.over": 1}))
    (described,) = exporter.engine.describe(a_request(a_call({"taken.over": 1})).SerializeToString())
    assert described.why == "attribute taken.over"
    assert by_dialect(exporter) == {"a_shared": 1}


def test_a_scope_suffices_where_its_dialect_says_so(adding: Adding) -> None:
    """A span without any known attribute is read under such a scope only."""
    adding("plain", scopes=("plain",))
    adding(
        "sure", {Field.OPERATION: (SpanName((("*", "guardrail"),)),)}, scopes=("sure",), scope_suffices=True
    )
    exporter = Exporter()
    for scope in ("plain", "sure"):
        exporter.send(a_span({"http.route": "/"}), a_span(), scope=scope)
    assert exporter.outcomes() == {"not_llm": 2, "guardrail": 2}


def test_one_prefix_may_begin_with_another(adding: Adding) -> None:
    """Of attributes that mean something by their prefix alone, one for each dialect is enough, and none is lost."""
    adding("longer", prefixes=("gen_ai.longer.",))
    keys = [f"gen_ai.a{n}" for n in range(50)] + ["gen_ai.longer.x", "gen_ai.longer.y"]
    for order in (keys, keys[::-1]):
        known = Vocabulary().known(order)
        assert len(known) == 2
        claimed = dialects.claim("", known)
        assert claimed is not None
        assert claimed.name == "longer"


# Which spans are read at all


def test_marks_by_scope(adding: Adding) -> None:
    """OpenTelemetry's own scopes are searched for few marks, unless a dialect has one; the others are read."""
    adding("one", scopes=("one.*", "opentelemetry.instrumentation.one"))
    vocabulary = Vocabulary()
    for scope in ("", "my.app", "one.x", "opentelemetry.instrumentation.one"):
        assert vocabulary.marks_for(scope) == ()
    for scope in (
        "opentelemetry.instrumentation.requests",
        "@opentelemetry/instrumentation-http",
        "io.opentelemetry.jdbc",
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
        "OpenTelemetry.Instrumentation.Http",
    ):
        assert vocabulary.marks_for(scope) == CORE_MARKS


def test_a_mark_decides_whether_a_span_is_read(adding: Adding) -> None:
    """The same attributes count under most scopes, and are skipped unread under those searched for other marks."""
    adding("one", scopes=("one.*",), keys=frozenset({"one_mark"}))
    span = a_span({"one_mark": "chat"})
    for scope, outcome in [
        ("one.x", "structure"),
        ("my.app", "structure"),
        ("opentelemetry.instrumentation.requests", "not_llm"),
    ]:
        exporter = Exporter()
        exporter.send(span, scope=scope)
        # another span with a mark has the whole scope opened
        exporter.send(a_span({"one_mark": "chat"}, span_id=b"another_"), a_call(), scope=scope)
        assert exporter.outcomes() == {outcome: 2, "call": 1}, scope
        (described,) = exporter.engine.describe(a_request(span, scope=scope).SerializeToString())
        assert described.outcome == outcome


# What it does


@pytest.mark.parametrize(
    ("operation", "found"),
    [(None, "guardrail"), ("self_check_input", "guardrail"), ("chat", "chat"), ("CHAIN", "chain")],
)
def test_an_attribute_may_imply_the_operation(adding: Adding, operation: str | None, found: str) -> None:
    """It does where there is no word for an operation, or one that nobody knows; a known word comes first."""
    adding("rails", implied=(("rail.type", "guardrail"), ("other", "chat")), keys=frozenset({"rail.type"}))
    said = {"rail.type": "input", "other": 1, "gen_ai.operation.name": operation}
    assert record_of(Said({k: v for k, v in said.items() if v is not None})).operation == found


def test_a_known_word_for_the_operation_comes_before_an_unknown_one(adding: Adding) -> None:
    """The first place that says an operation counts, not the first that says anything."""
    adding("two", {Field.OPERATION: ("first", "second")}, keys=frozenset({"first"}))
    assert record_of(Said({"first": "my task", "second": "retriever"})).operation == "retrieval"
    assert record_of(Said({"first": "my task", "second": "your task"})).operation == "my task"


def test_the_name_of_a_span_may_say_the_operation(adding: Adding) -> None:
    """Names that are all different are read as the words that they stand for, and fill no memory."""
    words = (("call_llm", "chat"), ("use *", "execute_tool"), ("*", "workflow"))
    adding("named", {Field.OPERATION: ("op", SpanName(words))}, keys=frozenset({"op"}))
    exporter = Exporter()
    n = 2 * MAX_VARIANTS
    exporter.send(*(a_span({"op": ""}, name=f"use {i}") for i in range(n)))
    exporter.send(a_span({"op": ""}, name="call_llm"), a_span({"op": ""}, name="x" * 10_000))
    exporter.send(a_span({"op": "retriever"}, name="call_llm"))
    assert exporter.outcomes() == {"tool": n, "call": 1, "structure": 1, "retrieval": 1}
    (plan,) = exporter.engine.pipeline._plans.values()
    assert len(plan.variants) == 4


def test_the_name_of_a_span_may_say_any_word(adding: Adding) -> None:
    """A tool and a failure can stand in it, and names that differ otherwise share what is remembered."""
    fields = {
        Field.TOOL: (SpanName((("search*", "search"),)),),
        Field.FAILED: (SpanName((("*failed", "error"),)),),
    }
    adding("named", fields, keys=frozenset({"mine"}))
    attributes = {"mine": 1, "gen_ai.operation.name": "execute_tool"}
    exporter = Exporter()
    exporter.send(*(a_span(attributes, name=f"search {i}") for i in range(50)))
    exporter.send(a_span(attributes, name="search failed"))
    assert exporter.value("llm_tool_calls_total", tool="search", status="ok") == 50
    assert exporter.value("llm_tool_calls_total", tool="search", status="error") == 1
    (plan,) = exporter.engine.pipeline._plans.values()
    (variant,) = plan.variants.values()
    assert len(variant.bindings) == 2


def test_the_name_of_a_span_may_be_the_word(adding: Adding) -> None:
    """An empty word stands for the name itself, for the kinds of spans that have such a word, and is bounded."""
    anything = SpanName((("step *", "a step"), ("*", "")))
    adding("named", {Field.TOOL: (anything,), Field.AGENT_RUN: (anything,)}, keys=frozenset({"mine"}))
    exporter = Exporter()

    def send(operation: str, name: str) -> None:
        exporter.send(a_span({"mine": 1, "gen_ai.operation.name": operation}, name=name))

    send("execute_tool", " look up ")
    send("execute_tool", "step 7")
    send("invoke_agent", "planner")
    send("execute_tool", "x" * 10_000)
    for tool in ("look up", "a step", "x" * 128):
        assert exporter.value("llm_tool_calls_total", tool=tool) == 1
    assert exporter.value("llm_agent_runs_total", agent="planner") == 1
    # calls have no word from the name: theirs may differ without end
    exporter.send(*(a_span({"mine": 1, **CHAT}, name=f"call {n}") for n in range(50)))
    (plan,) = exporter.engine.pipeline._plans.values()
    assert [len(v.bindings) for v in plan.variants.values() if v.kind is Kind.CALL] == [1]
    assert [v.named for v in plan.variants.values() if v.kind is Kind.CALL] == [False]


def test_names_are_read_only_where_they_mean_something(adding: Adding) -> None:
    """Under another scope, with the attribute that says it better, or in another dialect, a name is no word."""
    adding(
        "named",
        {Field.OPERATION: (SpanName((("*", "execute_tool"),), scope="own.*", without="better"),)},
        keys=frozenset({"mine"}),
    )
    for scope, more, kind in [
        ("own.x", {}, Kind.TOOL),
        ("other", {}, Kind.CALL),
        ("own.x", {"better": 1}, Kind.CALL),
    ]:
        variant, _, _ = read(Said({"mine": 1, "gen_ai.request.model": "m", **more}, scope=scope))
        assert (variant.kind, variant.plan.named) == (kind, kind is Kind.TOOL), (scope, more)
    # the conventions' own: one name, for spans without an operation, in no other dialect
    tokens = {"gen_ai.usage.input_tokens": 5}
    for attributes, name, kind in [
        (tokens, "orchestrate_tools", Kind.STRUCTURE),
        (tokens, "a span", Kind.CALL),
        ({**tokens, **CHAT}, "orchestrate_tools", Kind.CALL),
        ({**tokens, "mine": 1}, "orchestrate_tools", Kind.CALL),
    ]:
        variant, _, _ = read(Said(attributes, name=name, scope="any"))
        assert variant.kind is kind, (attributes, name)


def test_an_event_may_say_a_word(adding: Adding) -> None:
    """The first event with that name that says it, plainly or inside JSON; spans without events say nothing."""
    fields = {
        Field.FINISH_REASON: (
            EventAttribute("choice", "finish_reason"),
            EventAttribute("details", "messages", "0.finish_reason"),
        )
    }
    adding("eventful", fields, keys=frozenset({"mine"}))
    attributes = {"mine": 1, **CHAT}

    def reason(*events: dict[str, Any]) -> str:
        return record_of(Said(attributes, events=[*events])).finish_reason

    assert reason() == ""
    assert reason({"name": "choice", "attributes": {"finish_reason": "max_tokens"}}) == "length"
    assert reason({"name": "choices", "attributes": {"finish_reason": "max_tokens"}}) == ""
    assert reason({"name": "other", "attributes": {"of": "choice", "finish_reason": "stop"}}) == ""
    empty = {"name": "choice", "attributes": {"finish_reason": ""}}
    assert reason(empty, {"name": "choice", "attributes": {"finish_reason": "tool_use"}}) == "tool_calls"
    messages = '[{"role": "assistant", "finish_reason": "end_turn"}]'
    assert reason({"name": "details", "attributes": {"messages": messages}}) == "stop"
    assert reason({"name": "details", "attributes": {"messages": "["}}) == ""
    many = [{"name": "token", "attributes": {"n": n}} for n in range(64)]
    assert reason(*many, {"name": "choice", "attributes": {"finish_reason": "stop"}}) == ""


def test_an_event_that_is_none_says_nothing(adding: Adding) -> None:
    """Bytes that are no event are passed over, and a later event is read."""
    adding("eventful", {Field.TOOL: (EventAttribute("use", "tool"),)}, keys=frozenset({"mine"}))
    event = Said(events=[{"name": "use", "attributes": {"tool": "search"}}]).request()
    good = event.resource_spans[0].scope_spans[0].spans[0].events[0].SerializeToString()

    class Broken:
        events = (b"\x12\x7fuse", good)

    assert EventAttribute("use", "tool").read(Broken()) == "search"


def test_an_operation_inside_json_is_remembered_by_its_word(adding: Adding) -> None:
    """JSON that differs in every span makes one variant for each operation that it holds."""
    adding("inside", {Field.OPERATION: (Json("what", "type"),)}, keys=frozenset({"what"}))
    exporter = Exporter()
    exporter.send(*(a_span({"what": json.dumps({"id": i, "type": "llm"})}) for i in range(50)))
    assert exporter.outcomes() == {"call": 50}
    (plan,) = exporter.engine.pipeline._plans.values()
    assert len(plan.variants) == 1


# What its words are


def test_parts_of_words(adding: Adding) -> None:
    """A provider and a model may stand in one attribute; a whole one is neither."""
    fields = {Field.PROVIDER: (Part("at", "/", 0),), Field.REQUEST_MODEL: (Part("at", "/", 1),)}
    adding("parted", fields, keys=frozenset({"at"}))
    record = record_of(Said({**CHAT, "at": "groq/meta/llama"}))
    assert (record.provider, record.request_model) == ("groq", "meta/llama")
    record = record_of(Said({**CHAT, "at": "llama"}))
    assert (record.provider, record.request_model) == ("", "")


@pytest.mark.parametrize(
    "written",
    [
        f"{{'calls': [{{'name': '{'a' * 4000}'}}, {{'name': 'b'}}]}}",
        '{"calls": [{"name": "a"}, {"name": "b"}]}',
        json.dumps('{"calls": [{"name": "a"}, {"name": "b"}]}'),
        "{'calls': [{'name': 'a'}, {'name': 'b'}]}",
        {"calls": [{"name": "a"}, {"name": "b"}]},
    ],
)
def test_json_in_all_its_forms(adding: Adding, written: Any) -> None:
    """Text, text in text, Python's way of writing a dict, a map: a path leads through objects and lists."""
    adding("nested", {Field.TOOL: (Json("it", "calls.1.name"),)}, keys=frozenset({"it"}))
    assert record_of(Said({"gen_ai.operation.name": "execute_tool", "it": written})).tool == "b"


@pytest.mark.parametrize(
    "written",
    [
        "{",
        "{'a': f()}",
        f"{{'calls': [0, {{'name': '{'b' * 4096}'}}]}}",
        '{"calls": "b"}',
        '{"calls": []}',
        "[1]",
        "9",
        "{'a': " * 500,
        1.5,
        "",
    ],
)
def test_json_that_is_none(adding: Adding, written: Any) -> None:
    """What cannot be read or has no such path says nothing."""
    adding("nested", {Field.TOOL: (Json("it", "calls.1.name"),)}, keys=frozenset({"it"}))
    assert record_of(Said({"gen_ai.operation.name": "execute_tool", "it": written})).tool == ""


def test_words_and_numbers_that_are_encoded_as_json(exporter: Exporter) -> None:
    """A quoted word is the word, and a quoted number the number."""
    quoted = {
        "gen_ai.operation.name": '"chat"',
        "gen_ai.request.model": '"gpt-4o"',
        "gen_ai.usage.input_tokens": '"30"',
        "gen_ai.response.finish_reasons": '"length"',
        "app.team": '"search"',
    }
    exporter.send(a_call(quoted))
    assert exporter.value("llm_requests_total", model="gpt-4o", operation="chat", team="search") == 1
    assert exporter.value("llm_finish_reasons_total", finish_reason="length") == 1
    assert exporter.tokens() == {"input": 30, "output": 10}


def test_a_dialect_has_its_own_words_for_verdicts(adding: Adding) -> None:
    """`false` means that a check did not pass where the dialect says so, and that it did not fire elsewhere."""
    adding("validator", {Field.VERDICT: ("ok",)}, verdicts={"false": "block"}, keys=frozenset({"ok"}))
    guardrail = {"gen_ai.operation.name": "guardrail"}
    assert record_of(Said({**guardrail, "ok": False})).action == "block"
    assert record_of(Said({**guardrail, "ok": "pass"})).action == "allow"
    assert record_of(Said({**guardrail, "gen_ai.guardrail.triggered": False})).action == "allow"


def test_a_verdict_of_the_dialects_own_beats_a_failure(adding: Adding) -> None:
    """A check that raises what it blocks has blocked; one that failed without such a word is an error."""
    adding("raising", {Field.VERDICT: ("ok",)}, verdicts={"false": "block"}, keys=frozenset({"ok"}))
    guardrail = {"gen_ai.operation.name": "guardrail"}
    exporter = Exporter()
    for ok in (False, "pass", ""):
        exporter.send(a_span({**guardrail, "ok": ok}, status="ERROR"))
    exporter.send(a_span({**guardrail, "gen_ai.guardrail.action": "blocked"}, status="ERROR"))
    assert exporter.value("llm_guardrail_checks_total", action="block") == 1
    assert exporter.value("llm_guardrail_checks_total", action="error") == 3


@pytest.mark.parametrize(
    ("written", "direction"),
    [
        ("input", "input"),
        ("OUTPUT", "output"),
        ("request", "input"),
        ("response", "output"),
        ("pre_call", "input"),
        ("Hooks.post_call", "output"),
        ("dialog", ""),
        (None, ""),
    ],
)
def test_what_a_guardrail_checked(adding: Adding, written: str | None, direction: str) -> None:
    """Input or output, in general words or the dialect's own; any other word is neither."""
    own = {"pre_call": "input", "post_call": "output"}
    adding("checks", {Field.DIRECTION: ("phase",)}, directions=own, keys=frozenset({"phase"}))
    found = record_of(Said({"gen_ai.operation.name": "guardrail", "phase": written}))
    assert found.direction == direction


@pytest.mark.parametrize(
    ("written", "failed"),
    [(False, True), ("false", True), (0, True), (True, False), ("", False), (None, False)],
)
def test_a_flag_of_success_says_that_a_span_failed(adding: Adding, written: Any, failed: bool) -> None:
    """Only where it is there and not set."""
    adding("flagged", {Field.FAILED: (Not("success"),)}, keys=frozenset({"success"}))
    assert record_of(Said({**CHAT, "success": written})).failed is failed


def test_the_presence_of_an_attribute_is_a_word(adding: Adding) -> None:
    """What it holds does not matter, unless that is nothing."""
    adding("present", {Field.VERDICT: (Present("reason", "fail"),)}, keys=frozenset({"mine"}))
    guardrail = {"mine": 1, "gen_ai.operation.name": "guardrail"}
    assert record_of(Said({**guardrail, "reason": "too rude"})).action == "block"
    assert record_of(Said({**guardrail, "reason": ""})).action == "allow"
    assert record_of(Said(guardrail)).action == "allow"


def test_the_status_of_an_http_answer() -> None:
    """It says how a call failed where nothing else does, and nothing of one that succeeded."""
    exporter = Exporter()
    for code in (200, 302, 429, "503", 999, True, "odd"):
        exporter.send(a_call({"http.response.status_code": code}))
    assert exporter.value("llm_requests_total", status="error") == 2
    assert exporter.value("llm_request_errors_total", error_type="rate_limit") == 1
    assert exporter.value("llm_request_errors_total", error_type="unavailable") == 1
    # an exception's class that says nothing, and a status that does
    exception = {"name": "exception", "attributes": {"exception.type": "AI_APICallError"}}
    exporter.send(a_call({"http.response.status_code": 401}, status="ERROR", events=[exception]))
    assert exporter.value("llm_request_errors_total", error_type="auth") == 1
    assert exporter.value("llm_request_errors_total", error_type="unknown") == 0
    # a message that tells more than the status
    message = "maximum context length is 8192 tokens"
    exporter.send(a_call({"http.response.status_code": 400}, status="ERROR", message=message))
    assert exporter.value("llm_request_errors_total", error_type="context_overflow") == 1


def test_a_dialects_own_word_for_a_failure_counts_beside_the_status(adding: Adding) -> None:
    """With status ERROR it is read as without: for calls and for tools."""
    adding("failing", {Field.ERROR_TYPE: (HttpError("code"), "why")}, keys=frozenset({"why"}))
    for status in ("UNSET", "ERROR"):
        exporter = Exporter()
        exporter.send(a_call({"why": "rate_limit_exceeded"}, status=status))
        exporter.send(a_call({"why": "", "code": 504}, status=status))
        exporter.send(a_span({"why": "timed out", "gen_ai.operation.name": "execute_tool"}, status=status))
        assert exporter.value("llm_request_errors_total", error_type="rate_limit") == 1
        assert exporter.value("llm_request_errors_total", error_type="timeout") == 1
        assert exporter.value("llm_tool_errors_total", error_type="timeout") == 1


def test_a_placeholder_hides_no_model(adding: Adding) -> None:
    """The next place that names a model counts, for its provider too, and without one there is none."""
    adding("placed", {Field.REQUEST_MODEL: ("mine", "other")}, keys=frozenset({"mine"}))
    record = record_of(Said({**CHAT, "mine": "unknown", "other": "gpt-4o"}))
    assert (record.request_model, record.provider) == ("gpt-4o", "openai")
    record = record_of(Said({**CHAT, "mine": "none", "gen_ai.response.model": "chat"}))
    assert (record.request_model, record.response_model) == ("", "")


@pytest.mark.parametrize(
    ("written", "result"),
    [(True, "hit"), ("HIT", "hit"), (False, "miss"), ("miss", "miss"), (None, ""), ("partly", "")],
)
def test_a_cache_of_answers(adding: Adding, written: Any, result: str) -> None:
    """A flag or a word says whether it had the answer."""
    adding("cached", {Field.RESPONSE_CACHE: ("cache",)}, keys=frozenset({"cache"}))
    assert record_of(Said({**CHAT, "cache": written})).response_cache == result


@pytest.mark.parametrize("operation", ["workflow", "execute_tool", "invoke_agent", "retrieval", "guardrail"])
def test_every_kind_of_span_says_the_labels_of_those_below_it(operation: str) -> None:
    """Who it was for, and the prompt, are read from chains and tools too."""
    labels = {
        "deployment.environment.name": "prod",
        "app.team": "search",
        "app.feature": "find",
        "app.user_tier": "pro",
        "app.customer": "acme",
        "gen_ai.prompt.name": "greeting",
        "gen_ai.prompt.version": "7",
    }
    found = record_of(Said({"gen_ai.operation.name": operation, **labels}))
    said = (found.environment, found.team, found.feature, found.user_tier, found.customer)
    assert (*said, found.prompt_name, found.prompt_version) == (
        "prod",
        "search",
        "find",
        "pro",
        "acme",
        "greeting",
        "7",
    )


# What tells it apart


def test_identities_cost_nothing_where_there_are_none() -> None:
    """A plan without such an attribute has nothing to ask, and each kind has only what belongs to it."""
    variant, _, _ = read(Said(CHAT))
    assert (variant.session, variant.response_id, variant.arguments) == (None, None, None)
    every = {"session.id": "s", "gen_ai.response.id": "r", "gen_ai.tool.call.arguments": "a"}
    for operation, has in [("chat", "response_id"), ("execute_tool", "arguments"), ("workflow", "")]:
        variant, values, _ = read(Said({"gen_ai.operation.name": operation, **every}))
        assert variant.session is not None
        assert variant.session(values) == any_value("s").SerializeToString()
        assert [name for name in ("response_id", "arguments") if getattr(variant, name)] == [has] * bool(has)


def test_the_first_identity_that_is_not_empty_counts(adding: Adding) -> None:
    """An empty session hides no other; one inside JSON is its text."""
    fields = {Field.SESSION: ("first", Json("meta", "thread"), Part("path", "/", 1))}
    adding("sessions", fields, keys=frozenset({"first"}))

    def session(**said: Any) -> bytes:
        variant, values, _ = read(Said({**CHAT, **said}))
        assert variant.session is not None
        return variant.session(values)

    assert session(first="", meta='{"thread": "t"}') == b"t"
    assert session(first="", meta="{}", path="a/b") == b"b"
    assert session(first="", **{"session.id": "s"}) == any_value("s").SerializeToString()
    assert not said(session(first=""))
    assert not said(session(first=None))


# What its numbers are


def test_a_sum_of_what_an_object_holds(adding: Adding) -> None:
    """All its numbers but the total, and nothing where it holds none."""
    adding("summed", {Field.COST: (Sum("costs"),)}, scopes=("own",))
    assert numbers_of(
        {**CHAT, "costs": '{"input": 0.25, "output": "0.5", "total": 9, "by": "x"}'}
    ).cost_pico == (75 * 10**10)
    for nothing in ("{}", "[1]", '{"by": "x"}', '{"total": 9}'):
        assert numbers_of({**CHAT, "costs": nothing}).cost_pico is None


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        ("2026-05-28T20:26:40.25Z", 250_000_000),
        ("2026-05-28T20:26:40.250000000Z", 250_000_000),
        ('"2026-05-28T22:26:40.250+02:00"', 250_000_000),
        ("2026-05-28T20:26:40.25", 250_000_000),
        (START + 7, 7),
        (str(START + 7), 7),
        (f'"{START + 7}"', 7),
        (START, 0),
        (START - 1, None),
        ("2026-05-28T20:26:39Z", None),
        ("soon", None),
        ("", None),
        (True, None),
        ("9" * 70, None),
        ([1], None),
    ],
)
def test_a_point_in_time(adding: Adding, written: Any, offset: int | None) -> None:
    """The time to the first token from the moment of it, however that is written."""
    adding("timed", {Field.FIRST_TOKEN: (Timestamp("at"),)}, scopes=("own",))
    assert numbers_of({**CHAT, "at": written}).first_token_ns == offset


@pytest.mark.parametrize(("streamed", "first"), [(True, 10**9), ("true", 10**9), (False, None), (None, None)])
def test_a_first_token_that_needs_a_stream(adding: Adding, streamed: Any, first: int | None) -> None:
    """Where the writer gives one for every answer, it counts for streamed ones only."""
    adding("always", {Field.STREAM: ("streaming",)}, scopes=("own",), first_token_needs_stream=True)
    said = {**CHAT, "gen_ai.response.time_to_first_chunk": 1, "streaming": streamed}
    assert numbers_of(said).first_token_ns == first
    assert numbers_of(said, scope="another").first_token_ns == 10**9


def test_reasoning_that_the_output_leaves_out(adding: Adding) -> None:
    """It is added to the output under the scope, the version and the provider that leave it out."""
    adding(
        "outside",
        scopes=("own*",),
        reasoning_outside_output=(When("own", "gcp.gemini"), When("own.old", before="2.1")),
    )
    usage = {"gen_ai.usage.output_tokens": 40, "gen_ai.usage.reasoning_tokens": 15}

    def tokens(scope: str, provider: str, version: str = "") -> dict[str, float]:
        exporter = Exporter()
        request = a_request(a_call({**usage, "gen_ai.provider.name": provider}), scope=scope)
        request.resource_spans[0].scope_spans[0].scope.version = version
        exporter.send_request(request.SerializeToString())
        found = exporter.tokens()
        found.pop("input")
        return found

    inside, outside = {"output": 25, "output_reasoning": 15}, {"output": 40, "output_reasoning": 15}
    assert tokens("own", "gemini") == outside
    assert tokens("own", "openai") == inside
    assert tokens("own.old", "openai", "2.0.9") == outside
    assert tokens("own.old", "openai", "2.1.0") == inside
    assert tokens("own.old", "openai", "2.10") == inside
    assert tokens("own.old", "openai") == outside


def test_a_convention_until_a_version(adding: Adding) -> None:
    """The prompt cache is outside the input in old versions of the scope only."""
    adding("changed", scopes=("own",), cache_outside_input=(When(before="1.2"),))
    for version, plain in [("1.1.9", 100), ("1.2", 60), ("v1.10.0", 60), ("", 100)]:
        exporter = Exporter()
        request = a_request(a_call({"gen_ai.usage.cache_read.input_tokens": 40}), scope="own")
        request.resource_spans[0].scope_spans[0].scope.version = version
        exporter.send_request(request.SerializeToString())
        assert exporter.tokens()["input"] == plain, version


def test_a_convention_that_an_attribute_ends(adding: Adding) -> None:
    """The prompt cache is outside the input of spans without the attribute, and so is reasoning of the output."""
    adding(
        "changed",
        scopes=("own",),
        cache_outside_input=(When(without="since.changed"),),
        reasoning_outside_output=(When(without="since.changed"),),
    )
    usage = {"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.reasoning_tokens": 4}
    for more, plain, output in [({}, 100, 10), ({"since.changed": 0}, 60, 6)]:
        exporter = Exporter()
        exporter.send(a_call({**usage, **more}), scope="own")
        assert (exporter.tokens()["input"], exporter.tokens()["output"]) == (plain, output)


def test_a_cost_of_zero(adding: Adding) -> None:
    """It is what the call cost, unless the writer gives it for models without a price."""
    adding("guessing", scopes=("own",), zero_cost_is_unknown=True)
    for scope, cost in [("own", None), ("other", 0)]:
        assert numbers_of({**CHAT, "gen_ai.usage.cost": 0.0}, scope).cost_pico == cost
        assert numbers_of({**CHAT, "gen_ai.usage.cost": 0.5}, scope).cost_pico == 5 * 10**11


def test_a_span_that_says_how_it_counts(adding: Adding) -> None:
    """`inclusive` holds against what is known of the writer, and no other word does."""
    adding("outside", scopes=("own",), cache_outside_input=(When(),))
    for semantics, plain in [("inclusive", 60), ("Inclusive", 60), ("exclusive", 100), ("", 100)]:
        exporter = Exporter()
        more = {"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.token.semantics": semantics}
        exporter.send(a_call(more), scope="own")
        assert exporter.tokens()["input"] == plain, semantics


def test_a_total_that_is_no_count_says_nothing(exporter: Exporter) -> None:
    """Nonsense where a total or audio belongs leaves the usage as it is."""
    nonsense = {"gen_ai.usage.total_tokens": -5, "gen_ai.usage.cache_read.input_tokens": 40}
    exporter.send(a_call(nonsense))
    exporter.send(
        a_span(
            {
                "openinference.span.kind": "LLM",
                "llm.token_count.prompt": 5,
                "llm.token_count.prompt_details.audio": 1e12,
            }
        )
    )
    assert exporter.tokens() == {"input": 65, "input_cache_read": 40, "output": 10}
    assert exporter.value("llm_usage_anomalies_total", kind="implausible_usage") == 0


@pytest.mark.parametrize(
    ("total", "excludes", "usage"),
    [
        (None, None, (60, 40, 0, 15, 5)),
        (120, None, (60, 40, 0, 15, 5)),
        # the sum with the cache: it is outside
        (160, None, (100, 40, 0, 15, 5)),
        # the sum with reasoning: that is outside
        (125, None, (60, 40, 0, 20, 5)),
        # with both
        (165, True, (100, 40, 0, 20, 5)),
        # Strands: the cache is outside the input, and outside the total too
        (120, True, (100, 40, 0, 15, 5)),
        (125, True, (100, 40, 0, 20, 5)),
        (160, True, (100, 40, 0, 15, 5)),
        # what is known of the writer comes before what the total seems to say
        (160, False, (60, 40, 0, 15, 5)),
        (999, None, (60, 40, 0, 15, 5)),
    ],
)
def test_a_total_tells_what_the_counts_contain(
    total: int | None, excludes: bool | None, usage: tuple[int, ...]
) -> None:
    """100 input, 40 read from the cache, 20 output, 5 of reasoning: with which total they are what."""
    found, anomalies = disjoint(Numbers(100, 20, 40, 0, 5, total=total), excludes)
    assert found[:5] == usage
    assert anomalies == ()


def test_the_pipeline_heeds_the_total(exporter: Exporter) -> None:
    """Call by call: a total that contradicts sends a span the careful way, any other leaves it as it is."""
    for total in (110, 150, None):
        exporter.send(
            a_call({"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.total_tokens": total})
        )
    assert exporter.tokens() == {"input": 60 + 100 + 60, "input_cache_read": 120, "output": 30}


def test_audio_is_no_more_than_its_whole() -> None:
    """Audio tokens are a part of the plain input and of the output."""
    found, _ = disjoint(Numbers(100, 20, 40, 0, 5, input_audio=30, output_audio=99), None)
    assert found == (60, 40, 0, 15, 5, 0, 30, 15)
    found, _ = disjoint(Numbers(100, 20, 40, 0, 5, input_audio=70), None)
    assert found == (60, 40, 0, 15, 5, 0, 60, 0)


def test_audio_is_priced_as_audio() -> None:
    """A call with audio costs more than the same one without, and one that says that there was none costs the same."""

    def cost(audio: int | None) -> float:
        said: dict[str, Any] = {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-4o-audio-preview",
            "llm.token_count.prompt": 1000,
            "llm.token_count.completion": 10,
        }
        if audio is not None:
            said["llm.token_count.prompt_details.audio"] = audio
        exporter = Exporter()
        exporter.send(a_span(said))
        return exporter.value("llm_cost_usd_total", source="computed")

    assert cost(None) == cost(0)
    assert cost(1000) > 2 * cost(0) > 0


def test_one_of_a_few_words(adding: Adding) -> None:
    """An attribute that also holds content says a word or nothing."""
    adding("chosen", {Field.VERDICT: (Choice("output", frozenset({"fail"})),)}, keys=frozenset({"output"}))
    guardrail = {"gen_ai.operation.name": "guardrail"}
    assert record_of(Said({**guardrail, "output": '"FAIL"'})).action == "block"
    assert record_of(Said({**guardrail, "output": "we failed"})).action == "allow"
    assert read(Said({**guardrail, "output": "fail"}))[0].kind is Kind.GUARDRAIL
