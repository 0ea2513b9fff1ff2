"""OpenLIT, which instruments openai; its prices come from a file, since it would fetch them."""

import os
import tempfile
from pathlib import Path

import openai_calls
import openlit
from opentelemetry import trace

prices = Path(tempfile.mkdtemp()) / "prices.json"
prices.write_text('{"chat": {}, "embeddings": {}, "images": {}, "audio": {}}')
openlit.init(
    application_name=os.environ["OTEL_SERVICE_NAME"],
    environment="testing",
    otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    disable_metrics=True,
    pricing_json=str(prices),
)
client = openai_calls.client()
openai_calls.chats(client)
openai_calls.embeddings(client)
openai_calls.responses(client)
trace.get_tracer_provider().shutdown()
