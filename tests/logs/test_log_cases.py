"""Every case under tests/logs/cases: a log record in real bytes, what becomes of it, and what the metrics say then."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.building import REGENERATE
from llm_exporter import dialects
from llm_exporter.logs import KEYS, Translator
from logs.building import Logged, a_record, logs

HERE = Path(__file__).parent / "cases"
CASES = sorted(path.relative_to(HERE).with_suffix("").as_posix() for path in HERE.glob("*/*.json"))
OF_LOGS = ("claude_code_events", "codex_events", "gemini_cli_events", "structured_line")


@cache
def case(name: str) -> dict[str, Any]:
    """Return a case: scope, resource, log, expected, and the source that it was taken from."""
    loaded: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return loaded


def encoded(name: str) -> bytes:
    """Return the case's record as the bytes of a request; ids are written in hexadecimal."""
    said = case(name)
    log = dict(said["log"])
    for key in ("trace_id", "span_id"):
        log[key] = bytes.fromhex(log.get(key, ""))
    return logs(
        a_record(**log), scope=said.get("scope", ""), resource=said.get("resource")
    ).SerializeToString()


def reading(name: str, exporter: Logged) -> dict[str, Any]:
    """Return what becomes of a case and which samples it makes, in the form of its `expected`."""
    assert exporter.log_request(encoded(name)).rejected == 0
    translated = Translator(tuple(KEYS.items())).translate(encoded(name))
    (outcome,) = exporter.records()
    found: dict[str, Any] = {"record": outcome}
    if translated.read:
        (described,) = exporter.engine.describe(translated.request)
        shown = asdict(described)
        found |= {key: shown[key] for key in ("outcome", "dialect", "name", "words", "numbers")}
        found["notes"] = list(described.notes)
        request = ExportTraceServiceRequest.FromString(translated.request)
        if request.resource_spans[0].scope_spans[0].spans[0].parent_span_id:
            exporter.wait()
    found["labels"] = {label: sorted(values) for label, values in sorted(exporter.open_labels().items())}
    found["counted"] = exporter.counted()
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("name", CASES)
def test_a_record_is_read_and_counted_as_expected(name: str, logged: Logged) -> None:
    """Outcome, dialect, words, numbers, labels and every sample are those that the case's file says.

    `REGENERATE=1 pytest tests/logs` writes `expected` anew; review the diff.
    """
    found = reading(name, logged)
    if REGENERATE:
        written = json.dumps({**case(name), "expected": found}, indent=1, ensure_ascii=False)
        (HERE / f"{name}.json").write_text(written + "\n")
        case.cache_clear()
    assert found == case(name)["expected"]


@pytest.mark.parametrize("name", [name for name in CASES if "ignored" not in name])
def test_a_record_is_in_the_dialect_of_its_directory(name: str) -> None:
    """A case lies with its dialect; one that is ignored says so in its name."""
    assert case(name)["expected"]["dialect"] == name.partition("/")[0]


@pytest.mark.parametrize("name", [name for name in CASES if "ignored" in name])
def test_what_is_ignored_counts_nowhere(name: str) -> None:
    """Not one sample of an application comes of it."""
    assert case(name)["expected"] == {"record": "ignored"}


EVENTS = [event for name in OF_LOGS for event in dialects.all_dialects()[name].operations]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_a_case(event: str) -> None:
    """An event without a case is not known to work: add a file `tests/logs/cases/<dialect>/<what>.json`."""
    assert [name for name in CASES if case(name)["expected"].get("name") == event]
