"""Which receiver an alert ends at, by amtool's word; what switches PagerDuty and Slack on; the documents' examples."""

import os
import subprocess
from itertools import product
from pathlib import Path

import pytest
import yaml
from alertmanagers import SERVERS, program
from alerts.__main__ import main

from alerts import configure, located, matching, preflight
from project.documents import Document

ROUTING = Document("docs/routing.md")
TEAMS_GO_HERE = "    # Teams with a PagerDuty service"
KEY, WEBHOOK = "0123456789abcdef0123456789ABCDEF", "https://hooks.slack.com/services/T0/B0/xyz"

# alertname, severity, team -> receivers
EXPECTED = {
    ("Watchdog", "none", ""): "heartbeat",
    ("Anything", "none", ""): "nobody",
    **{
        (name, severity, team): receivers
        for name, team in product(("LLMBudgetExhausted", "LLMProviderDown"), ("", "search", "unheard-of"))
        for severity, receivers in (
            ("critical", "pagerduty,slack"),
            ("warning", "slack"),
            ("info", "digest"),
            ("none", "nobody"),
            ("", "slack"),
            ("page", "slack"),
        )
    },
}


@pytest.fixture(params=SERVERS)
def amtool(request: pytest.FixtureRequest) -> Path:
    """Return amtool of each version."""
    return program(request.param, "amtool")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Return the configuration as it is for a machine with neither PagerDuty nor Slack."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(configure.configured(tmp_path / "secrets"))
    return file


