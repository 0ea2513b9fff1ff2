"""The pages for people: the landing page and the last spans. Plain HTML, no script, everything escaped."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Final

from llm_exporter import __version__
from llm_exporter import catalogue as c

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_exporter.describe import Described
    from llm_exporter.engine import Engine

_STYLE: Final = """
:root { color-scheme: light dark; --edge: #8884; --quiet: #888; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 104rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid var(--edge);
padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; } th { font-weight: 600; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .9em; } .quiet { color: var(--quiet); }
.pair { white-space: nowrap; } .bad { color: #c33; } a { color: inherit; }
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are HTML already."""
    header = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


_OUTCOMES: Final = {
    "call": "calls to a model",
    "tool": "tool calls",
    "agent": "agent runs",
    "retrieval": "retrievals",
    "guardrail": "guardrail checks",
    "structure": "chains, steps and spans that repeat their children",
    "not_llm": "not about an LLM",
    "invalid": "undecodable, rejected",
    "over_limit": "over a limit, rejected",
}


def landing(engine: Engine, addresses: dict[str, str], ready: bool) -> str:
    """Return the landing page: what came in so far, what became of it, and where to look next."""
    store = engine.store
    with store.lock:
        engine.pipeline.collect()
        group = store.groups[c.EXPORTER_SPANS.name]
        own = store.cell(c.EXPORTER_SPANS, ())
        outcomes = {
            name: own.values[group.instrument(c.EXPORTER_SPANS, name).index] for name in c.OUTCOME.values
        }
        dialects = [
            (labels[0], cell.values[0])
            for labels, cell in store.groups[c.EXPORTER_DIALECT_SPANS.name].cells.items()
        ]
        services = sorted({labels[0] for labels in store.groups[c.REQUESTS.name].cells})
    total = sum(outcomes.values())
    useful = total - sum(outcomes[name] for name in ("not_llm", "invalid", "over_limit", "structure"))
    if not total:
        state = "<p>No span has arrived yet. Point an OTLP exporter at one of the ports below.</p>"
    elif not useful:
        state = (
            '<p class="bad">Spans arrive, but none of them is about an LLM. '
            '<a href="debug/spans">/debug/spans</a> shows what they look like.</p>'
        )
    else:
        shown = ", ".join(f"<code>{escape(name or 'without service.name')}</code>" for name in services[:20])
        state = f"<p>Counting calls of {shown}.</p>"
    minutes = int(time.time() - engine.started) // 60
    since = f"{'ready' if ready else 'not ready'}, up for {minutes // 60} h {minutes % 60} min"
    ports = [(escape(name), f"<code>{escape(address)}</code>") for name, address in addresses.items()]
    rows = [
        (f'<a href="debug/spans?outcome={name}">{name}</a>', f"{outcomes[name]:,}", text)
        for name, text in _OUTCOMES.items()
    ]
    spoken = [(escape(name), f"{count:,}") for name, count in sorted(dialects)]
    body = (
        f'<h1>llm-exporter {__version__}</h1>{state}<p class="quiet">{since}</p>'
        "<h2>Look</h2><ul>"
        '<li><a href="metrics">/metrics</a>: what Prometheus scrapes</li>'
        '<li><a href="debug/spans">/debug/spans</a>: the last spans and what became of them</li>'
        '<li><a href="-/ready">/-/ready</a>, <a href="-/healthy">/-/healthy</a>; '
        "POST /-/reload takes up a changed configuration</li></ul>"
        f"<h2>Send</h2>{_table(('', 'address'), ports)}"
        f"<h2>Spans so far</h2>{_table(('outcome', 'spans', ''), rows)}"
        f"<h2>Dialects</h2>{_table(('dialect', 'spans'), spoken) if spoken else '<p>None yet.</p>'}"
    )
    return _page("llm-exporter", body)


def spans(described: Sequence[Described]) -> str:
    """Return the page of the last spans, newest first."""
    rows = [
        (
            (
                f"<code>{escape(span.name) or '<i>no name</i>'}</code><br>"
                f"<span class=quiet>{escape(span.scope)}<br>trace {span.trace_id}</span>"
            ),
            f"<b>{span.outcome}</b><br>{escape(span.dialect)}<br><span class=quiet>{escape(span.why)}</span>",
            _pairs(span.words),
            _pairs(span.numbers),
            "<br>".join(f"<code>{name}</code>" for name in span.counted),
            "<br>".join(map(escape, span.notes)),
        )
        for span in described
    ]
    empty = "<p>No span has arrived yet, or none with this outcome.</p>" if not rows else ""
    table = _table(("span", "outcome", "labels", "numbers", "counted in", "notes"), rows) if rows else empty
    return _page(
        "Last spans",
        '<h1>Last spans</h1><p class="quiet">Newest first, a sample under heavy traffic. Also as '
        '<a href="spans?format=json">JSON</a>. <a href="../">Back</a></p>' + table,
    )


def _pairs(pairs: dict[str, str]) -> str:
    return "".join(
        f'<div class="pair"><span class="quiet">{escape(name)}</span> {escape(value)}</div>'
        for name, value in pairs.items()
    )
