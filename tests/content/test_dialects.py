"""Content in the spans of every dialect: where each says it stands, and in whatever its cases hold."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from content.building import Hearing, heard
from core.building import a_span
from dialects.test_cases import CASES, case
from dialects.writing import Said, marked, nested
from llm_exporter import dialects
from llm_exporter.content import Content
from llm_exporter.content.places import places_of
from llm_exporter.dialects._dialect import Choice, Dialect, InEvents, Json, Numbered, Plain, Present, Told
from llm_exporter.otlp.schema import parse_span

QUESTION, ANSWER, SYSTEM = "What is it worth?", "It is worth a mass.", "Speak French."
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.output_tokens": 9}
USER, ASSISTANT = {"user", "human"}, {"assistant", "ai", "model"}


def declared(part: str) -> list[tuple[Dialect, Any]]:
    """Return every place that a dialect declares for a part of the content; each key of an event is one."""
    found = []
    for dialect in dialects.all_dialects().values():
        for told in getattr(dialect.content, part):
            if isinstance(told, InEvents):
                found += [(dialect, InEvents(told.event, (key,), told.spoken)) for key in told.keys]
            else:
                found.append((dialect, told))
    return found


def name_of(value: Any) -> str:
    """Return what to call a place in a test's name."""
    if isinstance(value, Dialect):
        return value.name
    said = [getattr(value, part, "") for part in ("attribute", "path", "prefix", "event", "keys")]
    return (
        value if isinstance(value, str) else " ".join([type(value).__name__, *map(str, filter(None, said))])
    )


def write(told: Told, role: str, text: str, said: Said) -> None:
    """Write a message where a place has it."""
    match told:
        case str():
            said.attributes[told] = json.dumps([{"role": role, "content": text}])
        case Plain():
            said.attributes[told.attribute] = f"{role}: {text}" if told.spoken else text
        case Numbered():
            last = {"llm.prompts.": "prompt.text", "llm.choices.": "completion.text"}.get(told.prefix)
            inner = "message." if "_messages." in told.prefix else ""
            said.attributes[f"{told.prefix}0.{last or f'{inner}content'}"] = text
            if last is None:
                said.attributes[f"{told.prefix}0.{inner}role"] = role
        case InEvents():
            spoken = told.spoken and role == "user"
            for key in told.keys:
                said.events.append(
                    {"name": told.event, "attributes": {key: f"{role}: {text}" if spoken else text}}
                )
        case Json():
            said.attributes[told.attribute] = json.dumps(nested(told.path, [{"role": role, "content": text}]))


def read(dialect: Dialect, said: Said) -> Content:
    """Return what is read in a span of a dialect."""
    span = parse_span(a_span(said.attributes, name=said.name, events=said.events).SerializeToString())
    return places_of(dialect.name, frozenset(said.attributes)).read(span)


@pytest.mark.parametrize(("dialect", "told"), declared("question"), ids=name_of)
def test_a_question_is_found_at_each_place_alone(dialect: Dialect, told: Told) -> None:
    """No declared place is there for nothing."""
    said = Said()
    write(told, "user", QUESTION, said)
    assert read(dialect, said) == Content(question=QUESTION)


@pytest.mark.parametrize(("dialect", "told"), declared("answer"), ids=name_of)
def test_an_answer_is_found_at_each_place_alone(dialect: Dialect, told: Told) -> None:
    """No declared place is there for nothing; what is not an answer's stays empty."""
    said = Said()
    write(told, "assistant", ANSWER, said)
    found = read(dialect, said)
    assert (found.answer, found.said_answer, found.refused) == (ANSWER, True, False)


@pytest.mark.parametrize(("dialect", "told"), declared("system"), ids=name_of)
def test_instructions_are_found_at_each_place_alone(dialect: Dialect, told: Told) -> None:
    """No declared place is there for nothing."""
    said = Said()
    write(told, "system", SYSTEM, said)
    assert read(dialect, said) == Content(system=SYSTEM)


@pytest.mark.parametrize(("dialect", "form"), declared("form"), ids=name_of)
def test_a_wish_for_json_is_found_at_each_place_alone(dialect: Dialect, form: Any) -> None:
    """In a provider's object, as a word, or by what only such calls have."""
    said = Said()
    match form:
        case str():
            said.attributes[form] = "json"
        case Choice():
            said.attributes[form.attribute] = min(form.words)
        case Present():
            said.attributes[form.attribute] = "{}"
        case Json():
            said.attributes[form.attribute] = json.dumps(nested(form.path, {"type": "json_object"}))
    assert read(dialect, said) == Content(wants_json=True)


@pytest.mark.parametrize("dialect", dialects.all_dialects().values(), ids=name_of)
def test_a_dialect_understands_the_messages_of_the_conventions(dialect: Dialect) -> None:
    """Whoever writes the call, it may hold its messages as the conventions have them."""
    said = marked(dialect, without="gen_ai.operation.name")
    if said is None or (dialect.scopes and dialect.scopes[0].startswith("logs:")):
        return
    said.attributes |= {
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}]
        ),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": SYSTEM}]),
    }
    assert read(dialect, said)[:3] == (QUESTION, ANSWER, SYSTEM)


