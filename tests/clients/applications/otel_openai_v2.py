"""OpenTelemetry's opentelemetry-instrumentation-openai-v2."""

import course
import openai_calls
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

provider = course.tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
client = openai_calls.client()
openai_calls.chats(client)
openai_calls.embeddings(client)
provider.shutdown()
