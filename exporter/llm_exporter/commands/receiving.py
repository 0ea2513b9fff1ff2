"""The OTLP receivers of a command, opened as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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
    from llm_exporter.settings.endpoints import Address
    from llm_exporter.settings.schema import Receive


class Addresses(Protocol):
    """Where to listen; None is nowhere."""

    @property
    def otlp_grpc_address(self) -> Address | None:
        """For OTLP over gRPC."""

    @property
    def otlp_http_address(self) -> Address | None:
        """For OTLP over HTTP."""


def receive(
    settings: Receive,
    listen: Addresses,
    sink: Sink,
    observe: Observe,
    stack: ExitStack,
    *,
    routes: Mapping[str, Route] | None = None,
    flag: str = "--otlp-http-address",
) -> dict[str, str]:
    """Listen, and return the addresses by protocol. What is opened is closed by `stack`, last opened first.

    Args:
        settings: Limits and authentication.
        listen: Where.
        sink: Takes what comes.
        observe: Is told of every request.
        stack: Closes what is opened.
        routes: Further paths of the HTTP address.
        flag: What sets that address, for the error when it is taken.

    Raises:
        CannotListen: a port is taken, or an address is not this machine's.
    """
    limits = settings.limits()
    addresses: dict[str, str] = {}
    token = settings.bearer_token_file.read_text().strip() if settings.bearer_token_file else None
    certificate, key = settings.tls_cert_file, settings.tls_key_file
    tls = Tls(certificate, key) if certificate and key else None
    intake = Intake(sink, limits)
    stack.callback(intake.close)
    if listen.otlp_grpc_address is not None:
        grpc = serve_grpc(intake, observe, *listen.otlp_grpc_address, token=token, tls=tls)
        stack.callback(grpc.stop)
        addresses["otlp-grpc"] = grpc.address
    if listen.otlp_http_address is not None:
        origins = frozenset(settings.cors_allowed_origins)
        receiver = HttpReceiver(intake, observe, token=token, allowed_origins=origins, routes=routes)
        stack.callback(receiver.close)
        http = serve_asgi(
            receiver,
            *listen.otlp_http_address,
            flag=flag,
            limits=limits,
            observe_rejected=lambda status: observe("http", status, 0, 0),
            tls=tls,
        )
        stack.callback(http.stop)
        addresses["otlp-http"] = http.address
    return addresses
