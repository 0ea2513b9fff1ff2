"""Label values: the alphabet, what is redacted, the caps, and what becomes of values over a cap."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.building import Exporter, a_call, a_span
from llm_exporter import catalogue as c
from llm_exporter.labels import LabelLimiter, clean

HEX = "4bf92f3577b34da6a3ce929d0e0e4736"
UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.com",
        "mail ada.l+x@example.co.uk now",
        UUID,
        UUID.upper(),
        f"run-{UUID}",
        f"run_{UUID}_2",
        HEX,
        f"call_{HEX}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "sk-proj-abcdefghijklmnop",
        "key=sk-ant-api03-abcdefghijkl",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz",
        "xoxb-1234567890-abc",
        "AIza" + "x" * 35,
        "hf_abcdefghijklmnopqrstuv",
        "x" * 400 + " ada@example.com",
    ],
)
def test_what_says_who_is_redacted(value: str) -> None:
    """E-mail addresses, ids and keys never become a label, wherever in a value they stand."""
    assert clean(value) == "__redacted__"


@pytest.mark.parametrize(
    "value",
    [
        "gpt-4o-2024-08-06",
        "claude-3-5-sonnet-v2@20241022",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "accounts/fireworks/models/llama-v3p1-405b-instruct",
        "ft:gpt-4o-mini-2024-07-18:acme::9abcdef0",
        "risk-assessment-agent-v2-for-europe",
        "disk-cleanup-and-reporting-tool",
        "text-embedding-3-small",
        "v1.2.3+build.5",
        "team a",
        "deadbeef",
    ],
)
def test_a_name_stays_as_it_is(value: str) -> None:
    """Names of models, tools and teams are no secrets."""
    assert clean(value) == value


@given(st.text(max_size=600))
def test_every_value_keeps_to_the_alphabet(value: str) -> None:
    """Whatever comes, a label is at most 128 characters of `[A-Za-z0-9_.:/@+ -]`: nothing needs escaping."""
    assert re.fullmatch(r"[A-Za-z0-9_.:/@+ -]{0,128}", clean(value))


def test_a_redacted_value_is_counted(exporter: Exporter) -> None:
    """The call counts under `__redacted__`, and a counter names the label."""
    exporter.send(a_call({"app.feature": "ada@example.com"}), a_call({"app.feature": UUID}))
    assert exporter.value("llm_requests_total", feature="__redacted__") == 2
    assert exporter.value("llm_exporter_label_redacted_total", label="feature") > 0
    assert "ada" not in exporter.scrape()
    assert UUID not in exporter.scrape()


def test_over_a_cap_a_value_is_other_and_its_neighbours_survive() -> None:
    """The label at its cap becomes `__other__`; provider, operation and service of the same call stay."""
    exporter = Exporter({"labels.model": 2})
    for i in range(5):
        exporter.send(
            a_call({"gen_ai.request.model": f"m-{i}", "gen_ai.provider.name": f"p-{i}"}),
            resource={"service.name": "shop"},
        )
    labels = exporter.open_labels()
    assert labels["model"] == {"m-0", "m-1", "__other__"}
    assert labels["provider"] == {f"p-{i}" for i in range(5)}
    assert exporter.value("llm_requests_total", model="__other__", service_name="shop") == 3
    assert exporter.value("llm_tokens_total") == 5 * 110
    assert exporter.value("llm_exporter_label_overflow_total", label="model") > 0
    assert exporter.value("llm_exporter_label_overflow_total", label="provider") == 0


@pytest.mark.parametrize("label", c.LABELS.values(), ids=c.LABELS)
def test_every_open_label_has_a_cap(label: c.Label) -> None:
    """No label of the catalogue is without bound, and no value over the bound is kept."""
    overflowed: list[str] = []
    limiter = LabelLimiter({}, overflowed.append, overflowed.append)
    assert label.cap > 0
    admitted = {limiter.admit(label, f"value-{i}") for i in range(label.cap + 10)}
    assert len(admitted) == label.cap + 1
    assert overflowed == [label.name] * 10


def test_a_value_that_was_admitted_stays_admitted() -> None:
    """At the cap the known values go on as before."""
    limiter = LabelLimiter({"model": 1}, lambda _: None, lambda _: None)
    assert [limiter.admit(c.MODEL, value) for value in ("a", "b", "a", "", "b")] == [
        "a",
        "__other__",
        "a",
        "",
        "__other__",
    ]


def test_a_full_group_merges_new_label_sets() -> None:
    """Over limits.series_per_metric_group a new label set is `__other__` in every label; nothing is lost."""
    exporter = Exporter({"limits.series_per_metric_group": 3})
    for i in range(10):
        exporter.send(a_call({"app.feature": f"f-{i}"}))
    assert exporter.value("llm_requests_total") == 20 - 10
    assert exporter.value("llm_requests_total", feature="__other__", model="__other__") == 7
    assert exporter.value("llm_tokens_total") == 10 * 110
    assert exporter.value("llm_exporter_series_overflow_total", group="llm_requests_total") == 7


def test_ids_of_users_and_sessions_are_never_labels(exporter: Exporter) -> None:
    """Who asked, in which conversation and with which words is nowhere in the exposition."""
    secret = {
        "user.id": "u-ada",
        "session.id": "s-ada",
        "gen_ai.conversation.id": "c-ada",
        "gen_ai.input.messages": "prompt of ada",
        "gen_ai.output.messages": "answer for ada",
        "gen_ai.response.id": "r-ada",
        "gen_ai.tool.call.arguments": "arguments of ada",
    }
    exporter.send(a_call(secret, name="span of ada", status="ERROR", message="failed for ada"))
    exporter.send(a_span({**secret, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}))
    assert exporter.outcomes() == {"call": 1, "tool": 1}
    assert "ada" not in exporter.scrape("openmetrics")
