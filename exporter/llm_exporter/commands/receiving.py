"""The OTLP receivers of a command, opened as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_exporter.receive.endpoint import Tls
from llm_exporter.receive.grpc import serve_grpc
from llm_exporter.receive.http import HttpReceiver
from llm_exporter.receive.intake import Intake
from llm_exporter.receive.server import serve_asgi

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from llm_exporter.receive.route import Route
    from llm_exporter.receive.sink import Observe, Sink
    from llm_exporter.settings import Settings


def receive(
    settings: Settings,
    sink: Sink,
    observe: Observe,
    stack: ExitStack,
    routes: Mapping[str, Route] | None = None,
) -> dict[str, str]:
    """Listen, and return the addresses by protocol. What is opened is closed by `stack`, last opened first.

    Raises:
        CannotListen: a port is taken, or an address is not this machine's.
    """
    listen, limits = settings.listen, settings.receive.limits()
    addresses: dict[str, str] = {}
    token_file = settings.receive.bearer_token_file
    token = token_file.read_text().strip() if token_file else None
    certificate, key = settings.receive.tls_cert_file, settings.receive.tls_key_file
    tls = Tls(certificate, key) if certificate and key else None
    intake = Intake(sink, limits)
    stack.callback(intake.close)
    if listen.otlp_grpc_address is not None:
        grpc = serve_grpc(intake, observe, *listen.otlp_grpc_address, token=token, tls=tls)
        stack.callback(grpc.stop)
        addresses["otlp-grpc"] = grpc.address
    if listen.otlp_http_address is not None:
        origins = frozenset(settings.receive.cors_allowed_origins)
        receiver = HttpReceiver(intake, observe, token=token, allowed_origins=origins, routes=routes)
        stack.callback(receiver.close)
        http = serve_asgi(
            receiver,
            *listen.otlp_http_address,
            flag="--otlp-http-address",
            limits=limits,
            observe_rejected=lambda status: observe("http", status, 0, 0),
            tls=tls,
        )
        stack.callback(http.stop)
        addresses["otlp-http"] = http.address
    return addresses
