"""W&B Weave's agents and spans given to it: the conventions with the thread and turn of a conversation."""

from llm_exporter.dialects._dialect import Dialect, Field, SpanName

DIALECT = Dialect(
    name="weave",
    authority=(
        "https://github.com/wandb/weave/blob/master/weave/trace_server/opentelemetry/constants.py",
        "https://github.com/wandb/weave/blob/master/weave/trace_server/agents/semconv.py",
    ),
    # Whoever writes the span may add these, so that they say least of who that is.
    shared=frozenset({"gen_ai.conversation.name", "wandb.display_name", "wandb.is_turn", "wandb.thread_id"}),
    fields={
        # The name says it where nothing else does.
        Field.OPERATION: (
            "gen_ai.operation.name",
            SpanName(
                (
                    ("chat *", "chat"),
                    ("embeddings *", "embeddings"),
                    ("execute_tool *", "execute_tool"),
                    ("generate_content *", "generate_content"),
                    ("invoke_agent *", "invoke_agent"),
                    ("text_completion *", "text_completion"),
                )
            ),
        ),
        Field.SESSION: ("gen_ai.conversation.id", "wandb.thread_id"),
    },
)
