"""The preflight finds what amtool lets pass, says where it is and what to do, and finds nothing in what is right."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from alertmanagers import SERVERS, program
from alerts.__main__ import main
from alerts.matching import Matcher, contradiction, implied, parsed

from alerts import configure, preflight

KEY = "0123456789abcdef0123456789ABCDEF"
HOOK = "https://hooks.slack.com/services/T0/B0/xyz"
SLACK = "    slack_configs:\n      - &slack\n"
RULES = (
    "groups: [{name: g, rules: [{alert: LLMExporterDown, expr: vector(1)}, {record: a:b, expr: vector(1)}]}]"
)


@dataclass(frozen=True)
class Slip:
    """A change to the configuration; the finding is in the line where `new` has its mark, `¦`."""

    old: str
    new: str
    says: str
    advises: str


@dataclass(frozen=True)
class Secret:
    """What a secret's file has, and what is wrong with that."""

    name: str
    content: bytes
    says: str


SLIPS = {
    "a literal variable": Slip(
        SLACK,
        SLACK + "        ¦channel: '#${CHANNEL}'\n",
        "channel has the literal text ${CHANNEL}",
        "Put the value there",
    ),
    "an inline key": Slip(
        "        routing_key_file: {secrets}/pagerduty_routing_key\n",
        f"        ¦routing_key: {KEY}\n",
        "routing_key has the secret itself",
        "name that with routing_key_file",
    ),
    "a literal variable for a key": Slip(
        "        routing_key_file: {secrets}/pagerduty_routing_key\n",
        "        ¦routing_key: ${PD_KEY}\n",
        "routing_key has the literal text ${PD_KEY}",
        "into a file",
    ),
    "an inline webhook": Slip(
        "  slack_api_url_file: {secrets}/slack_webhook_url\n",
        f"  ¦slack_api_url: {HOOK}\n",
        "slack_api_url has the secret itself",
        "slack_api_url_file",
    ),
    "a relative path": Slip(
        "slack_api_url_file: {secrets}/",
        "¦slack_api_url_file: secrets/",
        "relative to the directory",
        "the whole path",
    ),
    "a missing file": Slip(
        "slack_api_url_file: {secrets}/slack",
        "¦slack_api_url_file: {secrets}/slck",
        "does not exist",
        "Create it",
    ),
    "a directory": Slip(
        "slack_api_url_file: {secrets}/slack_webhook_url",
        "¦slack_api_url_file: {secrets}",
        "is not a file",
        "mount it again",
    ),
    "a misspelt template": Slip(
        '{{ template "llm.slack.body" . }}',
        '¦{{ template "llm.slack.bodi" . }}',
        "there is no template 'llm.slack.bodi'",
        "Did you mean 'llm.slack.body'",
    ),
    "a misspelt built-in template": Slip(
        SLACK,
        SLACK + "        ¦pretext: '{{ template \"slack.default.pretxt\" . }}'\n",
        "no template",
        "Define it",
    ),
    "templates that are not there": Slip(
        "/*.tmpl]", "/*.template]¦", "no template file matches", "Correct the path"
    ),
    "an open template": Slip(
        SLACK,
        SLACK + "        ¦pretext: '{{ .Status }'\n",
        "pretext has a template without its end",
        "Close each",
    ),
    "a route behind one that takes all": Slip(
        "  routes:\n    # The dead",
        "  routes:\n    - receiver: slack\n    # The dead",
        "no alert reaches this route: the one in line",
        "continue: true",
    ),
    "a route behind one that takes more": Slip(
        '    - matchers: [severity="none"]\n',
        '    - matchers: [severity=~"none|info"]\n      receiver: nobody\n    - ¦matchers: [severity="none"]\n',
        "no alert reaches this route: the one in line",
        "further up",
    ),
    "a route that contradicts the one above": Slip(
        '        - matchers: [alertname=~"LLMProvider.+|LLMRateLimited|LLMAuthOrQuotaFailure"]\n          group',
        '        - ¦matchers: [severity="warning"]\n          group',
        'it would need severity="critical" and severity="warning"',
        "Correct a matcher",
    ),
    "a receiver that no route uses": Slip(
        "  - name: nobody\n",
        "  - name: nobody\n  - ¦name: forgotten\n",
        "no route uses the receiver 'forgotten'",
        "Add a route",
    ),
    "pages for nobody": Slip(
        "      receiver: pagerduty\n",
        "      receiver: nobody\n",
        "sends critical alerts to 'nobody', which tells nobody",
        "Name a receiver",
    ),
    "the floor": Slip(
        "    - receiver: slack\n      mute",
        "    - ¦receiver: nobody\n      mute",
        "ends at 'nobody', which tells nobody",
        "Let the",
    ),
    "a repetition that is forgotten": Slip(
        "repeat_interval: 12h", "¦repeat_interval: 2w", "longer than Alertmanager remembers", "120h"
    ),
    "a misspelt label": Slip(
        "equal: [environment]",
        "equal: [enviroment]",
        "no alert has a label 'enviroment'",
        "Did you mean 'environment'",
    ),
    "a misspelt label in a group": Slip(
        "group_by: [environment, team]",
        "group_by: [environment, teams]",
        "no alert has a label 'teams'",
        "'team'",
    ),
    "an inhibition without a source": Slip(
        'source_matchers: [alertname="LLMExporterDown", environment=""]',
        '¦source_matchers: [alertname="LLMExporterDown", alertname="LLMTelemetryAbsent"]',
        'its source would need alertname="LLMExporterDown" and alertname="LLMTelemetryAbsent"',
        "Correct a matcher",
    ),
    "an inhibition of what never is equal": Slip(
        "equal: [environment]",
        "equal: [environment, alertname]",
        "alertname must be equal, and source and target differ",
        "Take alertname out",
    ),
    "an inhibition between severities that must be equal": Slip(
        "equal: [category, environment, team, service_name, feature]",
        "equal: [severity, environment]",
        "severity must be equal, and source and target differ in it",
        "Take severity out of `equal`",
    ),
    "incidents that never close": Slip(
        "        routing_key_file: {secrets}/pagerduty_routing_key\n        send_resolved: true",
        "        routing_key_file: {secrets}/pagerduty_routing_key\n        ¦send_resolved: false",
        "never resolved",
        "send_resolved: true",
    ),
    "the sink's key for PagerDuty": Slip(
        "  pagerduty_url: http://127.0.0.1:9465/v2/enqueue\n",
        "",
        "has the sink's key, and events go to https://events.",
        "Put a key",
    ),
}

