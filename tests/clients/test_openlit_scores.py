"""Scores of OpenLIT's own SDK, which sends each of them twice, are read as what they are, once."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from clients.running import APPLICATION_SECONDS, HERE, MADE, NO_CALLS_HOME, is_made
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.records import of_record
from llm_exporter.evaluations.spans import RESULT_EVENT, of_span
from llm_exporter.otlp import log_records
from llm_exporter.otlp.schema import opened, parse_span

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients


def test_the_scores_of_openlits_sdk_are_read(tmp_path: Path) -> None:
    """As span events and as log records, with one key for both."""
    if not is_made("openlit"):
        message = f"environment openlit is not in {MADE.name}: run scripts/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    done = subprocess.run(
        [MADE / "openlit/bin/python", HERE / "applications/openlit_scores.py"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **NO_CALLS_HOME},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=APPLICATION_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    (span,) = _items(tmp_path / "traces.pb")
    assert RESULT_EVENT in span
    in_span = of_span(parse_span(span))
    in_logs = [of_record(log_records.opened(raw), raw) for raw in _items(tmp_path / "logs.pb")]
    assert in_span == in_logs
    ids = {"trace_id": parse_span(span).trace_id, "span_id": parse_span(span).span_id}
    assert [result._replace(key=b"") for result in in_span] == [
        Evaluation("user_feedback", 1.0, "true", **ids),
        Evaluation("helpful", 0.5, **ids),
        Evaluation("tone", None, "warm", **ids),
    ]


def _items(file: Path) -> list[bytes]:
    return [raw for _, scopes in opened(file.read_bytes()) for scope in scopes for raw in scope.items]
