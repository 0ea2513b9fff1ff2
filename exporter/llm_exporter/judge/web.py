"""The judge's metrics port: /metrics with its own metrics alone, and health."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from llm_exporter.exposition import CONTENT_TYPES, negotiate, render
from llm_exporter.process import process_metrics
from llm_exporter.receive.asgi import headers_of, send_response
from llm_exporter.receive.route import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_exporter.receive.asgi import Receive, Scope, Send
    from llm_exporter.store import Store

_TEXT: Final = "text/plain; charset=utf-8"
_PATHS: Final = "/metrics, /-/healthy, /-/ready"


class JudgeApp:
    """Serves a store.

    Args:
        store: What /metrics shows.
        refresh: Is called before that.
        ready: Whether the receivers take requests.
    """

    def __init__(self, store: Store, refresh: Callable[[], None], ready: Callable[[], bool]) -> None:
        self._store = store
        self._refresh = refresh
        self._ready = ready
        self._scraper = ThreadPoolExecutor(1, thread_name_prefix="scrape")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request (ASGI 3, `http` scope). Bodies are not read: nothing here takes one."""
        if scope["method"] not in ("GET", "HEAD"):
            response = Response(405, b"only GET is allowed here\n", _TEXT, (("Allow", "GET"),))
        else:
            response = await asyncio.get_running_loop().run_in_executor(self._scraper, self._answer, scope)
        if scope["method"] == "HEAD":
            response = response._replace(body=b"")
        await send_response(send, response)

    def close(self) -> None:
        """Finish what is being rendered; call it after the server has stopped."""
        self._scraper.shutdown()

    def _answer(self, scope: Scope) -> Response:
        match scope["path"]:
            case "/metrics":
                form = negotiate(headers_of(scope).get("accept", ""))
                self._refresh()
                body = process_metrics(form) + b"".join(render(self._store, form, time.monotonic()))
                return Response(200, body, CONTENT_TYPES[form], (("Vary", "Accept"),))
            case "/" | "/-/healthy":
                return Response(200, b"healthy\n", _TEXT)
            case "/-/ready" if self._ready():
                return Response(200, b"ready\n", _TEXT)
            case "/-/ready":
                return Response(503, b"not ready: the receivers are not listening\n", _TEXT)
        return Response(404, f"there is nothing at this path; try one of {_PATHS}\n".encode(), _TEXT)
