"""The README's way to instrument an application gives metrics, with each of the packages that it names."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter.demo.exporter import Exporter, start_exporter
from llm_exporter.demo.fake_llm import FakeLLM, serving
from project.documents import Document

CODE = Document("README.md").blocks("python")
IMPORTS = [
    line for block in CODE for line in block.splitlines() if "OpenAIInstrumentor" in line and "import" in line
]
CALL = """
import sys
from openai import OpenAI

with OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0) as client:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Where is it?"}])
provider.shutdown()
"""


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """The exporter in a process of its own, showing values at once and anew in every scrape."""
    ports = {"otlp-grpc": 0, "otlp-http": 0, "metrics": 0}
    directory = tmp_path_factory.mktemp("exporter")
    configuration = directory / "config.yaml"
    configuration.write_text("exposition: {cache_seconds: 0}\n")
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("LLM_EXPORTER_CONFIG", str(configuration))
        yield start_exporter(stack, directory, first_sample_hold=0, wanted_ports=ports)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The base URL of a provider that answers quickly and never fails."""
    with serving(FakeLLM(seed=1, speed=1000)) as url:
        yield f"{url}/v1"


@pytest.mark.parametrize("imported", IMPORTS, ids=[line.split()[1] for line in IMPORTS])
def test_instrumenting_as_the_readme_says_counts_the_call(
    imported: str, exporter: Exporter, provider: str
) -> None:
    """One call in a new process, and the exporter has one request of that service, priced."""
    first = CODE[0]
    (replaced,) = [line for line in first.splitlines() if line in IMPORTS]
    service = imported.split()[1]
    environment = {
        **os.environ,
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": exporter.otlp_grpc,
        "TRACELOOP_TRACE_CONTENT": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", first.replace(replaced, imported) + CALL, provider],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    with urllib.request.urlopen(f"{exporter.metrics}/metrics", timeout=10) as response:  # noqa: S310 - loopback
        text = response.read().decode()
    samples = [s for f in text_string_to_metric_families(text) for s in f.samples if s.value]
    mine = {s.name: s for s in samples if s.labels.get("service_name") == service}
    assert mine["llm_requests_total"].value == 1
    assert mine["llm_requests_total"].labels["provider"] == "openai"
    assert mine["llm_cost_usd_total"].value > 0


def test_all_three_packages_are_tried() -> None:
    """The README shows the import of each of the Python instrumentations that it names."""
    assert len(IMPORTS) == 3
