"""The page of the sink: each notification about as PagerDuty or Slack would show it. No script, everything escaped."""

from __future__ import annotations

import re
import time
from html import escape, unescape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.sink import Notification

_STYLE: Final = """
:root { color-scheme: light dark; --edge: #8884; --quiet: #888; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; } .quiet { color: var(--quiet); }
article { border: 1px solid var(--edge); border-left: .4rem solid var(--edge); border-radius: .3rem;
margin: 1rem 0; padding: .6rem 1rem; overflow-wrap: anywhere; }
.critical, .error, .danger { border-left-color: #c33; } .warning { border-left-color: #d90; }
.good, .resolve { border-left-color: #2a6; } .info { border-left-color: #48c; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dt { color: var(--quiet); } dd { margin: 0; white-space: pre-wrap; } p { margin: .4rem 0; white-space: pre-wrap; }
.bad { color: #c33; } code { font-size: .9em; }
"""
_LINK: Final = re.compile(r"<(https?://[^\s<>|\"]+)\|([^<>|]*)>")
_SHOWN: Final = 4000


def shown(notifications: Iterable[Notification], count: int, heartbeat: float, now: float) -> str:
    """Return the page, newest notification first."""
    articles = [_article(one, now) for one in notifications][::-1]
    beat = f"heard {_ago(now - heartbeat)} ago" if heartbeat else "not heard yet"
    kept = f"{count} notifications, the last {len(articles)} below" if articles else "No notification yet"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Alerts, not sent</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="10">'
        f"<style>{_STYLE}</style></head><body><h1>Alerts that would have been sent</h1>"
        "<p>Alertmanager is pointed here in the place of PagerDuty and Slack. Nothing leaves this machine.</p>"
        f'<p class="quiet">{kept}. Dead-man\'s switch: {beat}.</p>{"".join(articles)}</body></html>'
    )


def _article(one: Notification, now: float) -> str:
    render = _pagerduty if one.to == "pagerduty" else _slack
    kind, body = render(one.body)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.at))
    refused = "".join(f'<p class="bad">It would be refused: {_text(fault)}</p>' for fault in one.faults)
    return (
        f'<article class="{kind}"><p class="quiet">{one.number} · {when}, {_ago(now - one.at)} ago</p>'
        f"{refused}{body}</article>"
    )


def _pagerduty(event: dict[str, Any]) -> tuple[str, str]:
    payload = _mapping(event.get("payload"))
    action = str(event.get("event_action", ""))
    severity = str(payload.get("severity", ""))
    kind = (
        "resolve"
        if action == "resolve"
        else severity
        if severity in ("critical", "error", "warning")
        else "info"
    )
    rows = [(name, payload.get(name)) for name in ("severity", "source", "component", "group", "class")]
    rows += list(_mapping(payload.get("custom_details")).items())
    rows.append(("dedup_key", event.get("dedup_key")))
    links = [
        _anchor(str(link.get("href", "")), str(link.get("text", "")))
        for link in _list(event.get("links"))
        if isinstance(link, dict)
    ]
    return kind, (
        f"<h2>PagerDuty, {_text(action)}: {_text(payload.get('summary', ''))}</h2>"
        f"<dl>{''.join(f'<dt>{_text(k)}</dt><dd>{_text(v)}</dd>' for k, v in rows if v)}</dl>"
        f"<p>{' · '.join(links)}</p>"
    )


def _slack(message: dict[str, Any]) -> tuple[str, str]:
    parts = [f"<p>{_mrkdwn(message['text'])}</p>"] if message.get("text") else []
    kind = "info"
    for attachment in map(_mapping, _list(message.get("attachments"))):
        color = str(attachment.get("color", ""))
        kind = color if color in ("danger", "warning", "good") else "info"
        title = _mrkdwn(attachment.get("title", ""))
        parts.append(f"<h2>Slack: {title}</h2><p>{_mrkdwn(attachment.get('text', ''))}</p>")
        fields = map(_mapping, _list(attachment.get("fields")))
        parts += [f"<p>{_mrkdwn(field.get('value', ''))}</p>" for field in fields]
    return kind, "".join(parts)


def _mrkdwn(text: object) -> str:
    """Return Slack's format as HTML: links, bold, its three entities, and nothing else."""
    pieces = []
    rest = str(text)[:_SHOWN]
    while found := _LINK.search(rest):
        pieces += [_bold(rest[: found.start()]), _anchor(unescape(found[1]), unescape(found[2]))]
        rest = rest[found.end() :]
    return "".join([*pieces, _bold(rest)])


def _bold(text: str) -> str:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.sub(r"\*([^*\n]+)\*", r"<strong>\1</strong>", escape(plain))


def _anchor(address: str, text: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>|\"]+", address):
        return escape(text)
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(text)}</a>'


def _text(value: object) -> str:
    return escape(str(value)[:_SHOWN])


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _ago(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"
