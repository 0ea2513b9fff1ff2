"""What PagerDuty's Events API v2 and Slack's incoming webhooks accept, and what they would refuse, with the reason."""

from __future__ import annotations

import json
import re
from typing import Any, Final

PAGERDUTY_BYTES: Final = 512_000
PAGERDUTY_SUMMARY: Final = 1024
PAGERDUTY_KEY: Final = re.compile(r"[0-9A-Za-z]{32}")
SLACK_CHARACTERS: Final = 40_000
SLACK_TEXT: Final = 3000
"""Of a block; a text of an attachment may be longer, but nobody reads it."""
SLACK_TITLE: Final = 1024
SLACK_FIELDS: Final = 10
SLACK_ACTIONS: Final = 5
SLACK_WEBHOOK: Final = re.compile(r"https://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/\S+")

_ACTIONS: Final = ("trigger", "acknowledge", "resolve")
_SEVERITIES: Final = ("critical", "error", "warning", "info")
_ADDRESS: Final = re.compile(r"https?://[^\s<>|\"]+")
_CONTROL: Final = re.compile(r"<([^<>]*)>")


def pagerduty_faults(body: bytes) -> list[str]:
    """Return why the Events API v2 would answer 400 to a body; nothing if it would take it."""
    event, fault = _object(body)
    if fault:
        return [fault]
    faults = []
    if len(body) > PAGERDUTY_BYTES:
        faults.append(f"the event has {len(body)} bytes, more than {PAGERDUTY_BYTES}")
    key, action = event.get("routing_key"), event.get("event_action")
    if not isinstance(key, str) or not PAGERDUTY_KEY.fullmatch(key):
        faults.append("routing_key is not an integration key: 32 letters and digits")
    if action not in _ACTIONS:
        faults.append(f"event_action is {action!r}, not one of {', '.join(_ACTIONS)}")
    dedup = event.get("dedup_key", "")
    if not isinstance(dedup, str) or len(dedup) > 255:
        faults.append("dedup_key is not a string of at most 255 characters")
    elif not dedup and action in ("acknowledge", "resolve"):
        faults.append(f"dedup_key is missing, and {action} needs one")
    if action == "trigger":
        faults += _payload_faults(event.get("payload"))
    for link in event.get("links") or []:
        if not isinstance(link, dict) or not _ADDRESS.fullmatch(str(link.get("href", ""))):
            faults.append(f"a link has no address: {link!r:.200}")
    return faults


def _payload_faults(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["payload is missing"]
    faults = [
        f"payload.{name} is missing or empty"
        for name in ("summary", "source", "severity")
        if not isinstance(payload.get(name), str) or not payload[name].strip()
    ]
    if len(str(payload.get("summary", ""))) > PAGERDUTY_SUMMARY:
        faults.append(f"payload.summary has more than {PAGERDUTY_SUMMARY} characters")
    if payload.get("severity") not in _SEVERITIES:
        faults.append(f"payload.severity is {payload.get('severity')!r}, not one of {', '.join(_SEVERITIES)}")
    faults += [
        f"payload.{name} is not a string"
        for name in ("component", "group", "class")
        if not isinstance(payload.get(name, ""), str)
    ]
    if not isinstance(payload.get("custom_details", {}), dict):
        faults.append("payload.custom_details is not an object")
    return faults


def slack_faults(body: bytes) -> list[str]:
    """Return why a webhook would refuse a message, or show it cut or empty; nothing if it would not."""
    message, fault = _object(body)
    if fault:
        return [fault]
    attachments = message.get("attachments") or []
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        return ["invalid_attachments: not a list of objects"]
    texts = [str(message.get("text") or "")]
    texts += [str(one.get(part) or "") for one in attachments for part in ("pretext", "title", "text")]
    faults = []
    if not any(text.strip() for text in texts):
        faults.append("no_text: neither a text nor an attachment with one")
    if sum(map(len, texts)) > SLACK_CHARACTERS:
        faults.append(f"msg_too_long: more than {SLACK_CHARACTERS} characters")
    for one in attachments:
        faults += _attachment_faults(one)
    return faults


def _attachment_faults(attachment: dict[str, Any]) -> list[str]:
    faults = []
    if not str(attachment.get("title") or attachment.get("pretext") or "").strip():
        faults.append("an attachment has no title")
    fields, actions = attachment.get("fields") or [], attachment.get("actions") or []
    bounds = [("title", SLACK_TITLE), ("text", SLACK_TEXT)]
    texts = {part: str(attachment.get(part) or "") for part, _ in bounds}
    for number, field in enumerate(fields):
        bounds.append((f"fields[{number}]", SLACK_TEXT))
        texts[f"fields[{number}]"] = str(field.get("value") or "")
    for part, bound in bounds:
        if len(texts[part]) > bound:
            faults.append(f"{part} has {len(texts[part])} characters, more than {bound}")
        if unescaped := _unescaped(texts[part]):
            faults.append(f"{part} has {unescaped!r}, which is not escaped")
    if len(fields) > SLACK_FIELDS:
        faults.append(f"{len(fields)} fields, more than {SLACK_FIELDS}")
    if len(actions) > SLACK_ACTIONS:
        faults.append(f"{len(actions)} actions, more than {SLACK_ACTIONS}")
    return faults


def _unescaped(text: str) -> str:
    """Return the first sign that should have been `&amp;`, `&lt;` or `&gt;`; links do not count."""
    without_links = _CONTROL.sub(lambda found: "" if _ADDRESS.match(found[1]) else found[0], text)
    found = re.search(r"[<>].{0,20}|&(?!amp;|lt;|gt;).{0,20}", without_links)
    return found[0] if found else ""


def mentions(message: dict[str, Any]) -> list[str]:
    """Return everybody whom a message to Slack would call: `!channel`, `!here`, `@U…`, `!subteam^…`."""
    return [one for one in _CONTROL.findall(json.dumps(message, ensure_ascii=False)) if one[:1] in "!@#"]


def _object(body: bytes) -> tuple[dict[str, Any], str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}, "the body is not JSON"
    return (found, "") if isinstance(found, dict) else ({}, "the body is not a JSON object")
