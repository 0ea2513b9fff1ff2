"""A receiver in a process of its own, to measure its memory: prints its addresses, ends with stdin."""

import json
import sys

from llm_exporter.receive.grpc import serve_grpc
from llm_exporter.receive.http import HttpReceiver
from llm_exporter.receive.intake import Intake
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.malloc import keep_large_buffers
from llm_exporter.receive.server import serve_asgi
from llm_exporter.receive.sink import Verdict


class Discard:
    """A sink that takes everything."""

    def traces(self, request: bytes, transport: str) -> Verdict:  # noqa: ARG002
        """Take traces."""
        return Verdict(0, "")

    logs = traces


def main() -> None:
    """Serve until stdin is closed."""
    keep_large_buffers()
    intake = Intake(Discard(), ReceiveLimits())
    http_server = serve_asgi(HttpReceiver(intake, lambda *_: None), "127.0.0.1", 0)
    grpc_server = serve_grpc(intake, lambda *_: None, "127.0.0.1", 0)
    print(json.dumps([http_server.address, grpc_server.address]), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
