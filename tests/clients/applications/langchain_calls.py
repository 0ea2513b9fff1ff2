"""The calls of an application built with LangChain: models, an agent with a tool, embeddings."""

from __future__ import annotations

from typing import Any

import course
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI, OpenAIEmbeddings


def model(name: str, **options: Any) -> ChatOpenAI:
    """A chat model without retries."""
    return ChatOpenAI(
        model=name, base_url=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20, **options
    )


def run() -> None:
    """All calls, one after the other."""
    model(course.CHAT).invoke(course.QUESTION)
    for _ in model(course.STREAMED, stream_usage=True).stream(course.QUESTION):
        pass
    for _ in model(course.STREAMED_WITHOUT_USAGE, stream_usage=False).stream(course.QUESTION):
        pass
    model(course.REASONING).invoke(course.QUESTION)
    agent = create_agent(model(course.WITH_TOOLS), [course.current_weather], name="weather-agent")
    agent.invoke({"messages": [{"role": "user", "content": course.QUESTION}]})
    with course.failing("rate_limit"):
        model(course.CHAT).invoke(course.QUESTION)
    with course.failing("unavailable"):
        agent.invoke({"messages": [{"role": "user", "content": course.QUESTION}]})
    # Texts are sent as they are: counting their tokens first would fetch a vocabulary.
    embedder = OpenAIEmbeddings(
        model=course.EMBEDDINGS,
        base_url=course.OPENAI_URL,
        api_key=course.API_KEY,
        max_retries=0,
        check_embedding_ctx_length=False,
    )
    embedder.embed_documents([course.QUESTION, "Linz"])
