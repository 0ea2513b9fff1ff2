"""Scores of Langfuse's own SDK reach whoever counts them: in batches of events, and in lists of scores."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from clients.running import APPLICATION_SECONDS, HERE, MADE, NO_CALLS_HOME, is_made
from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.http import routes
from llm_exporter.receive.http import HttpReceiver
from llm_exporter.receive.intake import Intake
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.server import serve_asgi
from llm_exporter.receive.sink import Verdict

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

TOKEN = "sk-lf-secret"  # noqa: S105 - of this test alone
TRACE, OBSERVATION = bytes.fromhex("80f198ee56343ba864fe8b2a57d3eff7"), bytes.fromhex("e457b5a2e4d86bd1")


class _Discard:
    def traces(self, request: bytes, transport: str) -> Verdict:  # noqa: ARG002
        return Verdict(0, "")

    logs = traces


@pytest.mark.parametrize("environment", ["langfuse-3", "langfuse-5"])
def test_the_scores_of_langfuses_sdk_arrive(environment: str, tmp_path: Path) -> None:
    """Each once, by type and target, without what people wrote; the SDK is content with every answer."""
    if not is_made(environment):
        message = f"environment {environment} is not in {MADE.name}: run scripts/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    taken: list[Evaluation] = []
    codes: list[str] = []
    receiver = HttpReceiver(
        Intake(_Discard(), ReceiveLimits()),
        lambda _, code, *__: codes.append(code),
        token=TOKEN,
        routes=routes(taken.extend),
    )
    server = serve_asgi(receiver, "127.0.0.1", 0)
    try:
        said = _run(environment, f"http://{server.address}", tmp_path)
    finally:
        server.stop()
        receiver.close()
    assert [result._replace(key=b"") for result in taken] == [
        Evaluation("accuracy", 0.75, trace_id=TRACE),
        Evaluation("user-feedback", 1.0, "true", trace_id=TRACE, span_id=OBSERVATION),
        Evaluation("tone", None, "friendly", session="session-1"),
        Evaluation("text", trace_id=TRACE),
    ], said
    assert len({result.key for result in taken}) == 4
    assert set(codes) <= {"202", "207"}, said
    assert "error" not in said.lower()


def _run(environment: str, url: str, directory: Path) -> str:
    """Run the application to its end and return what it printed; it must end with 0."""
    done = subprocess.run(
        [MADE / environment / "bin/python", HERE / "applications/langfuse_scores.py"],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "SCORES_URL": url,
            "SCORES_TOKEN": TOKEN,
            **NO_CALLS_HOME,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=APPLICATION_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
