"""Builders of results, and of the table that collects failures, whose time the test tells."""

from typing import Any

from llm_exporter.collect.failures import Failures, Limits
from llm_exporter.content import Content
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.scales import Scaled
from llm_exporter.record import Kind, Record
from llm_exporter.subjects import Subject

TRACE = bytes(range(1, 17))
OTHER = bytes(range(2, 18))
CALL = b"call-one"
NOW = 1_780_000_000.25
CALLED = Record(
    "semconv",
    Kind.CALL,
    service_name="assistant",
    environment="prod",
    team="support",
    feature="chat",
    provider="openai",
    prompt_name="greet",
    prompt_version="7",
)
SUBJECT = Subject(CALLED, "gpt-4o")
FAIL = Scaled(0.25, None, "fail", "")
PASS = Scaled(1.0, None, "pass", "")


class Collected:
    """A table of failures, and the time."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.places: dict[str, tuple[bytes, bytes]] = {}
        self.table = Failures(
            Limits(**limits),
            lambda: self.now,
            lambda: NOW + self.now,
            lambda result: self.places.get(result.response_id),
        )

    def judged(
        self,
        name: str = "faithfulness",
        scaled: Scaled = FAIL,
        sentiment: str = "",
        subject: Subject | None = SUBJECT,
        **about: Any,
    ) -> None:
        """Take a result, about the whole of `TRACE` unless it says otherwise."""
        if not about.keys() & {"trace_id", "response_id", "session"}:
            about["trace_id"] = TRACE
        self.table.judged(Evaluation(name, **about), subject, scaled, sentiment)

    def answered(
        self,
        answer: str,
        *documents: str,
        trace_id: bytes = TRACE,
        span_id: bytes = CALL,
        question: str = "why?",
    ) -> None:
        """Take the texts of a call."""
        content = Content(question, answer, "be kind", said_answer=True)
        self.table.answered(CALLED, content, documents, trace_id, span_id, "stop", 1)
