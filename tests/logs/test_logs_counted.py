"""Log records in the exporter: each has one outcome, and what it stands for is counted as a span's would be."""

import json
from dataclasses import replace
from typing import Any

import pytest

from core.building import settings
from llm_exporter.logs import DETAILS
from llm_exporter.receive.sink import Malformed
from llm_exporter.settings import Logs, Structured
from logs.building import LINE, Logged, a_record, logs
from logs.test_log_translation import ANSWER, CLAUDE, around, claude


def test_each_record_has_one_outcome(logged: Logged) -> None:
    """Read, ignored, or invalid: they add up to what was received."""
    logged.log(
        a_record("GET / 200"),
        a_record(json.dumps(LINE)),
        claude("api_request", **ANSWER),
        claude("compaction", pre_tokens=1),
        a_record(None, {"gen_ai.system": "openai"}, event_name="gen_ai.choice"),
    )
    verdict = logged.log_request(around(b"\x32\x05\x0a\x03\xff\xfe\xfdmodel input_tokens"))
    assert verdict.rejected == 1
    assert "cannot be decoded" in verdict.message
    assert logged.records() == {"read": 2, "ignored": 3, "invalid": 1}


def test_a_batch_without_calls_is_cheap_and_accepted(logged: Logged) -> None:
    """Nothing is rejected for being about something else."""
    assert logged.log(*[a_record(f"GET /{n} 200") for n in range(100)]).rejected == 0
    assert logged.records() == {"ignored": 100}
    assert logged.counted() == {}


@pytest.mark.parametrize("body", [b"\xff", b"just text", b"\x0a\xff\xff\xff"])
def test_what_is_no_request_is_refused(logged: Logged, body: bytes) -> None:
    """The sender is told, and nothing is counted."""
    with pytest.raises(Malformed):
        logged.log_request(body)
    assert logged.records() == {}


def test_an_empty_request_is_accepted(logged: Logged) -> None:
    """Some senders send one to see whether anybody listens."""
    assert logged.log_request(b"").rejected == 0


def test_logs_can_be_turned_off() -> None:
    """With `logs.enabled: false` every record is ignored."""
    logged = Logged({"logs": Logs(enabled=False)})
    try:
        assert logged.log(a_record(json.dumps(LINE)), claude("api_request", **ANSWER)).rejected == 0
        assert logged.records() == {"ignored": 2}
        assert logged.counted() == {}
    finally:
        logged.close()


def test_a_changed_table_of_keys_holds_from_then_on(logged: Logged) -> None:
    """A reload changes how the next batch is read."""
    line = json.dumps({"llm": "gpt-4o", "spent": 0.5})
    logged.log(a_record(line))
    assert logged.records() == {"ignored": 1}
    default = settings()
    keys = {**default.logs.structured.keys, "model": ("llm",), "cost_usd": ("spent",)}
    logged.engine.apply(replace(default, logs=Logs(structured=Structured(keys=keys))))
    logged.log(a_record(line))
    assert logged.records() == {"ignored": 1, "read": 1}
    assert logged.value("llm_cost_usd_total", source="reported") == 0.5


def test_a_line_counts_under_the_labels_it_says(logged: Logged) -> None:
    """Team, feature, environment, tier, customer and service; the resource fills what it leaves open."""
    line = {
        **LINE,
        "team": "search",
        "use_case": "answers",
        "env": "prod",
        "tenant": "acme",
        "service": "rag",
    }
    logged.log(a_record(json.dumps(line)), resource={"deployment.environment.name": "test"})
    labels = {"service_name": "rag", "team": "search", "feature": "answers", "environment": "prod"}
    assert logged.value("llm_requests_total", **labels) == 1
    assert logged.value("llm_attributed_requests_total", customer="acme", **labels) == 1


def test_an_exception_shows_on_the_line_and_nowhere_else(logged: Logged) -> None:
    """What an error says becomes its class: neither the text nor a prompt is in any sample."""
    line = {**LINE, "error": "confidential: rate limit reached", "prompt": "confidential"}
    logged.log(a_record(json.dumps(line)))
    assert logged.value("llm_request_errors_total", error_type="rate_limit") == 1
    assert "confidential" not in logged.scrape()
    assert all("confidential" not in str(span) for span in logged.engine.recent.newest_first())


@pytest.mark.parametrize("n", [3, 300])
def test_many_services_and_scopes_in_one_batch(logged: Logged, n: int) -> None:
    """Each line counts for its own service, events under their resource."""
    records = [a_record(json.dumps({**LINE, "span_id": f"s{i}", "service": f"svc{i % 3}"})) for i in range(n)]
    request = logs(*records)
    request.resource_logs.extend(
        logs(
            *[claude("api_request", **ANSWER, n=i) for i in range(n)],
            scope=CLAUDE,
            resource={"service.name": "claude-code"},
        ).resource_logs
    )
    logged.log_request(request.SerializeToString())
    assert logged.value("llm_requests_total") == 2 * n
    assert logged.value("llm_requests_total", service_name="claude-code") == n
    assert logged.value("llm_requests_total", service_name="svc0") == n / 3


def test_both_records_of_an_answer_count_once(logged: Logged) -> None:
    """Gemini CLI writes its own event and the one of the conventions for each answer."""
    usage = {"input_token_count": 200, "output_token_count": 100, "thoughts_token_count": 0}
    own = {"event.name": "gemini_cli.api_response", "model": "gemini-2.5-flash", "duration_ms": 120, **usage}
    other: dict[str, Any] = {
        "event.name": DETAILS,
        "gen_ai.operation.name": "generate_content",
        "gen_ai.request.model": "gemini-2.5-flash",
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 100,
    }
    for attributes in (other, own, other):
        logged.log(a_record("API response from gemini-2.5-flash.", attributes), scope="gemini-cli")
    assert logged.value("llm_requests_total") == 1
    assert logged.tokens() == {"input": 200, "output": 100}
