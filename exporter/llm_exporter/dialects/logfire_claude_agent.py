"""Logfire's instrumentation of the Claude Agent SDK, where only the whole run knows what was used."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="logfire_claude_agent",
    authority=(
        "https://github.com/pydantic/logfire/blob/main/logfire/_internal/integrations/claude_agent_sdk.py",
    ),
    scopes=("logfire.claude_agent_sdk",),
    # The turns have what had arrived when each began (gen_ai.usage.partial.*); the sum and the cost stand at the
    # run alone, which therefore counts as one call, and its turns as parts of it.
    operations={"invoke_agent": "chat", "chat": "workflow"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name",),
        Field.COST: ("operation.cost",),
    },
)
