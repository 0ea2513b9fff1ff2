"""LiteLLM's SDK with its own `otel` callback; with the word `openai`, OpenInference's openai one as well.

Inside a span of the application, LiteLLM has no span of its own for a call: it writes on the application's.
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import course
import litellm
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace

around: Callable[[], AbstractContextManager[None]] = nullcontext
if "openai" in sys.argv[1:]:
    provider = course.tracing()
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    around = partial(course.request, provider)
litellm.callbacks = ["otel"]
question = [{"role": "user", "content": course.QUESTION}]
function = {"name": course.TOOL, "description": course.TOOL_HELP, "parameters": course.PARAMETERS}
tools = [{"type": "function", "function": function}]


def complete(model: str, **options: Any) -> Any:
    """A completion without retries."""
    call = {"messages": question, "api_base": course.OPENAI_URL, "api_key": course.API_KEY, "num_retries": 0}
    with around():
        answer = litellm.completion(f"openai/{model}", **{**call, "max_retries": 0, **options})
        return list(answer) if options.get("stream") else answer


complete(course.CHAT)
complete(course.STREAMED, stream=True, stream_options={"include_usage": True})
complete(course.REASONING)
asked = complete(course.WITH_TOOLS, tools=tools).choices[0].message
tool_call = asked.tool_calls[0]
result = course.current_weather(**json.loads(tool_call.function.arguments))
told = {"role": "tool", "tool_call_id": tool_call.id, "content": result}
complete(course.WITH_TOOLS, tools=tools, messages=[*question, asked.model_dump(exclude_none=True), told])
with course.failing("rate_limit"):
    complete(course.CHAT)
with course.failing("unavailable"):
    complete(course.WITH_TOOLS)
litellm.embedding(
    f"openai/{course.EMBEDDINGS}",
    input=[course.QUESTION, "Linz"],
    api_base=course.OPENAI_URL,
    api_key=course.API_KEY,
    max_retries=0,
)
# Success is told to callbacks in threads of its own.
from litellm.litellm_core_utils.thread_pool_executor import executor  # noqa: E402

executor.shutdown(wait=True)
trace.get_tracer_provider().force_flush()
