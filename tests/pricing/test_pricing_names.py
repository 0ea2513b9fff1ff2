"""Names of providers and models as spans have them."""

from __future__ import annotations

import pytest
from genai_prices.data import providers
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.pricing import ModelAlias, PriceBook, PricingConfig, names, table

NOON_NS = 1_795_176_000_000_000_000  # 2026-11-20 12:00 UTC
BOOK = PriceBook(PricingConfig())
ARN = "arn:aws:bedrock:eu-west-1:123456789012"

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/ : well-known values of
# gen_ai.provider.name
SEMCONV_PROVIDERS = {
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "groq": "groq",
    "ibm.watsonx.ai": None,  # the price table has none
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "openai": "openai",
    "perplexity": "perplexity",
    "x_ai": "x-ai",
}


@pytest.mark.parametrize(("provider", "listed"), SEMCONV_PROVIDERS.items())
def test_each_well_known_provider_is_found_in_the_price_table(provider: str, listed: str | None) -> None:
    """Every value of the semantic conventions has its provider in the table, unless the table has none."""
    assert table.provider_id(provider) == listed


def test_every_alias_leads_to_a_provider_of_the_table() -> None:
    """An alias to an id that a newer table renamed would silently price nothing."""
    assert set(names.PROVIDERS.values()) <= {provider.id for provider in providers}


def test_every_free_model_is_in_the_table_without_a_price() -> None:
    """An entry that left the table, or that has a price by now, has no place among the free models."""
    listed = {(provider.id, model.id) for provider in providers for model in provider.models}
    assert listed >= names.FREE_MODELS


