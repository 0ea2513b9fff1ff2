"""llm-exporter collect: from files of OTLP or from what it receives, to lines of failed traces."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.building import START, a_request, key_values
from core.processes import START_SECONDS, eventually, request
from llm_exporter.__main__ import main
from llm_exporter.collect.failures import Failures
from llm_exporter.commands.collect import Options, without_signals
from llm_exporter.engine import Engine
from llm_exporter.settings import Settings
from traces.building import chat, named

CANARY = "zebra-quartz"
RESOURCE = {"service.name": "assistant"}
TEXTS = {
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": f"why {CANARY}?"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": f"because {CANARY}"}]}]
    ),
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": f"be kind, {CANARY}"}]),
}
PROMPT = {"gen_ai.prompt.name": "greet", "gen_ai.prompt.version": "7"}


def a_trace(number: int) -> list[Span]:
    """Return a call under a request that says its feature, after a retrieval."""
    trace = number.to_bytes(16)
    documents = json.dumps([{"id": "d1", "score": 0.9, "content": f"it is said that {CANARY}"}])
    return [
        named(
            "find",
            "root",
            {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents},
            trace=trace,
        ),
        chat("call", "root", attributes={**TEXTS, **PROMPT}, at=1, trace=trace),
        named("root", "", {"app.feature": "chat"}, seconds=3, trace=trace),
    ]


def traces(*numbers: int) -> bytes:
    """Return a request with such traces."""
    spans = [span for number in numbers for span in a_trace(number)]
    return a_request(*spans, resource=RESOURCE).SerializeToString()


def results(*given: tuple[int, Mapping[str, Any]]) -> bytes:
    """Return a request with events of evaluation results about the calls of such traces."""
    records = [
        LogRecord(
            event_name="gen_ai.evaluation.result",
            time_unix_nano=START,
            trace_id=number.to_bytes(16),
            span_id=b"call____",
            attributes=key_values(said),
        )
        for number, said in given
    ]
    of_resource = ResourceLogs(
        resource={"attributes": key_values(RESOURCE)}, scope_logs=[ScopeLogs(log_records=records)]
    )
    return ExportLogsServiceRequest(resource_logs=[of_resource]).SerializeToString()


def result(score: float, name: str = "faithfulness", label: str = "") -> dict[str, Any]:
    """Return the attributes of a result, which says itself whether it passed; with an empty label it does not."""
    said = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": score}
    return {**said, "gen_ai.evaluation.score.label": label} if label else said


FAILED = result(0.1, label="fail")


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def a_file(path: Path, *requests: bytes) -> str:
    """Write encoded requests as the Collector's file exporter does, and return the name."""
    path.write_bytes(b"".join(len(one).to_bytes(4) + one for one in requests))
    return str(path)


def test_failed_traces_of_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those with a failed result, under the labels of the call, wherever the result stands; nothing of their text."""
    spans = a_file(tmp_path / "spans", traces(1, 2, 3))
    scores = a_file(
        tmp_path / "scores",
        results((1, FAILED), (1, result(0.9, "answer_relevancy", "pass")), (2, result(0.9, label="pass"))),
    )
    output = tmp_path / "failed.jsonl"
    for files in ([spans, scores], [scores, spans]):
        output.unlink(missing_ok=True)
        assert main(["collect", *files, "--output", str(output)]) == 0
        (found,) = lines(output)
        assert found["trace_id"] == (1).to_bytes(16).hex()
        assert found["span_id"] == b"call____".hex()
        assert found["failed"] == ["faithfulness"]
        labels = ("service_name", "feature", "provider", "model", "prompt_name", "prompt_version")
        assert [found[name] for name in labels] == ["assistant", "chat", "openai", "gpt-4o", "greet", "7"]
        assert {one["evaluator"]: one["result"] for one in found["results"]} == {
            "faithfulness": "fail",
            "answer_relevancy": "pass",
        }
        assert CANARY not in output.read_text()
    said = capsys.readouterr()
    assert "collect: 3 results read, 1 failed traces written to" in said.err
    assert CANARY not in said.err + said.out


def test_texts_are_written_when_they_are_asked_for(tmp_path: Path) -> None:
    """Question, answer, instructions and what was retrieved."""
    file = a_file(tmp_path / "all", traces(1), results((1, FAILED)))
    output = tmp_path / "failed.jsonl"
    assert main(["collect", file, "--output", str(output), "--include-content"]) == 0
    (found,) = lines(output)
    assert found["question"] == f"why {CANARY}?"
    assert found["answer"] == f"because {CANARY}"
    assert found["system"] == f"be kind, {CANARY}"
    assert found["documents"] == [f"it is said that {CANARY}"]
    assert found["clipped"] is False


def test_json_files_are_read_as_well(tmp_path: Path) -> None:
    """The Collector's JSON lines, spans and events in one file."""
    path = tmp_path / "telemetry.jsonl"
    spans = a_request(*a_trace(1), resource=RESOURCE)
    events = ExportLogsServiceRequest.FromString(results((1, FAILED)))
    path.write_text("\n".join(otlp_json(MessageToJson(one, indent=None)) for one in (spans, events)) + "\n")
    output = tmp_path / "failed.jsonl"
    assert main(["collect", str(path), "--output", str(output)]) == 0
    assert [one["trace_id"] for one in lines(output)] == [(1).to_bytes(16).hex()]


