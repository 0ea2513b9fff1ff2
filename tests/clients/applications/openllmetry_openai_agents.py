"""OpenLLMetry's opentelemetry-instrumentation-openai-agents; with the word `openai`, its openai one as well."""

import sys

import agents_calls
import course
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

provider = course.tracing()
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
if "openai" in sys.argv[1:]:
    OpenAIInstrumentor().instrument(tracer_provider=provider)
agents_calls.run()
provider.shutdown()
