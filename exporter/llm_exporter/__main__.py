"""The command line: serve, explain, check-config, catalogue, demo."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from llm_exporter import __version__
from llm_exporter.settings import FLAGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a problem told on standard error, 2 usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["demo"]:
        # It has flags of its own and needs the extra packages.
        from llm_exporter.demo.cli import run as run_demo

        return run_demo(arguments[1:])
    parsed = _parser().parse_args(arguments)
    match parsed.command:
        case "serve":
            from llm_exporter.commands import serve

            return serve.run(
                parsed.config, {f.name: v for f in FLAGS if (v := getattr(parsed, f.path)) is not None}
            )
        case "explain":
            from llm_exporter.commands import explain

            return explain.run(parsed.file, parsed.config, as_json=parsed.json)
        case "check-config":
            from llm_exporter.commands import check_config

            return check_config.run(parsed.file)
        case _:
            from llm_exporter.commands import catalogue

            return catalogue.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-exporter", description="OpenTelemetry traces of LLM applications as Prometheus metrics."
    )
    parser.add_argument("--version", action="version", version=f"llm-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="receive OTLP and serve /metrics")
    serve.add_argument("--config", metavar="FILE", help="YAML configuration; also LLM_EXPORTER_CONFIG")
    for flag in FLAGS:
        serve.add_argument(
            flag.name, dest=flag.path, metavar="VALUE", help=f"{flag.doc} Also {flag.variable}."
        )

    explain = commands.add_parser("explain", help="say how each span of an OTLP file is read and counted")
    explain.add_argument(
        "file", metavar="FILE", help="OTLP JSON, JSON lines or protobuf; - for standard input"
    )
    explain.add_argument("--config", metavar="FILE", help="YAML configuration")
    explain.add_argument("--json", action="store_true", help="one JSON object per span")

    check = commands.add_parser("check-config", help="check a configuration file")
    check.add_argument("file", metavar="FILE")

    commands.add_parser("catalogue", help="print the table of metrics")
    commands.add_parser("demo", help="run the exporter with live traffic of a small agent; demo --help")
    return parser


if __name__ == "__main__":
    sys.exit(main())
