"""The calls of an application built with the OpenAI Agents SDK: an agent with a tool, streams, a failure."""

from __future__ import annotations

import asyncio

import course
from agents import (
    Agent,
    AsyncOpenAI,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
)


async def _run() -> None:
    openai = AsyncOpenAI(base_url=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20)
    tool = function_tool(course.current_weather)
    chat = Agent(name="chat-agent", model=OpenAIResponsesModel(course.CHAT, openai))
    await Runner.run(chat, course.QUESTION)
    streamed = Agent(name="streaming-agent", model=OpenAIResponsesModel(course.STREAMED, openai))
    async for _ in Runner.run_streamed(streamed, course.QUESTION).stream_events():
        pass
    reasoning = Agent(name="reasoning-agent", model=OpenAIChatCompletionsModel(course.REASONING, openai))
    await Runner.run(reasoning, course.QUESTION)
    completions = Agent(
        name="completions-agent",
        model=OpenAIChatCompletionsModel(course.STREAMED_WITHOUT_USAGE, openai),
        model_settings=ModelSettings(include_usage=True),
    )
    async for _ in Runner.run_streamed(completions, course.QUESTION).stream_events():
        pass
    weather = Agent(name="weather-agent", tools=[tool], model=OpenAIResponsesModel(course.WITH_TOOLS, openai))
    await Runner.run(weather, course.QUESTION)
    with course.failing("rate_limit"):
        await Runner.run(chat, course.QUESTION)


def run() -> None:
    """All calls, one after the other."""
    asyncio.run(_run())
