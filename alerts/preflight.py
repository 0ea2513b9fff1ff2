"""What is wrong with an Alertmanager configuration although `amtool check-config` takes it: each would lose a page.

Checked on the machine, or with the files, where Alertmanager will run, before it does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from alerts import secret_files
from alerts.accepted import PAGERDUTY_KEY
from alerts.configure import SINK_KEY
from alerts.located import Section, load, scalars
from alerts.matching import Matcher, contradiction, implied, matchers_of, possible, route_of
from alerts.secret_files import PLACEHOLDER, is_local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SECRET: Final = re.compile(
    r"(opsgenie_|victorops_|wechat_|telegram_|smtp_|slack_|rocketchat_)?"
    r"(api_key|api_secret|routing_key|service_key|auth_password|auth_secret|app_token|bot_token|token|user_key|"
    r"password|credentials|client_secret|secret_key|api_url)"
)
"""Keys whose values belong into files."""
LABELS: Final = (
    *("alertname", "severity", "category", "team", "service_name", "environment", "feature"),
    *("provider", "model", "slo", "scope", "name", "period"),
)
RETENTION_HOURS: Final = 120
"""How long Alertmanager remembers what it sent, unless told otherwise."""

_TEMPLATE_USED: Final = re.compile(r'\{\{-?\s*(?:template|block)\s+"([^"]+)"')
_TEMPLATE_DEFINED: Final = re.compile(r'\{\{-?\s*(?:define|block)\s+"([^"]+)"')
_BUILT_IN: Final = re.compile(
    r"__(alertmanager|alertmanagerURL|description|subject|text_alert_list|text_alert_list_markdown)"
    r"|(discord|email|jira|mattermost|msteams|msteamsv2|opsgenie|pagerduty|pushover|rocketchat|slack|sns|telegram|victorops|"
    r"webex|wechat|incidentio)\.default\.(agent_id|alias|callbackid|client|clientURL|color|content|description|emoji|"
    r"entity_display_name|fallback|footer|html|iconemoji|iconurl|instances|message|monitoring_tool|pretext|priority|"
    r"source|state_message|subject|summary|text|title|titlelink|to_party|to_tag|to_user|url|username)"
)
_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d|w|y)")
_HOURS: Final = {"ms": 0, "s": 1 / 3600, "m": 1 / 60, "h": 1, "d": 24, "w": 168, "y": 8760}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault: where, what, and what to do."""

    file: str
    line: int
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}. {self.advice}."


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration is checked against."""

    mounts: tuple[tuple[str, str], ...] = ()
    """Paths as Alertmanager sees them, and where they are here."""
    alertnames: frozenset[str] = frozenset()
    """Names of the alerts that can come; empty if not known."""
    teams: frozenset[str] = frozenset()
    """Teams that there are; empty if not known."""

    def here(self, path: str) -> Path:
        """Return where a path of the configuration is on this machine."""
        for inside, outside in self.mounts:
            if path == inside or path.startswith(inside.rstrip("/") + "/"):
                return Path(outside) / path[len(inside) :].lstrip("/")
        return Path(path)


def alertnames_in(files: Iterable[Path]) -> frozenset[str]:
    """Return the names of the alerts that rule files define."""
    return frozenset(
        str(rule["alert"])
        for file in files
        for group in load(file).sections_of("groups")
        for rule in group.sections_of("rules")
        if "alert" in rule
    )


def examined(file: Path, around: Surroundings = Surroundings()) -> list[Finding]:
    """Return what is wrong with a configuration, in the order of its lines."""
    try:
        configuration = load(file)
        check = _Check(file, configuration, around)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        return [Finding(str(file), line, f"it is no YAML: {getattr(error, 'problem', error)}", "Correct it")]
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(str(file), 1, f"it cannot be read: {error}", "Name a readable file")]
    except ValueError as error:
        return [Finding(str(file), 1, str(error), "Write matchers like 'severity=\"critical\"'")]
    return sorted({finding for part in check.parts() for finding in part})


def _ages(text: object) -> float:
    """Return a duration in hours."""
    return sum(int(number) * _HOURS[unit] for number, unit in _DURATION.findall(str(text)))


def _similar(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.75)
    return close[0] if close else ""


@dataclass(frozen=True, slots=True)
class _Inhibition:
    section: Section
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]


class _Check:
    """The checks of one configuration.

    Raises:
        ValueError: a matcher is none.
    """

    def __init__(self, file: Path, configuration: Section, around: Surroundings) -> None:
        self.file, self.configuration, self.around = file, configuration, around
        self.root = route_of(configuration.section("route"))
        self.inhibit_rules = [
            _Inhibition(one, matchers_of(one, "source_"), matchers_of(one, "target_"))
            for one in configuration.sections_of("inhibit_rules")
        ]
        self.receivers = {str(one.get("name")): one for one in configuration.sections_of("receivers")}

    def parts(self) -> Iterator[Iterable[Finding]]:
        """Yield the findings of each check."""
        yield self.texts()
        yield self.secrets()
        yield self.destinations()
        yield self.templates()
        yield self.routes()
        yield self.floor()
        yield self.unused()
        yield self.names()
        yield self.inhibitions()

    def found(self, line: int, what: str, advice: str) -> Finding:
        """Return a finding in the configuration."""
        return Finding(str(self.file), line, what, advice)

    def texts(self) -> Iterator[Finding]:
        """Texts that are meant to be replaced by something, and are not; Alertmanager expands nothing."""
        for key, text, line in scalars(self.configuration):
            if found := PLACEHOLDER.search(text):
                yield self.found(
                    line,
                    f"{key} has the literal text {found[0]}, which Alertmanager does not replace",
                    "Put the value there, or a secret into a file that the configuration names",
                )
            if text.count("{{") != text.count("}}"):
                yield self.found(line, f"{key} has a template without its end", "Close each {{ with }}")

    def secrets(self) -> Iterator[Finding]:
        """Secrets in the configuration itself, and the files that should have them."""
        yield from self._secrets(self.configuration, in_http=False)

    def _secrets(self, section: Section, in_http: bool) -> Iterator[Finding]:
        for key, value in section.items():
            line = section.lines[key]
            if isinstance(value, str):
                if key.endswith("_file"):
                    yield from self._file(key, value, line, in_http)
                elif SECRET.fullmatch(key) and value and not (key.endswith("_url") and is_local(value)):
                    yield self.found(
                        line,
                        f"{key} has the secret itself",
                        f"Put it into a file, and name that with {key}_file",
                    )
            for below in [value] if isinstance(value, Section) else section.sections_of(key):
                yield from self._secrets(below, in_http or key == "http_config")

    def _file(self, key: str, name: str, line: int, in_http: bool) -> Iterator[Finding]:
        if PLACEHOLDER.search(name):
            return
        path = self.around.here(name)
        if not path.is_absolute() and in_http:
            path = self.file.parent / path
        elif not Path(name).is_absolute():
            yield self.found(
                line,
                f"{key} {name} is relative to the directory in which Alertmanager is started",
                "Write the whole path",
            )
            return
        advice = "Create it, or correct the path; Alertmanager starts without it and loses what goes there"
        if not path.exists():
            yield self.found(line, f"{key} {path} does not exist", advice)
            return
        if not path.is_file():
            # What a container engine makes of a mount whose source is missing.
            yield self.found(
                line, f"{key} {path} is not a file", "Remove it, write the secret there, mount it again"
            )
            return
        try:
            content = path.read_bytes()
        except OSError as error:
            yield self.found(
                line, f"{key} {path} cannot be read: {error.strerror}", "Let Alertmanager's user read it"
            )
            return
        if key.removesuffix("_file") in ("ca", "cert", "key"):
            return
        if found := secret_files.fault(key, content):
            yield Finding(str(path), 1, f"{found[0]} ({key} of {self.file}:{line})", found[1])

    def destinations(self) -> Iterator[Finding]:
        """A real key that goes to the sink, and the sink's key that goes to PagerDuty."""
        glob = self.configuration.section("global")
        for receiver in self.receivers.values():
            for one in receiver.sections_of("pagerduty_configs"):
                name = one.get("routing_key_file")
                url = str(one.get("url") or glob.get("pagerduty_url") or "https://events.pagerduty.com/")
                line = one.lines["url"] if "url" in one else glob.lines.get("pagerduty_url", one.line)
                try:
                    key = self.around.here(str(name)).read_text().strip() if name else ""
                except (OSError, UnicodeDecodeError):
                    continue
                if PAGERDUTY_KEY.fullmatch(key) and (key == SINK_KEY) != is_local(url):
                    yield (
                        self.found(
                            line,
                            f"{name} has a key for PagerDuty, and events go to {url}",
                            "Take this line out",
                        )
                        if key != SINK_KEY
                        else self.found(
                            one.lines["routing_key_file"],
                            f"{name} has the sink's key, and events go to {url}",
                            "Put a key of PagerDuty there, or set pagerduty_url to the sink's address",
                        )
                    )
                if one.get("send_resolved") is False:
                    yield self.found(
                        one.lines["send_resolved"],
                        "incidents are never resolved in PagerDuty",
                        "Set send_resolved: true",
                    )

    def templates(self) -> Iterator[Finding]:
        """Names of templates that are used and not defined, and globs that match nothing."""
        defined: set[str] = set()
        used = [
            (str(self.file), line, name)
            for _, text, line in scalars(self.configuration)
            for name in _used(text)
        ]
        globs = self.configuration.items_of("templates")
        for pattern, line in zip(globs, globs.lines, strict=True):
            path = self.around.here(str(pattern))
            path = path if path.is_absolute() else self.file.parent / path
            files = sorted(path.parent.glob(path.name))
            if not files:
                yield self.found(line, f"no template file matches {path}", "Correct the path")
            for file in files:
                text = file.read_text(encoding="utf-8", errors="replace")
                defined.update(_TEMPLATE_DEFINED.findall(text))
                lines = enumerate(text.splitlines(), 1)
                used += [(str(file), number, name) for number, one in lines for name in _used(one)]
        for file_name, line, name in used:
            if name in defined or _BUILT_IN.fullmatch(name):
                continue
            near = _similar(name, defined)
            advice = f"Did you mean {near!r}" if near else "Define it in a file that `templates` matches"
            yield Finding(file_name, line, f"there is no template {name!r}", advice)

    def routes(self) -> Iterator[Finding]:
        """Routes that no alert reaches, and times that are out of proportion."""
        for route in self.root.all():
            if name := contradiction(route.path):
                said = " and ".join(str(one) for one in route.path if one.name == name)
                yield self.found(
                    route.section.line,
                    f"no alert reaches this route: it would need {said}",
                    "Correct a matcher, here or above",
                )
            for number, later in enumerate(route.routes):
                for earlier in route.routes[:number]:
                    if not earlier.goes_on and all(implied(one, later.path) for one in earlier.matchers):
                        yield self.found(
                            later.section.line,
                            f"no alert reaches this route: the one in line {earlier.section.line} takes them",
                            "Put it further up, or set `continue: true` there",
                        )
            repeat = route.section.get("repeat_interval")
            if repeat and _ages(repeat) > RETENTION_HOURS:
                yield self.found(
                    route.section.lines["repeat_interval"],
                    f"repeat_interval {repeat} is longer than Alertmanager remembers what it sent",
                    f"At most {RETENTION_HOURS}h, or start it with a longer --data.retention",
                )

    def floor(self) -> Iterator[Finding]:
        """Alerts that end at a receiver that tells nobody."""
        for severity, team in (("critical", ""), ("critical", "unheard-of"), ("warning", ""), ("", "")):
            labels = {"alertname": "Anything", "severity": severity, "team": team}
            reached = self.root.reached(labels)
            if reached and not any(self._tells(route.receiver) for route in reached):
                said = f"severity {severity!r}" if severity else "no severity"
                of_team = f" of the team {team!r}" if team else ""
                yield self.found(
                    reached[-1].section.line,
                    f"an alert with {said}{of_team} ends at {reached[-1].receiver!r}, which tells nobody",
                    "Let the routes end at a receiver that somebody reads",
                )
        for route in self.root.all():
            severities = possible(route.path).get("severity", frozenset())
            if "critical" in severities and not self._tells(route.receiver) and not route.routes:
                yield self.found(
                    route.section.line,
                    f"this route sends critical alerts to {route.receiver!r}, which tells nobody",
                    "Name a receiver that has an integration",
                )

    def _tells(self, receiver: str) -> bool:
        return any(
            key.endswith("_configs") and value for key, value in self.receivers.get(receiver, {}).items()
        )

    def unused(self) -> Iterator[Finding]:
        """Receivers that no route names."""
        used = {route.receiver for route in self.root.all()}
        for name, receiver in self.receivers.items():
            if name not in used:
                yield self.found(
                    receiver.line,
                    f"no route uses the receiver {name!r}",
                    "Add a route, or remove the receiver",
                )

    def names(self) -> Iterator[Finding]:
        """Labels that are a slip of the pen, teams and alerts that there are not."""
        places = [(route.section, route.matchers) for route in self.root.all()]
        places += [(rule.section, rule.source + rule.target) for rule in self.inhibit_rules]
        for section, matchers in places:
            labels = [one.name for one in matchers]
            labels += [str(one) for key in ("group_by", "equal") for one in section.items_of(key)]
            for label in dict.fromkeys(labels):
                if label not in LABELS and (near := _similar(label, LABELS)):
                    yield self.found(
                        section.line, f"no alert has a label {label!r}", f"Did you mean {near!r}"
                    )
            for matcher in matchers:
                yield from self._values(section.line, matcher)

    def _values(self, line: int, matcher: Matcher) -> Iterator[Finding]:
        known = {"team": self.around.teams, "alertname": self.around.alertnames}.get(matcher.name)
        if not known or matcher.operator.startswith("!"):
            return
        if (values := matcher.literals()) is None:
            values = frozenset() if any(map(matcher.matches, known)) else frozenset([matcher.value])
        what = "team" if matcher.name == "team" else "alert"
        for value in sorted(values):
            if value and value not in known:
                near = _similar(value, known)
                advice = f"Did you mean {near!r}" if near else f"There are {', '.join(sorted(known)[:10])}"
                yield self.found(line, f"there is no {what} {value!r}", advice)

    def inhibitions(self) -> Iterator[Finding]:
        """Inhibitions that can never mute anything."""
        for rule in self.inhibit_rules:
            for side, matchers in (("source", rule.source), ("target", rule.target)):
                if name := contradiction(matchers):
                    said = " and ".join(str(one) for one in matchers if one.name == name)
                    yield self.found(
                        rule.section.line,
                        f"this inhibition mutes nothing: its {side} would need {said}",
                        "Correct a matcher",
                    )
            for label in map(str, rule.section.items_of("equal")):
                if _differ(label, rule.source, rule.target) or _differ(label, rule.target, rule.source):
                    yield self.found(
                        rule.section.line,
                        f"this inhibition mutes nothing: {label} must be equal, and source and target differ in it",
                        f"Take {label} out of `equal`, or correct a matcher",
                    )


def _differ(label: str, one: Iterable[Matcher], other: Iterable[Matcher]) -> bool:
    """Return whether no value of a label that one side allows gets through the other side."""
    values = possible(one).get(label, frozenset())
    conditions = [matcher for matcher in other if matcher.name == label]
    return bool(values) and not any(all(matcher.matches(value) for matcher in conditions) for value in values)


def _used(text: str) -> Sequence[str]:
    return _TEMPLATE_USED.findall(text)
