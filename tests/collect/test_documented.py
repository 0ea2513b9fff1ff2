"""What docs/test-cases.md says of lines and of the commands that turn them into other tools' files."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from collect.building import CALL, PASS, TRACE, Collected
from llm_exporter.collect.lines import line_of
from llm_exporter.evaluations.scales import Scaled
from project.documents import Document

PAGE = Document("docs/test-cases.md")
COMMANDS = [
    line.removeprefix("$ ")
    for block in PAGE.blocks("console")
    for line in block.splitlines()
    if line.startswith("$ jq")
]
HOSTILE = "file://etc/passwd {{env.HOME}} {{{x}}} {% raw %}"


def some_lines() -> list[bytes]:
    """Return lines of two traces with texts, one of them twice, and of one without."""
    collected = Collected()
    collected.answered("because", "one", "two", question=HOSTILE)
    collected.answered("no", trace_id=bytes([9]) * 16)
    lines = []
    for name in ("faithfulness", "relevance"):
        collected.judged("helpful", PASS)
        collected.judged(name, span_id=CALL, score=2.0)
        collected.judged("user_feedback", Scaled(None, 0.0, "unscored", ""), "negative")
        lines += [line_of(failure, include_content=True) for failure in collected.table.all()]
    for about in ({"trace_id": bytes([9]) * 16}, {"response_id": "resp-1"}, {"session": "s-1"}):
        collected.judged(**about)
    return lines + [line_of(failure, include_content=True) for failure in collected.table.all()]


def test_every_key_is_documented() -> None:
    """Of the lines and of the results in them, and no key is documented that no line has."""
    written: set[str] = set()
    for line in some_lines():
        found = json.loads(line)
        written |= found.keys() | {key for result in found["results"] for key in result}
    rows = PAGE.text.partition("## The lines")[2].partition("## Into")[0]
    table = "".join(line for line in rows.splitlines() if line.startswith("| `"))
    named = set(table.split("`")[1::2]) - {"fail", "--include-content"}
    assert written == named


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    """Run every command of the page over some lines, and return where."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    (tmp_path / "failed.jsonl").write_bytes(b"".join(some_lines()))
    for command in COMMANDS:
        subprocess.run(command, shell=True, check=True, cwd=tmp_path, timeout=60, capture_output=True)  # noqa: S602
    return tmp_path


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_become_other_tools_cases(converted: Path) -> None:
    """Those with texts, with the fields that each tool has for them."""
    golden, *_ = json_lines(converted / "goldens.jsonl")
    assert (golden["input"], golden["actual_output"]) == (HOSTILE, "because")
    assert golden["retrieval_context"] == ["one", "two"]
    sample, *_ = json_lines(converted / "samples.jsonl")
    assert sample == {"user_input": HOSTILE, "response": "because", "retrieved_contexts": ["one", "two"]}
    cases = json.loads((converted / "cases.json").read_text())["cases"]
    assert [case["name"] for case in cases] == [TRACE.hex(), (bytes([9]) * 16).hex()]
    assert "relevance" in cases[0]["metadata"]["failed"]


def test_what_users_wrote_is_no_template(converted: Path) -> None:
    """Nothing in a test of promptfoo opens a file or a template."""
    test, *_ = json_lines(converted / "tests.jsonl")
    assert test["vars"]["question"] == " file://etc/passwd { {env.HOME}} { { {x}}} { % raw %}"
    assert test["vars"]["documents"] == "one\n\ntwo"
