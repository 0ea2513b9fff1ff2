"""Alertmanager's configuration for one machine, from the one in provisioning/alertmanager.

The file of a secret decides where notifications go: to PagerDuty with a key, to Slack with a webhook. A file that is
missing gets the values of the sink.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from alerts.sink import ADDRESS, HEARTBEAT_PATH, PAGERDUTY_PATH, SLACK_PATH

PROVISIONED: Final = Path(__file__).parents[1] / "provisioning/alertmanager"
SHIPPED: Final = PROVISIONED / "alertmanager.yml"
SECRETS: Final = PROVISIONED / "secrets"
PAGERDUTY_FILE: Final = "pagerduty_routing_key"
SLACK_FILE: Final = "slack_webhook_url"
HEARTBEAT_FILE: Final = "heartbeat_url"
SINK_KEY: Final = "localsink".ljust(32, "0")
"""An integration key by its form, and nobody's."""

_INSTALLED_SECRETS: Final = "/etc/alertmanager/secrets"
_INSTALLED_TEMPLATES: Final = "templates: [templates/*.tmpl]"
_PAGERDUTY_URL: Final = re.compile(r"^  pagerduty_url: .*\n", re.MULTILINE)


def configured(secrets: Path = SECRETS, sink: str = f"http://{ADDRESS}", shipped: Path = SHIPPED) -> str:
    """Return the configuration with the paths of this machine; write the sink's values where a secret is missing."""
    secrets = secrets.absolute()
    sink = sink.rstrip("/")
    key = _secret(secrets / PAGERDUTY_FILE, SINK_KEY)
    webhook = _secret(secrets / SLACK_FILE, sink + SLACK_PATH)
    if webhook.endswith(SLACK_PATH) and webhook != sink + SLACK_PATH and webhook.startswith("http://"):
        # The sink's, when it listened somewhere else.
        _write(secrets / SLACK_FILE, sink + SLACK_PATH)
    text = shipped.read_text()
    for before, after in (
        (_INSTALLED_TEMPLATES, f"templates: [{shipped.absolute().parent / 'templates/*.tmpl'}]"),
        (_INSTALLED_SECRETS, str(secrets)),
        (f"http://{ADDRESS}{HEARTBEAT_PATH}", sink + HEARTBEAT_PATH),
    ):
        text = text.replace(before, after)
    url = "" if key != SINK_KEY else f"  pagerduty_url: {sink}{PAGERDUTY_PATH}\n"
    text = _PAGERDUTY_URL.sub(url, text)
    if _content(secrets / HEARTBEAT_FILE):
        text = text.replace(f"url: {sink}{HEARTBEAT_PATH}", f"url_file: {secrets / HEARTBEAT_FILE}")
    return text


def _secret(path: Path, default: str) -> str:
    if not (found := _content(path)):
        _write(path, default)
    return found or default


def _content(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write(path: Path, value: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(value + "\n")
