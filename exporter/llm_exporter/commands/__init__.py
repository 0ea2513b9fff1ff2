"""The subcommands of llm-exporter: one module for each."""