@pytest.mark.parametrize(
    ("provider", "model", "label"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("OpenAI", "GPT-4o", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openai", "  gpt-4o\n", "gpt-4o"),
        ("openai", "gpt-5-20250807", "gpt-5"),
        ("azure.ai.openai", "azure/gpt-4o", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("gcp.gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        (
            "gcp.vertex_ai",
            "projects/p/locations/europe-west1/publishers/google/models/gemini-2.5-flash",
            "gemini-2.5-flash",
        ),
        ("aws.bedrock", "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("aws.bedrock", "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("aws.bedrock", f"{ARN}:inference-profile/us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            "amazon.nova-pro-v1:0",
        ),
        ("openrouter", "deepseek/deepseek-r1:free", "deepseek/deepseek-r1:free"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::Ab12Cd34", "ft:gpt-4o-mini"),
    ],
)
def test_a_listed_model_is_labelled_by_its_id_in_the_price_table(
    provider: str, model: str, label: str
) -> None:
    """One model has one label, however it is spelt; a date stays only where it has a price of its own."""
    quote = BOOK.quote(provider, model, NOON_NS)
    assert (quote.model, quote.unpriced_reason) == (label, "")


@pytest.mark.parametrize(
    ("provider", "model", "label", "reason"),
    [
        ("openai", "gpt-99", "gpt-99", "unknown_model"),
        ("openai", "models/gpt-99", "gpt-99", "unknown_model"),
        ("", "my-model", "my-model", "unknown_model"),
        ("our-gateway", "my-model", "my-model", "unknown_provider"),
        ("openai", "", "", "no_model"),
        ("", "", "", "no_model"),
        ("azure.ai.openai", "prod-chat", "prod-chat", "unknown_model"),
        # who owns a fine-tuned model must not become a label
        ("openai", "ft:gpt-4.1-2025-04-14:acme::Ab12Cd34", "ft:gpt-4.1-2025-04-14", "unknown_model"),
        # an application's profile hides its model, and the account's number must not become a label
        (
            "aws.bedrock",
            f"{ARN}:application-inference-profile/a1b2c3",
            "application-inference-profile/a1b2c3",
            "unknown_model",
        ),
    ],
)
def test_what_has_no_price_says_why(provider: str, model: str, label: str, reason: str) -> None:
    """An unpriced call has a clean name, a reason, and no rates; it is never free."""
    quote = BOOK.quote(provider, model, NOON_NS)
    assert (quote.provider, quote.model, quote.unpriced_reason, quote.rates) == ("", label, reason, None)


@pytest.mark.parametrize(
    "provider",
    [
        "ollama",
        "ollama_chat",
        "vllm",
        "hosted_vllm",
        "VLLM",
        "lmstudio",
        "lm_studio",
        "llama.cpp",
        "llama_cpp",
        "custom",
        "custom_openai",
        "self-hosted",
        "localai",
        "sglang",
        "tgi",
        "huggingface",
        "nvidia_nim",
        "ibm.watsonx.ai",
        "sagemaker",
        "replicate",
    ],
)
@pytest.mark.parametrize(
    "model", ["gpt-4o", "claude-sonnet-4-5", "mistral-large-latest", "openai/gpt-4o", "deepseek-chat"]
)
def test_a_model_someone_else_runs_never_gets_its_makers_price(provider: str, model: str) -> None:
    """One's own server, or a host that the table has no prices for, is unpriced whatever the model is."""
    quote = BOOK.quote(provider, model, NOON_NS)
    assert (quote.rates, quote.unpriced_reason) == (None, "unknown_provider")


@pytest.mark.parametrize("model", ["ollama/llama3", "hosted_vllm/gpt-4o", "some-team/gpt-4o"])
def test_a_prefix_that_is_no_listed_provider_is_not_guessed_past(model: str) -> None:
    """`vendor/model` says who is paid; when that is nobody of the table, the model's maker is not either."""
    assert BOOK.quote("litellm", model, NOON_NS).rates is None


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("claude-sonnet-4-5", "anthropic"),
        ("gpt-4o", "openai"),
        ("gemini-2.5-pro", "google"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
        ("groq/llama-3.3-70b-versatile", "groq"),
    ],
)
def test_an_unknown_provider_is_guessed_from_a_name_that_tells(model: str, listed: str) -> None:
    """Frameworks and gateways without a provider name still have priced calls."""
    quote = BOOK.quote("llama_index", model, NOON_NS)
    assert (quote.provider, quote.unpriced_reason) == (listed, "")


def test_aliases_are_tried_in_order_on_the_whole_name() -> None:
    """The first alias that matches the whole name holds; part of a name is no match."""
    book = PriceBook(
        PricingConfig(
            model_aliases=(
                ModelAlias("prod-.*", "gpt-4o", "openai"),
                ModelAlias("prod-mini", "gpt-4o-mini", "openai"),
                ModelAlias(".*application-inference-profile/a1b2c3", "amazon.nova-pro-v1:0"),
            ),
            provider_aliases={"Our-Gateway": "azure.ai.openai"},
        )
    )
    assert book.quote("our-gateway", "PROD-mini", NOON_NS).model == "gpt-4o"
    assert book.quote("our-gateway", "non-prod-mini", NOON_NS).unpriced_reason == "unknown_model"
    assert book.quote("our-gateway", "gpt-4o", NOON_NS).provider == "azure"
    arn = f"{ARN}:application-inference-profile/a1b2c3"
    assert book.quote("aws.bedrock", arn, NOON_NS).model == "amazon.nova-pro-v1:0"


@given(st.text(), st.text(), st.integers(-(2**70), 2**70), st.text(max_size=20))
def test_any_names_and_times_give_a_quote_that_holds_for_that_time(
    provider: str, model: str, start_ns: int, tier: str
) -> None:
    """Names are arbitrary text and times arbitrary numbers: a quote always comes, priced or with a reason."""
    quote = BOOK.quote(provider, model, start_ns, service_tier=tier)
    assert (quote.rates is None) == (quote.unpriced_reason != "")
    assert len(quote.model) <= 256
    assert quote.valid_from_ns <= min(max(start_ns, 0), 2**64 - 1) < quote.valid_until_ns


@given(st.text(alphabet="aA/:.@-0z", max_size=300))
def test_cleaning_a_name_never_invents_text(model: str) -> None:
    """Every spelling is a part of the name."""
    assert all(name in model for name in names.spellings(names.clean(model)))
