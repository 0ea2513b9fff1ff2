"""Strands Agents' own telemetry: an agent with a tool, whose model calls it always streams."""

from typing import Any

import course
from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.telemetry import StrandsTelemetry

telemetry = StrandsTelemetry()
telemetry.setup_otlp_exporter()
weather = tool(course.current_weather)


def agent(model: str, **options: Any) -> Agent:
    """An agent without retries that prints nothing."""
    arguments = {
        "base_url": course.OPENAI_URL,
        "api_key": course.API_KEY,
        "max_retries": 0,
        "timeout": 20,
    }
    return Agent(
        model=OpenAIModel(client_args=arguments, model_id=model),
        callback_handler=None,
        retry_strategy=None,
        **options,
    )


agent(course.CHAT, name="chat-agent")(course.QUESTION)
agent(course.REASONING, name="reasoning-agent")(course.QUESTION)
agent(course.WITH_TOOLS, name="weather-agent", tools=[weather])(course.QUESTION)
with course.failing("unavailable"):
    agent(course.CHAT, name="chat-agent")(course.QUESTION)
telemetry.tracer_provider.shutdown()
