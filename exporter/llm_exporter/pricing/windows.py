"""Context windows in tokens that the price table lacks for models that are much in use.

Sources: the providers' pages of models as of 2026 (ai.google.dev/gemini-api/docs/models,
docs.mistral.ai/models, docs.cohere.com/docs/models, console.groq.com/docs/models,
docs.together.ai/docs/serverless-models, docs.perplexity.ai, platform.openai.com/docs/models; fine-tuned
models have the window of their base).
"""

from __future__ import annotations

from genai_prices.data import providers

_WINDOWS = {
    ("cohere", "command-r"): 128_000,
    ("cohere", "command-r-plus"): 128_000,
    ("cohere", "command-r7b"): 128_000,
    ("google", "gemini-3-pro-preview"): 1_048_576,
    ("google", "gemini-embedding-001"): 2_048,
    ("groq", "gemma2-9b-it"): 8_192,
    ("groq", "llama-3.1-8b-instant"): 131_072,
    ("groq", "llama-3.3-70b-versatile"): 131_072,
    ("mistral", "ministral-3b"): 131_072,
    ("mistral", "ministral-8b"): 131_072,
    ("mistral", "mistral-nemo"): 131_072,
    ("mistral", "mixtral-8x7b"): 32_768,
    ("mistral", "pixtral-large"): 131_072,
    ("openai", "ft:gpt-3.5-turbo-"): 16_385,
    ("openai", "ft:gpt-4o"): 128_000,
    ("openai", "ft:gpt-4o-mini"): 128_000,
    ("openai", "gpt-4.5-preview"): 128_000,
    ("perplexity", "sonar-reasoning"): 128_000,
    ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"): 131_072,
}

_VENDORS = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "google": "google",
    "mistral": "mistralai",
    "openai": "openai",
    "x-ai": "x-ai",
}
"""Makers of models by their id in the price table, and how OpenRouter calls them before the model's name."""

_OPENROUTER = {
    model.id: model.context_window
    for provider in providers
    if provider.id == "openrouter"
    for model in provider.models
}


def context_window(provider: str, model: str) -> int | None:
    """Tokens that a model (by its ids in the price table) holds, where the table itself does not say.

    OpenRouter passes calls on to the maker, so the table's entry for its model of the same name says it too.
    """
    found = _WINDOWS.get((provider, model))
    if found is None and provider in _VENDORS:
        found = _OPENROUTER.get(f"{_VENDORS[provider]}/{model}")
    return found
