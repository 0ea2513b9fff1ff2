"""What was asked and answered is in no label, no log line and no `repr`."""

import logging
import re

import pytest

from llm_exporter.signals.answers import Switches
from llm_exporter.signals.language import LANGUAGES
from signals.test_answers import Listening

CANARIES = tuple(f"canary{number:02d}zebra" for number in range(30))
TEXTS = (
    "I'm sorry, but I can't help with {0}.",
    "I don't have access to {1}.",
    "Write to {2}@acme-shop.dev from 84.23.101.7 or {3}.",
    '{{"{4}": ',
    '```json\n{{"{5}": 1}}\n```',
    "{6} and {7} " * 60,
    "Das Paket {8} kommt am Freitag an, und Sie können {9} einen Monat lang zurückschicken.",
    "sk-{10}A1b2C3d4E5f6G7h8 \ud800 {11}",
    "",
)


def told_of_everything() -> Listening:
    """Return a listener that was told every text as question, answer and document, in every way of finishing."""
    told = Listening(Switches(samples_per_second=10_000))
    for finish in ("stop", "length", "content_filter", "tool_calls", "", CANARIES[20]):
        for text in TEXTS:
            said = text.format(*CANARIES)
            for wants_json in (True, False):
                told.tell(said, question=f"{CANARIES[12]} {said}", documents=[f"{said} {CANARIES[13]}"], finish=finish,
                          wants_json=wants_json)  # fmt: skip
    return told


def test_nothing_is_shown(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """None of the planted words is in the exposition, the log, the output or what a debugger shows of the listener."""
    with caplog.at_level(logging.DEBUG):
        told = told_of_everything()
    shown = told.text()
    assert "llm_answer_flags_total{" in shown
    assert "llm_guardrail_checks_total{" in shown
    held = {name: repr(value) for name, value in vars(told.listener).items()}
    output = capsys.readouterr()
    for canary in CANARIES:
        assert canary not in shown
        assert canary not in caplog.text
        assert canary not in output.out + output.err
        assert [name for name, value in held.items() if canary in value] == []


def test_labels_are_from_closed_lists() -> None:
    """What a text decides is always one of a few words."""
    shown = told_of_everything().text()
    values = dict.fromkeys(("language", "flag", "guardrail", "signal", "bucket"), frozenset[str]())
    for name, value in re.findall(r'(\w+)="([^"]*)"', shown):
        if name in values:
            values[name] |= {value}
    assert values["language"] <= set(LANGUAGES)
    assert all(re.fullmatch(r"[a-z_]{2,15}", value) for value in values["flag"] | values["guardrail"])