def told_of(name: str) -> list[Any]:
    """Return what a listener is told of a case's span."""
    said = case(name)
    return Hearing().send(a_span(**said["span"]), scope=said.get("scope", ""), resource=said.get("resource"))


def values(name: str, without: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the values of all attributes of a case's span and events, those in JSON decoded.

    Left out are attributes with one of the words of `without` in their names.
    """
    span = case(name)["span"]
    for attributes in (
        span["attributes"],
        *(event.get("attributes", {}) for event in span.get("events", ())),
    ):
        for key, value in attributes.items():
            if any(word in key for word in without):
                continue
            try:
                yield json.loads(value)
            except (TypeError, ValueError):
                yield value


def spoken(value: Any, roles: set[str]) -> list[str]:
    """Return the texts in all objects with one of these roles, wherever they are."""
    found: list[str] = []
    if isinstance(value, list):
        for item in value:
            found += spoken(item, roles)
    elif isinstance(value, dict):
        if value.get("role") in roles:
            found += texts(value.get("parts", value.get("content")))
        for item in value.values():
            found += spoken(item, roles)
    return found


def texts(content: Any) -> list[str]:
    """Return the texts of a message's content, plainly."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [
        said
        for part in parts
        if isinstance(part, dict) and part.get("type", "text") == "text"
        for said in (part.get("text"), part.get("content"))
        if isinstance(said, str)
    ]


@pytest.mark.parametrize("name", [name for name in CASES if case(name)["expected"].get("outcome") == "call"])
def test_whatever_messages_a_case_holds_are_found(name: str) -> None:
    """Where a span of a call has messages of the user or the assistant in it, its question and answer are theirs."""
    asked = [text for value in values(name) for text in spoken(value, USER)]
    answered = [
        text for value in values(name, ("input", "prompt", "request")) for text in spoken(value, ASSISTANT)
    ]
    told = told_of(name)
    if not told:
        assert case(name)["expected"]["words"]["operation"] not in ("chat", "text_completion")
        return
    content = told[0].content
    if any(asked):
        assert content.question in asked
    if any(answered):
        assert content.answer in ("\n".join(answered), *answered)


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("agento11y/anthropic_stream", "", "It's 18C and sunny."),
        ("azure_ai_inference/chat", "", "Hi"),
        ("braintrust/manual_llm", "What is the capital of France?", "The capital of France is Paris."),
        ("cloudflare_ai_gateway/chat", "Hello!", ""),
        ("genkit/model", "Output should be in JSON format.", '{"confidence_level":0.95}'),
        ("google_adk/v1_call_llm", "", "Hello! How can I help you today?"),
        ("haystack/chat_with_details", "", "Hi"),
        ("haystack/generator", "", "Hi"),
        ("langfuse/generation", "hello", "what's up?"),
        ("langsmith/chat_model_cached", "", "hi"),
        ("langsmith/llm", "hi", ""),
        ("langsmith/manual_llm", "Write a haiku about recursion in programming.", "<text>"),
        ("logfire/anthropic_before_4_31", "", "hi"),
        ("logfire/chat", "hi", ""),
        ("mlflow/chat_model_outputs", "", "x"),
        (
            "openinference/chat_with_tools",
            "Weather in Paris?",
            "The weather in Paris is currently rainy with a temperature of 57°F.",
        ),
        ("openinference/chat_without_response_model", "what is 23 times 87", ""),
        ("openllmetry/chat_with_prompt_version", "Tell me a joke about OpenTelemetry", ""),
        (
            "openllmetry/v04_chat",
            "What is LLM Observability?",
            "LLM Observability (Logs, Metrics, and Traces Observability) …",
        ),
        ("pydantic_ai/chat", "", "text1\ntext2"),
        (
            "semantic_kernel/dotnet_chat_completion",
            "What is the capital of France?",
            "The capital of France is Paris.",
        ),
        ("semantic_kernel/dotnet_choice_event", "", "Hi"),
        ("semconv/chat_without_usage", "What is the capital of France?", "Paris"),
        ("strands/chat", "", "Response"),
        ("strands/chat_with_messages_as_attributes", "", "Hi"),
        ("traceloop_hub/completion", "Hi", ""),
        (
            "vercel_ai/v6_generate_text",
            "Write a haiku about programming.",
            "Lines of code align,  \nLogic dances through the night—  \nDreams in data flow.",
        ),
        ("vercel_ai/v7_chat", "", "Hello world"),
        ("vercel_ai/v7_legacy_stream_text", "test-input", ""),
    ],
)
def test_question_and_answer_of_real_spans(name: str, question: str, answer: str) -> None:
    """As they stand in the spans that the cases were taken from."""
    (told,) = told_of(name)
    assert told.content[:2] == (question, answer)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("haystack/retriever", ["x", "y"]),
        ("langfuse/retriever", ["a", "b"]),
        ("langsmith/retriever", ["a", "b", "c"]),
        ("mlflow/retriever", ["a", "b"]),
        ("openinference/retriever", ["This is a sample document content."]),
        ("semconv/retrieval", []),
    ],
)
def test_documents_of_real_spans(name: str, expected: list[str]) -> None:
    """Their texts, where the span has them beside ids and scores."""
    said = case(name)
    hearing = Hearing()
    span = a_span(**said["span"], trace_id=b"trace-of-a-test.")
    hearing.send(span, scope=said.get("scope", ""))
    (told,) = hearing.send(a_span(CHAT, trace_id=b"trace-of-a-test."))
    assert list(told.documents) == expected


