"""Alibaba's LoongSuite agents: the conventions with a kind on every span, which others have taken over."""

from llm_exporter.dialects._dialect import Dialect, Field, Scaled

DIALECT = Dialect(
    name="loongsuite",
    authority=(
        "https://github.com/alibaba/loongsuite-semantic-conventions/blob/main/docs/gen-ai/gen-ai-spans.md",
        "https://github.com/alibaba/loongsuite-python/tree/main/util/opentelemetry-util-genai",
        "https://github.com/alibaba/loongsuite-pilot",
    ),
    shared=frozenset({"gen_ai.span.kind"}),
    operations={"entry": "workflow", "memory": "workflow"},
    fields={
        # An agent's span repeats the usage of its turns.
        Field.OPERATION: ("gen_ai.operation.name", "gen_ai.span.kind"),
        Field.SESSION: ("gen_ai.conversation.id", "gen_ai.session.id"),
        # nanoseconds
        Field.FIRST_TOKEN: (Scaled("gen_ai.response.time_to_first_token", 1e-9),),
    },
)
