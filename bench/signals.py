"""What the signals that need no model cost: each detector for a text, each signal for a call, and all together."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.calls import Callers
from bench.corpus import N_SERVICES
from bench.process import pinned
from bench.report import Check, Table
from llm_exporter.content import Content
from llm_exporter.record import Kind, Record
from llm_exporter.signals import pii
from llm_exporter.signals.answers import Answers, Switches
from llm_exporter.signals.language import language
from llm_exporter.signals.overlap import overlap
from llm_exporter.signals.refusal import refusal
from llm_exporter.signals.repetition import repeats
from llm_exporter.signals.structured import structure
from llm_exporter.signals.vector import vector
from llm_exporter.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.report import Value

CALLS_PER_SECOND: Final = 2000
"""Of all services together; a service with fewer has a larger share of its calls looked at closely."""
TARGET_US: Final = 30.0
ALL: Final = "all"
_OFF: Final = Switches(*(False,) * 8)
_EVERY: Final = 1e6
"""So many samples a second that every call is one."""

_SUBJECTS: Final = (
    "The parcel",
    "Your order",
    "The invoice",
    "This plan",
    "The second meter",
    "Our warehouse",
    "A refund",
    "The warranty",
    "Your subscription",
    "The technician",
    "The replacement part",
    "The old adapter",
)
_VERBS: Final = (
    "arrives at the depot",
    "is not covered by the contract",
    "can be changed in the settings",
    "was booked twice",
    "has to be confirmed by e-mail",
    "will be sent again",
    "depends on the country",
    "comes with a manual",
    "must be returned in its box",
    "does not fit the new model",
    "is paid back to your card",
)
_REASONS: Final = (
    "because the first one was damaged",
    "if you order before noon",
    "since the 14th of March 2026",
    "as soon as we have the serial number",
    "which takes 3.5 days on average",
    "so that you don't pay twice",
    "unless the label is missing",
    "while the offer of 49.90 EUR lasts",
    "and I have written it down for you",
    "although the limit of 2,000 items is reached",
)
_OPENINGS: Final = (
    "Thank you for asking. ",
    "Sure! ",
    "Here is what I found:\n\n",
    "",
    "",
    "",
    "You can do it like this:\n\n1. ",
    "I'm sorry to hear that. ",
    "I'm sorry, but I can't help with that. ",
    "As an AI language model, I can't see your screen, but here is how it works. ",
)
_ENDS: Final = (". ", ". ", ".\n", ": ")
_JSON: Final = (
    '{"category": "returns", "priority": 2, "tags": ["parcel", "damaged"], "escalate": false,'
    ' "reply": "We send it again."}'
)


class Told(NamedTuple):
    """A call as the listener is told of it."""

    call: Record
    content: Content
    documents: tuple[str, ...]
    finish: str


def told(n: int, seed: int = 11) -> list[Told]:
    """Make up calls of support agents; some answer in JSON, some have documents."""
    callers, draw = Callers(seed), random.Random(seed)
    found: list[Told] = []
    while len(found) < n:
        service = draw.randrange(N_SERVICES)
        call = callers.call(service)
        if call.operation != "chat" or call.failed:
            continue
        record = Record(
            "semconv",
            Kind.CALL,
            service_name=f"svc-{service:02d}",
            environment="prod",
            provider=call.provider,
            response_model=call.answered,
            operation="chat",
        )
        wants_json = draw.random() < 1 / 6
        size = int(draw.lognormvariate(6.2, 0.7))
        answer = _JSON if wants_json else (draw.choice(_OPENINGS) + _text(draw, size))[:8192]
        if draw.random() < 0.02:
            answer += " Write to returns@acme-shop.dev."
        content = Content(question=_text(draw, 300), answer=answer, wants_json=wants_json, said_answer=True)
        documents = tuple(_text(draw, 2000) for _ in range(3)) if draw.random() < 1 / 3 else ()
        found.append(Told(record, content, documents, "stop"))
    return found


def _text(draw: random.Random, size: int) -> str:
    sentences, length = [], 0
    while length < size:
        parts = draw.choice(_SUBJECTS), draw.choice(_VERBS), draw.choice(_REASONS)
        sentences.append(" ".join(parts) + draw.choice(_ENDS))
        length += len(sentences[-1])
    return "".join(sentences)


def per_call_us(calls: Sequence[Told], switches: Switches, repeats: int) -> float:
    """Return the microseconds of CPU that a call costs the listener, of the fastest repetition."""
    taken = []
    for _ in range(repeats):
        store = Store(first_sample_hold_seconds=0)
        store.now = 1000.0
        listener = Answers(store, switches, lambda call: call.response_model)
        for warming in calls[: len(calls) // 4]:
            listener.answered(*warming[:3], b"", b"", warming.finish, 1)
        started = time.process_time_ns()
        for one in calls:
            store.now += 1 / CALLS_PER_SECOND
            listener.answered(one.call, one.content, one.documents, b"", b"", one.finish, 1)
        taken.append((time.process_time_ns() - started) / len(calls) / 1000)
    return min(taken)


def per_text_us(texts: Sequence[str], look: Callable[[str], object], repeats: int) -> float:
    """Return the microseconds of CPU that a detector takes for a text, of the fastest repetition."""
    taken = []
    for _ in range(repeats):
        started = time.process_time_ns()
        for text in texts:
            look(text)
        taken.append((time.process_time_ns() - started) / len(texts) / 1000)
    return min(taken)


def section(quick: bool) -> tuple[list[Table], list[Check]]:
    """Measure each detector for a text, each signal for a call, and all together."""
    table = measure(2_000, 5) if quick else measure(10_000, 7)
    costs = {row[0]: row[-1] for row in table.rows}
    return [table], [Check(f"signals, {ALL}: µs a call", float(costs[ALL]), TARGET_US)]


def measure(n: int, repeats_of: int) -> Table:
    """Measure `n` calls so many times."""
    calls = told(n)
    answers = [one.content.answer for one in calls]
    structured = [one.content.answer for one in calls if one.content.wants_json]
    with_documents = {one.content.answer: one.documents for one in calls if one.documents}
    looks: dict[str, tuple[Sequence[str], Callable[[str], object] | None]] = {
        "refusals": (answers, refusal),
        "lengths": (answers, None),
        "json": (structured, structure),
        "pii": (answers, pii.kinds),
        "repetition": (answers, repeats),
        "languages": (answers, language),
        "overlap": (list(with_documents), lambda answer: overlap(answer, with_documents[answer])),
        "drift": (answers, vector),
    }
    rows: list[tuple[Value, ...]] = []
    with pinned(0):
        for name, (texts, look) in looks.items():
            per_text = per_text_us(texts, look, repeats_of) if look is not None else 0.0
            alone = _OFF._replace(**{name: True})
            rows.append((name, per_text, per_call_us(calls, alone, repeats_of)))
        rows.append((ALL, "", per_call_us(calls, Switches(), repeats_of)))
        rows.append(("all, none sampled", "", per_call_us(calls, Switches(samples_per_second=0), repeats_of)))
        rows.append(
            (
                "all, each call sampled",
                "",
                per_call_us(calls, Switches(samples_per_second=_EVERY), repeats_of),
            )
        )
    size = sum(map(len, answers)) // len(answers)
    note = (
        f"{n} calls, answers of {size} characters on average, {N_SERVICES} services with {CALLS_PER_SECOND}"
        f" calls a second together, {Switches().samples_per_second:g} of each service looked at closely;"
        f" fastest of {repeats_of}."
    )
    return Table("Signals", ("signal", "µs a text", "µs a call"), rows, note)
