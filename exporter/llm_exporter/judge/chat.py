"""The judge's model behind any OpenAI-compatible API, by way of pydantic-ai; the one module that imports it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter.errors import error_type
from llm_exporter.judge.asking import AskFailed, Reply
from llm_exporter.pricing import Usage

if TYPE_CHECKING:
    from llm_exporter.judge.prompt import Prompt

MISSING_EXTRA: Final = "the judge needs more packages: pip install 'llm-exporter[judge]'"
_SCHEMA_NAME: Final = "judgement"
_MAY_RECOVER: Final = frozenset({"rate_limit", "unavailable", "timeout"})


class MissingExtra(Exception):  # noqa: N818
    """The packages of the extra are not installed."""


class ChatOptions(NamedTuple):
    """Which model, and how it is asked."""

    base_url: str
    model: str
    api_key: str
    native: bool
    """Whether the form of the reply goes along as a JSON schema."""
    temperature: float | None
    max_output_tokens: int
    max_tokens_field: str
    timeout_seconds: float


class OpenAiChat:
    """Sends requests. Implements `asking.Model`; for one event loop.

    Raises:
        MissingExtra: see there.
    """

    def __init__(self, options: ChatOptions) -> None:
        try:
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient
            from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings
            from pydantic_ai.profiles.openai import OpenAIModelProfile
            from pydantic_ai.providers.openai import OpenAIProvider
        except ImportError as error:
            raise MissingExtra(MISSING_EXTRA) from error
        # Some versions of it log at debug what they send, and OPENAI_LOG in the environment is enough for that.
        logging.getLogger("openai").setLevel(logging.WARNING)
        self._client = AsyncOpenAI(
            base_url=options.base_url,
            api_key=options.api_key or "none",
            # Those who try again by themselves would spend what nobody has reserved.
            max_retries=0,
            timeout=options.timeout_seconds,
            # Content goes to the address that was set, and not to where a server points.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False, timeout=options.timeout_seconds),
        )
        profile = OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=options.max_tokens_field == "max_completion_tokens",
            supports_json_schema_output=True,
        )
        self._model = OpenAIChatModel(
            options.model, provider=OpenAIProvider(openai_client=self._client), profile=profile
        )
        self._native = options.native
        self._settings = OpenAIChatModelSettings(max_tokens=options.max_output_tokens)
        if options.temperature is not None:
            self._settings["temperature"] = options.temperature

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, prompt: Prompt) -> Reply:
        """Return the reply to one request.

        Raises:
            AskFailed: there is none.
        """
        from pydantic_ai import exceptions
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

        messages = [ModelRequest(parts=[SystemPromptPart(prompt.system), UserPromptPart(prompt.user)])]
        try:
            response = await model_request(
                self._model,
                messages,
                model_settings=self._settings,
                model_request_parameters=self._parameters(prompt),
                instrument=False,
            )
        except exceptions.ModelHTTPError as error:
            raise _of_status(error.status_code, error.body, error.retry_after) from None
        except exceptions.ModelTimeoutError:
            raise AskFailed("timeout", "timeout", again=True) from None
        except exceptions.ModelConnectionError as error:
            raise AskFailed(
                "http_error", "unavailable", again=True, billed=error.phase not in ("pool", "connect")
            ) from None
        except (exceptions.AgentRunError, IndexError, AttributeError, TypeError):
            # A page in HTML, no choices, or whatever else is no answer of this API.
            raise AskFailed("http_error", "unknown") from None
        return _reply(response)

    def _parameters(self, prompt: Prompt) -> Any:
        from pydantic_ai.models import ModelRequestParameters
        from pydantic_ai.output import OutputObjectDefinition

        if not self._native:
            return ModelRequestParameters(output_mode="text", allow_text_output=True)
        form = OutputObjectDefinition(json_schema=prompt.schema, name=_SCHEMA_NAME, strict=True)
        return ModelRequestParameters(output_mode="native", output_object=form, allow_text_output=True)


def _reply(response: Any) -> Reply:
    from pydantic_ai.messages import TextPart

    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    said = response.usage
    reasoning = min(said.details.get("reasoning_tokens", 0), said.output_tokens)
    usage = None
    if said.input_tokens or said.output_tokens:
        cached = said.cache_read_tokens + said.cache_write_tokens
        usage = Usage(
            max(said.input_tokens - cached, 0),
            said.cache_read_tokens,
            said.cache_write_tokens,
            said.output_tokens - reasoning,
            reasoning,
        )
    return Reply(text, response.finish_reason == "content_filter", usage)


def _of_status(status: int, body: object, wait_seconds: float | None) -> AskFailed:
    kind = error_type((str(status), str(body)[:1024] if body else ""))
    if status == 429 and kind != "quota":
        kind = "rate_limit"
    outcome = {"rate_limit": "rate_limited", "content_filter": "refused", "refusal": "refused"}.get(
        kind, "http_error"
    )
    # What was turned away was not billed; of what failed at the server nobody knows.
    return AskFailed(
        outcome,
        kind,
        again=kind in _MAY_RECOVER,
        billed=status >= 500,
        wait_seconds=wait_seconds if status in (429, 503) else None,
    )
