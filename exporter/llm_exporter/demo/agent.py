"""A support agent as an application team would write it: openai client, tools, retrieval, a few spans.

The spans are what such a team adds by hand (OTel GenAI semantic conventions: invoke_agent, retrieval,
execute_tool); calls of the model are traced by whichever instrumentation package is switched on. No prompt,
answer or tool argument is put on a span.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from openai import APIConnectionError, InternalServerError, RateLimitError
from opentelemetry.trace import SpanKind

from llm_exporter.demo import tools
from llm_exporter.demo.knowledge import Document, Retriever

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai import OpenAI
    from opentelemetry.trace import Tracer

T = TypeVar("T")

PLANNER: Final = "gpt-4o-mini"
WRITER: Final = "gpt-4o"
SUMMARISER: Final = "o4-mini"
EMBEDDER: Final = "text-embedding-3-small"
MAX_ROUNDS: Final = 4
ATTEMPTS: Final = 2

HOUSE_RULES: Final = (
    "You answer customers of a web shop. Be brief and friendly, quote the help centre, never guess where "
    "an order is, never promise money. Use the tools. Without an answer, offer to pass the question on."
)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who asks, as far as metrics may know."""

    tier: str = "free"


class SupportAgent:
    """Answers questions (`chat`), finds articles (`search`) and sums up tickets (`summarise_ticket`).

    Errors of the provider that remain after a second attempt are raised as the openai client raises them.
    """

    def __init__(self, client: OpenAI, tracer: Tracer) -> None:
        self._client = client
        self._tracer = tracer
        self._retriever = Retriever()

    def chat(self, question: str, customer: Customer) -> str:
        """Answer a question with tools and the help centre."""
        with self._request("POST /chat", "chat-support", "support", customer), self._agent("support-agent"):
            documents = self._retrieve(question)
            messages = _prompt(question, documents)
            for _ in range(MAX_ROUNDS):
                message = self._plan(messages)
                if not message.tool_calls:
                    break
                messages.append(message.model_dump(exclude_none=True))
                messages.extend(self._run_tool(call) for call in message.tool_calls)
            return self._write(messages)

    def search(self, question: str, customer: Customer) -> str:
        """Answer with articles: embed the question, rank, and let the model phrase one sentence."""
        with self._request("GET /search", "search", "support", customer):
            _attempt(lambda: self._client.embeddings.create(model=EMBEDDER, input=question))
            documents = self._retrieve(question)
            messages = _prompt(question, documents)
            answer = _attempt(lambda: self._client.chat.completions.create(model=PLANNER, messages=messages))
            return answer.choices[0].message.content or ""

    def summarise_ticket(self, ticket: str, customer: Customer) -> str:
        """Sum up a ticket for the colleague who takes over."""
        with self._request("job summarise-ticket", "summarise-ticket", "operations", customer):
            messages = _prompt(f"Sum up this ticket in three sentences: {ticket}", [])
            answer = _attempt(
                lambda: self._client.chat.completions.create(model=SUMMARISER, messages=messages)
            )
            return answer.choices[0].message.content or ""

    def _request(self, name: str, feature: str, team: str, customer: Customer) -> Any:
        attributes = {"app.feature": feature, "app.team": team, "app.user_tier": customer.tier}
        return self._tracer.start_as_current_span(name, kind=SpanKind.SERVER, attributes=attributes)

    def _agent(self, name: str) -> Any:
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        return self._tracer.start_as_current_span(f"invoke_agent {name}", attributes=attributes)

    def _retrieve(self, question: str) -> list[Document]:
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": "help-centre",
            "gen_ai.request.top_k": 3,
        }
        with self._tracer.start_as_current_span("retrieval help-centre", attributes=attributes) as span:
            found = self._retriever.search(question, top_k=3)
            scores = [{"id": document.id, "score": round(score, 4)} for document, score in found]
            span.set_attribute("gen_ai.retrieval.documents", json.dumps(scores))
            return [document for document, _ in found]

    def _plan(self, messages: list[Any]) -> Any:
        """A turn in which the model may ask for tools."""
        completion = _attempt(
            lambda: self._client.chat.completions.create(
                model=PLANNER, messages=messages, tools=cast("Any", tools.SCHEMAS)
            )
        )
        return completion.choices[0].message

    def _run_tool(self, call: Any) -> dict[str, str]:
        name = call.function.name
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": call.id,
            "gen_ai.tool.type": "function",
            "gen_ai.agent.name": "support-agent",
        }
        try:
            with self._tracer.start_as_current_span(f"execute_tool {name}", attributes=attributes) as span:
                try:
                    result = tools.call(name, call.function.arguments)
                except Exception as problem:
                    span.set_attribute("error.type", type(problem).__name__)
                    raise
        except (LookupError, PermissionError, ValueError, TypeError):
            result = "the tool failed"
        return {"role": "tool", "tool_call_id": call.id, "content": result}

    def _write(self, messages: list[Any]) -> str:
        """The answer for the customer, streamed."""
        stream = _attempt(
            lambda: self._client.chat.completions.create(
                model=WRITER, messages=messages, stream=True, stream_options={"include_usage": True}
            )
        )
        parts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
        return "".join(parts)


def _attempt(call: Callable[[], T]) -> T:
    """Call, and once more when the provider was busy, broken or out of reach."""
    for _ in range(ATTEMPTS - 1):
        try:
            return call()
        except (RateLimitError, InternalServerError, APIConnectionError):
            continue
    return call()


def _prompt(question: str, documents: list[Document]) -> list[Any]:
    context = "\n\n".join(f"[{document.id}] {document.title}\n{document.text}" for document in documents)
    return [
        {"role": "system", "content": HOUSE_RULES},
        {"role": "system", "content": f"Help centre:\n{context or 'nothing found'}"},
        {"role": "user", "content": question},
    ]
