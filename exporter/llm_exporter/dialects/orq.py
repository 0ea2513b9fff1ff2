"""Orq.ai's gateway: GenAI spans with a type and a bill of its own."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="orq",
    authority=(
        "https://docs.orq.ai/docs/ai-gateway/orq-attributes",
        "https://docs.orq.ai/docs/ai-studio/observability/token-cost-tracking",
    ),
    prefixes=("orq.",),
    # A step of an agent and its whole run repeat the usage of what is below them. An evaluator's verdict is no
    # attribute that is documented.
    operations={
        "span.agent": "workflow",
        "span.agent_execution": "invoke_agent",
        "span.auto_router": "workflow",
        "span.chat_completion": "chat",
        "span.embedding": "embeddings",
        "span.evaluator": "workflow",
        "span.fallback_selected": "workflow",
        "span.load_balancer": "workflow",
        "span.responses": "chat",
        "span.retrieval": "retrieval",
        "span.tool": "execute_tool",
    },
    fields={
        Field.OPERATION: ("orq.span_type", "gen_ai.operation.name"),
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system", "orq.model.provider"),
        Field.SESSION: ("gen_ai.conversation.id", "orq.thread_id", "orq.session_id"),
        Field.COST: ("orq.billing.total_cost",),
    },
)
