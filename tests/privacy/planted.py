"""Traces, logs and scores in which every place for text, ids and people holds a canary."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.building import a_request, a_span
from logs.building import a_record, logs

TRACE = bytes(range(1, 17))


class Planted:
    """Makes canaries, and knows those that it made."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.canaries: dict[str, str] = {}
        """Where each stands."""

    def __call__(self, place: str) -> str:
        """Return a canary for a place: words that look like what people write."""
        canary = f"canary{next(self._numbers):03d}quartz"
        self.canaries[canary] = place
        return canary

    def person(self, place: str) -> str:
        """Return a canary that is an e-mail address, for where a name belongs."""
        return f"{self(place)}@example.com"

    def messages(self, place: str, role: str) -> str:
        """Return a list of one message, as the conventions encode it in a string."""
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": self(place)}]}])

    def found_in(self, shown: bytes) -> dict[str, str]:
        """Return the canaries in what was shown, with where they came from."""
        lowered = shown.lower()
        return {canary: place for canary, place in self.canaries.items() if canary.encode() in lowered}


def _call(plant: Planted) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.id": plant("id of the answer"),
        "gen_ai.conversation.id": plant("id of the conversation"),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": plant("system instructions")}]),
        "gen_ai.input.messages": plant.messages("question", "user"),
        "gen_ai.output.messages": plant.messages("answer", "assistant"),
        "gen_ai.tool.definitions": json.dumps([{"name": plant("definition of a tool")}]),
        "gen_ai.request.stop_sequences": [plant("stop sequence")],
        "user.id": plant("user"),
        "user.email": plant.person("address of the user"),
        "enduser.id": plant("end user"),
        "gen_ai.request.user": plant("user of the request"),
        "app.feature": plant.person("person where a feature belongs"),
        "http.url": f"https://example.com/?q={plant('query of a URL')}",
    }


def traces(plant: Planted) -> Iterator[ExportTraceServiceRequest]:
    """Yield requests of several instrumentations, with and without failures."""
    resource = {
        "service.name": "chat",
        "host.name": plant("host"),
        "process.command_line": plant("command line"),
    }
    root = a_span(
        {
            "session.id": plant("session"),
            "input.value": plant("input of a chain"),
            "openinference.span.kind": "CHAIN",
        },
        name=plant.person("name of the root span"),
        trace_id=TRACE,
        span_id=b"\x01" * 8,
    )
    failing = a_span(
        {**_call(plant), "error.type": plant.person("type of an error")},
        trace_id=TRACE,
        span_id=b"\x02" * 8,
        parent=b"\x01" * 8,
        status="ERROR",
        message=plant("message of a status"),
        events=[
            {
                "name": "exception",
                "attributes": {
                    "exception.type": plant.person("type of an exception"),
                    "exception.message": plant("message of an exception"),
                    "exception.stacktrace": plant("stack trace"),
                },
            },
            {"name": "gen_ai.user.message", "attributes": {"content": plant("content of an event")}},
            {"name": plant("name of an event"), "attributes": {}},
        ],
    )
    answering = a_span(
        _call(plant),
        trace_id=TRACE,
        span_id=b"\x03" * 8,
        parent=b"\x01" * 8,
        events=[
            {
                "name": "gen_ai.evaluation.result",
                "attributes": {
                    "gen_ai.evaluation.name": plant.person("person where an evaluator belongs"),
                    "gen_ai.evaluation.score.label": plant("label of a score"),
                    "gen_ai.evaluation.explanation": plant("explanation of a score"),
                },
            }
        ],
    )
    tool = a_span(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "gen_ai.tool.call.id": plant("id of a tool call"),
            "gen_ai.tool.call.arguments": json.dumps({"q": plant("arguments of a tool")}),
            "gen_ai.tool.call.result": plant("result of a tool"),
        },
        trace_id=TRACE,
        span_id=b"\x04" * 8,
        parent=b"\x01" * 8,
    )
    retrieval = a_span(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": plant("query of a retrieval"),
            "retrieval.documents.0.document.id": plant("id of a document"),
            "retrieval.documents.0.document.content": plant("content of a document"),
            "retrieval.documents.0.document.metadata": json.dumps(
                {"author": plant("metadata of a document")}
            ),
            "retrieval.documents.0.document.score": 0.5,
        },
        trace_id=TRACE,
        span_id=b"\x05" * 8,
        parent=b"\x01" * 8,
    )
    yield a_request(root, failing, answering, tool, retrieval, resource=resource)
    annotated = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": plant("indexed question"),
        "llm.output_messages.0.message.content": plant("indexed answer"),
        "llm.prompt_template.variables": json.dumps({"name": plant("variable of a prompt")}),
        "metadata": json.dumps({"note": plant("metadata of a span")}),
        "tag.tags": [plant("tag")],
        "annotations.0.annotation.name": "correctness",
        "annotations.0.annotation.explanation": plant("explanation of an annotation"),
        "annotations.0.annotation.identifier": plant("identifier of an annotation"),
    }
    yield a_request(a_span(annotated), scope="openinference.instrumentation.openai")
    legacy = {
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": plant("question of OpenLLMetry"),
        "gen_ai.completion.0.content": plant("answer of OpenLLMetry"),
        "traceloop.entity.input": plant("input of an entity"),
        "traceloop.association.properties.user_id": plant("user of an association"),
    }
    yield a_request(a_span(legacy), scope="opentelemetry.instrumentation.openai.v1")


def records(plant: Planted) -> ExportLogsServiceRequest:
    """Return a request with events and lines."""
    line = {
        "model": "gpt-4o",
        "input_tokens": 10,
        "output_tokens": 5,
        "prompt": plant("prompt of a line"),
        "completion": plant("completion of a line"),
        "error": plant("error of a line"),
        "session_id": plant("session of a line"),
        "user": plant("user of a line"),
        "customer": plant.person("person where a customer belongs"),
    }
    result = {
        "gen_ai.evaluation.name": "faithfulness",
        "gen_ai.evaluation.score.value": 0.5,
        "gen_ai.evaluation.explanation": plant("explanation of a record"),
        "gen_ai.response.id": plant("answer of a record"),
    }
    message = {"gen_ai.system": "openai", "content": plant("message of a record")}
    return logs(
        a_record(json.dumps(line)),
        a_record(attributes=result, event_name="gen_ai.evaluation.result"),
        a_record(message, event_name="gen_ai.user.message"),
        a_record(plant("body of a record")),
    )


def scores(plant: Planted) -> Iterator[tuple[str, bytes]]:
    """Yield paths and bodies of scores, good and broken ones."""
    vote = {
        "traceId": TRACE.hex(),
        "id": plant("id of a vote"),
        "name": "user_feedback",
        "value": 0,
        "comment": plant("comment of a vote"),
        "metadata": {"user": plant("user of a vote")},
    }
    yield "/api/public/scores", json.dumps(vote).encode()
    yield (
        "/v1/scores",
        json.dumps({"id": "", "name": plant.person("name of a score"), "value": plant("value")}).encode(),
    )
    yield "/v1/scores", json.dumps({"nom": plant("unknown key")}).encode()
    yield "/v1/scores", f'{{"name": "{plant("broken body")}'.encode()
