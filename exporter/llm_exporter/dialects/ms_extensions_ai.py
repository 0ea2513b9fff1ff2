"""Microsoft.Extensions.AI for .NET."""

from llm_exporter.dialects._dialect import Dialect, Field, SpanName

_TOOL_LOOP = "orchestrate_tools"

DIALECT = Dialect(
    name="ms_extensions_ai",
    authority=(
        "https://github.com/dotnet/extensions/blob/main/src/Libraries/Microsoft.Extensions.AI/ChatCompletion/OpenTelemetryChatClient.cs",
        "https://github.com/dotnet/extensions/blob/main/src/Libraries/Microsoft.Extensions.AI/ChatCompletion/FunctionInvokingChatClient.cs",
    ),
    scopes=("Experimental.Microsoft.Extensions.AI", "Microsoft.Extensions.AI"),
    scope_suffices=True,
    # sums up the calls and tools below it, without an operation
    operations={_TOOL_LOOP: "workflow"},
    fields={
        Field.OPERATION: ("gen_ai.operation.name", SpanName(((_TOOL_LOOP, "workflow"),))),
        Field.INPUT_AUDIO: ("gen_ai.usage.input_audio_tokens",),
        Field.OUTPUT_AUDIO: ("gen_ai.usage.output_audio_tokens",),
    },
)
