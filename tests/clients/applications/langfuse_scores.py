"""Langfuse's SDK: scores of a trace, an observation and a session, of each type of value."""

import os

from langfuse import Langfuse
from opentelemetry.sdk.trace import TracerProvider

langfuse = Langfuse(
    public_key="pk-none",
    secret_key=os.environ["SCORES_TOKEN"],
    base_url=os.environ["SCORES_URL"],
    environment="testing",
    # Without spans of the application, which go elsewhere.
    tracer_provider=TracerProvider(),
)
TRACE, OBSERVATION = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"

langfuse.create_score(
    score_id="score-1",
    trace_id=TRACE,
    name="accuracy",
    value=0.75,
    data_type="NUMERIC",
    comment="what a user wrote",
)
langfuse.create_score(
    trace_id=TRACE, observation_id=OBSERVATION, name="user-feedback", value=1, data_type="BOOLEAN"
)
langfuse.create_score(session_id="session-1", name="tone", value="friendly", data_type="CATEGORICAL")
langfuse.create_score(trace_id=TRACE, name="text", value="what a user wrote", data_type="TEXT")
langfuse.flush()
langfuse.shutdown()
