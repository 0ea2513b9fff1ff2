"""Pydantic AI's own instrumentation: agents over OpenAI's two APIs, whole and streamed, and an embedder."""

import asyncio
from typing import Any

import course
from openai import AsyncOpenAI
from pydantic_ai import Agent, Embedder
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

tracer_provider = course.tracing()
Agent.instrument_all()
Embedder.instrument_all()
provider = OpenAIProvider(
    openai_client=AsyncOpenAI(base_url=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20)
)


def agent(model: Any, **options: Any) -> Agent[None, str]:
    """An agent without retries."""
    return Agent(model, retries=0, **options)


async def run() -> None:
    """All calls, one after the other."""
    await agent(OpenAIResponsesModel(course.CHAT, provider=provider), name="chat-agent").run(course.QUESTION)
    streaming = agent(OpenAIChatModel(course.STREAMED, provider=provider), name="streaming-agent")
    async with streaming.run_stream(course.QUESTION) as result:
        await result.get_output()
    reasoning = agent(OpenAIChatModel(course.REASONING, provider=provider), name="reasoning-agent")
    await reasoning.run(course.QUESTION)
    weather = agent(
        OpenAIChatModel(course.WITH_TOOLS, provider=provider),
        name="weather-agent",
        tools=[course.current_weather],
    )
    await weather.run(course.QUESTION)
    with course.failing("rate_limit"):
        await agent(OpenAIChatModel(course.CHAT, provider=provider)).run(course.QUESTION)
    with course.failing("unavailable"):
        await weather.run(course.QUESTION)
    await Embedder(OpenAIEmbeddingModel(course.EMBEDDINGS, provider=provider)).embed_documents(
        [course.QUESTION, "Linz"]
    )


asyncio.run(run())
tracer_provider.shutdown()
