"""Microsoft Agent Framework, in Python and in .NET."""

from llm_exporter.dialects._dialect import Dialect, Field, When

DIALECT = Dialect(
    name="agent_framework",
    authority=(
        "https://github.com/microsoft/agent-framework/blob/main/python/packages/core/agent_framework/observability.py",
        "https://github.com/microsoft/agent-framework/blob/main/python/packages/anthropic/agent_framework_anthropic/_chat_client.py",
    ),
    scopes=(
        "agent_framework",
        "agent_framework.*",
        "Experimental.Microsoft.Agents.AI*",
        "Microsoft.Agents.AI*",
    ),
    # workflows, executors and messages group calls and say nothing in the conventions' names
    scope_suffices=True,
    values={"gen_ai.provider.name": frozenset({"microsoft.agent_framework"})},
    # What goes over MCP is inside the span of the tool, which counts already.
    operations={
        "initialize": "workflow",
        "ping": "workflow",
        "prompts/get": "workflow",
        "prompts/list": "workflow",
        "resources/read": "workflow",
        "tools/call": "workflow",
        "tools/list": "workflow",
    },
    fields={Field.OPERATION: ("mcp.method.name", "gen_ai.operation.name")},
    # the Anthropic client passes the API's count through
    cache_outside_input=(When(provider="anthropic"),),
)
