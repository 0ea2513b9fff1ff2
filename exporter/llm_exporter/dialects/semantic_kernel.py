"""Microsoft Semantic Kernel, in Python and in .NET."""

from llm_exporter.dialects._dialect import Dialect, EventAttribute, Field

DIALECT = Dialect(
    name="semantic_kernel",
    authority=(
        "https://github.com/microsoft/semantic-kernel/tree/main/python/semantic_kernel/utils/telemetry",
        "https://github.com/microsoft/semantic-kernel/tree/main/dotnet/src/InternalUtilities/src/Diagnostics",
    ),
    scopes=("semantic_kernel.*", "Microsoft.SemanticKernel", "Microsoft.SemanticKernel.*"),
    # loops over functions group calls and say nothing in the conventions' names
    scope_suffices=True,
    fields={
        # one word here, with a comma list of enum members or a JSON list in it
        Field.FINISH_REASON: (
            "gen_ai.response.finish_reason",
            "gen_ai.response.finish_reasons",
            # .NET with content
            EventAttribute("gen_ai.choice", "gen_ai.event.content", "finish_reason"),
        ),
        # until usage got its present names
        Field.INPUT: ("gen_ai.usage.input_tokens", "gen_ai.response.prompt_tokens"),
        Field.OUTPUT: ("gen_ai.usage.output_tokens", "gen_ai.response.completion_tokens"),
    },
)
