"""The anthropic package, traced by OpenLLMetry's instrumentation, by itself, or both: as the arguments say."""

import os
import sys
from typing import Any

import course
from anthropic import Anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

provider = course.tracing()
if "openllmetry" in sys.argv[1:]:
    AnthropicInstrumentor().instrument(tracer_provider=provider)
if "anthropic" not in sys.argv[1:]:
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
client = Anthropic(base_url=course.LLM_URL, api_key=course.API_KEY, max_retries=0, timeout=20)
create: Any = client.messages.create
question: Any = [{"role": "user", "content": course.QUESTION}]
tools: Any = [{"name": course.TOOL, "description": course.TOOL_HELP, "input_schema": course.PARAMETERS}]


def run() -> None:
    """All calls, one after the other."""
    asked = create(model=course.CLAUDE, max_tokens=4000, messages=question, tools=tools)
    call = next(block for block in asked.content if block.type == "tool_use")
    told = {"type": "tool_result", "tool_use_id": call.id, "content": course.current_weather(**call.input)}
    answered = {"role": "assistant", "content": [block.model_dump() for block in asked.content]}
    messages = [*question, answered, {"role": "user", "content": [told]}]
    create(model=course.CLAUDE, max_tokens=4000, messages=messages, tools=tools)
    for _ in create(model=course.CLAUDE_STREAMED, max_tokens=4000, messages=question, stream=True):
        pass
    with client.messages.stream(model=course.CLAUDE_STREAMED, max_tokens=4000, messages=question) as stream:
        stream.get_final_message()
    with course.failing("rate_limit"):
        create(model=course.CLAUDE, max_tokens=4000, messages=question)
    with course.failing("unavailable"):
        create(model=course.CLAUDE, max_tokens=4000, messages=question)


with course.request(provider):
    run()
provider.shutdown()
