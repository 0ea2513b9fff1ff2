"""PagerDuty, Slack and a heartbeat's service as Alertmanager sees them: strict, and failing when told to."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from alerts.accepted import mentions, pagerduty_faults, slack_faults


@dataclass(frozen=True)
class Attempt:
    """One request, and what it was answered."""

    to: str
    body: dict[str, Any]
    status: int
    faults: list[str]

    @property
    def text(self) -> str:
        """All of it, to look for words in."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass
class FarSide:
    """What arrived; `failing` has the statuses that the next requests of a destination get instead of success."""

    url: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    failing: dict[str, deque[int]] = field(default_factory=lambda: {"pagerduty": deque(), "slack": deque()})
    beats: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, to: str, word: str = "") -> list[dict[str, Any]]:
        """Return what a destination accepted and that has a word in it."""
        with self.lock:
            return [
                one.body for one in self.attempts if one.to == to and one.status < 300 and word in one.text
            ]

    def pages(self, word: str = "", action: str = "trigger") -> list[dict[str, Any]]:
        """Return the accepted PagerDuty events of one kind that have a word in them."""
        return [one for one in self.taken("pagerduty", word) if one["event_action"] == action]

    def messages(self, word: str = "") -> list[dict[str, Any]]:
        """Return the attachment of each accepted Slack message that has a word in it."""
        return [one["attachments"][0] for one in self.taken("slack", word)]

    def refused(self) -> list[str]:
        """Return what any request had against it; and everybody whom a message would have called."""
        with self.lock:
            faults = [fault for one in self.attempts for fault in one.faults]
            return faults + [
                name for one in self.attempts for name in mentions(one.body) if one.to == "slack"
            ]

    def take(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Answer a request with status, content type and body."""
        if path == "/heartbeat":
            self.beats += 1
            return 200, "text/plain", b"OK"
        to = {"/v2/enqueue": "pagerduty", "/slack": "slack"}[path]
        faults = pagerduty_faults(body) if to == "pagerduty" else slack_faults(body)
        with self.lock:
            status = self.failing[to].popleft() if self.failing[to] else 400 if faults else 0
            success = 202 if to == "pagerduty" else 200
            self.attempts.append(Attempt(to, json.loads(body), status or success, faults))
        if to == "slack":
            return status or success, "text/html", b"ok" if not status else b"no_text"
        said = {"status": "success" if not status else "invalid event", "message": "", "errors": faults}
        return status or success, "application/json", json.dumps(said).encode()


@contextmanager
def far_side() -> Iterator[FarSide]:
    """Run the server on a free port."""
    side = FarSide()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content_type, answer = side.take(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        side.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield side
        finally:
            server.shutdown()
            thread.join()
