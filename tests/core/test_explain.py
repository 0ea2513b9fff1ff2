"""`llm-exporter explain`: what it says is what is counted, on recorded spans, on random ones, on broken files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.building import Exporter, a_call, a_request, a_span, compare_with_file
from core.test_differential import REQUESTS, single_spans, thorough
from llm_exporter.commands import explain
from llm_exporter.otlp.json import traces_to_protobuf

ROOT = Path(__file__).parents[2]
RECORDED = sorted(path.stem for path in (ROOT / "tests/demo/data").glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_spans_are_explained_as_before(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What real instrumentations wrote is explained word for word as in tests/golden/explain (REGENERATE=1)."""
    assert explain.run(str(ROOT / f"tests/demo/data/{name}.json"), None, as_json=True) == 0
    found = capsys.readouterr().out
    # A cost may change with the price table; the other figures come from the file alone.
    spans = [json.loads(line) for line in found.splitlines()]
    lines = [json.dumps({k: v for k, v in span.items() if not k.endswith("_id")}) for span in spans]
    compare_with_file(ROOT / f"tests/golden/explain/{name}.jsonl", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_spans_are_all_understood(name: str) -> None:
    """Of the demo's spans every one that is about an LLM is known, and every call has its tokens and price."""
    exporter = Exporter()
    exporter.send_request(traces_to_protobuf((ROOT / f"tests/demo/data/{name}.json").read_bytes()).request)
    assert exporter.outcomes().keys() <= {"call", "tool", "agent", "retrieval", "structure", "not_llm"}
    assert exporter.outcomes()["call"] >= 5
    assert exporter.value("llm_unpriced_requests_total", reason="unknown_model") == 0
    assert exporter.value("llm_cost_usd_total") > 0


@given(REQUESTS)
@thorough
def test_what_is_explained_is_what_is_counted(request: ExportTraceServiceRequest) -> None:
    """Span by span: the outcome, and the metrics named, are those that change."""
    for encoded in single_spans(request):
        exporter = Exporter()
        (described,) = exporter.engine.describe(encoded)
        exporter.send_request(encoded)
        assert exporter.outcomes() == {described.outcome: 1}
        changed = {re.sub("(_count|_sum)?({.*)?$", "", series) for series in exporter.counted()}
        assert set(described.counted) == changed
        shown = {kind.replace(" ", "_"): float(n) for kind, n in described.numbers.items() if n.isdigit()}
        shown.pop("documents", None)
        assert {kind: n for kind, n in shown.items() if n} == exporter.tokens()


def in_every_form(tmp_path: Path) -> dict[str, Path]:
    """Write one request in each form that a file may have."""
    request = a_request(a_call(name="one"), a_span({"http.route": "/"}, name="two"))
    binary = request.SerializeToString()
    attributes = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
    spans = [{"name": "one", "attributes": attributes}, {"name": "two"}]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    forms = {
        "object": json.dumps(body).encode(),
        "pretty": json.dumps(body, indent=2).encode(),
        "with BOM": b"\xef\xbb\xbf" + json.dumps(body).encode(),
        "blank lines": b"\n\n" + json.dumps(body).encode() + b"\n\n",
        "protobuf": binary,
        "behind lengths": len(binary).to_bytes(4) + binary,
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in forms}


FORMS = ["object", "pretty", "with BOM", "blank lines", "protobuf", "behind lengths"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_may_have_many_forms(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON in one object or many lines, protobuf alone or behind lengths: the same spans."""
    assert explain.run(str(in_every_form(tmp_path)[form]), None, as_json=True) == 0
    spans = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(span["name"], span["outcome"]) for span in spans] == [("one", "call"), ("two", "not_llm")]


def test_many_requests_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of lines, or of lengths, holds as many requests as it has."""
    forms = in_every_form(tmp_path)
    for form in ("object", "behind lengths"):
        separator = b"\n" if form == "object" else b""
        forms[form].write_bytes(separator.join([forms[form].read_bytes()] * 3))
        assert explain.run(str(forms[form]), None, as_json=False) == 0
        # Those of the object have no ids; the same ids again are the same spans.
        wanted = "3 call, 3 not_llm" if form == "object" else "3 not_llm, 2 duplicate, 1 call"
        assert f"6 spans: {wanted}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"{", "line 1"),
        (b"{}\n{nonsense}\n", "line 2"),
        (b"just text", "neither OTLP JSON nor a protobuf"),
        (b"\x00\x00\x00\x09abc", "a message of 9 bytes is announced, 3 follow"),
    ],
)
def test_what_is_not_otlp_is_told(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of something else ends with code 1 and one line that says what is wrong, without its content."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert explain.run(str(path), None, as_json=False) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "nonsense" not in told


def test_a_large_pretty_file_takes_no_longer_than_its_size(tmp_path: Path) -> None:
    """Two hundred thousand lines of one object are read once, not once per line."""
    span = {"attributes": [{"key": "k", "value": {"stringValue": "v"}}]}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span] * 20_000}]}]}
    path = tmp_path / "pretty.json"
    path.write_text(json.dumps(body, indent=1))
    done = subprocess.run(
        [sys.executable, "-m", "llm_exporter", "explain", path],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "20000 spans: 20000 not_llm" in done.stdout


def test_nothing_of_a_prompt_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither prompt nor answer, error message or argument stands in the output."""
    secret = {"gen_ai.input.messages": "confidential", "gen_ai.tool.call.arguments": "confidential"}
    request = a_request(a_call(secret, status="ERROR", message="confidential"))
    (tmp_path / "file").write_bytes(request.SerializeToString())
    for as_json in (True, False):
        assert explain.run(str(tmp_path / "file"), None, as_json=as_json) == 0
        assert "confidential" not in capsys.readouterr().out


def test_what_the_rest_of_a_trace_makes_of_a_span_is_explained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Over all requests of a file: which span of a call counts, and what comes from the spans above."""
    trace = b"one-trace-of-two"
    root = a_span({"app.feature": "answers"}, trace_id=trace, span_id=b"root....")
    outer = a_call(name="outer", trace_id=trace, span_id=b"outer...", parent=b"root....")
    inner = a_call(name="inner", trace_id=trace, span_id=b"inner...", parent=b"outer...")
    file = tmp_path / "spans.pb"
    requests = [a_request(span).SerializeToString() for span in (inner, outer, root)]
    file.write_bytes(b"".join(len(request).to_bytes(4) + request for request in requests))
    assert explain.run(str(file), None, as_json=True) == 0
    found = {item["name"]: item for item in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [found[name]["outcome"] for name in ("outer", "inner")] == ["repeated", "call"]
    assert found["inner"]["words"]["feature"] == "answers"
    assert f"tells of the same as span {b'inner...'.hex()}, which counts" in found["outer"]["notes"]
    assert "feature from the spans above" in found["inner"]["notes"]
