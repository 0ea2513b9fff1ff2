"""Model Context Protocol: spans of clients and servers, as the semantic conventions define them."""

from llm_exporter.dialects._dialect import Dialect, Field

DIALECT = Dialect(
    name="mcp",
    authority=(
        "https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/mcp.md",
        "https://github.com/open-telemetry/semantic-conventions-genai/tree/main/docs/gen-ai",
    ),
    # gateways and frameworks write it into spans of theirs
    shared=frozenset({"mcp.method.name"}),
    # Of the methods, one calls a tool; the others set up the session, list, or read.
    operations={
        "completion/complete": "workflow",
        "initialize": "workflow",
        "logging/setlevel": "workflow",
        "notifications/initialized": "workflow",
        "ping": "workflow",
        "prompts/get": "workflow",
        "prompts/list": "workflow",
        "resources/list": "workflow",
        "resources/read": "workflow",
        "resources/subscribe": "workflow",
        "resources/templates/list": "workflow",
        "resources/unsubscribe": "workflow",
        "sampling/createmessage": "workflow",
        "tools/call": "execute_tool",
        "tools/list": "workflow",
    },
    fields={Field.OPERATION: ("mcp.method.name", "gen_ai.operation.name")},
)
