"""The clients: an application, the environment it runs in, and what the spans of its SDK leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clients.silences import (
    anomalous,
    another_finish_reason,
    guarded,
    miscounted,
    no_embeddings,
    no_finish_reasons,
    no_model_of_errors,
    no_part,
    no_stream_flag,
    no_stream_flag_on_errors,
    no_tools,
    no_usage,
    own_estimate,
    some_stream_flags,
    told_twice,
)

if TYPE_CHECKING:
    from clients.books import Silence

UNTOLD: Final = "gpt-4.1"
"""The model whose streams are asked for without usage, which the provider then does not send."""
no_cached = no_part("input_cache_read", "input")
no_reasoning = no_part("output_reasoning", "output")


@dataclass(frozen=True)
class Client:
    """One run of one application."""

    name: str
    environment: str
    application: str
    arguments: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()


CLIENTS: Final = (
    Client(
        "otel-openai-v2",
        "otel-v2",
        "otel_openai_v2.py",
        silences=(
            no_usage(UNTOLD),
            no_tools,
            no_stream_flag(),
            no_cached,
            no_reasoning,
            no_finish_reasons("gpt-4o-mini", UNTOLD),
        ),
    ),
    Client("otel-genai-openai", "otel-genai", "otel_genai_openai.py", silences=(no_usage(UNTOLD), no_tools)),
    Client(
        "openinference-openai",
        "openinference",
        "openinference_openai.py",
        # The Responses API has no finish reason, and this instrumentation makes up none.
        silences=(no_usage(UNTOLD), no_tools, no_finish_reasons("gpt-4o", "gpt-4o-mini", calls=1)),
    ),
    Client(
        "openinference-langchain",
        "openinference",
        "openinference_langchain.py",
        silences=(no_usage(UNTOLD), no_stream_flag(), no_embeddings),
    ),
    Client(
        "openinference-langchain-and-openai",
        "openinference",
        "openinference_langchain.py",
        ("openai",),
        silences=(no_usage(UNTOLD),),
    ),
    Client(
        "openinference-llama-index",
        "llama-index",
        "openinference_llama_index.py",
        # The stream's span ends when the stream begins.
        silences=(
            no_usage(UNTOLD),
            no_usage("text-embedding-3-small", calls=2),
            anomalous("ttft_exceeds_duration", 2),
        ),
    ),
    Client(
        "openinference-llama-index-and-openai",
        "llama-index",
        "openinference_llama_index.py",
        ("openai",),
        # A stream's span ends when the stream begins, and the request goes out at its first item.
        silences=(
            no_usage(UNTOLD, calls=2),
            told_twice(UNTOLD, "gpt-4o-mini"),
            anomalous("ttft_exceeds_duration", 2),
        ),
    ),
    Client(
        "openinference-openai-agents",
        "openinference",
        "openinference_openai_agents.py",
        silences=(
            no_stream_flag(),
            no_part("input_cache_read", "input", UNTOLD, "o4-mini"),
            no_part("output_reasoning", "output", "o4-mini"),
            no_finish_reasons(UNTOLD, "o4-mini"),
            another_finish_reason("gpt-4.1-mini", "tool_calls", "stop"),
            no_model_of_errors("gpt-4o"),
        ),
    ),
    Client(
        "openinference-openai-agents-and-openai",
        "openinference",
        "openinference_openai_agents.py",
        ("openai",),
        silences=(no_finish_reasons("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini"),),
    ),
    Client(
        "openllmetry-openai", "openllmetry", "openllmetry_openai.py", silences=(no_usage(UNTOLD), no_tools)
    ),
    # Anthropic's SDK traces itself since version 2, unless told otherwise.
    Client(
        "openllmetry-anthropic",
        "openllmetry",
        "anthropic_messages.py",
        ("openllmetry",),
        # To the total at a stream's end it adds the count in its first event, which is 1. It knows a stream by the
        # argument, which the helper for streams has not.
        silences=(
            no_tools,
            miscounted("claude-haiku-4-5", "output", 2),
            some_stream_flags("claude-haiku-4-5", missing=1),
        ),
    ),
    Client(
        "anthropic-itself",
        "openllmetry",
        "anthropic_messages.py",
        ("anthropic",),
        silences=(no_tools,),
    ),
    Client(
        "openllmetry-anthropic-and-itself",
        "openllmetry",
        "anthropic_messages.py",
        ("openllmetry", "anthropic"),
        silences=(no_tools,),
    ),
    Client(
        "openllmetry-langchain",
        "openllmetry",
        "openllmetry_langchain.py",
        silences=(no_usage(UNTOLD), no_stream_flag(), no_embeddings, no_reasoning),
    ),
    Client(
        "openllmetry-langchain-and-openai",
        "openllmetry",
        "openllmetry_langchain.py",
        ("openai",),
        # The openai instrumentation holds back inside LangChain's, except for embeddings.
        silences=(no_usage(UNTOLD), no_stream_flag(), no_reasoning),
    ),
    Client(
        "openllmetry-openai-agents",
        "openllmetry",
        "openllmetry_openai_agents.py",
        silences=(
            no_usage(UNTOLD),
            no_usage("o4-mini"),
            no_stream_flag(),
            no_finish_reasons(UNTOLD, "o4-mini"),
            no_model_of_errors("gpt-4o"),
        ),
    ),
    Client(
        "openllmetry-openai-agents-and-openai",
        "openllmetry",
        "openllmetry_openai_agents.py",
        ("openai",),
        silences=(no_stream_flag("gpt-4o-mini"),),
    ),
    Client(
        "langfuse-3",
        "langfuse-3",
        "langfuse_openai.py",
        silences=(no_usage(UNTOLD), no_tools, no_finish_reasons()),
    ),
    Client(
        "langfuse-5",
        "langfuse-5",
        "langfuse_openai.py",
        silences=(no_usage(UNTOLD), no_tools, no_finish_reasons()),
    ),
    Client(
        "openlit",
        "openlit",
        "openlit_openai.py",
        silences=(no_tools, no_reasoning, own_estimate(UNTOLD, input=50, output=182)),
    ),
    Client("pydantic-ai", "pydantic-ai", "pydantic_ai_agents.py"),
    Client("litellm", "litellm", "litellm_otel.py", silences=(no_tools,)),
    Client("litellm-and-openai", "litellm", "litellm_otel.py", ("openai",), silences=(no_tools,)),
    Client("strands", "strands", "strands_agents.py", silences=(no_reasoning, no_stream_flag_on_errors)),
    Client("crewai-and-openai", "crewai", "crewai_crew.py", ("openai",)),
    Client("crewai-and-litellm", "crewai", "crewai_crew.py", ("litellm",)),
    Client("crewai-and-litellm-and-openai", "crewai", "crewai_crew.py", ("litellm", "openai")),
    Client(
        "guardrails-and-openai",
        "guardrails",
        "guardrails_guard.py",
        # The guard itself has a verdict only where it did not raise.
        silences=(guarded(("words", "allow"), ("shop/has-words", "allow"), ("shop/no-prices", "block")),),
    ),
    Client("vercel-ai", "vercel-ai", "vercel_ai.mjs", silences=(no_reasoning,)),
    Client("vercel-ai-legacy", "vercel-ai", "vercel_ai.mjs", ("legacy",)),
)
