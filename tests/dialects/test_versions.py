"""Writers that changed what they count are read by the version of their scope."""

import json
from typing import Any

import pytest

from core.building import Exporter, a_request, a_span

ANTHROPIC: dict[str, Any] = {
    "gen_ai.system": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.output_tokens": 25,
    "gen_ai.usage.raw": json.dumps(
        {
            "input_tokens": 500,
            "output_tokens": 25,
            "cache_read_input_tokens": 400,
            "cache_creation_input_tokens": 30,
        }
    ),
}
"""A call of Anthropic's API under Logfire, without the count that changed (pydantic/logfire#1812)."""


@pytest.mark.parametrize(
    ("version", "written"), [("4.30.0", 500), ("4.31.0", 930), ("4.40.1", 930), ("5.0.0b1", 930), ("", 500)]
)
def test_logfire_counts_the_cache_inside_anthropics_input_since_4_31(
    exporter: Exporter, version: str, written: int
) -> None:
    """The input tokens without the prompt cache are the API's own, whichever Logfire wrote them down."""
    request = a_request(
        a_span({**ANTHROPIC, "gen_ai.usage.input_tokens": written}), scope="logfire.anthropic"
    )
    request.resource_spans[0].scope_spans[0].scope.version = version
    exporter.send_request(request.SerializeToString())
    assert exporter.tokens() == {
        "input": 500,
        "input_cache_read": 400,
        "input_cache_write": 30,
        "output": 25,
    }
