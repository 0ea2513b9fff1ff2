"""OTLP bytes to spans: a schema that opens only what is asked for, and values decoded on demand."""
