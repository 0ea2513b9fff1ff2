"""Guardrails AI around the openai package: validators of our own, one that passes and one that blocks."""

from pathlib import Path
from typing import Any

import course
import openai_calls

# Read when it is imported: without this it tells its makers of each run.
(Path.home() / ".guardrailsrc").write_text("enable_metrics=false\n")

from guardrails import Guard  # noqa: E402
from guardrails.validator_base import (  # noqa: E402
    FailResult,
    PassResult,
    ValidationResult,
    Validator,
    register_validator,
)
from openinference.instrumentation.openai import OpenAIInstrumentor  # noqa: E402

provider = course.tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
client = openai_calls.client()


@register_validator(name="shop/has-words", data_type="string")
class HasWords(Validator):
    """Passes when there is a word."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> ValidationResult:  # noqa: ARG002 - its signature
        return PassResult() if str(value).strip() else FailResult(error_message="no words")


@register_validator(name="shop/no-prices", data_type="string")
class NoPrices(Validator):
    """Fails always: everything has its price."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> ValidationResult:  # noqa: ARG002 - its signature
        return FailResult(error_message="a price")


def ask(*, messages: Any, model: str, **_: Any) -> str:
    """Call the model: what Guardrails wraps."""
    return client.chat.completions.create(model=model, messages=messages).choices[0].message.content or ""


question = [{"role": "user", "content": course.QUESTION}]
passing = Guard(name="words").use(HasWords(on_fail="exception"), on="output")
passing(ask, messages=question, model=course.CHAT, num_reasks=0)
blocking = Guard(name="prices").use(NoPrices(on_fail="exception"), on="output")
try:
    blocking(ask, messages=question, model=course.WITH_TOOLS, num_reasks=0)
except Exception as failure:
    print(f"expected: {type(failure).__name__}")
else:
    raise AssertionError("the guard should have raised")
provider.shutdown()
