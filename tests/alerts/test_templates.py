"""What PagerDuty and Slack are told, rendered by the amtool of two Alertmanagers, beside golden files."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from alertmanagers import SERVERS, an_alert, program
from alerts.accepted import mentions, pagerduty_faults, slack_faults
from alerts.configure import PROVISIONED, SHIPPED, SINK_KEY

from core.building import compare_with_file

pytestmark = pytest.mark.prometheus
GOLDEN = Path(__file__).parent / "golden"
BREAK = "\n\x1e"
GROUPED_BY = ("alertname", "environment", "team", "service_name", "slo", "scope", "name")
Data = dict[str, Any]


@pytest.fixture(params=SERVERS)
def amtool(request: pytest.FixtureRequest) -> Path:
    """Return amtool of each version."""
    return program(request.param, "amtool")


def data(*alerts: dict[str, Any], resolved: int = 0) -> Data:
    """Return what Alertmanager gives to a template for a group of alerts, of which the first few are over."""
    listed = [
        {**one, "status": "resolved" if number < resolved else "firing", "generatorURL": one["generatorURL"]}
        for number, one in enumerate(alerts)
    ]
    labels, annotations = (
        {k: v for k, v in alerts[0][part].items() if all(one[part].get(k) == v for one in alerts)}
        for part in ("labels", "annotations")
    )
    return {
        "receiver": "any",
        "status": "resolved" if resolved == len(alerts) else "firing",
        "alerts": listed,
        "groupLabels": {k: v for k, v in labels.items() if k in GROUPED_BY},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.example:9093",
    }


def latency(feature: str, value: str = "31.2 s") -> dict[str, Any]:
    """Return an alert as one of a service's features."""
    return an_alert(
        "LLMLatencyP99High",
        "warning",
        service_name="checkout",
        team="search",
        category="latency",
        feature=feature,
        annotations={"summary": f"p99 latency of checkout is {value}", "value": value},
    )


FOREIGN = {"labels": {"alertname": "NodeDown"}, "annotations": {}, "generatorURL": ""}
SIGNS = (
    "<!channel> <@U1> <https://evil.example|click> &amp; *bold* _it_ snake_case ~gone~ `code`\n"
    "> quote {{ .Status }}\u202e"
)
HOSTILE = an_alert(
    "LLMPIILeak",
    service_name=SIGNS,
    team=SIGNS,
    category=SIGNS,
    feature=SIGNS,
    environment=SIGNS,
    annotations={
        **dict.fromkeys(("summary", "description", "value", "threshold", "top_contributor"), SIGNS),
        "runbook_url": "javascript:alert(1)",
        "dashboard_url": "https://grafana.example/d/x?a=1|<!here>",
        "traces_url": "https://grafana.example/a b",
    },
)
LONG = [
    an_alert(
        "LLM" + "Long" * 60,
        service_name="s" * 300,
        team="t" * 300,
        category="c" * 300,
        environment="e" * 300,
        feature=f"{number:03}" + "&" * 300,
        slo="o" * 300,
        annotations={
            **dict.fromkeys(
                ("summary", "description", "value", "threshold", "top_contributor"), "<&>*~`_" * 2000
            ),
            "runbook_url": "https://runbooks.example/".ljust(950, "r"),
            "dashboard_url": "https://grafana.example/".ljust(950, "d"),
            "traces_url": "https://grafana.example/".ljust(950, "t"),
        },
    )
    for number in range(60)
]
CASES = {
    "one": data(latency("chat")),
    "several": data(
        latency("first", "3 s"), *(latency(f"feature-{n}", f"{40 - n} s") for n in range(7)), resolved=1
    ),
    "over": data(latency("chat"), latency("search"), resolved=2),
    "foreign": data(FOREIGN),
    "hostile": data(HOSTILE),
    "page": data(
        an_alert("LLMBudgetExhausted", category="cost", scope="total", name="all of it", period="month")
    ),
}


