"""The text that Prometheus reads: formats, negotiation, the contract of names, agreement with the counts."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.utils import floatToGoString

from core.building import SECOND, Exporter, a_call, a_span, compare_with_file
from llm_exporter import catalogue as c
from llm_exporter.commands import catalogue as catalogue_command
from llm_exporter.exposition import negotiate, render
from llm_exporter.store import Store

ROOT = Path(__file__).parents[2]
OPENMETRICS = "application/openmetrics-text"
PROMETHEUS_2 = (
    f"{OPENMETRICS};version=1.0.0,{OPENMETRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8;q=0.5,{OPENMETRICS};version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


def busy() -> Exporter:
    """Return an exporter that has counted spans of every kind."""
    exporter = Exporter()
    more = {
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "gen_ai.response.time_to_first_chunk": 0.3,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.prompt.name": "greet",
        "app.customer": "acme",
    }
    documents = '[{"score":0.5},{"score":-0.25}]'
    exporter.send(
        a_call(),
        a_call(more, seconds=7),
        a_call({"error.type": "timeout"}, status="ERROR", seconds=1000),
        a_call({"gen_ai.request.model": "nobody-knows"}),
        a_span({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}, seconds=0.25),
        a_span({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}, status="ERROR"),
        a_span({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}),
        a_span({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents}),
        a_span({"gen_ai.operation.name": "guardrail", "gen_ai.guardrail.triggered": True}),
        a_span({"http.route": "/"}),
        resource={"service.name": "shop", "deployment.environment.name": "prod"},
    )
    return exporter


def numbers(families: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample of parsed families, but those of the exporter's own speed."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not family.name.startswith(("llm_exporter_scrape", "llm_exporter_batch"))
    }


def held(store: Store) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what the store's accumulators say, in exposed units, read without any rendering."""
    found = {}
    for metric in store.metrics:
        scale = 1 if isinstance(metric, c.Gauge) else metric.unit.scale
        for cell in store.groups[metric.name].cells.values():
            for instrument in store.groups[metric.name].by_metric[metric.name]:
                names = [label.name for label in (*metric.open_labels, *metric.closed_labels)]
                labels = dict(zip(names, (*cell.labels, *instrument.closed), strict=True))
                total = cell.values[instrument.index] / scale
                if not isinstance(metric, c.Histogram):
                    found[metric.name, frozenset(labels.items())] = total
                    continue
                below = 0
                for place, bound in enumerate([*instrument.bounds, math.inf], instrument.offset):
                    below += cell.counts[place]
                    le = floatToGoString(bound / scale)
                    found[f"{metric.name}_bucket", frozenset({**labels, "le": le}.items())] = below
                found[f"{metric.name}_count", frozenset(labels.items())] = below
                found[f"{metric.name}_sum", frozenset(labels.items())] = total
    return found


def test_both_parsers_read_back_what_is_held() -> None:
    """Every sample of both formats is a number of the store, to the last digit; only zeros may be missing."""
    exporter = busy()
    exporter.scrape()  # the first scrape adds label sets that only the next one counts
    text = numbers(parse_text(exporter.scrape()))
    openmetrics = numbers(parse_openmetrics(exporter.scrape("openmetrics")))
    assert text == openmetrics
    kept = held(exporter.engine.store)
    assert {series: kept[series] for series in text} == text
    own = ("llm_exporter_scrape", "llm_exporter_batch")
    missing = {
        series for series, value in kept.items() if value and not series[0].startswith(own)
    } - text.keys()
    assert not missing


def test_each_sample_stands_once_and_in_its_family() -> None:
    """No series is written twice, and a family's samples stand together under their one TYPE line."""
    for form in ("text", "openmetrics"):
        lines = busy().scrape(form).splitlines()
        series = [line.split(" # ")[0].rpartition(" ")[0] for line in lines if not line.startswith("#")]
        assert len(series) == len(set(series))
        types = [line for line in lines if line.startswith("# TYPE")]
        assert len(types) == len(set(types)) > 30


def test_openmetrics_ends_with_eof() -> None:
    """OpenMetrics ends with EOF so that a cut answer is noticed; the text format has none."""
    exporter = busy()
    assert exporter.scrape("openmetrics").endswith("\n# EOF\n")
    assert "EOF" not in exporter.scrape("text")


