"""What is found in questions and answers is counted for each call, beside what was looked at."""

from collections.abc import Iterator, Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llm_exporter.content import MAX_ANSWER, Content
from llm_exporter.exposition import negotiate, render
from llm_exporter.record import Kind, Record
from llm_exporter.signals.answers import Answers, Switches
from llm_exporter.signals.vector import vector
from llm_exporter.store import Store

CALL = Record(
    "semconv",
    Kind.CALL,
    service_name="shop",
    feature="returns",
    provider="openai",
    response_model="gpt-5-2025-08-07",
)
QUESTION = "When will the parcel be here, and can I send it back if it is not what I want?"
ANSWER = "The parcel will be with you on Friday, and you can send it back within a month if it is not what you want."
GERMAN = (
    "Das Paket kommt am Freitag an, und Sie können es einen Monat lang zurückschicken, wenn es nicht passt."
)
REFUSAL = "I'm sorry, but I can't help with that."
ALL_SIGNALS = Switches()
NO_SIGNAL = Switches(*(False,) * 8)
SECOND = 1.0


class Listening:
    """A store with somebody who listens, at a time that is told."""

    def __init__(self, switches: Switches = ALL_SIGNALS, **limits: int) -> None:
        self.store = Store(first_sample_hold_seconds=0, **limits)
        self.store.now = 100.0
        self.listener = Answers(
            self.store, switches, lambda call: call.response_model.removesuffix("-2025-08-07")
        )

    def tell(
        self,
        answer: str | None = ANSWER,
        question: str = "",
        documents: Sequence[str] = (),
        finish: str = "stop",
        times: int = 1,
        call: Record = CALL,
        **of_content: bool,
    ) -> None:
        """Tell of a call; without an answer there is none in its span."""
        said = {"said_answer": answer is not None, **of_content}
        content = Content(question=question, answer=answer or "", **said)
        self.listener.answered(call, content, documents, b"\x01" * 16, b"\x02" * 8, finish, times)

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Yield what a scrape shows."""
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value

    def text(self) -> str:
        """Return a scrape."""
        self.store.promote(self.store.now)
        return b"".join(render(self.store, negotiate("text/plain"), self.store.now)).decode()

    def value(self, name: str, /, **labels: str) -> float:
        """Return the sum of a metric's series with these labels."""
        found = [
            value for sample, has, value in self.samples() if sample == name and labels.items() <= has.items()
        ]
        assert found, f"no {name} {labels}"
        return sum(found)

    def flags(self) -> dict[str, float]:
        """Return the flags that were counted."""
        return {
            labels["flag"]: value
            for name, labels, value in self.samples()
            if name == "llm_answer_flags_total" and value
        }


def test_labels() -> None:
    """An answer counts under its caller, provider and the model by the name that calls are counted by."""
    told = Listening()
    told.tell()
    (labels,) = (labels for name, labels, _ in told.samples() if name == "llm_answers_read_total")
    assert labels == {
        "service_name": "shop", "environment": "", "team": "", "feature": "returns", "provider": "openai",
        "model": "gpt-5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tell", "flags"),
    [
        ({}, set()),
        ({"answer": REFUSAL}, {"refusal"}),
        ({"answer": REFUSAL, "finish": "refusal"}, {"refusal"}),
        ({"answer": "Here it is.", "finish": "content_filter"}, {"refusal"}),
        ({"answer": "", "refused": True}, {"refusal"}),
        ({"answer": "", "finish": "content_filter"}, {"refusal"}),
        ({"answer": "I don't have access to your calendar."}, {"no_access"}),
        ({"answer": "As an AI language model I eat nothing, but soup is good."}, {"disclaimer"}),
        ({"answer": ""}, {"empty"}),
        ({"answer": " \n "}, {"empty"}),
        ({"answer": "", "finish": "length"}, {"empty"}),
        ({"answer": '{"a": 1}', "wants_json": True}, set()),
        ({"answer": '```json\n{"a": 1}\n```', "wants_json": True}, {"fenced_json"}),
        ({"answer": '{"a": 1', "wants_json": True}, {"invalid_json"}),
        ({"answer": '{"a": 1', "wants_json": True, "finish": "length"}, {"truncated_json"}),
        ({"answer": '{"a": 1'}, set()),
        ({"answer": "", "wants_json": True}, {"empty"}),
        ({"answer": "[" * MAX_ANSWER, "wants_json": True}, {"repetitive"}),
        ({"answer": "and then we go on " * 40}, {"repetitive"}),
        ({"question": QUESTION}, set()),
        ({"question": QUESTION, "answer": GERMAN}, {"other_language"}),
        ({"question": "Hm?", "answer": GERMAN}, set()),
    ],
)
def test_flags(tell: dict[str, object], flags: set[str]) -> None:
    """Each finding is one flag, and the answer counts as read with or without one."""
    told = Listening()
    told.tell(**tell)  # type: ignore[arg-type]
    assert told.flags() == dict.fromkeys(flags, 1)
    assert told.value("llm_answers_read_total") == 1