def checked(amtool: Path, file: Path) -> None:
    """Fail when amtool finds fault with a configuration."""
    done = subprocess.run(
        [amtool, "check-config", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def receivers(amtool: Path, file: Path, labels: dict[str, str]) -> str:
    """Return the receivers of an alert, as amtool finds them."""
    given = [f"{name}={value}" for name, value in labels.items() if value]
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={file}", *given],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def simulated(file: Path, labels: dict[str, str]) -> str:
    """Return the receivers of an alert, as the preflight finds them."""
    route = matching.route_of(located.load(file).section("route"))
    return ",".join(one.receiver for one in route.reached(labels))


def with_team(tmp_path: Path) -> Path:
    """Return the configuration with the two examples of the document, for the team `search`, where they belong."""
    route, receivers_of_team = (block for block in ROUTING.blocks("yaml") if "slack-search" in block)
    text = configure.SHIPPED.read_text()
    assert text.count(TEAMS_GO_HERE) == 1
    file = tmp_path / "alertmanager.yml"
    file.write_text(text.replace(TEAMS_GO_HERE, f"{route}\n{TEAMS_GO_HERE}") + "\n" + receivers_of_team)
    return file


@pytest.mark.prometheus
def test_alertmanager_takes_the_configuration(amtool: Path, configuration: Path) -> None:
    """As it is shipped, and as it is written for a machine, the oldest and the newest Alertmanager take it."""
    checked(amtool, configure.SHIPPED)
    checked(amtool, configuration)


@pytest.mark.prometheus
def test_each_alert_ends_where_it_should(amtool: Path) -> None:
    """For each severity and team, known or not: the receivers of the table, in amtool and in the preflight."""
    found = {}
    for alertname, severity, team in EXPECTED:
        labels = {"alertname": alertname, "severity": severity, "team": team}
        found[alertname, severity, team] = receivers(amtool, configure.SHIPPED, labels)
        assert simulated(configure.SHIPPED, labels) == found[alertname, severity, team]
    assert found == EXPECTED


@pytest.mark.prometheus
def test_a_team_adds_its_route(amtool: Path, tmp_path: Path) -> None:
    """With the document's example the team's alerts go to its receivers, and nobody else's do."""
    file = with_team(tmp_path)
    checked(amtool, file)
    for (alertname, severity, team), default in EXPECTED.items():
        expected = default
        if team == "search" and severity not in ("info", "none"):
            expected = ",".join(f"{one}-search" for one in default.split(","))
        labels = {"alertname": alertname, "severity": severity, "team": team}
        assert receivers(amtool, file, labels) == simulated(file, labels) == expected


def test_the_preflight_knows_the_files_of_a_team(tmp_path: Path) -> None:
    """A team's route without the files of its secrets is two findings; with them, there is none."""
    file = with_team(tmp_path)
    (tmp_path / "templates").symlink_to(configure.PROVISIONED / "templates")
    configure.configured(tmp_path / "secrets")
    around = preflight.Surroundings((("/etc/alertmanager", str(tmp_path)),))
    assert [finding.what.split()[0] for finding in preflight.examined(file, around)] == (
        ["routing_key_file", "api_url_file"]
    )
    (tmp_path / "secrets/pagerduty_search").write_text(configure.SINK_KEY)
    (tmp_path / "secrets/slack_search").write_text(WEBHOOK)
    assert preflight.examined(file, around) == []


@pytest.mark.prometheus
def test_it_fits_into_an_alertmanager_that_is_there(amtool: Path, tmp_path: Path) -> None:
    """The document's example, with our receivers, takes our alerts and leaves the others where they were."""
    (example,) = (block for block in ROUTING.blocks("yaml") if "receiver: yours" in block)
    ours = yaml.safe_load(configure.SHIPPED.read_text())
    theirs = yaml.safe_load(example)
    used = [one for one in ours["receivers"] if one["name"] in ("pagerduty", "slack", "digest")]
    yours = {"name": "yours", "webhook_configs": [{"url": "http://127.0.0.1:9/"}]}
    theirs |= {
        "receivers": [yours, *used],
        "inhibit_rules": ours["inhibit_rules"],
        "global": ours["global"],
    }
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(theirs))
    checked(amtool, file)
    for name, severity, expected in (
        ("NodeDown", "critical", "yours"),
        ("LLMBudgetExhausted", "critical", "pagerduty,slack"),
        ("LLMProviderDown", "critical", "pagerduty,slack"),
        ("LLMTokenBloat", "warning", "slack"),
        ("LLMNewModelSeen", "info", "digest"),
    ):
        assert receivers(amtool, file, {"alertname": name, "severity": severity}) == expected


def test_without_accounts_all_goes_to_the_sink(tmp_path: Path) -> None:
    """Missing files get the sink's values, readable by their owner alone, and every address is the sink's."""
    secrets = tmp_path / "secrets"
    text = configure.configured(secrets, "http://127.0.0.1:1234")
    assert (secrets / "pagerduty_routing_key").read_text() == "localsink" + 23 * "0" + "\n"
    assert (secrets / "slack_webhook_url").read_text() == "http://127.0.0.1:1234/slack\n"
    assert {(path.name, path.stat().st_mode & 0o777) for path in secrets.iterdir()} == {
        ("pagerduty_routing_key", 0o600),
        ("slack_webhook_url", 0o600),
    }
    parsed = yaml.safe_load(text)
    assert parsed["global"]["pagerduty_url"] == "http://127.0.0.1:1234/v2/enqueue"
    assert parsed["global"]["slack_api_url_file"] == str(secrets / "slack_webhook_url")
    urls = {r["name"]: r["webhook_configs"] for r in parsed["receivers"] if "webhook_configs" in r}
    assert urls == {"heartbeat": [{"url": "http://127.0.0.1:1234/heartbeat", "send_resolved": False}]}
    # Once more with the sink somewhere else: the file follows.
    configure.configured(secrets, "http://sink:9465/")
    assert (secrets / "slack_webhook_url").read_text() == "http://sink:9465/slack\n"


@pytest.mark.parametrize(("key", "webhook"), [(KEY, ""), ("", WEBHOOK), (KEY, WEBHOOK)])
def test_a_file_switches_each_on(key: str, webhook: str, tmp_path: Path) -> None:
    """A real key takes the sink's address for PagerDuty away, a real webhook stays; neither is changed, nor shown."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "pagerduty_routing_key").write_text(key)
    (secrets / "slack_webhook_url").write_text(webhook)
    file = tmp_path / "alertmanager.yml"
    assert main(["configure", "--secrets", str(secrets), "--output", str(file)]) == 0
    text = file.read_text()
    assert ("pagerduty_url" in yaml.safe_load(text)["global"]) == (not key)
    assert (secrets / "pagerduty_routing_key").read_text() == (key or configure.SINK_KEY + "\n")
    assert (secrets / "slack_webhook_url").read_text() == (webhook or "http://127.0.0.1:9465/slack\n")
    assert KEY not in text
    assert WEBHOOK not in text


@pytest.mark.prometheus
def test_the_heartbeat_can_be_a_secret(tmp_path: Path) -> None:
    """With a file for it, the dead-man's switch reads its address from there, which the newest Alertmanager takes."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "heartbeat_url").write_text("https://heartbeat.example/ping/abc\n")
    file = tmp_path / "alertmanager.yml"
    file.write_text(configure.configured(secrets))
    (heartbeat,) = (
        one for one in yaml.safe_load(file.read_text())["receivers"] if one["name"] == "heartbeat"
    )
    assert heartbeat["webhook_configs"] == [
        {"url_file": str(secrets / "heartbeat_url"), "send_resolved": False}
    ]
    checked(program("alertmanager-0", "amtool"), file)


def test_secrets_stay_out_of_git() -> None:
    """Git ignores whatever is put beside the configuration as a secret."""
    ignored = subprocess.run(
        ["git", "check-ignore", configure.SECRETS / configure.PAGERDUTY_FILE, configure.SECRETS / "slack_x"],
        cwd=configure.PROVISIONED,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    )
    assert len(ignored.stdout.splitlines()) == 2, ignored.stderr


def test_the_routes_use_only_labels_of_the_contract() -> None:
    """Matchers, groups and inhibitions name no label that rules do not set."""
    configuration = yaml.safe_load(configure.SHIPPED.read_text())
    route = matching.route_of(located.load(configure.SHIPPED).section("route"))
    used = {one.name for each in route.all() for one in each.matchers}
    used |= {str(label) for each in route.all() for label in each.section.items_of("group_by")}
    for rule in configuration["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            used |= {matcher.name for text in rule[side] for matcher in matching.parsed(text)}
        used |= set(rule.get("equal", []))
    assert used <= set(preflight.LABELS)


def test_a_hard_outage_reaches_pagerduty_in_time() -> None:
    """With a scrape each 15 s, an evaluation each 30 s and `for: 2m`, what is waited here keeps within 3 min 30 s."""
    route = matching.route_of(located.load(configure.SHIPPED).section("route"))
    labels = {"alertname": "LLMProviderDown", "severity": "critical"}
    (page,) = (one for one in route.reached(labels) if one.receiver == "pagerduty")
    assert "group_wait" not in page.section
    assert route.section["group_wait"] == "30s"
    assert 15 + 30 + 120 + 30 <= 210
