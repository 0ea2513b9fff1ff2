"""LiteLLM's SDK with its own `otel` callback; with the word `openai`, OpenInference's openai one as well.

Then each call has a span of the application around it, which LiteLLM is told: what it learns in threads of its own,
as of a stream, it would put in another trace.
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
    with around():
        call = {"messages": question, "num_retries": 0, **reaching(), **options}
        answer = litellm.completion(f"openai/{model}", **call)
        return list(answer) if options.get("stream") else answer


def reaching() -> dict[str, Any]:
    """Where the provider is, and which span the call belongs to."""
    parent = {"litellm_parent_otel_span": trace.get_current_span()} if "openai" in sys.argv[1:] else {}
    return {"api_base": course.OPENAI_URL, "api_key": course.API_KEY, "max_retries": 0, "metadata": parent}


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
with around():
    litellm.embedding(f"openai/{course.EMBEDDINGS}", input=[course.QUESTION, "Linz"], **reaching())
# Success is told to callbacks in threads of its own.
from litellm.litellm_core_utils.thread_pool_executor import executor  # noqa: E402

executor.shutdown(wait=True)
trace.get_tracer_provider().force_flush()