def test_flags_are_there_from_the_first_answer() -> None:
    """A share of nothing is 0: every flag is shown as soon as an answer was read."""
    told = Listening()
    told.tell()
    assert told.value("llm_answer_flags_total", flag="refusal") == 0
    assert told.value("llm_answer_flags_total", flag="repetitive") == 0
    assert told.value("llm_guardrail_checks_total", guardrail="pii_email", action="flag") == 0


@pytest.mark.parametrize(
    "tell",
    [
        {"answer": None},
        {"answer": "", "finish": "tool_calls"},
        {"answer": "", "call": CALL._replace(failed=True)},
    ],
)
def test_no_answer_is_no_empty_answer(tell: dict[str, object]) -> None:
    """What nobody recorded, a call of tools and a call that failed are not answers."""
    told = Listening()
    told.tell(question=QUESTION, **tell)  # type: ignore[arg-type]
    assert told.flags() == {}
    assert told.value("llm_answers_read_total") == 0
    assert told.value("llm_input_languages_total", language="en") == 1


def test_length() -> None:
    """An answer's characters are observed, also where it is empty."""
    told = Listening()
    told.tell("x" * 70)
    told.tell("")
    assert told.value("llm_answer_characters_count") == 2
    assert told.value("llm_answer_characters_sum") == 70
    assert told.value("llm_answer_characters_bucket", le="0.0") == 1


def test_personal_data() -> None:
    """Each kind is a guardrail that flags what has it and allows what has not."""
    told = Listening()
    told.tell()
    told.tell("Write to j.doe@acme-shop.dev or m.roe@acme-shop.dev from 84.23.101.7.")
    found = {
        (labels["guardrail"], labels["action"]): value
        for name, labels, value in told.samples()
        if name == "llm_guardrail_checks_total" and labels["action"] in ("flag", "allow")
    }
    assert found == {
        ("pii_email", "flag"): 1, ("pii_email", "allow"): 1, ("pii_ip", "flag"): 1, ("pii_ip", "allow"): 1,
        ("pii_card", "flag"): 0, ("pii_card", "allow"): 2, ("pii_iban", "flag"): 0, ("pii_iban", "allow"): 2,
        ("pii_ssn", "flag"): 0, ("pii_ssn", "allow"): 2, ("pii_secret_key", "flag"): 0,
        ("pii_secret_key", "allow"): 2,
    }  # fmt: skip


def test_overlap() -> None:
    """The share of words in the documents is observed where there are documents and words enough."""
    told = Listening()
    told.tell("Parcels shipped by balloon weekly.", documents=["Parcels are shipped on weekdays."])
    told.tell("Parcels shipped by balloon weekly.")
    told.tell("Yes.", documents=["Parcels are shipped on weekdays."])
    assert told.value("llm_answer_context_overlap_ratio_count") == 1
    assert told.value("llm_answer_context_overlap_ratio_sum") == 0.5


def test_words() -> None:
    """Vectors of questions and answers are added up, beside how many they were."""
    told = Listening()
    told.tell(question=QUESTION)
    told.tell(None, question=QUESTION)
    told.tell("", question="")
    assert told.value("llm_content_samples_total", signal="input") == 2
    assert told.value("llm_content_samples_total", signal="output") == 1
    weights = {
        int(labels["bucket"]): value
        for name, labels, value in told.samples()
        if name == "llm_content_bucket_weight_total" and labels["signal"] == "input"
    }
    assert [weights[bucket] for bucket in range(64)] == [2 * weight / 10**12 for weight in vector(QUESTION)]


def test_a_sampled_call_counts_for_many() -> None:
    """A call that stands for seven counts seven times, but not for drift: its text is still one text."""
    told, often = Listening(), Listening(Switches(samples_per_second=1000))
    answers = (GERMAN + " j.doe@acme-shop.dev", REFUSAL, "", "and then we go on " * 40)
    for answer in answers:
        for listening, repeated, times in ((told, 1, 7), (often, 7, 1)):
            for _ in range(repeated):
                listening.tell(
                    answer,
                    question=QUESTION,
                    documents=["Paket Freitag Monat"],
                    wants_json=answer == REFUSAL,
                    times=times,
                )
    seven, one = (
        [sample for sample in listening.samples() if not sample[0].startswith("llm_content_")]
        for listening in (told, often)
    )
    assert seven == one
    assert told.value("llm_content_samples_total", signal="input") == 4
    assert told.value("llm_answers_read_total") == 28
    flags = ("refusal", "empty", "repetitive", "invalid_json", "other_language")
    assert told.flags() == dict.fromkeys(flags, 7)


