"""CrewAI: its own traces, and the anonymous telemetry of the product, which counts nothing."""

from llm_exporter.dialects._dialect import Dialect, Field, SpanName

DIALECT = Dialect(
    name="crewai",
    authority=(
        "https://github.com/crewAIInc/crewAI/blob/main/lib/crewai/src/crewai/telemetry/telemetry.py",
        "https://github.com/crewAIInc/crewAI/tree/main/lib/crewai/src/crewai/telemetry/tracing",
    ),
    scopes=("crewai", "crewai.*"),
    scope_suffices=True,
    keys=frozenset({"crewai.event_name", "crewai_version"}),
    operations={"execute_method": "workflow", "execute_task": "workflow"},
    fields={
        Field.OPERATION: (
            # The first two repeat a `call tool` span: an instant beside it, and the same call over MCP inside it.
            SpanName(
                (
                    ("tool failure", "workflow"),
                    ("execute mcp tool", "workflow"),
                    ("evaluate guardrail", "guardrail"),
                    ("query memory", "retrieval"),
                    ("search knowledge", "retrieval"),
                )
            ),
            "gen_ai.operation.name",
        ),
        # `gen_ai.agent.name` is a digest of role, goal and backstory
        Field.AGENT: ("crewai.agent.role", "gen_ai.agent.name"),
        Field.RETRIEVER: ("crewai.subject",),
        Field.GUARDRAIL: ("crewai.guardrail.type",),
        Field.VERDICT: ("crewai.guardrail.success",),
    },
    verdicts={"false": "block", "true": "allow"},
)
