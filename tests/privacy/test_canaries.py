"""No text, id or person that an application sends gets out of the exporter, wherever it stood and whatever fails."""

import json
from pathlib import Path

from core.processes import eventually, request, serving
from privacy.planted import Planted, records, scores, traces

FORMATS = (
    "text/plain",
    "application/openmetrics-text;version=1.0.0",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
)
SETTINGS = """
exposition: {first_sample_hold_seconds: 0, cache_seconds: 0}
tasks: {hold_seconds: 0, quiet_seconds: 0}
log: {level: debug, format: json}
"""


def test_no_canary_gets_out(tmp_path: Path) -> None:
    """Of 60 planted ones, none is in the metrics, the pages, the answers to bad requests or the log at debug level."""
    plant = Planted()
    config = tmp_path / "config.yaml"
    config.write_text(SETTINGS)
    shown: dict[str, bytes] = {}
    with serving(tmp_path, f"--config={config}") as served:
        for spans in traces(plant):
            served.send(spans.SerializeToString())
        body = records(plant).SerializeToString()
        status, _ = request(served.http, "/v1/logs", body, Content_Type="application/x-protobuf")
        assert status == 200
        for number, (path, score) in enumerate(scores(plant)):
            status, answer = request(served.http, path, score, Content_Type="application/json")
            if status == 200:
                # Langfuse's answer: the sender's own id, told to the sender.
                answer = answer.replace(str(json.loads(score)["id"]).encode(), b"")
            shown[f"answer to score {number}"] = answer
        for number, broken in enumerate(_broken(plant)):
            for path in ("/v1/traces", "/v1/logs"):
                status, answer = request(served.http, path, broken, Content_Type="application/json")
                assert status == 400
                shown[f"answer to {path} {number}"] = answer
        assert eventually(lambda: "llm_tasks_total" in served.scrape())
        for form in FORMATS:
            status, shown[f"/metrics as {form}"] = request(served.metrics, "/metrics", Accept=form)
            assert status == 200
        for page in ("/", "/debug/spans", "/-/healthy", "/-/ready", f"/{plant('path')}"):
            _, shown[page] = request(served.metrics, page)
        _, shown["reload"] = request(served.metrics, "/-/reload", b"")
    shown["log"] = (tmp_path / "log").read_bytes()
    assert len(plant.canaries) >= 60
    assert b"llm_requests_total" in shown["/metrics as text/plain"]
    found = {where: plant.found_in(what) for where, what in shown.items()}
    assert {where: what for where, what in found.items() if what} == {}


def _broken(plant: Planted) -> list[bytes]:
    """Return bodies that are no OTLP, each in another way."""
    return [
        f'{{"resourceSpans": [{{"{plant("key in broken JSON")}'.encode(),
        json.dumps(
            {"resourceSpans": plant("word for a list"), "resourceLogs": plant("word for a list")}
        ).encode(),
        json.dumps([plant("list for an object")]).encode(),
    ]
