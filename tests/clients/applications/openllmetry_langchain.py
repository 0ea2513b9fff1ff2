"""OpenLLMetry's opentelemetry-instrumentation-langchain; with the word `openai`, its openai one as well."""

import sys

import course
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor

provider = course.tracing()
LangchainInstrumentor().instrument(tracer_provider=provider)
if "openai" in sys.argv[1:]:
    OpenAIInstrumentor().instrument(tracer_provider=provider)

import langchain_calls  # noqa: E402 - what is instrumented is imported afterwards, as the documentation says

with course.request(provider):
    langchain_calls.run()
provider.shutdown()
