"""RubyLLM, as instrumented by thoughtbot."""

from llm_exporter.dialects._dialect import Dialect, When

DIALECT = Dialect(
    name="ruby_llm",
    authority=("https://github.com/thoughtbot/opentelemetry-instrumentation-ruby_llm",),
    scopes=("OpenTelemetry::Instrumentation::RubyLLM",),
    fields={},
    # RubyLLM takes the cache out of what a provider counts, and the instrumentation passes that on; a change was
    # proposed in September 2026 (opentelemetry-instrumentation-ruby_llm#38).
    cache_outside_input=(When(),),
)
