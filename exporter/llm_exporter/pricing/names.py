"""What spans call a provider or a model, and what the price table calls it.

Sources: the well-known values of `gen_ai.provider.name` and of the older `gen_ai.system` in the OpenTelemetry
GenAI semantic conventions; the provider ids of genai-prices 0.2 (`genai_prices.data`); the provider prefixes
of LiteLLM model names (`litellm.LlmProviders`); the model ids of the Amazon Bedrock user guide ("Supported
foundation models", "Supported Regions and models for inference profiles") and of the Vertex AI and Gemini API
references.

Providers are listed one by one instead of searched for within a name, as `genai_prices` does: there a gateway
called "my-openai-proxy" would get OpenAI's prices.
"""

from __future__ import annotations

import re

PROVIDERS = {
    "anthropic": "anthropic",
    "arcee": "arcee",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "amazon_bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "github_copilot": "github-copilot",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "text-completion-openai": "openai",
    "openai_responses": "openai",
    "together_ai": "together",
    "togetherai": "together",
    "voyage": "voyageai",
    "voyage_ai": "voyageai",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "z_ai": "zai",
    "zhipu_ai": "zhipuai",
}
"""Names that are no id of the price table, to the id."""

_OWN_PRICE = frozenset(
    {
        "ai21",
        "copilot",
        "custom",
        "databricks",
        "deepinfra",
        "gpt4all",
        "huggingface",
        "hyperbolic",
        "ibm",
        "infinity",
        "llamacpp",
        "llamafile",
        "lmdeploy",
        "lmstudio",
        "local",
        "localai",
        "localhost",
        "mlx",
        "nim",
        "nvidia",
        "ollama",
        "replicate",
        "sagemaker",
        "self",
        "selfhosted",
        "sglang",
        "snowflake",
        "tabby",
        "tgi",
        "triton",
        "vllm",
        "watsonx",
        "xinference",
    }
)
"""Words in the name of a provider that runs models of others at a price of its own, or at none. The price
that the model's maker asks says nothing about these; a provider that the price table lists is looked up there
all the same."""

FREE_MODELS = frozenset(
    {
        ("github-copilot", "gpt-3.5-turbo"),
        ("github-copilot", "gpt-4.1"),
        ("github-copilot", "gpt-4o"),
        ("github-copilot", "gpt-4o-mini"),
        ("google", "gemma-3"),
        ("google", "gemma-3n"),
        ("google", "gemma-4-26b-a4b-it"),
        ("google", "gemma-4-31b-it"),
        ("openai", "moderation"),
    }
)
"""Models that their provider gives away (https://ai.google.dev/gemini-api/docs/pricing, OpenAI's moderation
guide, the price table's remarks on GitHub Copilot). The table writes a price of zero as no price at all, and
writes a model that was withdrawn the same way; only the former costs $0."""

_REGIONS = "us-gov|us|eu|apac|au|ca|jp|sa|global"
_MAKERS = (
    "ai21|amazon|anthropic|cohere|deepseek|luma|meta|minimax|mistral|moonshot|nvidia|openai|qwen"
    "|stability|writer"
)
_BEDROCK = re.compile(rf"(?:(?:{_REGIONS})\.)?(?:{_MAKERS})\.(?P<model>.+?)", re.IGNORECASE)
_VERSION = re.compile(r"(?:-v\d+)?:\d+(?::\d+k)?$")
_FOLDERS = re.compile(
    r"^(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?(?:models|tunedmodels)/", re.IGNORECASE
)
_VERTEX_VERSION = re.compile(r"@(?:default|latest|\d{8})$")
_FINE_TUNED = re.compile(r"^(ft:[^:]+):.*", re.IGNORECASE)


def has_own_price(provider: str) -> bool:
    """Whether the price of a model's maker says nothing about what this provider asks."""
    words = re.split(r"[^a-z0-9]+", provider)
    return not _OWN_PRICE.isdisjoint([*words, "".join(words)])


def is_free(provider_id: str, model_id: str) -> bool:
    """Whether a price table entry without prices is a model that costs nothing."""
    return model_id.endswith(":free") or (provider_id, model_id) in FREE_MODELS


def clean(model: str) -> str:
    """The model's name without the path of the API that serves it.

    `models/gemini-2.5-pro`, `publishers/anthropic/models/claude-opus-4`, `azure/gpt-4o` and the ARN of a
    Bedrock model or inference profile lose what stands before the name.
    """
    if model.startswith("arn:"):
        # arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-…; the profile
        # of an application has an opaque id there, whose kind is kept to tell it from a model's name.
        resource = model.split(":", 5)[-1]
        kind, _, name = resource.partition("/")
        return name if kind in ("foundation-model", "inference-profile") else resource
    model = _FOLDERS.sub("", model)
    if model.lower().startswith("azure/"):
        model = model[len("azure/") :]
    return model


def spellings(model: str) -> list[str]:
    """Names to look a clean name up by, the most specific first.

    The price table tells regional Bedrock profiles from global ones, and lists `vendor/model` for those who
    resell under that name: so a prefix is taken away only from a name that is not found with it.
    """
    found = [model]
    # A router's name before that of a reseller's model: openrouter/openai/gpt-4o.
    rest = model.partition("/")[2]
    if "/" in rest:
        found.append(rest)
    bare = model.rpartition("/")[2]
    if match := _BEDROCK.fullmatch(bare):
        bare = match["model"]
    for name in (bare, _VERTEX_VERSION.sub("", bare), _VERSION.sub("", bare)):
        if name and name not in found:
            found.append(name)
    return found


def tier(service_tier: str) -> str:
    """A service tier in the price table's spelling; Vertex AI's traffic types are `ON_DEMAND_FLEX` and such."""
    return service_tier.strip().lower().removeprefix("on_demand_")


def plain(name: str) -> str:
    """A name as the price table's patterns need it: each of the thousand lowers the case itself.

    That takes several times as long for a name that is not ASCII, which no listed name is.
    """
    return name.encode("ascii", "replace").decode("ascii").lower()


def label(model: str) -> str:
    """How an unlisted model is called: its clean name; of a fine-tuned one, the base without its owner."""
    return _FINE_TUNED.sub(r"\1", model)


def vendor(model: str) -> str:
    """The provider that `vendor/model` names, or that the form of a Bedrock id implies; "" when neither."""
    prefix, slash, _ = model.partition("/")
    if slash:
        return prefix.lower()
    return "aws" if _BEDROCK.fullmatch(model) else ""
