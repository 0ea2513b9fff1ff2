"""Alerts reach PagerDuty and Slack through real Alertmanagers: once, in few messages, and whatever fails."""

import json
import re
import secrets
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from alertmanagers import SERVERS, Alertmanager, alerting, an_alert
from far_side import FarSide, far_side

from core.processes import eventually

pytestmark = pytest.mark.prometheus


@pytest.fixture(scope="module", params=SERVERS)
def sides(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Alertmanager, FarSide]]:
    """Return an Alertmanager and the far side, which at the end must not have refused anything."""
    with far_side() as far, alerting(request.param, tmp_path_factory.mktemp("am"), far.url) as alertmanager:
        yield alertmanager, far
    assert far.refused() == []


@pytest.fixture
def alertmanager(sides: tuple[Alertmanager, FarSide]) -> Alertmanager:
    """Return the Alertmanager that the tests of this file share."""
    return sides[0]


@pytest.fixture
def far(sides: tuple[Alertmanager, FarSide]) -> FarSide:
    """Return where it sends to."""
    return sides[1]


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """Return a service name that only this test uses."""
    return re.sub(r"\W+", "-", request.node.name) + ".end"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """Return the name of each Alertmanager, for tests that need one of their own."""
    return str(request.param)


def a_flush_later(alertmanager: Alertmanager, far: FarSide) -> None:
    """Return when every group that there is now has been looked at since, and its notifications have gone out.

    The group of an alert that comes now is looked at after `group_wait`, and again, which its end shows, after
    `group_interval`; groups that are older were looked at in between.
    """
    name = f"marker-{secrets.token_hex(8)}"
    marker = an_alert("Marker", "warning", service_name=name, category="test")
    alertmanager.post(marker)
    eventually(lambda: far.messages(name))
    alertmanager.post(marker, resolved=True)
    eventually(lambda: len(far.messages(name)) == 2)


