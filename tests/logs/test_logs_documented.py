"""docs/logs.md: what it says of the configuration and of the writers is so."""

import json
import re
from pathlib import Path

import pytest

from llm_exporter import dialects
from llm_exporter.otlp import log_records
from llm_exporter.settings import load
from logs.building import LINE, Logged, a_record

PAGE = (Path(__file__).parents[2] / "docs/logs.md").read_text()


def test_the_configuration_that_it_shows_is_accepted(tmp_path: Path) -> None:
    """The table of keys, and the correction for lines that count as Anthropic does."""
    (shown,) = (block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "structured" in block)
    (correction,) = re.findall(r"`dialects\.input_includes_cache` to `(\[.*?\])`", PAGE)
    file = tmp_path / "config.yaml"
    file.write_text(f"{shown}\ndialects: {{input_includes_cache: {correction}}}\n")
    settings = load(str(file), {}, {})
    assert settings.logs.structured.keys["model"] == ("llm.name",)
    logged = Logged({"logs": settings.logs, "dialects": settings.dialects})
    try:
        line = {
            "llm": {"name": "claude-sonnet-4-5"},
            "input_tokens": 5000,
            "cache_read_tokens": 20,
            "took": 1,
        }
        logged.log(a_record(json.dumps(line)))
        assert logged.tokens() == {"input": 5000, "input_cache_read": 20}
    finally:
        logged.close()


def test_the_line_that_it_shows_is_the_one_that_is_tested() -> None:
    """Without what is not counted yet."""
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert {**json.loads(shown), "quality_score": 0.87, "semantic_hash": "e7f2a1..."} == LINE


def test_the_bounds_are_those_of_the_code() -> None:
    """Size and keys of a body."""
    assert f"over {log_records.MAX_BODY >> 10} KiB or with more than {log_records.MAX_KEYS} keys" in PAGE


@pytest.mark.parametrize("name", ["claude_code_events", "codex_events", "gemini_cli_events"])
def test_every_event_of_a_call_is_named(name: str) -> None:
    """The table has the events that count as calls, without the writer's name before them."""
    for event, operation in dialects.all_dialects()[name].operations.items():
        if operation == "chat" and not event.startswith("codex.websocket_event"):
            for word in re.sub(r"^\w+\.", "", event).split():
                assert word.startswith("/") or word == "unknown" or word in PAGE, event
