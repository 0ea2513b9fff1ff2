"""`llm-exporter explain` on log records: files of OTLP logs in every form, and lines as an application wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.building import a_call, a_request
from llm_exporter.commands import explain
from logs.building import LINE, a_record, logs
from logs.test_log_translation import ANSWER, CLAUDE, claude

RECORDS = (
    claude("api_request", **ANSWER),
    a_record("GET / 200"),
    claude("tool_result", tool_name="Bash", success="true", duration_ms=5),
)
OUTCOMES = [("claude_code.api_request", "call"), ("", "ignored"), ("claude_code.tool_result", "tool")]


def explained(
    path: Path, capsys: pytest.CaptureFixture[str], config: str | None = None
) -> list[dict[str, Any]]:
    """Return what is said of each span or record of a file."""
    assert explain.run(str(path), config, as_json=True) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def written(path: Path, content: bytes | str) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def as_json() -> dict[str, Any]:
    """Return the records as OTLP/JSON."""
    records = []
    for record in RECORDS:
        attributes = []
        for attribute in record.attributes:
            kind = attribute.value.WhichOneof("value")
            value = getattr(attribute.value, kind)
            spelt = {"int_value": "intValue", "string_value": "stringValue"}[kind]
            attributes.append({"key": attribute.key, "value": {spelt: str(value)}})
        body = {"stringValue": record.body.string_value}
        records.append({"timeUnixNano": str(record.time_unix_nano), "body": body, "attributes": attributes})
    scope_logs = [{"scope": {"name": CLAUDE}, "logRecords": records}]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": scope_logs}]}


@pytest.mark.parametrize("form", ["object", "pretty", "original names", "protobuf", "behind lengths"])
def test_a_file_of_logs_may_have_many_forms(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As for traces: JSON in one object or over many lines, protobuf alone or behind lengths."""
    binary = logs(*RECORDS, scope=CLAUDE).SerializeToString()
    text = json.dumps(as_json())
    content = {
        "object": text,
        "pretty": json.dumps(as_json(), indent=2),
        "original names": text.replace("resourceLogs", "resource_logs").replace("scopeLogs", "scope_logs"),
        "protobuf": binary,
        "behind lengths": len(binary).to_bytes(4) + binary,
    }[form]
    found = explained(written(tmp_path / "file", content), capsys)
    assert [(item["name"], item["outcome"]) for item in found] == OUTCOMES


def test_lines_of_an_application_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line, as it stands in the log file; what is no call says why."""
    lines = [json.dumps(LINE), "", json.dumps({"level": "info", "message": "started"})]
    call, other = explained(written(tmp_path / "app.log", "\n".join(lines)), capsys)
    assert (call["outcome"], call["dialect"]) == ("call", "structured_line")
    assert call["numbers"]["cost"] == "0.043 USD, reported"
    assert call["numbers"]["duration"] == "1.834 s"
    assert other["outcome"] == "ignored"
    assert "no model" in other["why"]


def test_the_configuration_holds_for_what_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its names of keys are used, and `logs.enabled`."""
    path = written(tmp_path / "app.log", json.dumps({"llm": "gpt-4o", "n": 3}))
    keys = written(tmp_path / "keys.yaml", "logs: {structured: {keys: {model: [llm], input_tokens: [n]}}}")
    (found,) = explained(path, capsys, str(keys))
    assert found["words"]["model"] == "gpt-4o"
    off = written(tmp_path / "off.yaml", "logs: {enabled: false}")
    (found,) = explained(path, capsys, str(off))
    assert (found["outcome"], found["why"]) == ("ignored", "logs.enabled is false")


def test_a_file_may_have_traces_and_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Collector may write both into one file; the last line says how many of each outcome."""
    trace = a_request(a_call()).SerializeToString()
    record = logs(*RECORDS, scope=CLAUDE).SerializeToString()
    path = written(tmp_path / "both", b"".join(len(of).to_bytes(4) + of for of in (trace, record)))
    assert explain.run(str(path), None, as_json=False) == 0
    assert "4 spans and log records: 2 call, 1 ignored, 1 tool" in capsys.readouterr().out


def test_a_record_that_is_none_is_invalid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its bytes are told to be broken, and the others are explained."""
    request = logs(RECORDS[0], scope=CLAUDE)
    broken = b"\x32\x05\x0a\x03\xff\xfe\xfdclaude_code."
    size = len(broken)
    request_bytes = request.SerializeToString()
    request_bytes += (
        b"\x0a" + bytes([size + 4]) + b"\x12" + bytes([size + 2]) + b"\x12" + bytes([size]) + broken
    )
    found = explained(written(tmp_path / "file", request_bytes), capsys)
    assert [item["outcome"] for item in found] == ["call", "invalid"]


def test_nothing_of_a_prompt_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither what was asked, nor an error's text, nor a tool's arguments."""
    secret = {"error": "confidential", "prompt": "confidential", "tool_input": "confidential"}
    records = [claude("api_error", model="claude-opus-4-6", **secret), a_record({**LINE, **secret})]
    path = written(tmp_path / "file", logs(*records, scope=CLAUDE).SerializeToString())
    for form in (True, False):
        assert explain.run(str(path), None, as_json=form) == 0
        assert "confidential" not in capsys.readouterr().out
