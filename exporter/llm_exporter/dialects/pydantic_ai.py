"""Pydantic AI: the conventions with a cost, and the attributes of its earlier versions."""

from llm_exporter.dialects._dialect import Contents, Dialect, Field

DIALECT = Dialect(
    name="pydantic_ai",
    authority=(
        "https://github.com/pydantic/pydantic-ai/blob/main/pydantic_ai_slim/pydantic_ai/_instrumentation.py",
        "https://github.com/pydantic/pydantic-ai/blob/main/pydantic_ai_slim/pydantic_ai/capabilities/instrumentation.py",
        "https://github.com/pydantic/pydantic-ai/blob/main/pydantic_ai_slim/pydantic_ai/usage.py",
    ),
    scopes=("pydantic-ai",),
    prefixes=("pydantic_ai.",),
    # Versions 1 and 2 of the format name no operation for tools and agents. An agent repeats its calls' usage,
    # as gen_ai.usage.* and now as gen_ai.aggregated_usage.*.
    implied=(
        ("gen_ai.tool.name", "execute_tool"),
        ("pydantic_ai.all_messages", "invoke_agent"),
        ("all_messages_events", "invoke_agent"),
        ("agent_name", "invoke_agent"),
    ),
    fields={
        Field.OPERATION: ("gen_ai.operation.name",),
        Field.AGENT: ("gen_ai.agent.name", "agent_name"),
        Field.TOOL_ARGUMENTS: ("gen_ai.tool.call.arguments", "tool_arguments"),
        Field.INPUT_AUDIO: ("gen_ai.usage.details.input_audio_tokens",),
        Field.OUTPUT_AUDIO: ("gen_ai.usage.details.output_audio_tokens",),
        Field.COST: ("operation.cost",),
    },
    # versions 1 of the format and before: all messages in one attribute, of which the last is the answer
    content=Contents(
        question=("gen_ai.input.messages", "events", "pydantic_ai.all_messages", "all_messages_events"),
        answer=("gen_ai.output.messages", "events", "pydantic_ai.all_messages", "all_messages_events"),
    ),
)
