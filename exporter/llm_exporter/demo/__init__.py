"""The demo: a fake provider, an instrumented agent, and the servers to look at what they do.

`run` is imported late: the rest of the exporter works without the packages of the `demo` extra.
"""


def run(argv: list[str]) -> int:
    """`llm-exporter demo`; see `cli.run`."""
    from llm_exporter.demo import cli

    return cli.run(argv)
