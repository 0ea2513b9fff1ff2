"""Real Prometheus servers, the oldest supported and the newest, scrape a real exporter."""

import re
import secrets
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.building import Exporter, a_call, a_request, a_span
from core.processes import Prometheus, Served, eventually, scraping, server_program
from core.test_exposition import busy

pytestmark = pytest.mark.prometheus
SERVERS = ["prometheus-2", "prometheus-3"]


@pytest.fixture(scope="module", params=SERVERS)
def prometheus(
    request: pytest.FixtureRequest, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Return a Prometheus server that scrapes the exporter."""
    program = server_program(request.param, "prometheus")
    if not program.exists():
        pytest.skip(f"scripts/servers {request.param} unpacks it")
    with scraping(program, tmp_path_factory.mktemp(request.param), served.metrics) as running:
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """Return a service name that only this test uses."""
    return re.sub(r"\W+", "-", request.node.name)


def test_prometheus_shows_exactly_what_was_counted(
    served: Served, prometheus: Prometheus, service: str
) -> None:
    """Every counter and bucket arrives under its name with its value, and each was 0 in a scrape before."""
    calls = [a_call({"gen_ai.request.model": f"model-{i % 3}"}, seconds=i / 10) for i in range(30)]
    tool = a_span({"gen_ai.operation.name": "execute_tool"}, status="ERROR")
    served.send(a_request(*calls, tool, resource={"service.name": service}).SerializeToString())

    mine = f'{{__name__=~"llm_.+", service_name="{service}"}}'
    requests = f'sum(llm_requests_total{{service_name="{service}"}})'
    eventually(lambda: prometheus.query(requests) == {frozenset(): 30})
    shown = {
        frozenset((k, v) for k, v in {**sample.labels, "__name__": sample.name}.items() if v): sample.value
        for family in text_string_to_metric_families(served.scrape())
        for sample in family.samples
        if sample.labels.get("service_name") == service
    }
    assert len(shown) > 200
    assert prometheus.query(mine) == shown
    seen = prometheus.api("query", query=f"{mine}[10m]")["result"]
    assert len(seen) == len(shown)
    assert {float(one["values"][0][1]) for one in seen} == {0}


def test_prometheus_stores_the_exemplars(served: Served, prometheus: Prometheus, service: str) -> None:
    """A bucket's exemplar can be asked for, and names the trace that was sent."""
    trace_id = secrets.token_bytes(16)
    call = a_call(seconds=3.5, trace_id=trace_id, span_id=b"12345678")
    served.send(a_request(call, resource={"service.name": service}).SerializeToString())
    query = f'llm_request_duration_seconds_bucket{{service_name="{service}"}}'
    answer = eventually(lambda: prometheus.api("query_exemplars", query=query, start="0", end="9999999999"))
    found = [exemplar for series in answer for exemplar in series["exemplars"]]
    assert [(e["labels"], e["value"]) for e in found] == [
        ({"trace_id": trace_id.hex(), "span_id": b"12345678".hex()}, "3.5")
    ]


def test_the_target_is_healthy(prometheus: Prometheus) -> None:
    """Prometheus reports no scrape error, neither of time nor of format."""
    (target,) = eventually(
        lambda: [t for t in prometheus.api("targets")["activeTargets"] if t["health"] != "unknown"]
    )
    assert (target["health"], target["lastError"]) == ("up", "")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("content", ["empty", "busy"])
def test_promtool_finds_nothing(server: str, content: str) -> None:
    """`promtool check metrics` has no complaint about names, units, help or types."""
    promtool = server_program(server, "promtool")
    if not promtool.exists():
        pytest.skip(f"scripts/servers {server} unpacks it")
    exporter = busy() if content == "busy" else Exporter()
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=exporter.scrape(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