SECRETS = {
    "empty": Secret("pagerduty_routing_key", b"\n", "the file is empty"),
    "two lines": Secret("pagerduty_routing_key", f"{KEY}\n{KEY}\n".encode(), "white space or several lines"),
    "an assignment": Secret("pagerduty_routing_key", f"KEY={KEY}".encode(), "32 letters and digits"),
    "too short": Secret("pagerduty_routing_key", KEY[1:].encode(), "(31 characters)"),
    "quotes": Secret("pagerduty_routing_key", f'"{KEY}"\n'.encode(), "the secret is in quotes"),
    "a byte order mark": Secret("pagerduty_routing_key", f"\ufeff{KEY}".encode(), "byte order mark"),
    "UTF-16": Secret("pagerduty_routing_key", KEY.encode("utf-16"), "the file is not text"),
    "a variable": Secret("slack_webhook_url", b"${SLACK_URL}", "the literal text ${SLACK_URL}"),
    "a variable within": Secret(
        "slack_webhook_url", f"{HOOK[:-3]}${{TOKEN}}".encode(), "the literal text ${TOKEN}"
    ),
    "a reminder": Secret("slack_webhook_url", b"https://hooks.slack.com/services/CHANGEME", "CHANGEME"),
    "a token": Secret("slack_webhook_url", b"xoxb-123-456", "the secret is no address"),
    "no encryption": Secret(
        "slack_webhook_url", b"http://hooks.example.com/x", "hooks.example.com unencrypted"
    ),
    "a page of Slack": Secret(
        "slack_webhook_url", b"https://acme.slack.com/archives/C1", "not one of an incoming"
    ),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a configuration in which nothing is wrong, with its secrets beside it."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(configure.configured(tmp_path / "secrets"))
    return file


def slipped(good: Path, slip: Slip) -> int:
    """Make a slip in a configuration, and return the line of the finding; 0 if it is not in a line of the slip."""
    secrets = str(good.parent / "secrets")
    old, new = (text.replace("{secrets}", secrets) for text in (slip.old, slip.new))
    text = good.read_text()
    assert old in text
    good.write_text(text.replace(old, new.replace("¦", ""), 1))
    before, mark, _ = new.partition("¦")
    return text[: text.index(old)].count("\n") + before.count("\n") + 1 if mark else 0


def test_nothing_is_wrong_with_the_configuration(good: Path) -> None:
    """The configuration of this repository, with the sink's values as secrets, passes."""
    assert preflight.examined(good) == []


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_found_where_it_is(name: str, good: Path) -> None:
    """The finding names the line, what is wrong, and what to do; there is one for each place."""
    slip = SLIPS[name]
    line = slipped(good, slip)
    findings = preflight.examined(good)
    (finding, *_) = [one for one in findings if slip.says in one.what] or pytest.fail(f"only {findings}")
    assert slip.advises in finding.advice
    assert str(finding).startswith(f"{good}:{finding.line}: ")
    if line:
        assert finding.line == line


@pytest.mark.prometheus
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", SLIPS)
def test_amtool_lets_it_pass(name: str, server: str, good: Path) -> None:
    """Each of these slips is one that `amtool check-config` does not find, so that the preflight is needed."""
    slipped(good, SLIPS[name])
    command = [program(server, "amtool"), "check-config", good]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_none_is_found(name: str, good: Path) -> None:
    """The finding is in the secret's file, names who uses it, and does not show the secret."""
    secret = SECRETS[name]
    path = good.parent / "secrets" / secret.name
    path.write_bytes(secret.content)
    findings = [one for one in preflight.examined(good) if one.file == str(path)]
    (finding,) = findings
    assert (finding.line, secret.says in finding.what) == (1, True), finding
    assert f"of {good}:" in finding.what
    assert KEY not in str(finding)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", " \n"])
def test_white_space_around_a_secret_is_fine(end: str, good: Path) -> None:
    """What Alertmanager strips is no finding."""
    secrets = good.parent / "secrets"
    (secrets / "pagerduty_routing_key").write_text(configure.SINK_KEY + end)
    (secrets / "slack_webhook_url").write_text(HOOK + end)
    assert preflight.examined(good) == []


def test_a_file_that_cannot_be_read_is_found(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret's file that is there and denied to this user is a finding of its own."""
    denied = good.parent / "secrets/slack_webhook_url"
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == denied:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (finding,) = preflight.examined(good)
    assert finding.what.endswith("slack_webhook_url cannot be read: Permission denied")


def test_a_real_key_that_goes_to_the_sink_is_found(good: Path) -> None:
    """A key of PagerDuty is useless while events go to the sink: the line to take out is named."""
    (good.parent / "secrets/pagerduty_routing_key").write_text(KEY)
    (finding,) = preflight.examined(good)
    assert finding.advice == "Take this line out"
    assert (
        good.read_text().splitlines()[finding.line - 1] == "  pagerduty_url: http://127.0.0.1:9465/v2/enqueue"
    )


def test_teams_and_alerts_that_there_are_not(good: Path, tmp_path: Path) -> None:
    """With the teams and the rules given, a route or an inhibition for another one is found."""
    text = good.read_text()
    route = '    - matchers: [team=~"search|serach"]\n      receiver: slack\n'
    good.write_text(
        text.replace(
            '    - matchers: [severity="critical"]\n',
            route + '    - matchers: [severity="critical"]\n',
            1,
        )
    )
    rules = tmp_path / "x.rules.yml"
    rules.write_text(RULES)
    assert preflight.examined(good) == []
    around = preflight.Surroundings(
        teams=frozenset({"search", "chat"}), alertnames=preflight.alertnames_in([rules]) | {"Watchdog"}
    )
    found = {(one.what, one.advice) for one in preflight.examined(good, around)}
    assert ("there is no team 'serach'", "Did you mean 'search'") in found
    assert {what for what, _ in found} == {
        "there is no team 'serach'",
        "there is no alert 'LLMProvider.+|LLMRateLimited|LLMAuthOrQuotaFailure'",
        "there is no alert 'LLMAuthOrQuotaFailure'",
        "there is no alert 'LLMProviderDown'",
        "there is no alert 'LLMTelemetryAbsent'",
    }


def test_a_route_behind_one_that_goes_on_is_reached(good: Path) -> None:
    """After a route with `continue` the same alerts are met again; without it the second one is a finding."""
    twice = '    - matchers: [team="a"]\n      receiver: slack\n      continue: true\n' * 2
    here = '    - matchers: [severity="critical"]\n'
    good.write_text(good.read_text().replace(here, twice + here, 1))
    assert preflight.examined(good) == []
    good.write_text(good.read_text().replace("      continue: true\n", "", 1))
    (finding,) = preflight.examined(good)
    assert finding.what.startswith("no alert reaches this route")


def test_paths_of_a_container_are_found_here(tmp_path: Path) -> None:
    """With a mount, the secrets of the shipped configuration are looked for on this machine."""
    configure.configured(tmp_path)
    assert len(preflight.examined(configure.SHIPPED)) == 2
    around = preflight.Surroundings((("/etc/alertmanager/secrets", str(tmp_path)),))
    assert preflight.examined(configure.SHIPPED, around) == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("route:\n  receiver: [", 2, "it is no YAML"),
        ("- a\n", 1, "it is no YAML"),
        ("route: {receiver: a, routes: [{matchers: ['severity']}]}\n", 1, "'severity' is no matcher"),
        ("route: {receiver: a, routes: [{matchers: ['severity=~\"(\"']}]}\n", 1, "no regular expression"),
        ("\x00", 1, "it is no YAML"),
    ],
)
def test_what_cannot_be_read_is_one_finding(text: str, line: int, says: str, tmp_path: Path) -> None:
    """A file that is no configuration at all is told as a finding, not with a traceback."""
    file = tmp_path / "bad.yml"
    file.write_text(text)
    (finding,) = preflight.examined(file)
    assert (finding.line, says in finding.what) == (line, True), finding


