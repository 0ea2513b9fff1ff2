"""HTTP servers that run in threads of their own: for the OTLP port and for the metrics port."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, cast

import uvicorn

from llm_exporter.receive.asgi import Asgi
from llm_exporter.receive.endpoint import CannotListen, Tls
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.protocol import BoundedHttpProtocol

# Longer than the interval of common exporters, so that a connection is not closed as the next batch leaves.
_KEEP_ALIVE_SECONDS: Final = 75
_GRACE_SECONDS: Final = 10
_BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class RunningServer:
    """A server that is listening; `address` holds the actual port."""

    def __init__(self, address: str, server: _Server, thread: threading.Thread) -> None:
        self.address = address
        self._server = server
        self._thread = thread

    def stop(self) -> None:
        """Accept no more connections, answer the requests in flight, and return when that is done."""
        self._server.should_exit = True
        self._thread.join()


def serve_asgi(
    app: Asgi,
    host: str,
    port: int,
    *,
    flag: str = "--otlp-http-address",
    limits: ReceiveLimits | None = None,
    observe_rejected: Callable[[str], None] = lambda _status: None,
    tls: Tls | None = None,
) -> RunningServer:
    """Serve `app` on `host:port` (0: any free port) and return once requests are taken.

    `observe_rejected` is told the status of what never became a request. Raises `CannotListen`, which names
    `flag` as the way out, when the address cannot be bound.
    """
    listener = _listen(host, port, flag)
    protocol = partial(BoundedHttpProtocol, limits or ReceiveLimits(), observe_rejected)
    config = uvicorn.Config(
        app,
        http=cast("type[BoundedHttpProtocol]", protocol),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    config.load()
    server = _Server(config)
    bound_host, bound_port = listener.getsockname()[:2]
    name = f"http-{bound_port}"
    thread = threading.Thread(target=server.run, args=([listener],), name=name, daemon=True)
    thread.start()
    server.ready.wait()
    address = f"[{bound_host}]:{bound_port}" if ":" in bound_host else f"{bound_host}:{bound_port}"
    return RunningServer(address, server, thread)


def _listen(host: str, port: int, flag: str) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError:
        raise CannotListen(f"{host}:{port}", flag) from None
