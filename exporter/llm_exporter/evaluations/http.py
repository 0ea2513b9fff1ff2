"""What is served for results over HTTP: /v1/scores, and what Langfuse's SDKs post scores to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.scores import (
    MAX_LANGFUSE_SCORES,
    id_of,
    items_of,
    of_body,
    parsed,
    score_of,
)
from llm_exporter.receive.route import JSON, Refused, Request, Response, Route
from llm_exporter.receive.status import Code

Take = Callable[[list[Evaluation]], None]
MAX_BODY: Final = 8 << 10
"""Bytes of a body with one score, and of any of our own form."""
MAX_LANGFUSE_BODY: Final = 1 << 20
"""Bytes of a list of Langfuse's: its SDK sends many at once, with comments. That is its own server's limit, too."""
MAX_BATCH_BODY: Final = 3 << 20
"""Bytes of a batch of Langfuse's older SDKs, which may hold other events as well."""
MAX_ERRORS: Final = 20
_SCORE: Final = "score-create"


def routes(take: Take) -> Mapping[str, Route]:
    """Return what to serve, by path; `take` is called with the results of a request that was found good."""
    return {
        "/v1/scores": Route(lambda request: _ours(request, take)),
        "/api/public/scores": Route(lambda request: _langfuse(request, take)),
        "/api/public/ingestion": Route(lambda request: _ingestion(request, take)),
    }


def _ours(request: Request, take: Take) -> Response:
    _check_size(request.body, MAX_BODY)
    try:
        results = of_body(request.body, langfuse=False)
    except ValueError as error:
        raise _refused(error) from None
    take(results)
    return _answer(200, {"accepted": len(results)})


def _langfuse(request: Request, take: Take) -> Response:
    """Answer as Langfuse does: a score with its id; a list as a whole, or how many of it were wrong and why."""
    _check_size(request.body, MAX_LANGFUSE_BODY)
    try:
        found = parsed(request.body)
        if not isinstance(found, list):
            _check_size(request.body, MAX_BODY)
            take([score_of(found, langfuse=True)])
            return _answer(200, {"id": id_of(found)})
        items = items_of(found, langfuse=True)
    except ValueError as error:
        raise _refused(error) from None
    results, errors = [], []
    for place, item in enumerate(items):
        try:
            results.append(score_of(item, langfuse=True))
        except ValueError as error:
            errors.append({"message": f"score {place}: {error}"})
    take(results)
    if not errors:
        return _answer(202, {"message": "Accepted"})
    said = {"accepted": len(results), "rejected": len(errors), "errors": errors[:MAX_ERRORS]}
    return _answer(207, said)


def _ingestion(request: Request, take: Take) -> Response:
    """Answer as Langfuse does: how each event ended. Events that are no scores are accepted, and nothing is done."""
    _check_size(request.body, MAX_BATCH_BODY)
    try:
        found = parsed(request.body)
        batch = found.get("batch") if isinstance(found, Mapping) else None
        if not isinstance(batch, list):
            raise ValueError("the body must be an object with a list `batch` of events")  # noqa: TRY004, TRY301
        if len(batch) > MAX_LANGFUSE_SCORES:
            raise ValueError(f"a batch may hold {MAX_LANGFUSE_SCORES} events; send several")  # noqa: TRY301
    except ValueError as error:
        raise _refused(error) from None
    results, successes, errors = [], [], []
    for event in batch:
        identity = id_of(event)
        try:
            if not isinstance(event, Mapping):
                raise ValueError("an event must be a JSON object")  # noqa: TRY004, TRY301
            if event.get("type") == _SCORE:
                results.append(_of_event(event))
        except ValueError as error:
            errors.append({"id": identity, "status": 400, "message": str(error)})
        else:
            successes.append({"id": identity, "status": 201})
    take(results)
    return _answer(207, {"successes": successes, "errors": errors})


def _of_event(event: Mapping[str, object]) -> Evaluation:
    body = event.get("body")
    if isinstance(body, Mapping) and not body.get("id"):
        body = {**body, "id": event.get("id")}
    return score_of(body, langfuse=True)


def _check_size(body: bytes, limit: int) -> None:
    if len(body) > limit:
        message = f"the body is larger than {limit} bytes; leave out comments, or send fewer scores at once"
        raise Refused(413, Code.RESOURCE_EXHAUSTED, message)


def _refused(error: ValueError) -> Refused:
    return Refused(400, Code.INVALID_ARGUMENT, str(error))


def _answer(status: int, said: object) -> Response:
    return Response(status, json.dumps(said).encode(), JSON)