def otlp_json(protobuf_json: str) -> str:
    """Return the JSON of protobuf with ids in hexadecimal, as OTLP has them."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: base64.b64decode(one).hex()
                if key in ("traceId", "spanId", "parentSpanId")
                else changed(one)
                for key, one in value.items()
            }
        return [changed(one) for one in value] if isinstance(value, list) else value

    return json.dumps(changed(json.loads(protobuf_json)))


def test_a_vote_against_an_answer_is_a_failure(tmp_path: Path) -> None:
    """Thumbs down are collected, thumbs up are not."""
    down = {**result(0, "user_feedback"), "gen_ai.evaluation.evaluator.type": "human"}
    up = {**result(1, "user_feedback"), "gen_ai.evaluation.evaluator.type": "human"}
    file = a_file(tmp_path / "all", traces(1, 2), results((1, down), (2, up)))
    output = tmp_path / "failed.jsonl"
    assert main(["collect", file, "--output", str(output)]) == 0
    (found,) = lines(output)
    assert found["trace_id"] == (1).to_bytes(16).hex()
    assert found["results"][0]["sentiment"] == "negative"


def test_a_scale_of_the_configuration_decides(tmp_path: Path) -> None:
    """What fails is what `evaluations.scales` says, with the exporter's own file."""
    config = tmp_path / "config.yaml"
    config.write_text("evaluations: {scales: {kindness: {low: 1, high: 5, better: up, pass_at: 4}}}\n")
    file = a_file(
        tmp_path / "all", traces(1, 2), results((1, result(3, "kindness")), (2, result(4, "kindness")))
    )
    output = tmp_path / "failed.jsonl"
    assert main(["collect", file, "--output", str(output), "--config", str(config)]) == 0
    (found,) = lines(output)
    assert (found["trace_id"], found["results"][0]["score"]) == ((1).to_bytes(16).hex(), 0.5)


def test_a_failure_whose_spans_were_not_seen_is_written(tmp_path: Path) -> None:
    """Its ids still lead to the trace."""
    file = a_file(tmp_path / "scores", results((1, FAILED)))
    output = tmp_path / "failed.jsonl"
    assert main(["collect", file, "--output", str(output), "--include-content"]) == 0
    (found,) = lines(output)
    assert (found["trace_id"], found["model"]) == ((1).to_bytes(16).hex(), "")


def test_a_result_told_twice_counts_once(tmp_path: Path) -> None:
    """Files of two exporters may hold the same event."""
    scores = a_file(tmp_path / "scores", results((1, FAILED)))
    output = tmp_path / "failed.jsonl"
    assert main(["collect", scores, scores, "--output", str(output)]) == 0
    (found,) = lines(output)
    assert len(found["results"]) == 1


