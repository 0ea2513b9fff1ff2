"""How instrumentations write a call: one function per dialect, from a call to its span's attributes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.calls import Call

Value = str | int | float | bool | list[str]
Attributes = dict[str, Value]

_HOSTS: Final = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "gcp.gemini": "generativelanguage.googleapis.com",
    "mistral_ai": "api.mistral.ai",
    "groq": "api.groq.com",
}


class Writer(NamedTuple):
    """A dialect's instrumentation scope, and how it writes."""

    scope: str
    attributes: Callable[[Call], Attributes]


def semconv(call: Call) -> Attributes:
    """Write the OpenTelemetry GenAI conventions, as opentelemetry-instrumentation-openai-v2 does."""
    common: Attributes = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": call.provider,
        "gen_ai.agent.name": call.agent,
        "gen_ai.conversation.id": call.identifier,
        "user.id": call.user,
    }
    if call.failed:
        common["error.type"] = "RateLimitError"
    if call.operation == "execute_tool":
        written = common | {
            "gen_ai.tool.name": call.tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{call.identifier[:24]}",
        }
        if call.question:
            written |= {"gen_ai.tool.call.arguments": call.question, "gen_ai.tool.call.result": call.answer}
        return written
    common |= {"gen_ai.request.model": call.asked}
    if call.operation == "invoke_agent":
        return common | {
            "gen_ai.agent.id": f"asst_{call.agent}",
            "gen_ai.agent.description": "Answers questions.",
        }
    common |= {
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.top_p": 1.0,
        "server.address": _HOSTS[call.provider],
        "server.port": 443,
    }
    if call.question:
        common["gen_ai.input.messages"] = _message("user", call.question)
    if call.failed:
        return common
    common |= {
        "gen_ai.response.id": f"chatcmpl-{call.identifier}",
        "gen_ai.response.model": call.answered,
        "gen_ai.usage.input_tokens": call.input,
    }
    if call.operation == "embeddings":
        return common | {"gen_ai.embeddings.dimension.count": 3072}
    common |= {"gen_ai.response.finish_reasons": [call.finish], "gen_ai.usage.output_tokens": call.output}
    if call.cache_read or call.cache_write:
        common["gen_ai.usage.cache_read.input_tokens"] = call.cache_read
        common["gen_ai.usage.cache_creation.input_tokens"] = call.cache_write
    if call.reasoning:
        common["gen_ai.usage.reasoning.output_tokens"] = call.reasoning
    if call.answer:
        common["gen_ai.output.messages"] = _message("assistant", call.answer)
    return common


def openinference(call: Call) -> Attributes:
    """Write OpenInference, as openinference-instrumentation-openai does."""
    written: Attributes = {
        "openinference.span.kind": {
            "execute_tool": "TOOL",
            "invoke_agent": "AGENT",
            "embeddings": "EMBEDDING",
        }.get(call.operation, "LLM"),
        "session.id": call.identifier,
        "user.id": call.user,
        "input.mime_type": "application/json",
        "output.mime_type": "application/json",
    }
    if call.question:
        written |= {
            "input.value": _message("user", call.question),
            "output.value": _message("assistant", call.answer),
        }
    if call.operation == "execute_tool":
        return written | {
            "tool.name": call.tool,
            "tool.description": "Looks something up.",
            "tool.parameters": "{}",
        }
    if call.operation == "invoke_agent":
        return written | {"agent.name": call.agent}
    if call.operation == "embeddings":
        return written | {"embedding.model_name": call.answered, "llm.token_count.prompt": call.input}
    parameters = {"model": call.asked, "temperature": call.temperature, "max_tokens": call.max_tokens}
    written |= {
        "llm.provider": call.provider,
        "llm.system": call.provider,
        "llm.model_name": call.answered,
        "llm.invocation_parameters": json.dumps(parameters),
    }
    for i in range(1 + int(call.identifier[0], 16) % 4 if call.question else 0):
        written[f"llm.input_messages.{i}.message.role"] = "user"
        written[f"llm.input_messages.{i}.message.content"] = call.question[:200]
    if call.failed:
        return written
    if call.answer:
        written["llm.output_messages.0.message.role"] = "assistant"
        written["llm.output_messages.0.message.content"] = call.answer
    return written | {
        "llm.token_count.prompt": call.input,
        "llm.token_count.completion": call.output,
        "llm.token_count.total": call.input + call.output,
        "llm.token_count.prompt_details.cache_read": call.cache_read,
        "llm.token_count.completion_details.reasoning": call.reasoning,
    }


