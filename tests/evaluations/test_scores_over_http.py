"""What is served for scores, on a real socket: answers, limits, who may send, and what reaches the one who counts."""

import base64
import http.client
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.http import MAX_BATCH_BODY, MAX_BODY, MAX_LANGFUSE_BODY, routes
from llm_exporter.receive.http import HttpReceiver
from llm_exporter.receive.intake import Intake
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.receive.server import serve_asgi
from llm_exporter.receive.sink import Verdict

TOKEN = "sk-lf-secret"  # noqa: S105 - of this test alone
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OURS, LANGFUSE, INGESTION = "/v1/scores", "/api/public/scores", "/api/public/ingestion"
GOOD = {"id": "1", "name": "a", "value": 1}
CANARY = "what-a-user-wrote"


class _Discard:
    def traces(self, request: bytes, transport: str) -> Verdict:  # noqa: ARG002
        return Verdict(0, "")

    logs = traces


class Scores(NamedTuple):
    """A receiver for scores, and what it handed on."""

    address: str
    taken: list[Evaluation]

    def post(self, path: str, body: Any, headers: Mapping[str, str] = BEARER) -> tuple[int, Any]:
        """Send a body, as JSON unless it is bytes; return status and answer."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        sent = body if isinstance(body, bytes) else json.dumps(body)
        connection.request("POST", path, sent, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, json.loads(answer)


@pytest.fixture
def scores() -> Iterator[Scores]:
    """Return a receiver on a free port that wants `TOKEN`."""
    taken: list[Evaluation] = []
    intake = Intake(_Discard(), ReceiveLimits())
    receiver = HttpReceiver(intake, lambda *_: None, token=TOKEN, routes=routes(taken.extend))
    server = serve_asgi(receiver, "127.0.0.1", 0)
    yield Scores(server.address, taken)
    server.stop()
    receiver.close()


def test_our_own_form_is_counted(scores: Scores) -> None:
    """One score, or a list; nothing of a list with a fault in it."""
    assert scores.post(OURS, GOOD) == (200, {"accepted": 1})
    assert scores.post(OURS, [GOOD, GOOD]) == (200, {"accepted": 2})
    assert scores.post(OURS, [GOOD, {"name": "a"}])[0] == 400
    assert [result.name for result in scores.taken] == ["a"] * 3


def test_langfuse_gets_the_id_of_one_score(scores: Scores) -> None:
    """Its own, or a new one."""
    assert scores.post(LANGFUSE, GOOD) == (200, {"id": "1"})
    status, answer = scores.post(LANGFUSE, {"name": "a", "value": 1})
    assert status == 200
    assert uuid.UUID(answer["id"])
    assert len(scores.taken) == 2


def test_langfuse_gets_its_answer_to_a_list(scores: Scores) -> None:
    """202, or 207 with what was wrong; the good ones count either way."""
    assert scores.post(LANGFUSE, [GOOD, GOOD]) == (202, {"message": "Accepted"})
    assert scores.post(LANGFUSE, [GOOD, {"name": CANARY}, 7]) == (
        207,
        {
            "accepted": 1,
            "rejected": 2,
            "errors": [
                {"message": "score 1: a score needs a `value`: a number or a string"},
                {"message": "score 2: a score must be a JSON object"},
            ],
        },
    )
    assert len(scores.taken) == 3


def test_langfuse_gets_its_answer_to_a_batch(scores: Scores) -> None:
    """Scores count, other events are accepted without effect, and faults are told event by event."""
    batch = [
        {"id": "e1", "type": "score-create", "timestamp": "2026-01-01T00:00:00Z", "body": GOOD},
        {"id": "e2", "type": "trace-create", "body": {"input": CANARY}},
        {"id": "e3", "type": "score-create", "body": {"name": CANARY}},
        {"id": "e4", "type": "score-create", "body": {"name": "b", "value": 0.5}},
        {"id": "e5", "type": "score-create"},
        7,
    ]
    status, answer = scores.post(INGESTION, {"batch": batch, "metadata": {}})
    assert status == 207
    assert answer["successes"] == [{"id": identity, "status": 201} for identity in ("e1", "e2", "e4")]
    assert [(error["id"], error["status"], error["message"]) for error in answer["errors"][:2]] == [
        ("e3", 400, "a score needs a `value`: a number or a string"),
        ("e5", 400, "a score must be a JSON object"),
    ]
    assert len(answer["errors"]) == 3
    assert [result.name for result in scores.taken] == ["a", "b"]


def test_a_batch_sent_again_has_the_same_keys(scores: Scores) -> None:
    """By the ids of the scores, else by those of the events."""
    batch = {
        "batch": [{"id": "e1", "type": "score-create", "body": {"name": "a", "value": 1, "sessionId": "s"}}]
    }
    scores.post(INGESTION, batch)
    scores.post(INGESTION, batch)
    first, again = scores.taken
    assert first.key == again.key != b""


@pytest.mark.parametrize(("path", "limit"), [(OURS, MAX_BODY), (LANGFUSE, MAX_BODY)])
def test_one_score_has_a_limit(scores: Scores, path: str, limit: int) -> None:
    """It is refused when it is larger, and nothing of it is told."""
    room = limit - len(json.dumps({**GOOD, "comment": ""}))
    assert scores.post(path, {**GOOD, "comment": "x" * room})[0] == 200
    status, answer = scores.post(path, {**GOOD, "comment": CANARY + "x" * room})
    assert status == 413
    assert answer["message"] == (
        "the body is larger than 8192 bytes; leave out comments, or send fewer scores at once"
    )
    assert len(scores.taken) == 1


@pytest.mark.parametrize(
    ("path", "limit", "body"),
    [
        (LANGFUSE, MAX_LANGFUSE_BODY, [{**GOOD, "comment": "x" * (20 << 10)}]),
        (
            INGESTION,
            MAX_BATCH_BODY,
            {"batch": [{"type": "trace-create", "body": {"input": "x" * (2 << 20)}}]},
        ),
    ],
)
def test_lists_of_langfuse_may_be_larger(scores: Scores, path: str, limit: int, body: Any) -> None:
    """Its SDK decides how many scores it sends at once, with comments; its own limits hold."""
    assert scores.post(path, body)[0] in (202, 207)
    assert scores.post(path, b"[" + b" " * limit + b"]")[0] == 413


@pytest.mark.parametrize("path", [OURS, LANGFUSE, INGESTION])
@pytest.mark.parametrize(
    "body", [CANARY.encode(), b"[" * 8000, {"name": CANARY}, {"batch": CANARY}, {"batch": [0] * 1001}]
)
def test_a_fault_is_told_without_a_word_of_the_body(scores: Scores, path: str, body: Any) -> None:
    """400, as JSON, with what to send instead."""
    status, answer = scores.post(path, body)
    assert status == 400
    assert answer["message"]
    assert CANARY not in json.dumps(answer)
    assert scores.taken == []


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer wrong", 401),
        (f"Bearer {TOKEN}", 200),
        ("Basic " + base64.b64encode(f"pk-lf-public:{TOKEN}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(b"pk-lf-public:wrong").decode(), 401),
    ],
)
def test_the_token_may_be_langfuses_secret_key(scores: Scores, authorization: str, status: int) -> None:
    """Its SDK sends public and secret key as user and password."""
    headers = {"Authorization": authorization} if authorization else {}
    assert scores.post(LANGFUSE, GOOD, headers)[0] == status
    assert len(scores.taken) == (status == 200)
