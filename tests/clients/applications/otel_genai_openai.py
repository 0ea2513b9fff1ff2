"""OpenTelemetry's opentelemetry-instrumentation-genai-openai."""

import course
import openai_calls
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

provider = course.tracing()
OpenAIInstrumentor().instrument(tracer_provider=provider)
client = openai_calls.client()
openai_calls.chats(client)
openai_calls.embeddings(client)
openai_calls.responses(client)
provider.shutdown()
