"""The calls of an application that uses the openai package itself."""

from __future__ import annotations

import json
from typing import Any

import course
from openai import OpenAI

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": course.TOOL,
            "description": course.TOOL_HELP,
            "parameters": course.PARAMETERS,
        },
    }
]
QUESTION: Any = [{"role": "user", "content": course.QUESTION}]


def client() -> OpenAI:
    """A client without retries: each request is one call."""
    return OpenAI(base_url=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20)


def chats(openai: OpenAI) -> None:
    """Chat Completions: whole, streamed with and without usage, with reasoning, with a tool, refused."""
    create: Any = openai.chat.completions.create
    create(model=course.CHAT, messages=QUESTION)
    for _ in create(
        model=course.STREAMED, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    ):
        pass
    for _ in create(model=course.STREAMED_WITHOUT_USAGE, messages=QUESTION, stream=True):
        pass
    create(model=course.REASONING, messages=QUESTION)
    asked = create(model=course.WITH_TOOLS, messages=QUESTION, tools=TOOLS).choices[0].message
    call = asked.tool_calls[0]
    result = course.current_weather(**json.loads(call.function.arguments))
    told = {"role": "tool", "tool_call_id": call.id, "content": result}
    messages = [*QUESTION, asked.model_dump(exclude_none=True), told]
    create(model=course.WITH_TOOLS, messages=messages, tools=TOOLS)
    with course.failing("rate_limit"):
        create(model=course.CHAT, messages=QUESTION)
    with course.failing("unavailable"):
        create(model=course.WITH_TOOLS, messages=QUESTION)


def embeddings(openai: OpenAI) -> None:
    """One embeddings request with two texts."""
    openai.embeddings.create(model=course.EMBEDDINGS, input=[course.QUESTION, "Linz"])


def responses(openai: OpenAI) -> None:
    """The Responses API: whole and streamed."""
    openai.responses.create(model=course.CHAT, input=course.QUESTION)
    for _ in openai.responses.create(model=course.STREAMED, input=course.QUESTION, stream=True):
        pass