def test_so_many_are_sampled() -> None:
    """What costs more looks at so many calls a second of each caller, and its counters say at how many."""
    told = Listening(Switches(samples_per_second=5))
    other = CALL._replace(feature="search")
    for _ in range(20):
        told.tell(question=QUESTION)
    told.tell(question=QUESTION, call=other)
    told.tell(question=QUESTION, call=CALL._replace(response_model="gpt-4o"))
    read = {"feature": "returns"}
    assert told.value("llm_answers_read_total", **read) == 21
    assert told.value("llm_output_languages_total", **read) == 5
    assert told.value("llm_input_languages_total", **read) == 5
    assert told.value("llm_content_samples_total", signal="output", **read) == 5
    assert told.value("llm_output_languages_total", feature="search") == 1
    told.store.now += 0.5 * SECOND
    for _ in range(20):
        told.tell(question=QUESTION)
    assert told.value("llm_output_languages_total", **read) == 7
    told.store.now += 3600 * SECOND
    for _ in range(20):
        told.tell(question=QUESTION)
    assert told.value("llm_output_languages_total", **read) == 12


def test_less_than_one_a_second() -> None:
    """At one in ten seconds the first is looked at, and the next one ten seconds later."""
    told = Listening(Switches(samples_per_second=0.1))
    for seconds, sampled in ((0, 1), (9, 1), (1, 2), (0, 2), (5, 2), (5, 3), (100, 4), (0, 4)):
        told.store.now += seconds
        told.tell()
        assert told.value("llm_output_languages_total") == sampled


def test_callers_beyond_the_caps_share() -> None:
    """Features that become one label share what may be sampled: random ones do not have all calls looked at."""
    told = Listening(Switches(samples_per_second=2))
    for number in range(400):
        told.tell(call=CALL._replace(feature=f"feature {number}"))
    assert told.value("llm_answers_read_total", feature="__other__") == 300
    assert told.value("llm_output_languages_total", feature="__other__") == 2


@pytest.mark.parametrize(
    ("switch", "metric"),
    [
        ("refusals", ""),
        ("languages", "llm_output_languages_total"),
        ("lengths", "llm_answer_characters_count"),
        ("json", ""),
        ("pii", "llm_guardrail_checks_total"),
        ("overlap", "llm_answer_context_overlap_ratio_count"),
        ("repetition", ""),
        ("drift", "llm_content_samples_total"),
    ],
)
def test_switches(switch: str, metric: str) -> None:
    """A signal that is off counts nothing, one that is on alone counts nothing else."""
    of_signal = {
        "refusals": {"refusal"}, "languages": {"other_language"}, "lengths": {"empty"}, "json": {"invalid_json"},
        "repetition": {"repetitive"},
    }  # fmt: skip
    metrics = {
        "llm_output_languages_total", "llm_answer_characters_count", "llm_guardrail_checks_total",
        "llm_answer_context_overlap_ratio_count", "llm_content_samples_total",
    }  # fmt: skip
    everything = set().union(*of_signal.values())
    for switches, flags, shown in (
        (NO_SIGNAL._replace(**{switch: True}), of_signal.get(switch, set()), {metric} - {""}),
        (Switches(**{switch: False}), everything - of_signal.get(switch, set()), metrics - {metric}),
    ):
        told = Listening(switches)
        told.tell(REFUSAL, wants_json=True)
        told.tell("")
        told.tell("and then we go on " * 40)
        told.tell(GERMAN, question=QUESTION, documents=["Paket Freitag Monat"])
        assert set(told.flags()) == flags
        assert {name for name, _, value in told.samples() if value} & metrics == shown


def test_nothing_on() -> None:
    """With every signal off nothing is counted and nothing shown."""
    told = Listening(NO_SIGNAL)
    told.tell(REFUSAL, question=QUESTION, documents=[ANSWER])
    assert list(told.samples()) == []


def test_no_samples() -> None:
    """With no samples a second only what is looked for in every answer is counted."""
    told = Listening(Switches(samples_per_second=0))
    told.tell(question=QUESTION, documents=[ANSWER])
    assert told.value("llm_answers_read_total") == 1
    assert "llm_content_samples_total{" not in told.text()
    assert "languages_total{" not in told.text()


def test_what_goes_on_does_not_expire() -> None:
    """Series that are counted in are not idle, whichever they are."""
    told = Listening(idle_seconds=60)
    for _ in range(5):
        told.tell(question=QUESTION, documents=[ANSWER])
        told.store.now += 40 * SECOND
        assert not told.store.expire(told.store.now)


def test_counts_go_on_after_series_have_gone() -> None:
    """What was remembered of series that are gone is forgotten: their next answer is shown again."""
    told = Listening(idle_seconds=60)
    told.tell(question=QUESTION, documents=[ANSWER])
    told.store.now += 1000 * SECOND
    assert told.store.expire(told.store.now)
    told.listener.forget()
    assert "llm_answers_read_total{" not in told.text()
    told.tell(question=QUESTION, documents=[ANSWER])
    for metric in ("answers_read_total", "output_languages_total", "answer_context_overlap_ratio_count"):
        assert told.value(f"llm_{metric}") == 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names without end, of models and callers, do not fill the memory, and none of them is lost."""
    monkeypatch.setattr("llm_exporter.signals.answers.MAX_PLACES", 16)
    told = Listening()
    for number in range(500):
        told.tell(call=CALL._replace(response_model=f"model {number}", feature=f"feature {number % 40}"))
    assert len(told.listener._places) <= 16
    assert len(told.listener._callers) == 40
    assert told.value("llm_answers_read_total") == 500
