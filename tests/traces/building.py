"""Builders of traces, and an exporter whose time the test tells."""

from collections.abc import Mapping
from typing import Any
from unittest import mock

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import SECOND, START, Clock, Exporter, a_span
from llm_exporter import engine, pipeline, store

TRACE = b"trace-of-a-test."
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


def an_id(name: str) -> bytes:
    """Return the span id that stands for a name of at most eight characters; none for none."""
    return name.encode().ljust(8, b"_") if name else b""


def named(
    name: str,
    parent: str = "",
    attributes: Mapping[str, Any] | None = None,
    *,
    at: float = 0.0,
    seconds: float = 1.0,
    trace: bytes = TRACE,
    **more: Any,
) -> Span:
    """Return a span of a trace: `name` stands for its id, `parent` for its parent's; `at` seconds after `START`."""
    return a_span(
        attributes,
        name=more.pop("called", name),
        trace_id=trace,
        span_id=an_id(name),
        parent=an_id(parent),
        start_ns=START + round(at * SECOND),
        seconds=seconds,
        **more,
    )


def chat(name: str, parent: str = "", tokens_in: int = 100, tokens_out: int = 10, **more: Any) -> Span:
    """Return a call of gpt-4o."""
    said = more.pop("attributes", {})
    usage = {"gen_ai.usage.input_tokens": tokens_in, "gen_ai.usage.output_tokens": tokens_out}
    return named(name, parent, {**CHAT, **usage, **said}, **more)


def agent(name: str, parent: str = "", **more: Any) -> Span:
    """Return an agent's run."""
    said = more.pop("attributes", {})
    return named(
        name,
        parent,
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", **said},
        **more,
    )


def tool(name: str, parent: str = "", called: str = "search", **more: Any) -> Span:
    """Return a tool call."""
    said = more.pop("attributes", {})
    return named(
        name, parent, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": called, **said}, **more
    )


def step(name: str, parent: str = "", **more: Any) -> Span:
    """Return a span that only groups others."""
    said = more.pop("attributes", {})
    return named(name, parent, {"gen_ai.operation.name": "invoke_workflow", **said}, **more)


def other(name: str, parent: str = "", **more: Any) -> Span:
    """Return a span that is about no LLM, such as a server's."""
    said = more.pop("attributes", {})
    return named(name, parent, {"http.request.method": "POST", **said}, **more)


class Timed(Exporter):
    """An exporter that takes the time to be what the test says."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        self.clock = Clock()
        self._patches = [
            mock.patch.object(module, "time", self.clock) for module in (engine, pipeline, store)
        ]
        for patch in self._patches:
            patch.start()
        super().__init__(changes)

    def close(self) -> None:
        """Give the time back."""
        for patch in self._patches:
            patch.stop()

    def wait(self, seconds: float) -> None:
        """Let time pass, and have the exporter notice it."""
        self.clock.advance(seconds)
        self.engine.refresh()
