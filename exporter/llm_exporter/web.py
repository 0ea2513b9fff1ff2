"""The metrics port: /metrics, the pages for people, health, reload. An ASGI application over the engine."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from isal import isal_zlib

from llm_exporter import pages
from llm_exporter.exposition import CONTENT_TYPES, Format, negotiate
from llm_exporter.process import process_metrics
from llm_exporter.receive.asgi import headers_of, send_response
from llm_exporter.receive.route import JSON, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_exporter.engine import Engine
    from llm_exporter.receive.asgi import Receive, Scope, Send
    from llm_exporter.settings import Problem

_HTML: Final = "text/html; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_GZIP_WINDOW: Final = 31  # zlib's way of asking for a gzip header
# No scripts and nothing from elsewhere: what a page shows comes from senders of spans.
_PAGE_HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)


class MetricsApp:
    """Serves one engine.

    Args:
        engine: What to show.
        reload: Reloads the configuration and returns why it was refused, or nothing.
        ready: Whether the receivers take requests.
        addresses: What the landing page says of the ports, by name.
        cache_seconds: How long one rendering of /metrics serves further scrapes.
    """

    def __init__(
        self,
        engine: Engine,
        reload: Callable[[], Sequence[Problem]],
        ready: Callable[[], bool],
        addresses: dict[str, str],
        cache_seconds: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._reload = reload
        self._ready = ready
        self._addresses = addresses
        self._cache_seconds = cache_seconds
        self._scraper = ThreadPoolExecutor(1, thread_name_prefix="scrape")
        self._cached: dict[tuple[Format, bool], tuple[float, bytes]] = {}
        self._routes: dict[str, tuple[str, Callable[[Scope], Response]]] = {
            "/": ("GET", self._landing),
            "/metrics": ("GET", self._metrics),
            "/debug/spans": ("GET", self._spans),
            "/-/healthy": ("GET", lambda _: Response(200, b"healthy\n", _TEXT)),
            "/-/ready": ("GET", self._readiness),
            "/-/reload": ("POST", self._reloading),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request (ASGI 3, `http` scope). Bodies are not read: nothing here takes one."""
        method, path = scope["method"], scope["path"]
        allowed, answer = self._routes.get(path, ("", None))
        if answer is None:
            known = ", ".join(self._routes)
            response = Response(404, f"there is nothing at this path; try one of {known}\n".encode(), _TEXT)
        elif method != allowed and not (method == "HEAD" and allowed == "GET"):
            response = Response(
                405, f"only {allowed} is allowed here\n".encode(), _TEXT, (("Allow", allowed),)
            )
        else:
            response = await asyncio.get_running_loop().run_in_executor(self._scraper, answer, scope)
        if method == "HEAD":
            response = response._replace(body=b"")
        await send_response(send, response)

    def close(self) -> None:
        """Finish what is being rendered; call it after the server has stopped."""
        self._scraper.shutdown()

    def _metrics(self, scope: Scope) -> Response:
        headers = headers_of(scope)
        form = negotiate(headers.get("accept", ""))
        zipped = _takes_gzip(headers.get("accept-encoding", ""))
        now = time.monotonic()
        made, body = self._cached.get((form, zipped), (-1.0, b""))
        if not body or now - made >= self._cache_seconds():
            body = _body([process_metrics(form), *self._engine.exposition(form)], zipped)
            self._cached[form, zipped] = (now, body)
        encoding = (("Content-Encoding", "gzip"),) if zipped else ()
        return Response(200, body, CONTENT_TYPES[form], (*encoding, ("Vary", "Accept, Accept-Encoding")))

    def _landing(self, _: Scope) -> Response:
        page = pages.landing(self._engine, self._addresses, self._ready())
        return Response(200, page.encode(), _HTML, _PAGE_HEADERS)

    def _spans(self, scope: Scope) -> Response:
        spans = self._engine.recent.newest_first()
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        outcome = query.get("outcome", [""])[0]
        if outcome:
            spans = [span for span in spans if span.outcome == outcome]
        if query.get("format") == ["json"] or "application/json" in headers_of(scope).get("accept", ""):
            return Response(200, json.dumps([asdict(span) for span in spans]).encode(), JSON, _PAGE_HEADERS)
        return Response(200, pages.spans(spans).encode(), _HTML, _PAGE_HEADERS)

    def _readiness(self, _: Scope) -> Response:
        if self._ready():
            return Response(200, b"ready\n", _TEXT)
        return Response(503, b"not ready: the receivers are not listening\n", _TEXT)

    def _reloading(self, _: Scope) -> Response:
        problems = self._reload()
        self._cached.clear()
        if problems:
            said = "".join(f"{problem}\n" for problem in problems)
            return Response(500, f"the configuration was refused, the old one stays:\n{said}".encode(), _TEXT)
        return Response(200, b"reloaded\n", _TEXT)


def _takes_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(",")[:16]:
        coding, _, quality = item.partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _body(chunks: Sequence[bytes], zipped: bool) -> bytes:
    if not zipped:
        return b"".join(chunks)
    # Level 1 of ISA-L: at a fifteenth of zlib's time nearly its size.
    compressor = isal_zlib.compressobj(1, wbits=_GZIP_WINDOW)
    return b"".join([*(compressor.compress(chunk) for chunk in chunks), compressor.flush()])
