"""Every case under tests/dialects: a span in real bytes, how it is read, and what the metrics say then."""

import json
import re
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.building import REGENERATE, Exporter, a_request, a_span
from llm_exporter import dialects
from llm_exporter.otlp.values import as_text
from llm_exporter.vocabulary import Vocabulary

HERE = Path(__file__).parent
CASES = sorted(path.relative_to(HERE).with_suffix("").as_posix() for path in HERE.glob("*/*.json"))


@cache
def case(name: str) -> dict[str, Any]:
    """Return a case: scope and its version, resource, span, expected, and the source that it was taken from."""
    loaded: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return loaded


def encoded(name: str) -> bytes:
    """Return the case's span as the bytes of a request."""
    said = case(name)
    request = a_request(a_span(**said["span"]), scope=said.get("scope", ""), resource=said.get("resource"))
    request.resource_spans[0].scope_spans[0].scope.version = said.get("version", "")
    return request.SerializeToString()


def reading(name: str) -> dict[str, Any]:
    """Return what explain says of a case and which samples it makes, in the form of its `expected`."""
    exporter = Exporter()
    (described,) = exporter.engine.describe(encoded(name))
    exporter.send_request(encoded(name))
    (outcome,) = exporter.outcomes()
    assert outcome == described.outcome
    shown = asdict(described)
    found = {key: shown[key] for key in ("outcome", "dialect", "why", "words", "numbers", "notes")}
    found["notes"] = list(described.notes)
    found["labels"] = {label: sorted(values) for label, values in sorted(exporter.open_labels().items())}
    found["counted"] = exporter.counted()
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_read_and_counted_as_expected(name: str) -> None:
    """Dialect, words, numbers, labels and every sample are those that the case's file says.

    `REGENERATE=1 pytest tests/dialects` writes `expected` anew; review the diff.
    """
    found = reading(name)
    if REGENERATE:
        written = json.dumps({**case(name), "expected": found}, indent=1, ensure_ascii=False)
        (HERE / f"{name}.json").write_text(written + "\n")
        case.cache_clear()
    assert found == case(name)["expected"]


@pytest.mark.parametrize("name", CASES)
def test_one_dialect_claims_a_case(name: str) -> None:
    """The surest claim is that of the dialect whose directory holds the case, and no other is as sure."""
    said = case(name)
    attributes = said["span"]["attributes"]

    def word(key: str) -> str:
        return as_text(attributes[key]).lower()

    claims = dialects.claims(said.get("scope", ""), tuple(attributes), word)
    claimed = dialects.claim(said.get("scope", ""), tuple(attributes), said=word)
    if "dialect" not in said["expected"]:
        assert claimed is None
        return
    assert claimed is not None
    assert claimed.name == name.partition("/")[0] == said["expected"]["dialect"]
    surest = claims[0][0] if claims else 0
    assert [dialect.name for evidence, dialect in claims if evidence == surest] in ([claimed.name], [])


@pytest.mark.parametrize("name", CASES)
def test_a_span_of_a_dialect_is_read(name: str) -> None:
    """What a dialect claims is never skipped for want of a mark."""
    said = case(name)
    if "dialect" in said["expected"]:
        marks = Vocabulary().marks_for(said.get("scope", ""))
        assert not marks or any(mark in encoded(name) for mark in marks)


@pytest.mark.parametrize("dialect", dialects.all_dialects())
def test_a_dialect_has_cases(dialect: str) -> None:
    """A dialect without a case is not known to work: add a file `tests/dialects/<dialect>/<what>.json`.

    One of log records has its cases in `tests/logs/cases`.
    """
    of_logs = list((HERE.parent / "logs/cases" / dialect).glob("*.json"))
    assert of_logs or [name for name in CASES if name.startswith(f"{dialect}/")]


def test_a_case_that_only_repeats_counts_no_tokens() -> None:
    """Where the source says that a span repeats what others carry, no token of it is counted."""
    repeating = [name for name in CASES if case(name).get("count_usage") is False]
    assert len(repeating) >= 5
    for name in repeating:
        counted = " ".join(case(name)["expected"].get("counted", {}))
        assert not re.search("llm_(tokens|cost|requests)", counted), name
