"""The local sink answers as PagerDuty and Slack do, shows what came in, keeps little, and lets nothing act."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alertmanagers import SERVERS, alerting, an_alert
from alerts.accepted import mentions, pagerduty_faults, slack_faults
from alerts.sink import KEPT, KEPT_BYTES, Received, Sink

from alerts import page
from core.processes import ROOT, eventually, request

EVENT: dict[str, Any] = {
    "routing_key": "0123456789abcdef0123456789abcdef",
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "Slow & <b>", "source": "checkout", "severity": "critical"},
}
MESSAGE: dict[str, Any] = {
    "attachments": [
        {
            "title": "T",
            "color": "danger",
            "text": "*bold* &lt;b&gt; <https://x.example/?a=1&amp;b=2|Panel>",
            "fields": [{"title": "Links", "value": "<https://x.example|Runbook>"}],
        }
    ]
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Return a sink that listens on a free port."""
    with Sink("127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def post(sink: Sink, path: str, body: object) -> tuple[int, bytes]:
    """Send a body as JSON."""
    return request(sink.address, path, json.dumps(body).encode(), Content_Type="application/json")


def changed(event: dict[str, Any], **parts: object) -> dict[str, Any]:
    """Return an event with other parts, of its payload where it has them; None takes a part away."""
    payload = {
        **event["payload"],
        **{k: v for k, v in parts.items() if k in ("summary", "source", "severity")},
    }
    merged = {**event, "payload": payload, **{k: v for k, v in parts.items() if k not in payload}}
    return {k: v for k, v in merged.items() if v is not None}


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (changed(EVENT, routing_key="short"), "routing_key"),
        (changed(EVENT, routing_key=None), "routing_key"),
        (changed(EVENT, event_action="open"), "event_action is 'open'"),
        (changed(EVENT, event_action="resolve", dedup_key=None), "dedup_key is missing"),
        (changed(EVENT, dedup_key="k" * 256), "255"),
        (changed(EVENT, summary=""), "payload.summary is missing"),
        (changed(EVENT, summary="s" * 1025), "1024"),
        (changed(EVENT, source=" "), "payload.source is missing"),
        (changed(EVENT, severity="page"), "payload.severity is 'page'"),
        (changed(EVENT, links=[{"href": "", "text": "x"}]), "a link has no address"),
        ({**EVENT, "payload": None}, "payload is missing"),
        ({**EVENT, "payload": {**EVENT["payload"], "custom_details": "x"}}, "custom_details"),
        ({**EVENT, "payload": {**EVENT["payload"], "group": 1}}, "payload.group is not a string"),
        (
            {**EVENT, "payload": {**EVENT["payload"], "custom_details": {"x": "y" * 512_000}}},
            "more than 512000",
        ),
        ([], "not a JSON object"),
    ],
)
def test_what_pagerduty_refuses(event: object, says: str) -> None:
    """Each rule of the Events API v2 that an event breaks is named."""
    assert pagerduty_faults(json.dumps(EVENT).encode()) == []
    (fault,) = pagerduty_faults(json.dumps(event).encode())
    assert says in fault


@pytest.mark.parametrize(
    ("attachment", "says"),
    [
        ({"text": "x"}, "an attachment has no title"),
        ({"title": "t", "text": "x" * 3001}, "text has 3001 characters"),
        ({"title": "t" * 1025}, "title has 1025 characters"),
        ({"title": "t", "fields": [{"value": "x" * 3001}]}, "fields[0] has 3001"),
        ({"title": "t", "fields": [{}] * 11}, "11 fields"),
        ({"title": "t", "actions": [{}] * 6}, "6 actions"),
        ({"title": "<!channel>"}, "'<!channel>', which is not escaped"),
        ({"title": "t", "text": "a > b"}, "not escaped"),
        ({"title": "t", "text": "a & b"}, "not escaped"),
        ({"title": "t", "text": "&am…"}, "not escaped"),
    ],
)
def test_what_slack_refuses_or_garbles(attachment: dict[str, Any], says: str) -> None:
    """Each bound, and each sign that should have been escaped, is named."""
    assert slack_faults(json.dumps(MESSAGE).encode()) == []
    (fault,) = slack_faults(json.dumps({"attachments": [attachment]}).encode())
    assert says in fault


def test_an_empty_or_endless_message_is_refused() -> None:
    """A message without any text, and one beyond forty thousand characters, would not be shown."""
    assert slack_faults(b"{}") == ["no_text: neither a text nor an attachment with one"]
    assert slack_faults(b'{"attachments": ["x"]}') == ["invalid_attachments: not a list of objects"]
    assert slack_faults(json.dumps({"text": "x" * 40_001}).encode()) == [
        "msg_too_long: more than 40000 characters"
    ]
    assert slack_faults(b"x") == ["the body is not JSON"]


def test_mentions_are_seen_wherever_they_are() -> None:
    """A channel, a user and a group are mentions; a link is none."""
    said = {
        "attachments": [
            {"title": "<!here> <@U1>", "fields": [{"value": "<!subteam^S1> <https://x.example|x>"}]}
        ]
    }
    assert mentions(said) == ["!here", "@U1", "!subteam^S1"]