def test_documents_in_events() -> None:
    """A vector database tells of each with an event."""
    events = [
        {"name": "db.query.result", "attributes": {"db.query.result.document": text}} for text in ("a", "b")
    ]
    span = parse_span(a_span({}, events=events).SerializeToString())
    assert places_of("openllmetry_vectors", frozenset()).documents(span) == ["a", "b"]


def test_numbered_messages_may_have_parts() -> None:
    """As attributes of their own, or as JSON in the text of the message."""
    parts = "llm.input_messages.3.message.contents."
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.input_messages.3.message.role": "user",
        f"{parts}1.message_content.text": "Two.",
        f"{parts}0.message_content.text": "One.",
        f"{parts}0.message_content.type": "text",
        "llm.output_messages.0.message.contents.0.message_content.type": "refusal",
        "llm.output_messages.0.message.contents.0.message_content.text": "No.",
    }
    assert heard(attributes)[:2] == ("One.\nTwo.", "No.")
    assert heard(attributes).refused
    written = json.dumps([{"type": "text", "text": QUESTION}, {"type": "image_url"}])
    old = {**CHAT, "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": written}
    assert heard(old).question == QUESTION
    assert heard({**old, "gen_ai.prompt.0.content": "[urgent] help"}).question == "[urgent] help"


def test_numbered_messages_are_in_the_order_of_their_numbers() -> None:
    """The tenth is after the ninth, wherever it stands among the attributes."""
    attributes = {
        f"gen_ai.prompt.{n}.{key}": said
        for n in (10, 9)
        for key, said in (("role", "user"), ("content", str(n)))
    }
    assert heard({**CHAT, **attributes}).question == "10"


def test_an_answer_that_is_json_is_the_answer_as_it_stands() -> None:
    """A text is not taken for messages because it is JSON itself."""
    written = '{"response": "yes", "choices": ["no"]}'
    parts = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": written}]}])
    assert heard({**CHAT, "gen_ai.output.messages": parts}).answer == written
    assert heard({**CHAT, "gen_ai.completion.0.content": written}).answer == written
    assert (
        heard({"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": written}).answer == written
    )
    event = {"name": "gen_ai.content.completion", "attributes": {"gen_ai.completion": '{"sure": 0.5}'}}
    assert heard(CHAT, events=[event]).answer == '{"sure": 0.5}'


def test_a_text_in_which_each_message_has_its_role_before_it() -> None:
    """The last of the user is the question, over several lines; without roles it is all of the text."""
    spoken_text = "system: Speak French.\nuser: First?\nassistant: Yes.\nuser: What is\nit worth?"
    event = {"name": "gen_ai.content.prompt", "attributes": {"gen_ai.prompt": spoken_text}}
    content = heard(CHAT, scope="openlit.otel.tracing", events=[event])
    assert (content.question, content.system) == ("What is\nit worth?", "Speak French.")
    event["attributes"] = {"gen_ai.prompt": QUESTION}
    assert heard(CHAT, scope="openlit.otel.tracing", events=[event])[:3] == (QUESTION, "", "")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", Content(said_answer=True)),
        ("__REDACTED__", Content()),
        ("text", Content(answer="text", said_answer=True)),
    ],
)
def test_nothing_said_is_not_an_empty_answer(answer: str, expected: Content) -> None:
    """What stands for a text that is kept secret says nothing; an empty text is an empty answer."""
    attributes = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "gpt-4o"}
    assert heard(attributes) == Content()
    assert heard({**attributes, "ai.response.text": answer}) == expected
    assert heard({**attributes, "ai.prompt": answer}).question == expected.answer


def test_an_empty_text_beside_tool_calls_is_no_empty_answer() -> None:
    """The model answered with a request for a tool."""
    attributes = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.response.text": "",
        "ai.response.toolCalls": "[]",
    }
    assert heard(attributes) == Content()


@pytest.mark.parametrize("wrap", [json.dumps, lambda said: json.dumps(json.dumps(said)), lambda said: said])
def test_messages_may_be_json_twice_or_no_json_at_all(wrap: Any) -> None:
    """In a string, in a string in a string, or as a list of maps."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]
    assert heard({**CHAT, "gen_ai.input.messages": wrap(messages)}).question == QUESTION
