"""Names as writers spell them, and the words for failures: one row for each spelling."""

import pytest

from llm_exporter import errors, normalise


@pytest.mark.parametrize(
    ("written", "provider"),
    [
        ("aws-bedrock", "aws.bedrock"),
        ("bedrock", "aws.bedrock"),
        ("bedrock_converse", "aws.bedrock"),
        ("Amazon-Bedrock", "aws.bedrock"),
        ("azure", "azure.ai.openai"),
        ("azure_text", "azure.ai.openai"),
        ("azure_ai", "azure.ai.inference"),
        ("anthropic_text", "anthropic"),
        ("cohere_chat", "cohere"),
        ("google-ai-studio", "gcp.gemini"),
        ("googleai", "gcp.gemini"),
        ("gemini", "gcp.gemini"),
        ("google-vertex", "gcp.vertex_ai"),
        ("google-vertex-ai", "gcp.vertex_ai"),
        ("vertex", "gcp.vertex_ai"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("vertex_ai_beta", "gcp.vertex_ai"),
        ("codestral", "mistral_ai"),
        ("text-completion-codestral", "mistral_ai"),
        ("oci_genai", "oci"),
        ("ollama_chat", "ollama"),
        ("text-completion-openai", "openai"),
        ("openai.responses", "openai"),
        ("watsonx_text", "ibm.watsonx.ai"),
        ("grok", "x_ai"),
        ("xai", "x_ai"),
        ("x-ai", "x_ai"),
        ("aws.bedrock", "aws.bedrock"),
        ("someone_new", "someone_new"),
    ],
)
def test_a_provider_has_one_name(written: str, provider: str) -> None:
    """Every spelling of a provider is one label value, whatever the model, and an unknown one stays as it is."""
    assert normalise.provider(written, "gpt-4o") == provider


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("gpt-4o", True),
        ("chatgpt-4o-latest", True),
        ("chat", False),
        ("None", False),
        ("UNKNOWN", False),
        (" ", False),
    ],
)
def test_placeholders_are_no_models(name: str, is_one: bool) -> None:
    """What is written where no model is known names none."""
    assert normalise.names_model(name) is is_one


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        # what SDKs call every failure hides no status that follows
        (["APIError", "Error code: 429"], "rate_limit"),
        (["openai.APIError", "", "status 400: no such parameter"], "invalid_request"),
        (["ApiError: 401"], "auth"),
        (["ApiError 400 Bad Request"], "invalid_request"),
        (["api_error"], "unavailable"),
        (["AI_APICallError", "The server had an error while processing your request."], "unavailable"),
        (["AI_APICallError", "Rate limit reached"], "rate_limit"),
        (["400", "maximum context length exceeded"], "context_overflow"),
        (["429", "insufficient_quota"], "quota"),
        (["500", "429"], "unavailable"),
        (["odd"], "unknown"),
        ([], "unknown"),
    ],
)
def test_what_a_failure_is(texts: list[str], kind: str) -> None:
    """The first text that says what went wrong decides, and a later one may only sharpen it."""
    assert errors.error_type(texts) == kind


@pytest.mark.parametrize(
    ("found", "other", "wanted"),
    [
        ("unknown", "timeout", "timeout"),
        ("timeout", "unknown", "timeout"),
        ("unavailable", "rate_limit", "unavailable"),
        ("invalid_request", "context_overflow", "context_overflow"),
        ("invalid_request", "unknown", "invalid_request"),
        ("rate_limit", "quota", "quota"),
        ("rate_limit", "auth", "rate_limit"),
        ("exception", "timeout", "timeout"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_the_more_telling_of_two_failures(found: str, other: str, wanted: str) -> None:
    """In doubt the first; a vague word gives way to a telling one."""
    assert errors.sharpened(found, other) == wanted


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("completed", "stop"),
        ("complete", "stop"),
        ("end_turn", "stop"),
        (["completed"], "stop"),
        ("odd", "other"),
    ],
)
def test_a_finish_reason_has_one_name(written: str | list[str], reason: str) -> None:
    """The status of a response that is complete is a plain stop."""
    value: normalise.Value = [*written] if isinstance(written, list) else written
    assert normalise.finish_reason(value) == reason
