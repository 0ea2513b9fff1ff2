"""A server on this machine in the place of PagerDuty and Slack, with a page that shows what they would have been sent.

It answers as they do, refuses what they would refuse, keeps the last few notifications in memory, and sends nothing on.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from alerts import page
from alerts.accepted import PAGERDUTY_BYTES, pagerduty_faults, slack_faults

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS: Final = "127.0.0.1:9465"
PAGERDUTY_PATH: Final = "/v2/enqueue"
SLACK_PATH: Final = "/slack"
HEARTBEAT_PATH: Final = "/heartbeat"
KEPT: Final = 200
KEPT_BYTES: Final = 8_000_000
"""Notifications are forgotten, oldest first, when there are more, or more bytes of them."""
BODY_BYTES: Final = 2 * PAGERDUTY_BYTES
_TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Notification:
    """One request that was meant for PagerDuty or Slack."""

    number: int
    at: float
    to: str
    body: dict[str, Any]
    faults: tuple[str, ...]
    size: int


class Received:
    """The last notifications, newest last, and when the dead-man's switch was last heard."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: deque[Notification] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.count = 0
        self.heartbeat = 0.0

    def add(self, to: str, body: bytes, faults: list[str]) -> None:
        """Keep a notification, and forget the oldest as far as there is no room."""
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            parsed = None
        content = parsed if isinstance(parsed, dict) else {}
        with self._lock:
            self.count += 1
            self._kept.append(
                Notification(self.count, self._clock(), to, content, tuple(faults), len(body) + 1000)
            )
            self._bytes += len(body) + 1000
            while len(self._kept) > KEPT or self._bytes > KEPT_BYTES:
                self._bytes -= self._kept.popleft().size

    def beat(self) -> None:
        """Note that the dead-man's switch was heard."""
        self.heartbeat = self._clock()

    def all(self) -> list[Notification]:
        """Return what is kept, oldest first."""
        with self._lock:
            return list(self._kept)


class Sink(ThreadingHTTPServer):
    """The server; `received` is what came in."""

    daemon_threads = True

    def __init__(self, host: str, port: int, received: Received | None = None) -> None:
        self.received = received or Received()
        super().__init__((host, port), _Handler)

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self.server_address[:2]
        return f"{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "llm-exporter-sink"
    sys_version = ""
    timeout = _TIMEOUT_SECONDS
    server: Sink

    def log_message(self, *_: object) -> None:
        """Keep quiet: the page says what came in."""

    def do_GET(self) -> None:
        """Show what came in."""
        received = self.server.received
        path = urlsplit(self.path).path
        if path == "/":
            shown = page.shown(received.all(), received.count, received.heartbeat, time.time())
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", shown.encode())
        elif path == "/notifications":
            notifications = [
                {"number": one.number, "at": one.at, "to": one.to, "body": one.body, "faults": one.faults}
                for one in received.all()
            ]
            said = {"received": received.count, "heartbeat": received.heartbeat, "kept": notifications}
            self._answer(HTTPStatus.OK, "application/json", json.dumps(said).encode())
        elif path == "/-/healthy":
            self._answer(HTTPStatus.OK, "text/plain", b"ok\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"nothing here; see /\n")

    def do_POST(self) -> None:
        """Answer as PagerDuty, as Slack, or as a service that waits for a heartbeat."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 9 or int(length) > BODY_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", b"too large, or no length\n")
            return
        body = self.rfile.read(int(length))
        received = self.server.received
        path = urlsplit(self.path).path
        if path == PAGERDUTY_PATH:
            faults = pagerduty_faults(body)
            received.add("pagerduty", body, faults)
            self._as_pagerduty(body, faults)
        elif path == SLACK_PATH:
            faults = slack_faults(body)
            received.add("slack", body, faults)
            # A webhook answers in text; for JSON Alertmanager would look for another success than this.
            if faults:
                self._answer(HTTPStatus.BAD_REQUEST, "text/html", faults[0].encode())
            else:
                self._answer(HTTPStatus.OK, "text/html", b"ok")
        elif path == HEARTBEAT_PATH:
            received.beat()
            self._answer(HTTPStatus.OK, "text/plain", b"ok\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"nothing here; see /\n")

    def _as_pagerduty(self, body: bytes, faults: list[str]) -> None:
        if faults:
            said = {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
            self._answer(HTTPStatus.BAD_REQUEST, "application/json", json.dumps(said).encode())
            return
        key = json.loads(body).get("dedup_key", "")
        said = {"status": "success", "message": "Event processed", "dedup_key": key}
        self._answer(HTTPStatus.ACCEPTED, "application/json", json.dumps(said).encode())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


def serve(address: str) -> int:
    """Run until interrupted."""
    host, _, port = address.rpartition(":")
    with Sink(host, int(port)) as sink:
        print(f"listening http://{sink.address}/", flush=True)
        try:
            sink.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
