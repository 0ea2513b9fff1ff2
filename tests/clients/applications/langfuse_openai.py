"""Langfuse's SDK: its drop-in openai client, inside an observed function; its spans go to the OTLP endpoint."""

import os

import course

os.environ["LANGFUSE_OTEL_TRACES_EXPORT_PATH"] = "v1/traces"

import openai_calls
from langfuse import Langfuse, observe
from langfuse.openai import OpenAI

langfuse = Langfuse(
    public_key="pk-none",
    secret_key="sk-none",  # noqa: S106 - nobody's
    base_url=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    environment="testing",
)


@observe(name="advise")
def advise() -> None:
    """All calls, as what an application does for one user."""
    client = OpenAI(base_url=course.OPENAI_URL, api_key=course.API_KEY, max_retries=0, timeout=20)
    openai_calls.chats(client)
    openai_calls.embeddings(client)
    openai_calls.responses(client)


advise()
langfuse.flush()
langfuse.shutdown()
