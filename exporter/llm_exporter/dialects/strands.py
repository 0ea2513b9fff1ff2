"""Strands Agents SDK."""

from llm_exporter.dialects._dialect import Dialect, EventAttribute, Field, Json, Scaled, When

_ITSELF = frozenset({"strands-agents"})

DIALECT = Dialect(
    name="strands",
    authority=(
        "https://github.com/strands-agents/sdk-python/blob/main/src/strands/telemetry/tracer.py",
        "https://github.com/strands-agents/sdk-python/blob/main/src/strands/telemetry/metrics.py",
    ),
    scopes=("strands.*", "strands-agents"),
    # it names itself as the provider
    values={"gen_ai.provider.name": _ITSELF, "gen_ai.system": _ITSELF},
    # Those of several agents, and of one turn of the loop, sum up what is below them.
    operations={
        "execute_event_loop_cycle": "workflow",
        "invoke_graph": "workflow",
        "invoke_swarm": "workflow",
        "memory.add": "workflow",
        "memory.search": "workflow",
    },
    fields={
        Field.FINISH_REASON: (
            "gen_ai.response.finish_reasons",
            Json("gen_ai.output.messages", "0.finish_reason"),
            # where messages are events, as they are by default and with the newest conventions
            EventAttribute("gen_ai.choice", "finish_reason"),
            EventAttribute(
                "gen_ai.client.inference.operation.details", "gen_ai.output.messages", "0.finish_reason"
            ),
        ),
        Field.FAILED: ("gen_ai.tool.status",),
        # the name is that of a metric in seconds; the value is in milliseconds
        Field.FIRST_TOKEN: (Scaled("gen_ai.server.time_to_first_token", 1e-3),),
    },
    # Bedrock's total has the cache in it, which tells the versions apart: until 1.54 the input is without the cache,
    # since then with it. Anthropic's total was without it, as its input, until 1.58, which brought this attribute.
    cache_outside_input=(When(provider="anthropic", without="gen_ai.usage.cache_read.input_tokens"),),
)
