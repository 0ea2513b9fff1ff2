"""Names as writers spell them to the names of the OpenTelemetry GenAI conventions.

Sources: the well-known values of `gen_ai.provider.name`, `gen_ai.operation.name` and
`gen_ai.response.finish_reasons` in docs/gen-ai/gen-ai-spans.md of open-telemetry/semantic-conventions
v1.41.1; the other spellings are those that the instrumentations under `dialects/` write.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from llm_exporter.otlp.values import Value, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDERS: Final[Mapping[str, str]] = {
    "amazon": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "anthropicvertex": "gcp.vertex_ai",
    "anthropic_text": "anthropic",
    "aws": "aws.bedrock",
    "aws-bedrock": "aws.bedrock",
    "aws.anthropic": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure.openai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "azureopenai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "chatopenai": "openai",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "gcp.anthropic": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google-ai-studio": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "google-vertex-ai": "gcp.vertex_ai",
    "google_genai": "gcp.gen_ai",
    "google_vertexai": "gcp.vertex_ai",
    "googleai": "gcp.gemini",
    "grok": "x_ai",
    "ibm.watsonx": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "oci_genai": "oci",
    "ollama_chat": "ollama",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "watsonx_text": "ibm.watsonx.ai",
    "x-ai": "x_ai",
    "xai": "x_ai",
}
# Names of frameworks, gateways and placeholders that some writers put where the provider belongs.
_NOT_PROVIDERS: Final = frozenset(
    {
        "_other",
        "gcp.vertex.agent",
        "langchain",
        "llama_index",
        "microsoft.agent_framework",
        "none",
        "pydantic_ai",
        "spring_ai",
        "strands-agents",
        "unknown",
    }
)
_FAMILIES: Final = (
    (re.compile(r"(?:ft:)?(?:gpt-|o[134](?:-|$)|chatgpt|text-embedding-|davinci|whisper)"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"(?:anthropic|amazon|meta|cohere|mistral|ai21|us|eu|apac|global)\.[a-z]"), "aws.bedrock"),
    (re.compile(r"(?:models/)?gem(?:ini|ma)-"), "gcp.gemini"),
    (re.compile(r"(?:open-)?(?:mistral|mixtral|codestral|ministral|pixtral|magistral)-"), "mistral_ai"),
    (re.compile(r"command(?:-|$)|embed-(?:english|multilingual)|rerank-"), "cohere"),
    (re.compile(r"deepseek"), "deepseek"),
    (re.compile(r"grok"), "x_ai"),
)
_DOTTED: Final = ("aws.", "gcp.", "azure.", "az.", "ibm.")


def provider(name: str, model: str = "") -> str:
    """Return the canonical provider; if the writer names none, or only itself, the model's maker if plain."""
    lowered = name.strip().lower()
    if lowered and lowered not in _NOT_PROVIDERS:
        known = _PROVIDERS.get(lowered)
        if known:
            return known
        if not lowered.startswith(_DOTTED):
            # the Vercel AI SDK writes the API after a dot: openai.responses, anthropic.messages
            lowered = lowered.partition(".")[0]
        return _PROVIDERS.get(lowered, lowered)
    wanted = model.strip().lower()
    return next((maker for pattern, maker in _FAMILIES if pattern.match(wanted)), "")


# Azure's AI Inference SDK writes the first where none was set, Micrometer the second, many the third.
_NOT_MODELS: Final = frozenset({"", "chat", "none", "unknown"})


def names_model(name: str) -> bool:
    """Return whether this is the name of a model, and not a placeholder for none."""
    return name.strip().lower() not in _NOT_MODELS


_OPERATIONS: Final[Mapping[str, str]] = {
    "acompletion": "chat",
    "agent": "invoke_agent",
    "agent_call": "invoke_agent",
    "chat.completions": "chat",
    "completion": "chat",
    "completions": "chat",
    "embedding": "embeddings",
    "generate": "chat",
    "generate_content": "chat",
    "generatetext": "chat",
    "guardrail.run": "guardrail",
    "guardrail_check": "guardrail",
    "guardrails": "guardrail",
    "llm": "chat",
    "llm_call": "chat",
    "messages": "chat",
    "reranker": "rerank",
    "responses": "chat",
    "retriever": "retrieval",
    "streamtext": "chat",
    "text_completions": "text_completion",
    "tool": "execute_tool",
    "tool_call": "execute_tool",
}


CALLS: Final = frozenset(
    {
        "chat",
        "text_completion",
        "embeddings",
        "rerank",
        "image_generation",
        "speech",
        "transcription",
        "realtime",
    }
)
"""Operations that call a model."""
_STRUCTURE: Final = frozenset(
    {
        "agent_handoff",
        "agent_step",
        "chain",
        "create_agent",
        "event",
        "framework",
        "handoff",
        "invoke_workflow",
        "parser",
        "plan",
        "prompt",
        "span",
        "step",
        "task",
        "workflow",
    }
)
_OTHERS: Final = frozenset({"execute_tool", "guardrail", "invoke_agent", "retrieval"})


def is_operation(canonical: str) -> bool:
    """Return whether this is an operation that some instrumentation writes; any other word may stand for anything."""
    return canonical in CALLS or canonical in _OTHERS or canonical in _STRUCTURE


def operation(name: str) -> str:
    """Return the canonical operation; an unknown one stays as it is, in lower case."""
    lowered = name.strip().lower()
    return _OPERATIONS.get(lowered, lowered)


_FINISH_REASONS: Final[Mapping[str, str]] = {
    "blocklist": "content_filter",
    "complete": "stop",
    "completed": "stop",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "function_call": "tool_calls",
    "guardrail_intervened": "content_filter",
    "length": "length",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "model_length": "length",
    "prohibited_content": "content_filter",
    "refusal": "refusal",
    "safety": "content_filter",
    "spii": "content_filter",
    "stop": "stop",
    "stop_sequence": "stop",
    "tool_call": "tool_calls",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
}


def finish_reason(value: Value) -> str:
    """Return the catalogue's finish reason of an attribute's value, empty where it says none.

    Written as an array, one word, a JSON array in a string, a comma list, or the name of an enum's member. Of
    several choices the first that is not a plain stop counts: one filtered choice is worth knowing.
    """
    if isinstance(value, str) and value.startswith("["):
        written = value
        try:
            value = json.loads(written[:1024])
        except (ValueError, RecursionError):
            value = written.strip("[] ")
    items = value if isinstance(value, list) else as_text(value)[:1024].split(",")
    found = ""
    for item in items[:64]:
        word = as_text(item).strip(" '\"").rpartition(".")[2].lower().replace("-", "_")
        if word in ("", "none", "n/a", "unknown", "error"):
            continue
        reason = _FINISH_REASONS.get(word, "other")
        if found in ("", "stop"):
            found = reason
    return found


def cache_result(value: str) -> str:
    """Return `hit` or `miss` of what is said of a cache, a flag or a word; empty where it says neither."""
    word = value.strip().lower()
    if word == "hit" or truth(word):
        return "hit"
    return "miss" if word in ("miss", "false", "0", "no") else ""


def truth(value: str) -> bool:
    """Return whether a flag written as a boolean, a number or a word is set."""
    return value.strip().lower() in ("true", "1", "yes")
