"""The command line: serve, judge, explain, collect, check-config, catalogue, demo."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from llm_exporter import __version__
from llm_exporter.settings import FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_JUDGE = "judge."
"""Paths of the settings of the judge begin so; its flags are those of its own command."""


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

            return serve.run(parsed.config, _flags(parsed))
        case "judge":
            from llm_exporter.commands import judge

            return judge.run(parsed.config, _flags(parsed))
        case "explain":
            from llm_exporter.commands import explain

            return explain.run(parsed.file, parsed.config, as_json=parsed.json)
        case "collect":
            from llm_exporter.commands import collect

            return collect.run(
                parsed.files,
                parsed.config,
                collect.Options(
                    output=parsed.output,
                    include_content=parsed.include_content,
                    most=parsed.max,
                    settle_seconds=parsed.settle_seconds,
                    max_bytes=parsed.max_bytes,
                    traces=parsed.traces,
                    grpc_address=parsed.otlp_grpc_address,
                    http_address=parsed.otlp_http_address,
                ),
            )
        case "check-config":
            from llm_exporter.commands import check_config

            return check_config.run(parsed.file)
        case _:
            from llm_exporter.commands import catalogue

            return catalogue.run()


def _flags(parsed: argparse.Namespace) -> dict[str, str]:
    given = ((flag.name, getattr(parsed, flag.path, None)) for flag in FLAGS)
    return {name: value for name, value in given if value is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-exporter", description="OpenTelemetry traces of LLM applications as Prometheus metrics."
    )
    parser.add_argument("--version", action="version", version=f"llm-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="receive OTLP and serve /metrics")
    serve.add_argument("--config", metavar="FILE", help="YAML configuration; also LLM_EXPORTER_CONFIG")
    for flag in FLAGS:
        if not flag.path.startswith(_JUDGE):
            serve.add_argument(
                flag.name, dest=flag.path, metavar="VALUE", help=f"{flag.doc} Also {flag.variable}."
            )

    judge = commands.add_parser(
        "judge",
        help="judge a sample of the answers with a model, within a budget; needs llm-exporter[judge]",
        description="Receives the same OTLP as the exporter, has a model judge a sample of the answers, and sends the"
        " results to the exporter. Content of the sampled calls goes to that model. See docs/judge.md.",
    )
    judge.add_argument("--config", metavar="FILE", help="YAML configuration; also LLM_EXPORTER_CONFIG")
    for flag in FLAGS:
        if flag.path.startswith(_JUDGE):
            name = flag.name.replace("--judge-", "--")
            judge.add_argument(
                name, dest=flag.path, metavar="VALUE", help=f"{flag.doc} Also {flag.variable}."
            )

    explain = commands.add_parser("explain", help="say how each span of an OTLP file is read and counted")
    explain.add_argument(
        "file", metavar="FILE", help="OTLP JSON, JSON lines or protobuf; - for standard input"
    )
    explain.add_argument("--config", metavar="FILE", help="YAML configuration")
    explain.add_argument("--json", action="store_true", help="one JSON object per span")

    _add_collect(commands)

    check = commands.add_parser("check-config", help="check a configuration file")
    check.add_argument("file", metavar="FILE")

    commands.add_parser("catalogue", help="print the table of metrics")
    commands.add_parser("demo", help="run the exporter with live traffic of a small agent; demo --help")
    return parser


def _add_collect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    collect = commands.add_parser(
        "collect",
        help="write the traces that failed an evaluation as lines of JSON, for an evaluation set",
        description=(
            "Writes one line of JSON for each trace that failed an evaluation or got a negative vote: ids, scores and"
            " labels, and no text. Reads files of OTLP, or without any receives OTLP and scores until SIGTERM."
        ),
    )
    collect.add_argument(
        "files", nargs="*", metavar="FILE", help="OTLP JSON, JSON lines or protobuf; - for standard input"
    )
    collect.add_argument(
        "--output", required=True, metavar="FILE", help="file to append to; - for standard output"
    )
    collect.add_argument(
        "--include-content",
        action="store_true",
        help=(
            "ALSO WRITE QUESTIONS, ANSWERS, INSTRUCTIONS AND RETRIEVED DOCUMENTS. THE FILE THEN HOLDS WHAT USERS WROTE."
            " Off by default."
        ),
    )
    collect.add_argument(
        "--config", metavar="FILE", help="the exporter's YAML configuration, for labels and scales"
    )
    collect.add_argument(
        "--max",
        type=_from(0),
        default=0,
        metavar="N",
        help="stop after so many lines; 0, the default, is never",
    )
    collect.add_argument(
        "--settle-seconds",
        type=_from(0),
        default=30,
        metavar="N",
        help="how long a failed trace waits for other results (default 30); of files it always waits for all",
    )
    collect.add_argument(
        "--max-bytes",
        type=_from(1),
        default=100_000_000,
        metavar="N",
        help="size at which the file becomes FILE.1 and a new one begins (default 100000000); five are kept",
    )
    collect.add_argument(
        "--traces",
        type=_from(1),
        default=50_000,
        metavar="N",
        help="most traces with results, and with texts, that are remembered (default 50000)",
    )
    for name, what, port in (("grpc", "gRPC", 4337), ("http", "HTTP, and scores", 4338)):
        collect.add_argument(
            f"--otlp-{name}-address",
            default=f"127.0.0.1:{port}",
            metavar="HOST:PORT",
            help=f"receives OTLP over {what} (default 127.0.0.1:{port}); off for none",
        )


def _from(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