def test_a_file_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    """So is a file that does not exist."""
    (finding,) = preflight.examined(tmp_path / "none.yml")
    assert "it cannot be read" in finding.what


def test_the_command_ends_with_one_where_something_is_wrong(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`preflight FILE` prints OK and ends with 0, or prints each finding on a line and ends with 1."""
    assert main(["preflight", str(good)]) == 0
    assert capsys.readouterr() == (f"OK: {good}\n", "")
    slipped(good, SLIPS["a misspelt template"])
    slipped(good, SLIPS["a missing file"])
    assert main(["preflight", str(good)]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('a="b"', [Matcher("a", "=", "b")]),
        ("a = b", [Matcher("a", "=", "b")]),
        (
            '{a!="b", c=~"d|e,f" , g!~"h"}',
            [Matcher("a", "!=", "b"), Matcher("c", "=~", "d|e,f"), Matcher("g", "!~", "h")],
        ),
        (r'a="\"\\"', [Matcher("a", "=", '"\\')]),
        ('a=""', [Matcher("a", "=", "")]),
    ],
)
def test_matchers_are_read_as_alertmanager_does(text: str, matchers: list[Matcher]) -> None:
    """With and without quotes, spaces and braces, one or several."""
    assert parsed(text) == matchers


def test_what_matchers_imply() -> None:
    """A matcher follows from others if every value that they allow gets through it."""
    listed = parsed('severity=~"critical|warning"')
    assert implied(Matcher("severity", "!=", "info"), listed)
    assert implied(Matcher("severity", "=~", "crit.*|warn.*"), listed)
    assert implied(Matcher("severity", "=~", ".*"), [])
    assert not implied(Matcher("severity", "=", "critical"), listed)
    assert not implied(Matcher("team", "!=", "search"), listed)
    assert implied(Matcher("severity", "=", "critical"), [*listed, Matcher("severity", "!=", "warning")])
    assert contradiction([*listed, Matcher("severity", "=", "info")]) == "severity"
    assert contradiction([*listed, Matcher("severity", "!~", "c.*")]) == ""