def test_exemplars_stand_in_openmetrics_only() -> None:
    """An exemplar names the trace and span of the last observation in its bucket, with its value and time."""
    exporter = Exporter()
    exporter.send(a_call(trace_id=b"a" * 16, span_id=b"b" * 8, seconds=1.25))
    assert " # {" not in exporter.scrape("text")
    (line,) = re.findall(r'llm_request_duration_seconds_bucket.*le="1.5".*', exporter.scrape("openmetrics"))
    exemplar = re.search(r' # \{trace_id="(\w+)",span_id="(\w+)"\} (\S+) (\S+)$', line)
    assert exemplar is not None
    assert exemplar.groups()[:3] == ("61" * 16, "62" * 8, "1.25")
    assert re.fullmatch(r"\d{10}(\.\d{1,3})?", exemplar[4])


def test_exemplars_can_be_switched_off() -> None:
    """With exposition.exemplars off no trace id is shown or kept."""
    exporter = Exporter({"exposition.exemplars": False})
    exporter.send(a_call())
    assert "trace_id" not in exporter.scrape("openmetrics")
    assert exporter.value("llm_requests_total") == 1


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text"),
        ("*/*", "text"),
        ("text/plain", "text"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text"),
        (OPENMETRICS, "openmetrics"),
        (OPENMETRICS.upper(), "openmetrics"),
        (f"{OPENMETRICS}; version=1.0.0; charset=utf-8", "openmetrics"),
        (f"{OPENMETRICS};version=0.0.1", "openmetrics"),
        (f"{OPENMETRICS};version=2.0.0", "text"),
        (f"{OPENMETRICS};q=0", "text"),
        (f"{OPENMETRICS};q=0.5,text/plain", "text"),
        (f"{OPENMETRICS};q=0.5,text/plain;q=0.5", "openmetrics"),
        (f"{OPENMETRICS};q=nonsense,text/plain;q=0.1", "text"),
        (PROMETHEUS_2, "openmetrics"),
        (PROMETHEUS_3, "openmetrics"),
        (f"{PROTOBUF},{PROMETHEUS_2}", "openmetrics"),
        ("," * 10_000, "text"),
        (";;;q=", "text"),
    ],
)
def test_the_format_is_negotiated(accept: str, form: str) -> None:
    """OpenMetrics where it is asked for at least as much as text; text for everyone else."""
    assert negotiate(accept) == form


def contract() -> str:
    """Return every metric as exposed, without values: name, type, unit, labels, help."""
    store = Store(first_sample_hold_seconds=0)
    for metric in c.METRICS:
        cell = store.cell(metric, tuple("x" for _ in metric.open_labels))
        for instrument in store.groups[metric.name].by_metric[metric.name]:
            cell.want(instrument)
    lines = []
    for family in parse_openmetrics(b"".join(render(store, "openmetrics", 0)).decode()):
        labels = [label for label in family.samples[0].labels if label != "le"]
        name = f"{family.name}_total" if family.type == "counter" else family.name
        unit = f" [{family.unit}]" if family.unit else ""
        lines.append(f"{name} {family.type}{unit} {{{', '.join(labels)}}} {family.documentation}\n")
    return "".join(lines)


def test_the_contract_of_names_is_kept() -> None:
    """Names, types, units, labels and their order are what dashboards and rules build on.

    A change is a break for users: REGENERATE=1 writes tests/golden/contract.txt, the changelog says why.
    """
    compare_with_file(ROOT / "tests/golden/contract.txt", contract())


def test_the_documentation_of_the_metrics_is_the_catalogue() -> None:
    """docs/metrics.md is written by `llm-exporter catalogue > docs/metrics.md` (or REGENERATE=1)."""
    compare_with_file(ROOT / "docs/metrics.md", catalogue_command.render())


def test_durations_are_exact() -> None:
    """Sums of nanoseconds do not drift: a thousand times 0.1 s is 100 s to the last digit."""
    exporter = Exporter()
    exporter.send(*[a_call(seconds=0.1) for _ in range(1000)])
    assert exporter.value("llm_request_duration_seconds_sum") == 100.0
    assert exporter.value("llm_request_duration_seconds_bucket", le="0.1") == 1000


def test_a_value_on_a_bound_is_in_its_bucket() -> None:
    """Buckets are upper bounds, inclusive: 1 s is in le="1.0", a nanosecond more is not."""
    exporter = Exporter()
    spans = a_call(seconds=1), a_call(seconds=1 + 1 / SECOND)
    exporter.send(*spans)
    assert exporter.value("llm_request_duration_seconds_bucket", le="1.0") == 1
    assert exporter.value("llm_request_duration_seconds_bucket", le="1.5") == 2
