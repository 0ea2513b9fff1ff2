"""What is wrong with the content of a secret's file, and what to do about it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from alerts.accepted import PAGERDUTY_KEY, SLACK_WEBHOOK

PLACEHOLDER: Final = re.compile(
    r"\$\{\w+\}|\$[A-Z][A-Z0-9_]+\b|%[A-Z][A-Z0-9_]+%|(?i:\bchange[-_ ]?me\b|\breplace[-_ ]?me\b)|<(?i:your)[^>]*>"
)
"""A text that was meant to be replaced by something else."""

_REWRITE: Final = "Write the secret alone into the file, such as with `printf %s SECRET > FILE`"


def fault(key: str, content: bytes) -> tuple[str, str] | None:
    """Return what is wrong with what a file has that `key` names, and the advice.

    White space around a secret does no harm, since Alertmanager strips it.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "the file is not text", _REWRITE
    secret = text.strip()
    if text.startswith("\ufeff"):
        return "the file begins with a byte order mark, which becomes a part of the secret", _REWRITE
    if not secret:
        return "the file is empty", _REWRITE
    if found := PLACEHOLDER.search(secret):
        return f"the file has the literal text {found[0]}, which nothing replaces", _REWRITE
    if len(secret.split()) > 1:
        return "the secret has white space or several lines in it", _REWRITE
    if secret[0] in "\"'" or secret[-1] in "\"'":
        return "the secret is in quotes, which become a part of it", _REWRITE
    if key == "routing_key_file" and not PAGERDUTY_KEY.fullmatch(secret):
        advice = "Copy the key of an integration with the Events API v2: 32 letters and digits"
        return (
            f"a key of PagerDuty has 32 letters and digits, and this is none ({len(secret)} characters)",
            advice,
        )
    return _address_fault(key, secret) if key.endswith("url_file") else None


def _address_fault(key: str, secret: str) -> tuple[str, str] | None:
    parts = urlsplit(secret)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "the secret is no address", "Write it whole, with https://"
    if parts.scheme == "http" and not is_local(secret):
        return f"the secret goes to {parts.hostname} unencrypted", "Write https://"
    if "api_url" in key and parts.hostname.endswith("slack.com") and not SLACK_WEBHOOK.fullmatch(secret):
        advice = "Copy it from Slack: https://hooks.slack.com/services/…"
        return "the address is of Slack, and not one of an incoming webhook", advice
    return None


def is_local(url: str) -> bool:
    """Return whether an address is of this machine, or a name that only a private network knows."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.") or "." not in host
