"""Spring AI: what it adds around the calls of models, which follow the conventions."""

from llm_exporter.dialects._dialect import (
    Choice,
    Dialect,
    Documents,
    Field,
    When,
)

DIALECT = Dialect(
    name="spring_ai",
    authority=(
        "https://docs.spring.io/spring-ai/reference/observability/index.html",
        "https://github.com/spring-projects/spring-ai/tree/main/spring-ai-commons/src/main/java/org/springframework/ai/observation/conventions",
    ),
    # The scope is that of every span of Spring Boot.
    prefixes=("spring.ai.",),
    values={"gen_ai.system": frozenset({"spring_ai"})},
    operations={
        "add": "workflow",
        "advisor": "workflow",
        "chat_client": "workflow",
        "delete": "workflow",
        "image": "image_generation",
        "query": "retrieval",
        "tool_call": "execute_tool",
        "vector_store": "retrieval",
    },
    fields={
        # A vector store's span is named after what is done to it; `gen_ai.operation.name` is `framework` on all of
        # these.
        Field.OPERATION: (
            Choice("db.operation.name", frozenset({"add", "delete", "query"})),
            "spring.ai.kind",
            "gen_ai.operation.name",
        ),
        Field.TOOL: ("spring.ai.tool.definition.name",),
        Field.TOOL_ARGUMENTS: ("spring.ai.tool.call.arguments",),
        Field.SESSION: ("gen_ai.conversation.id", "spring.ai.chat.client.conversation.id"),
        Field.STREAM: ("gen_ai.request.stream", "spring.ai.chat.client.stream"),
    },
    # the provider's counts are passed through
    cache_outside_input=(When(provider="anthropic"),),
    documents=Documents(queries=("db.vector.query.content",)),
)