def fields() -> dict[str, str]:
    """Return every text of the receivers that is a template, by where it stands."""
    found = {}
    for receiver in yaml.safe_load(SHIPPED.read_text())["receivers"]:
        for kind, integrations in receiver.items():
            if kind not in ("pagerduty_configs", "slack_configs"):
                continue
            for key, value in integrations[0].items():
                if key == "details":
                    found |= {f"{receiver['name']}.details.{k}": text for k, text in value.items()}
                elif key in ("links", "fields"):
                    names = [
                        (one.get("text") or one["title"], one.get("href") or one["value"]) for one in value
                    ]
                    found |= {f"{receiver['name']}.{key}.{name}": text for name, text in names}
                elif "{{" in str(value):
                    found[f"{receiver['name']}.{key}"] = value
    return found


def rendered(amtool: Path, given: Data, tmp_path: Path) -> dict[str, str]:
    """Return what each field of the receivers becomes."""
    file = tmp_path / "data.json"
    file.write_text(json.dumps(given))
    texts = fields()
    command = [
        *(amtool, "template", "render", f"--template.glob={PROVISIONED}/templates/*.tmpl"),
        *(f"--template.data={file}", f"--template.text={BREAK.join(texts.values())}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(texts, done.stdout.split(BREAK), strict=True))


def event(texts: dict[str, str]) -> dict[str, Any]:
    """Return the event that Alertmanager would make of the fields."""
    said = {k.removeprefix("pagerduty."): v for k, v in texts.items() if k.startswith("pagerduty.")}
    parts = {k: said[k] for k in ("source", "severity", "component", "group", "class")}
    details = {k.removeprefix("details."): v for k, v in said.items() if k.startswith("details.")}
    links = [{"text": k, "href": v} for k, v in said.items() if k.startswith("links.") and v]
    payload = {"summary": said["description"], **parts, "custom_details": details}
    return {"routing_key": SINK_KEY, "event_action": "trigger", "payload": payload, "links": links}


def message(texts: dict[str, str], receiver: str) -> dict[str, Any]:
    """Return the message that Alertmanager would make of the fields."""
    said = {k.removeprefix(f"{receiver}."): v for k, v in texts.items() if k.startswith(f"{receiver}.")}
    parts = {k: v for k, v in said.items() if "." not in k}
    return {"attachments": [{**parts, "fields": [{"value": v} for k, v in said.items() if "." in k]}]}


@pytest.mark.parametrize("case", CASES)
def test_messages_are_as_in_the_golden_files(amtool: Path, case: str, tmp_path: Path) -> None:
    """Each field of each receiver is, word for word and in both versions, as in tests/alerts/golden (REGENERATE=1)."""
    texts = rendered(amtool, CASES[case], tmp_path)
    shown = "".join(f"--- {name}\n{text}\n" for name, text in texts.items()).replace("\u200b", "␣")
    compare_with_file(GOLDEN / f"{case}.txt", shown)


@pytest.mark.parametrize("case", [*CASES, "long", "longest"])
def test_messages_are_what_the_far_sides_take(amtool: Path, case: str, tmp_path: Path) -> None:
    """PagerDuty and Slack would take each message, however long and odd, and it calls nobody."""
    long = {"long": data(*LONG), "longest": data(LONG[0])}
    texts = rendered(amtool, CASES.get(case) or long[case], tmp_path)
    assert pagerduty_faults(json.dumps(event(texts)).encode()) == []
    for receiver in ("slack", "digest"):
        made = message(texts, receiver)
        # A digest of alerts that are all over has nothing to list.
        assert slack_faults(json.dumps(made).encode()) == []
        assert mentions(made) == []
        assert len(json.dumps(made, ensure_ascii=False)) < 12_000


def test_details_stay_texts(amtool: Path, tmp_path: Path) -> None:
    """Read as YAML, as Alertmanager does from 0.30 on, no detail with a text of a rule is a map, a list or nothing."""
    odd = ["a: b", "- a", "{a: b}", "[a]", "null", "~", "3", "a:", "# a", "&a b", "true", "", "a:\n  b: c"]
    names = ("description", "value", "threshold", "top_contributor")
    for text in odd:
        alert = an_alert("X", annotations=dict.fromkeys(names, text), feature=text, service_name=text or "s")
        details = event(rendered(amtool, data(alert), tmp_path))["payload"]["custom_details"]
        for name in (*names, "firing"):
            try:
                read = yaml.safe_load(details[name])
            except yaml.YAMLError:
                continue
            assert isinstance(read, str), (text, name, details[name])


def test_silence_keeps_every_label_apart(amtool: Path, tmp_path: Path) -> None:
    """The link to silence has the labels that the alerts share, quoted, and neither severity nor category."""
    links = rendered(amtool, data(latency('a "b"\\'), latency('a "b"\\', "2 s")), tmp_path)
    address, _, text = links["pagerduty.links.Silence"].partition("?filter=")
    assert address == "http://alertmanager.example:9093/#/silences/new"
    assert not re.search(r"[\s+\"<>|]", text)
    assert unquote(text) == (
        '{alertname="LLMLatencyP99High",service_name="checkout",environment="production",team="search",'
        'feature="a \\"b\\"\\\\"}'
    )


def test_alerts_of_several_names_are_not_silenced_together(amtool: Path, tmp_path: Path) -> None:
    """A digest, whose alerts share no name, has no link to silence all of a team or an environment."""
    several = data(an_alert("A", "info", team="search"), an_alert("B", "info", team="search"))
    links = rendered(amtool, several, tmp_path)
    assert links["pagerduty.links.Silence"] == ""
    assert re.findall(r"\|(\w+)>", links["digest.fields.Alertmanager"]) == ["All"]


def test_links_lead_only_to_addresses(amtool: Path, tmp_path: Path) -> None:
    """What is no http address, or could end a link of Slack's early, makes no link."""
    texts = rendered(amtool, data(HOSTILE), tmp_path)
    assert [texts[f"pagerduty.links.{name}"] for name in ("Runbook", "Panel", "Traces")] == ["", "", ""]
    assert texts["slack.fields.Links"] == ""


def test_what_is_too_long_for_a_link_is_no_link(amtool: Path, tmp_path: Path) -> None:
    """Slack gets addresses of up to 950 characters, PagerDuty of up to 2000."""
    lengths = {"runbook_url": 950, "dashboard_url": 951, "traces_url": 2001}
    annotations = {name: "https://x.example/".ljust(length, "x") for name, length in lengths.items()}
    texts = rendered(amtool, data(an_alert("X", annotations=annotations)), tmp_path)
    assert re.findall(r"\|(\w+)>", texts["slack.fields.Links"]) == ["Runbook"]
    assert [len(texts[f"pagerduty.links.{name}"]) for name in ("Runbook", "Panel", "Traces")] == [950, 951, 0]


def test_a_path_leads_to_grafana(amtool: Path, tmp_path: Path) -> None:
    """Rules name a dashboard by its path; where Grafana is stands in one place, templates/links.tmpl."""
    alert = an_alert(
        "X", annotations={"dashboard_url": "/d/llm-agents", "runbook_url": "/etc/passwd", "traces_url": ""}
    )
    texts = rendered(amtool, data(alert), tmp_path)
    assert texts["pagerduty.links.Panel"] == "http://127.0.0.1:3000/d/llm-agents"
    assert texts["slack.fields.Links"].split() == ["<http://127.0.0.1:3000/d/llm-agents|Panel>"]
    assert texts["pagerduty.links.Runbook"] == ""


def test_what_is_cut_says_so(amtool: Path, tmp_path: Path) -> None:
    """A text that is cut ends with an ellipsis, and never in the middle of an entity."""
    texts = rendered(amtool, data(*LONG), tmp_path)
    assert texts["pagerduty.description"].endswith("… (and 59 more)")
    assert texts["slack.text"].endswith("and 55 more")
    for text in (texts["slack.text"], texts["slack.title"], texts["digest.text"]):
        assert "…" in text
        assert re.findall(r"&(?!amp;|lt;|gt;)", text) == []


def test_every_template_is_used() -> None:
    """Each template that is defined is used by the configuration or by another one."""
    text = "".join(file.read_text() for file in sorted((PROVISIONED / "templates").glob("*.tmpl")))
    used = set(re.findall(r'template "([^"]+)"', text + SHIPPED.read_text()))
    assert set(re.findall(r'define "([^"]+)"', text)) == used
