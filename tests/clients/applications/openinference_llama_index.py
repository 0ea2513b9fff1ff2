"""OpenInference's openinference-instrumentation-llama-index; with the word `openai`, its openai one as well."""

import asyncio
import sys
from typing import Any

import course
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor

provider = course.tracing()
LlamaIndexInstrumentor().instrument(tracer_provider=provider)
if "openai" in sys.argv[1:]:
    OpenAIInstrumentor().instrument(tracer_provider=provider)


def model(name: str, **options: Any) -> OpenAI:
    """A chat model without retries."""
    return OpenAI(
        model=name, api_base=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20, **options
    )


async def ask() -> None:
    """An agent with a tool, without streams."""
    agent = FunctionAgent(
        name="weather-agent",
        tools=[course.current_weather],
        llm=model(course.WITH_TOOLS),
        streaming=False,
    )
    await agent.run(course.QUESTION)


def run() -> None:
    """All calls, one after the other."""
    embedder = OpenAIEmbedding(
        model=course.EMBEDDINGS, api_base=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0
    )
    model(course.CHAT).complete(course.QUESTION)
    with_usage = {"stream_options": {"include_usage": True}}
    for _ in model(course.STREAMED, additional_kwargs=with_usage).stream_complete(course.QUESTION):
        pass
    for _ in model(course.STREAMED_WITHOUT_USAGE).stream_complete(course.QUESTION):
        pass
    model(course.REASONING).complete(course.QUESTION)
    index = VectorStoreIndex.from_documents(
        [Document(text="Graz lies on the river Mur.")], embed_model=embedder
    )
    index.as_query_engine(llm=model(course.CHAT)).query(course.QUESTION)
    asyncio.run(ask())
    with course.failing("rate_limit"):
        model(course.CHAT).complete(course.QUESTION)


with course.request(provider):
    run()
provider.shutdown()
