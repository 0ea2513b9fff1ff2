"""A real Alertmanager that runs the configuration of this repository, with intervals shortened where it says so."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from alerts.configure import configured

from core.processes import START_SECONDS, eventually, request, server_program

SERVERS = ["alertmanager-0.25", "alertmanager-0"]
SHORTER: Mapping[str, str] = {
    "group_wait: 30s": "group_wait: 300ms",
    "group_interval: 5m": "group_interval: 1s",
    "group_wait: 30m": "group_wait: 300ms",
    "group_interval: 4h": "group_interval: 1s",
    "group_interval: 30s": "group_interval: 500ms",
    "repeat_interval: 1m": "repeat_interval: 500ms",
    "weekdays: ['monday:friday']": "weekdays: ['sunday:saturday']",
    "times: [{start_time: '08:00', end_time: '12:30'}]": "times: [{start_time: '00:00', end_time: '24:00'}]",
}
"""All that differs from the configuration as it is shipped, besides the paths and addresses of `configure`."""

Alert = dict[str, Any]


def program(server: str, name: str = "prometheus-alertmanager") -> Path:
    """Return a program of a server, or skip the test that asks for it."""
    found = server_program(server, name)
    if not found.exists():
        pytest.skip(f"scripts/servers {server} unpacks it")
    return found


def an_alert(
    alertname: str, severity: str = "critical", *, annotations: dict[str, str] | None = None, **labels: str
) -> Alert:
    """Return an alert as a rule of this repository would give it."""
    labels = {"alertname": alertname, "severity": severity, "environment": "production", **labels}
    service = labels.get("service_name", "nothing")
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {
            "summary": f"{alertname} of {service}",
            "description": f"What {alertname} means for {service}.",
            "runbook_url": f"https://runbooks.example/{alertname.lower()}",
            "dashboard_url": "https://grafana.example/d/llm/overview?var-service=" + service + "&viewPanel=4",
            "traces_url": "https://grafana.example/explore?left=%7B%7D",
            "value": "31.2 s",
            "threshold": "30 s",
            "top_contributor": "model gpt-4o (78 %)",
            **(annotations or {}),
        },
        "generatorURL": "http://prometheus.example/graph?g0.expr=up&g0.tab=1",
    }


@dataclass
class Alertmanager:
    """A running Alertmanager."""

    program: Path
    directory: Path
    address: str = ""
    process: subprocess.Popen[bytes] | None = None
    began: str = ""

    def start(self) -> None:
        """Start it on a free port, on what it kept when it ran before."""
        command = [
            self.program,
            f"--config.file={self.directory / 'alertmanager.yml'}",
            f"--storage.path={self.directory / 'data'}",
            "--web.listen-address=127.0.0.1:0",
            "--web.external-url=http://alertmanager.example:9093",
            "--cluster.listen-address=",
        ]
        log = self.directory / "log"
        with log.open("w") as written:
            self.process = subprocess.Popen(command, stdout=written, stderr=written, cwd=self.directory)
        try:
            found = eventually(
                lambda: re.search(r'"Listening on" address=(\S+)', log.read_text()) or self._ended()
            )
            assert isinstance(found, re.Match), log.read_text()
            self.address = found[1]
            eventually(lambda: request(self.address, "/-/ready")[0] == 200)
        except BaseException:
            self.stop()
            raise

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """End it as a restart does."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS)

    def post(self, *alerts: Alert, resolved: bool = False) -> None:
        """Send alerts as Prometheus does: firing, or as over since now."""
        # An alert that began before the `group_wait` is not waited for, and an inhibition might come too late for it.
        times = {"startsAt": self.began}
        if resolved:
            times["endsAt"] = datetime.now(UTC).isoformat()
        else:
            times["startsAt"] = self.began = datetime.now(UTC).isoformat()
        body = json.dumps([{**one, **times} for one in alerts]).encode()
        status, answer = request(self.address, "/api/v2/alerts", body, Content_Type="application/json")
        assert status == 200, answer

    def alerts(self, *filters: str) -> list[dict[str, Any]]:
        """Return the alerts that its page would show with filters."""
        status, body = request(
            self.address, f"/api/v2/alerts?{urlencode([('filter', one) for one in filters])}"
        )
        assert status == 200, body
        found: list[dict[str, Any]] = json.loads(body)
        return found


def shorter(text: str, further: Mapping[str, str]) -> str:
    """Return a configuration with shorter intervals; each text that is replaced must be there."""
    for before, after in {**SHORTER, **further}.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


@contextmanager
def alerting(
    server: str, directory: Path, sink: str, further: Mapping[str, str] | None = None
) -> Iterator[Alertmanager]:
    """Run Alertmanager with PagerDuty, Slack and the heartbeat at the address of a sink."""
    executable = program(server)
    text = configured(directory / "secrets", sink)
    (directory / "alertmanager.yml").write_text(shorter(text, further or {}))
    running = Alertmanager(executable, directory)
    running.start()
    try:
        yield running
    finally:
        running.stop()