def openllmetry(call: Call) -> Attributes:
    """Write OpenLLMetry's indexed vocabulary, as its instrumentation of the OpenAI client long did."""
    written: Attributes = {
        "traceloop.workflow.name": "answer",
        "traceloop.entity.path": call.agent,
        "traceloop.association.properties.user_id": call.user,
        "traceloop.association.properties.session_id": call.identifier,
    }
    if call.operation in ("execute_tool", "invoke_agent"):
        tool = call.operation == "execute_tool"
        written |= {
            "traceloop.span.kind": "tool" if tool else "agent",
            "traceloop.entity.name": call.tool if tool else call.agent,
        }
        if call.question:
            written |= {"traceloop.entity.input": call.question, "traceloop.entity.output": call.answer}
        return written
    written |= {
        "llm.request.type": "embedding" if call.operation == "embeddings" else "chat",
        "gen_ai.system": call.provider,
        "gen_ai.request.model": call.asked,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.openai.api_base": f"https://{_HOSTS[call.provider]}/v1/",
        "llm.is_streaming": False,
        "llm.headers": "None",
    }
    if call.question:
        written |= {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": call.question}
    if call.failed:
        return written
    if call.operation == "chat":
        written |= {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": call.finish}
    if call.answer:
        written["gen_ai.completion.0.content"] = call.answer
    return written | {
        "gen_ai.response.model": call.answered,
        "gen_ai.response.id": f"chatcmpl-{call.identifier}",
        "gen_ai.usage.input_tokens": call.input,
        "gen_ai.usage.output_tokens": call.output,
        "gen_ai.usage.cache_read_input_tokens": call.cache_read,
        "gen_ai.usage.reasoning_tokens": call.reasoning,
        "llm.usage.total_tokens": call.input + call.output,
    }


def vercel(call: Call) -> Attributes:
    """Write the Vercel AI SDK's inner spans, as version 5 does with experimental_telemetry."""
    written: Attributes = {"ai.telemetry.functionId": call.agent, "resource.name": call.agent}
    if call.operation == "execute_tool":
        written |= {
            "operation.name": "ai.toolCall",
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": call.tool,
            "ai.toolCall.id": f"call_{call.identifier[:24]}",
        }
        if call.question:
            written |= {"ai.toolCall.args": call.question, "ai.toolCall.result": call.answer}
        return written
    operation = {"invoke_agent": "ai.streamText", "embeddings": "ai.embed.doEmbed"}.get(
        call.operation, "ai.streamText.doStream"
    )
    written |= {
        "operation.name": f"{operation} {call.agent}",
        "ai.operationId": operation,
        "ai.model.provider": call.provider,
        "ai.model.id": call.asked,
        "ai.settings.maxRetries": 2,
        "ai.request.headers.user-agent": "ai/5.0.60",
    }
    if call.operation == "embeddings":
        return written if call.failed else written | {"ai.usage.tokens": call.input}
    if call.question:
        written["ai.prompt.messages"] = _message("user", call.question)
    if call.failed or call.operation == "invoke_agent":
        return written
    if call.answer:
        written["ai.response.text"] = call.answer
    return written | {
        "gen_ai.system": call.provider,
        "gen_ai.request.model": call.asked,
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.response.id": f"chatcmpl-{call.identifier}",
        "gen_ai.response.model": call.answered,
        "gen_ai.response.finish_reasons": [call.finish],
        "gen_ai.usage.input_tokens": call.input,
        "gen_ai.usage.output_tokens": call.output,
        "ai.response.finishReason": call.finish,
        "ai.response.model": call.answered,
        "ai.response.providerMetadata": '{"openai":{"serviceTier":"default"}}',
        "ai.response.msToFirstChunk": 80.0,
        "ai.usage.inputTokens": call.input,
        "ai.usage.outputTokens": call.output,
        "ai.usage.totalTokens": call.input + call.output,
        "ai.usage.cachedInputTokens": call.cache_read,
        "ai.usage.reasoningTokens": call.reasoning,
    }


WRITERS: Final = {
    "semconv": Writer("opentelemetry.instrumentation.openai_v2", semconv),
    "openinference": Writer("openinference.instrumentation.openai", openinference),
    "openllmetry": Writer("opentelemetry.instrumentation.openai.v1", openllmetry),
    "vercel_ai": Writer("ai", vercel),
}


def _message(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])