def test_it_answers_as_pagerduty_and_slack_do(sink: Sink) -> None:
    """202 with the key, 400 with the errors; `ok` in plain text, 400 with the first fault; a heartbeat is noted."""
    status, body = post(sink, "/v2/enqueue", EVENT)
    assert (status, json.loads(body)["dedup_key"]) == (202, "k")
    status, body = post(sink, "/v2/enqueue", {})
    assert (status, json.loads(body)["status"]) == (400, "invalid event")
    assert post(sink, "/slack", MESSAGE) == (200, b"ok")
    assert post(sink, "/slack", {})[0] == 400
    assert sink.received.heartbeat == 0
    assert post(sink, "/heartbeat", {}) == (200, b"ok\n")
    assert sink.received.heartbeat > 0
    assert post(sink, "/elsewhere", {})[0] == 404
    assert request(sink.address, "/elsewhere")[0] == 404
    assert request(sink.address, "/-/healthy") == (200, b"ok\n")
    kept = json.loads(request(sink.address, "/notifications")[1])
    assert kept["received"] == 4
    assert [(one["to"], bool(one["faults"])) for one in kept["kept"]] == [
        ("pagerduty", False),
        ("pagerduty", True),
        ("slack", False),
        ("slack", True),
    ]


def test_the_page_shows_both_and_lets_nothing_act(sink: Sink) -> None:
    """Newest first, with links and bold text of Slack's, with faults, everything escaped, and no script."""
    post(sink, "/v2/enqueue", changed(EVENT, links=[{"href": "https://x.example/?a=1&b=2", "text": "Panel"}]))
    post(
        sink,
        "/v2/enqueue",
        changed(EVENT, severity="<script>", links=[{"href": "javascript:x", "text": "Bad"}]),
    )
    post(sink, "/slack", MESSAGE)
    status, body = request(sink.address, "/")
    shown = body.decode()
    assert status == 200
    assert re.findall(r"<h2>(.*?)</h2>", shown) == [
        "Slack: T",
        "PagerDuty, trigger: Slow &amp; &lt;b&gt;",
        "PagerDuty, trigger: Slow &amp; &lt;b&gt;",
    ]
    assert "<strong>bold</strong> &lt;b&gt; " in shown
    assert re.findall(r'href="([^"]+)"', shown) == [
        "https://x.example/?a=1&amp;b=2",
        "https://x.example",
        "https://x.example/?a=1&amp;b=2",
    ]
    assert "<script" not in shown
    assert "It would be refused: payload.severity is &#x27;&lt;script&gt;&#x27;" in shown
    assert '<article class="danger">' in shown
    assert '<article class="critical">' in shown


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b'{"payload": 1, "links": {}}', b"\xff", b"[" * 100_000]
)
def test_whatever_comes_is_shown(body: bytes, sink: Sink) -> None:
    """A body of any form is refused, kept as a fault, and the page is still there."""
    for path in ("/v2/enqueue", "/slack"):
        assert request(sink.address, path, body)[0] == 400
    status, shown = request(sink.address, "/")
    assert (status, shown.count(b"It would be refused") >= 2) == (200, True)


def test_memory_is_bounded() -> None:
    """The oldest notifications go when there are too many, or too many bytes of them; a huge body is not read."""
    received = Received()
    for number in range(KEPT + 50):
        received.add("slack", json.dumps({"n": number}).encode(), [])
    assert [one.body["n"] for one in received.all()] == list(range(50, KEPT + 50))
    for _ in range(20):
        received.add("slack", json.dumps({"text": "x" * 1_000_000}).encode(), [])
    assert sum(one.size for one in received.all()) <= KEPT_BYTES
    assert received.count == KEPT + 70


def test_a_body_that_is_too_large_is_not_read(sink: Sink) -> None:
    """More than a megabyte is refused by its length."""
    for length in ("1024001", "99999999999999999999", "-1", "x", ""):
        status, _ = request(sink.address, "/slack", b"", Content_Length=length)
        assert status == 413, length
    assert sink.received.all() == []


def test_the_page_without_notifications() -> None:
    """Before anything has come the page says so, and when the dead-man's switch was last heard."""
    assert "No notification yet. Dead-man&#x27;s switch: not heard yet." in page.shown(
        [], 0, 0.0, 0.0
    ).replace("'", "&#x27;")
    assert "heard 65 s ago" in page.shown([], 0, 100.0, 165.0)
    assert "heard 3 min ago" in page.shown([], 0, 100.0, 280.0)
    assert "heard 2 h ago" in page.shown([], 0, 100.0, 7300.0)


def test_the_command_listens_on_loopback() -> None:
    """`python -m alerts sink` prints where it listens, serves the page, and ends on Ctrl-C."""
    command = [sys.executable, "-m", "alerts", "sink", "--address", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"listening http://(127\.0\.0\.1:\d+)/\n", process.stdout.readline())
        assert found is not None
        assert request(found[1], "/")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.mark.prometheus
@pytest.mark.parametrize("server", SERVERS)
def test_the_default_loses_nothing(server: str, sink: Sink, tmp_path: Path) -> None:
    """With no account at all, a page, a warning and a digest reach the sink and are on its page, none with a fault."""
    with alerting(server, tmp_path, f"http://{sink.address}") as alertmanager:
        alertmanager.post(
            an_alert("LLMBudgetExhausted", service_name="a", category="cost"),
            an_alert("LLMTokenBloat", "warning", service_name="b", category="tokens"),
            an_alert("LLMNewModelSeen", "info", service_name="c"),
            an_alert("Watchdog", "none"),
        )
        eventually(lambda: len(sink.received.all()) >= 4 and sink.received.heartbeat)
        shown = request(sink.address, "/")[1].decode()
    assert sorted(re.findall(r"<h2>(.*?)</h2>", shown)) == [
        "PagerDuty, trigger: LLMBudgetExhausted · a (production): LLMBudgetExhausted of a",
        "Slack: [CRITICAL] LLMBudgetExhausted · a (production)",
        "Slack: [DIGEST] 1 to look at (production)",
        "Slack: [WARNING] LLMTokenBloat · b (production)",
    ]
    assert "It would be refused" not in shown
    assert "Dead-man's switch: heard " in shown