def test_a_critical_alert_opens_and_closes_one_incident(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """PagerDuty gets a trigger, and a resolve with the same key; what it shows is what the alert said."""
    alert = an_alert(
        "LLMSpendRateSpike", service_name=service, category="cost", team="search", feature="chat"
    )
    alertmanager.post(alert)
    (opened,) = eventually(lambda: far.pages(service))
    alertmanager.post(alert, resolved=True)
    (closed,) = eventually(lambda: far.pages(service, "resolve"))
    assert closed["dedup_key"] == opened["dedup_key"]
    assert len(far.pages(service)) == 1

    payload = opened["payload"]
    assert payload["summary"] == (
        f"LLMSpendRateSpike · {service} (production): LLMSpendRateSpike of {service}"
    )
    assert [payload[k] for k in ("severity", "source", "class", "component", "group")] == (
        ["critical", service, "cost", "chat", "search"]
    )
    details = {name: str(value).replace("\u200b", "") for name, value in payload["custom_details"].items()}
    assert details["value"] == "31.2 s"
    assert details["threshold"] == "30 s"
    assert details["top_contributor"] == "model gpt-4o (78 %)"
    assert details["description"] == f"What LLMSpendRateSpike means for {service}."
    assert (details["num_firing"], details["num_resolved"]) == ("1", "0")
    assert [link["text"] for link in opened["links"]] == ["Runbook", "Panel", "Traces", "Silence", "Query"]


def test_the_key_is_the_file_without_its_newline(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """A secret's file that ends with a newline, as editors write it, gives the key alone."""
    assert (alertmanager.directory / "secrets/pagerduty_routing_key").read_text().endswith("0\n")
    alertmanager.post(an_alert("LLMPIILeak", service_name=service, category="safety"))
    (opened,) = eventually(lambda: far.pages(service))
    assert opened["routing_key"] == "localsink".ljust(32, "0")


def test_slack_hears_of_pages_too(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """A critical alert goes to PagerDuty and to Slack, and Slack is told when it is over."""
    alert = an_alert("LLMBudgetExhausted", service_name=service, category="cost")
    alertmanager.post(alert)
    eventually(lambda: far.pages(service) and far.messages(service))
    alertmanager.post(alert, resolved=True)
    eventually(lambda: len(far.messages(service)) == 2)
    assert [(one["title"].split()[0], one["color"]) for one in far.messages(service)] == [
        ("[CRITICAL]", "danger"),
        ("[RESOLVED]", "good"),
    ]


@pytest.mark.parametrize("severity", ["warning", "", "page"])
def test_what_is_not_critical_pages_nobody(
    alertmanager: Alertmanager, far: FarSide, service: str, severity: str
) -> None:
    """A warning goes to Slack alone; so does an alert with a severity that nobody thought of, or none."""
    alertmanager.post(an_alert("LLMTokenBloat", severity, service_name=service, category="tokens"))
    eventually(lambda: far.messages(service))
    a_flush_later(alertmanager, far)
    assert far.taken("pagerduty", service) == []


def test_an_unknown_team_falls_to_everybody(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """A team that no route knows, and an alert without a team, reach the default PagerDuty service and channel."""
    alertmanager.post(
        an_alert("LLMQualityMeanLow", service_name=service, category="quality", team="nobody-knows"),
        an_alert("LLMQualityMeanLow", service_name=service, category="quality"),
    )
    pages = eventually(lambda: len(far.pages(service)) == 2 and far.pages(service))
    assert sorted(one["payload"].get("group", "") for one in pages) == ["", "nobody-knows"]
    eventually(lambda: len(far.messages(service)) == 2)


def test_sixty_features_are_one_incident(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """A storm of one alert for sixty features, with long texts, is one page and one message, both whole."""
    alertmanager.post(
        *(
            an_alert(
                "LLMHallucinationRateHigh",
                service_name=service,
                category="quality",
                feature=f"feature-{number:02}",
                annotations={"description": "a long text & more of it " * 500, "summary": "answers " * 500},
            )
            for number in range(60)
        )
    )
    (opened,) = eventually(lambda: far.pages(service))
    (message,) = eventually(lambda: far.messages(service))
    a_flush_later(alertmanager, far)
    assert (len(far.pages(service)), len(far.messages(service))) == (1, 1)
    assert opened["payload"]["summary"].endswith("… (and 59 more)")
    details = opened["payload"]["custom_details"]
    assert str(details["num_firing"]) == "60"
    assert details["firing"].count("\n") == 20
    assert details["firing"].endswith("and 40 more")
    assert message["title"].endswith("60 firing")
    assert message["text"].endswith("and 55 more")


def test_an_outage_of_the_provider_is_one_incident(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """Sixty alerts, from twenty services whose provider is down, are one page and one message."""
    names = [f"{service}-{number}" for number in range(20)]
    alertmanager.post(
        *(
            an_alert(alertname, severity, service_name=name, category=category, team="t", **more)
            for name in names
            for alertname, severity, category, more in (
                ("LLMProviderDown", "critical", "errors", {"provider": "openai"}),
                ("LLMErrorBudgetBurnFast", "critical", "slo", {"slo": "availability"}),
                ("LLMLatencyP99High", "warning", "latency", {"feature": "chat"}),
            )
        )
    )
    (opened,) = eventually(lambda: far.pages(service))
    eventually(lambda: far.messages(service))
    a_flush_later(alertmanager, far)
    assert (len(far.pages(service)), len(far.messages(f"{service}-"))) == (1, 1)
    assert opened["payload"]["source"] == "several services"
    assert opened["payload"]["summary"].startswith("LLMProviderDown (production): ")
    assert str(opened["payload"]["custom_details"]["num_firing"]) == "20"


def test_a_page_mutes_the_warning_of_its_kind(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """The warning of the same category and service waits while the page is there; others do not; then it is sent."""
    page = an_alert("LLMSpendRateSpike", service_name=service, category="cost")
    muted = an_alert(
        "LLMCostPerRequestIncrease", "warning", service_name=service, category="cost", feature="a"
    )
    alertmanager.post(
        page,
        muted,
        an_alert("LLMTokenBloat", "warning", service_name=service, category="tokens"),
        an_alert("LLMCostPerRequestIncrease", "warning", service_name=f"other-{service}", category="cost"),
    )
    eventually(lambda: len(far.messages(service)) == 3)
    a_flush_later(alertmanager, far)
    titles = sorted(one["title"].split()[1] for one in far.messages(service))
    assert titles == ["LLMCostPerRequestIncrease", "LLMSpendRateSpike", "LLMTokenBloat"]
    assert far.messages(f"LLMCostPerRequestIncrease · {service}") == []
    alertmanager.post(page, resolved=True)
    eventually(lambda: far.messages(f"LLMCostPerRequestIncrease · {service}"))


def test_a_page_for_one_feature_mutes_no_other(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """A critical alert with a feature mutes the warnings of that feature alone."""
    alertmanager.post(
        an_alert("LLMQualityMeanLow", service_name=service, category="quality", feature="search"),
        an_alert("LLMQualityTailLow", "warning", service_name=service, category="quality", feature="search"),
        an_alert("LLMQualityRegression", "warning", service_name=service, category="quality", feature="chat"),
    )
    eventually(lambda: far.messages(f"LLMQualityRegression · {service}"))
    a_flush_later(alertmanager, far)
    assert far.messages(f"LLMQualityTailLow · {service}") == []


def test_a_spent_budget_mutes_only_its_own_warnings(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """Alerts of budgets name no service; the page of one budget mutes the warning of it, and of no other one."""
    mine = {"category": "cost", "scope": "total", "name": service, "period": "month"}
    other = {**mine, "name": f"other-{service}"}
    alertmanager.post(
        an_alert("LLMBudgetExhausted", **mine),
        an_alert("LLMBudgetForecastExceeded", "warning", annotations={"summary": f"1 {service}"}, **mine),
        an_alert("LLMBudgetForecastExceeded", "warning", annotations={"summary": f"2 {service}"}, **other),
    )
    eventually(lambda: far.messages(f"2 {service}"))
    a_flush_later(alertmanager, far)
    assert far.messages(f"1 {service}") == []


@pytest.mark.parametrize("environment", ["", "staging"])
def test_without_the_exporter_only_that_is_told(
    alertmanager: Alertmanager, far: FarSide, service: str, environment: str
) -> None:
    """LLMExporterDown mutes what follows from having no telemetry, in its environment or, without one, in all."""
    place = environment or "a-third"
    alertmanager.post(
        an_alert("LLMExporterDown", category="exporter", environment=environment, team=service),
        an_alert("LLMTelemetryAbsent", service_name=service, category="traffic", environment=place),
        an_alert("LLMPIILeak", service_name=service, category="safety", environment=place),
    )
    eventually(lambda: far.pages(f"LLMPIILeak · {service}"))
    eventually(lambda: any(one["payload"].get("group") == service for one in far.pages("LLMExporterDown")))
    a_flush_later(alertmanager, far)
    assert far.pages(f"LLMTelemetryAbsent · {service}") == []
    alertmanager.post(
        an_alert("LLMExporterDown", category="exporter", environment=environment, team=service), resolved=True
    )


def test_the_end_of_a_muted_alert_is_not_told(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """Why a source must end before its targets: of a page that ends while it is muted no resolve is sent."""
    page = an_alert("LLMErrorBudgetBurnFast", service_name=service, category="slo", slo="availability")
    cause = an_alert("LLMProviderDown", service_name=service, category="errors", provider=service)
    alertmanager.post(page)
    eventually(lambda: far.pages(f"LLMErrorBudgetBurnFast · {service}"))
    alertmanager.post(cause)
    eventually(lambda: far.pages(f"LLMProviderDown · {service}"))
    alertmanager.post(page, resolved=True)
    a_flush_later(alertmanager, far)
    assert far.pages(f"LLMErrorBudgetBurnFast · {service}", "resolve") == []
    alertmanager.post(page)
    alertmanager.post(cause, resolved=True)
    eventually(lambda: far.pages(f"LLMProviderDown · {service}", "resolve"))
    alertmanager.post(page, resolved=True)
    eventually(lambda: far.pages(f"LLMErrorBudgetBurnFast · {service}", "resolve"))


def test_labels_and_texts_cannot_act(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """A mention, a link, a format, a line break and a template in a label or an annotation are shown as they are."""
    hostile = "<!channel> <https://evil.example|click> & *bold* `code`\n{{ .ExternalURL }}"
    alertmanager.post(
        an_alert(
            "LLMPIILeak",
            service_name=service,
            category="safety",
            feature=hostile,
            annotations={
                "description": f"said: {hostile}",
                "value": "{a: '{{ .Status }}'}",
                "threshold": "null",
            },
        )
    )
    (message,) = eventually(lambda: far.messages(service))
    assert (
        "&lt;!channel&gt; &lt;https:\u200b//evil.example|click&gt; &amp; \u2217bold\u2217 'code' {{"
        in message["text"]
    )
    (opened,) = eventually(lambda: far.pages(service))
    details = opened["payload"]["custom_details"]
    assert details["description"].replace("\u200b", "") == "said: " + hostile.replace("\n", " ")
    assert details["value"].replace("\u200b", "") == "{a: '{{ .Status }}'}"
    assert details["threshold"].replace("\u200b", "") == "null"


def test_the_link_to_silence_means_this_alert(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """The filter in the link, asked of Alertmanager, finds the alert with its odd name and no other one."""
    odd = 'a "quoted" + back\\slash, {and} 100%'
    alert = an_alert("LLMPIILeak", service_name=service, category="safety", feature=odd)
    alertmanager.post(
        alert, an_alert("LLMPIILeak", service_name=f"{service}-2", category="safety", feature=odd)
    )
    (opened,) = eventually(lambda: far.pages(f'"source": "{service}"'))
    (link,) = [one["href"] for one in opened["links"] if one["text"] == "Silence"]
    assert link.startswith("http://alertmanager.example:9093/#/silences/new?filter=%7B")
    text = unquote(link.partition("filter=")[2])
    matchers = re.findall(r'(?:[{,])(\w+="(?:[^"\\]|\\.)*")', text)
    assert "{" + ",".join(matchers) + "}" == text
    assert [one["labels"] for one in alertmanager.alerts(*matchers)] == [alert["labels"]]


def test_the_switch_of_a_dead_man_is_held(alertmanager: Alertmanager, far: FarSide) -> None:
    """While Watchdog fires, the heartbeat goes on and nobody else hears of it; after its end there is none."""
    watchdog = an_alert("Watchdog", "none", environment="")
    alertmanager.post(watchdog)
    eventually(lambda: far.beats >= 3)
    alertmanager.post(watchdog, resolved=True)
    a_flush_later(alertmanager, far)
    beats = far.beats
    a_flush_later(alertmanager, far)
    assert far.beats == beats
    assert far.taken("slack", "Watchdog") + far.taken("pagerduty", "Watchdog") == []


def test_notes_come_as_one_digest(alertmanager: Alertmanager, far: FarSide, service: str) -> None:
    """Alerts of severity info of one team are one message, whatever they are about."""
    names = ["LLMNewModelSeen", "LLMPromptVersionDeployed", "LLMExporterSeriesNearCap"]
    alertmanager.post(*(an_alert(name, "info", service_name=f"{name}-1", team=service) for name in names))
    (message,) = eventually(lambda: far.messages(f"DIGEST] 3 to look at · {service}"))
    assert message["text"].splitlines() == [
        f"• {name} · {name}-1: {name} of {name}-1" for name in sorted(names)
    ]
    assert far.pages(service) == []


def test_a_failing_pagerduty_loses_nothing(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """429 and 5xx are tried again until PagerDuty takes the event, and then once only."""
    with far_side() as far, alerting(server, tmp_path_factory.mktemp("am"), far.url) as alertmanager:
        far.failing["pagerduty"].extend([429, 500, 429, 503])
        alertmanager.post(an_alert("LLMExporterDown", category="exporter"))
        eventually(far.pages)
        a_flush_later(alertmanager, far)
        statuses = [one.status for one in far.attempts if one.to == "pagerduty"]
        assert statuses == [429, 500, 429, 503, 202]
        assert far.refused() == []


def test_a_failing_slack_loses_nothing(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """5xx is tried again at once, and 429, for which Alertmanager has no retry, when the group is next looked at."""
    with far_side() as far, alerting(server, tmp_path_factory.mktemp("am"), far.url) as alertmanager:
        far.failing["slack"].extend([500, 503, 429])
        alertmanager.post(an_alert("LLMTokenBloat", "warning", service_name="a", category="tokens"))
        eventually(far.messages)
        a_flush_later(alertmanager, far)
        statuses = [one.status for one in far.attempts if one.to == "slack" and "LLMTokenBloat" in one.text]
        assert statuses == [500, 503, 429, 200]


def test_a_restart_pages_nobody_again(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After a restart on the same storage an open incident is not opened again, and its end closes it."""
    with far_side() as far, alerting(server, tmp_path_factory.mktemp("am"), far.url) as alertmanager:
        alert = an_alert("LLMBudgetExhausted", service_name="a", category="cost")
        alertmanager.post(alert)
        (opened,) = eventually(lambda: far.pages("LLMBudgetExhausted"))
        eventually(lambda: far.messages("LLMBudgetExhausted"))
        alertmanager.stop()
        alertmanager.start()
        alertmanager.post(alert)
        a_flush_later(alertmanager, far)
        assert (len(far.pages()), len(far.messages("LLMBudgetExhausted"))) == (1, 1)
        alertmanager.post(alert, resolved=True)
        (closed,) = eventually(lambda: far.pages("LLMBudgetExhausted", "resolve"))
        assert closed["dedup_key"] == opened["dedup_key"]
        assert far.refused() == []


def test_maintenance_and_the_time_of_the_digest_mute(
    server: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a planned maintenance nobody is told of a page or a warning, and outside its time there is no digest."""
    always = "- name: planned-maintenance\n    time_intervals: [{weekdays: ['sunday:saturday']}]"
    never = "weekdays: ['sunday:saturday']\n        years: ['1999']"
    changed = {
        "- name: planned-maintenance\n    time_intervals: []": always,
        "weekdays: ['sunday:saturday']\n": never + "\n",
    }
    with far_side() as far, alerting(server, tmp_path_factory.mktemp("am"), far.url, changed) as alertmanager:
        alertmanager.post(
            an_alert("LLMBudgetExhausted", service_name="a", category="cost"),
            an_alert("LLMProviderDown", service_name="b", category="errors"),
            an_alert("LLMTokenBloat", "warning", service_name="c", category="tokens"),
            an_alert("LLMNewModelSeen", "info", service_name="d"),
            an_alert("Watchdog", "none"),
        )
        # The heartbeat is never muted. By its eighth beat the groups above have been looked at at least once.
        eventually(lambda: far.beats >= 8)
        assert far.attempts == []
        firing = {one["labels"]["alertname"] for one in alertmanager.alerts()}
        assert len(firing) == 5


def test_every_request_is_json_of_a_bounded_size(
    alertmanager: Alertmanager, far: FarSide, service: str
) -> None:
    """Nothing that was sent so far is larger than a few kilobytes, however long the texts of the alerts are."""
    alertmanager.post(
        an_alert(
            "LLMPIILeak",
            service_name=service,
            category="safety",
            annotations=dict.fromkeys(
                ("summary", "description", "value", "top_contributor"), "&<>*_~`" * 5000
            ),
        )
    )
    eventually(lambda: far.pages(service) and far.messages(service))
    sizes = [len(json.dumps(one.body)) for one in far.attempts]
    assert max(sizes) < 32_000
