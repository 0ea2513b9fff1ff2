"""Log records of calls that repeat a span which their writer sends as well."""

from typing import Any

import pytest

from llm_exporter.logs import DETAILS
from logs.building import a_record, logs, translated

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 52,
    "gen_ai.usage.output_tokens": 8,
}


@pytest.mark.parametrize(
    ("scope", "read"),
    [
        ("openlit.instrumentation.openai", 0),
        ("openlit", 0),
        ("@openlit/instrumentation-anthropic", 0),
        ("opentelemetry.instrumentation.openai_v2", 1),
        ("my.openlit", 1),
        ("", 1),
    ],
)
def test_events_of_a_writer_that_repeats_its_spans_count_nowhere(scope: str, read: int) -> None:
    """OpenLIT logs each call beside its span, for streams without saying of which trace: such records are ignored."""
    found = translated(logs(a_record(None, CALL, event_name=DETAILS), scope=scope))
    assert (found.read, found.ignored) == (read, 1 - read)