def test_as_many_lines_as_were_asked_for(tmp_path: Path) -> None:
    """And to standard output where that is asked for."""
    given = [(number, FAILED) for number in range(1, 31)]
    file = a_file(tmp_path / "all", traces(*range(1, 31)), results(*given))
    done = subprocess.run(
        [sys.executable, "-m", "llm_exporter", "collect", file, "--output", "-", "--max", "7"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 7
    assert "7 failed traces written to -" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl", "--output", "x"], "missing.jsonl: [Errno 2]"),
        (["{file}", "--output", "no/such/directory"], "No such file or directory"),
        (["--output", "x", "--otlp-http-address", "nonsense"], "flag --otlp-http-address"),
        (["{file}", "--output", "x", "--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    """On standard error, with code 1."""
    monkeypatch.chdir(tmp_path)
    file = a_file(tmp_path / "all", results((1, FAILED)))
    assert main(["collect", *(one.replace("{file}", file) for one in arguments)]) == 1
    assert said in capsys.readouterr().err


def test_help_says_what_the_file_will_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """In capitals: nobody should have it by mistake."""
    with pytest.raises(SystemExit):
        main(["collect", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "ALSO WRITE QUESTIONS, ANSWERS, INSTRUCTIONS AND RETRIEVED DOCUMENTS." in said
    assert "THE FILE THEN HOLDS WHAT USERS WROTE." in said


@dataclass
class Running:
    """A running `llm-exporter collect`."""

    process: subprocess.Popen[str]
    http: str
    output: Path
    log: Path

    def post(self, path: str, body: bytes, media_type: str = "application/x-protobuf") -> int:
        """POST a body, and return the status."""
        return request(self.http, path, body, Content_Type=media_type)[0]

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_SECONDS)


@contextmanager
def collecting(directory: Path, *flags: str) -> Iterator[Running]:
    """Run `llm-exporter collect` on free ports."""
    output, log = directory / "failed.jsonl", directory / "log"
    addresses = [f"--otlp-{name}-address=127.0.0.1:0" for name in ("grpc", "http")]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_exporter", "collect", "--output", output, *addresses, *flags],
            stderr=stream,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("LLM_EXPORTER_")},
        )
    try:
        said = eventually(lambda: "listening" in log.read_text() and log.read_text())
        yield Running(process, said.split("otlp-http=")[1].split()[0], output, log)
    finally:
        process.kill()
        process.wait()


def test_what_is_received_is_collected(tmp_path: Path) -> None:
    """Spans, events and scores over HTTP; the line is there once the trace has settled."""
    with collecting(tmp_path, "--settle-seconds", "0") as running:
        assert running.post("/v1/traces", traces(1, 2)) == 200
        assert running.post("/v1/logs", results((1, FAILED))) == 200
        score = {"trace_id": (2).to_bytes(16).hex(), "name": "user_feedback", "value": 0}
        assert running.post("/v1/scores", json.dumps(score).encode(), "application/json") == 200
        eventually(lambda: running.output.exists() and len(lines(running.output)) == 2)
        assert running.stop() == 0
    found = {one["trace_id"]: one for one in lines(tmp_path / "failed.jsonl")}
    assert [found[number.to_bytes(16).hex()]["failed"] for number in (1, 2)] == [
        ["faithfulness"],
        ["user_feedback"],
    ]
    assert {one["prompt_name"] for one in found.values()} == {"greet"}
    assert CANARY not in (tmp_path / "failed.jsonl").read_text() + (tmp_path / "log").read_text()


def test_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    """On SIGTERM what still waits is written, with its labels and texts, and the code is 0."""
    with collecting(tmp_path, "--settle-seconds", "3600", "--include-content") as running:
        assert running.post("/v1/logs", results((1, FAILED))) == 200
        assert running.post("/v1/traces", traces(1)) == 200
        assert running.stop() == 0
        (found,) = lines(running.output)
        assert (found["feature"], found["answer"]) == ("chat", f"because {CANARY}")
        assert "1 failed traces written" in running.log.read_text()
        assert CANARY not in running.log.read_text()


def test_it_ends_when_it_has_enough(tmp_path: Path) -> None:
    """With code 0, by itself."""
    with collecting(tmp_path, "--settle-seconds", "0", "--max", "1") as running:
        assert running.post("/v1/logs", results((1, FAILED), (2, FAILED))) == 200
        assert running.post("/v1/traces", traces(1, 2)) == 200
        assert running.process.wait(timeout=START_SECONDS) == 0
        assert len(lines(running.output)) == 1


def test_nobody_listens_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is read then, for no purpose, whatever the exporter's configuration says."""
    heard: list[object] = []
    monkeypatch.setattr(Failures, "answered", lambda *told: heard.append(told))
    file = a_file(tmp_path / "all", traces(1), results((1, FAILED)))
    for flags, n in (([], 0), (["--include-content"], 1)):
        assert main(["collect", file, "--output", str(tmp_path / "failed.jsonl"), *flags]) == 0
        assert len(heard) == n
    found = without_signals(Settings())
    assert {name for name in dir(found.signals) if getattr(found.signals, name) is True} == set()
    assert Engine(found).pipeline.assembly.kept is None


def test_the_ports_are_not_those_of_the_exporter() -> None:
    """Both can run on one machine, and the judge beside them."""
    options, listen = Options(output="-"), Settings().listen
    taken = {str(listen.otlp_grpc_address), str(listen.otlp_http_address), str(listen.metrics_address)}
    assert not taken & {options.grpc_address, options.http_address}
