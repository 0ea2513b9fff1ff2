"""Run a part of the routing: `python -m alerts configure`, `preflight` or `sink`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alerts import configure, preflight, sink

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the code it returns is 1 where something was found."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "sink":
        return sink.serve(chosen.address)
    if chosen.command == "configure":
        return _configure(chosen)
    return _preflight(chosen.file, chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m alerts", description="Alerts on their way to people.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "configure",
        help="write Alertmanager's configuration for this machine, then check it as preflight does",
    )
    command.add_argument(
        "--secrets",
        type=Path,
        default=configure.SECRETS,
        metavar="DIR",
        help="directory of the secrets' files",
    )
    command.add_argument(
        "--sink",
        default=f"http://{sink.ADDRESS}",
        metavar="URL",
        help="address of the sink (default: %(default)s)",
    )
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to write it")
    _check_options(command)
    command = commands.add_parser(
        "preflight", help="find what would lose a page; ends with 1 if there is something"
    )
    command.add_argument("file", type=Path, nargs="?", default=configure.SHIPPED, metavar="FILE")
    _check_options(command)
    command = commands.add_parser("sink", help="receive what goes to PagerDuty and Slack, and show it")
    command.add_argument(
        "--address", default=sink.ADDRESS, metavar="HOST:PORT", help="where to listen (default: %(default)s)"
    )
    return parser


def _check_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--mount",
        action="append",
        default=[],
        metavar="INSIDE=HERE",
        help="a directory as Alertmanager's container sees it, and where it is on this machine; can be repeated",
    )
    command.add_argument(
        "--rules",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="rule files that have all the alerts",
    )
    command.add_argument("--team", action="append", default=[], help="a team that there is; can be repeated")


def _configure(chosen: argparse.Namespace) -> int:
    chosen.output.write_text(configure.configured(chosen.secrets, chosen.sink))
    return _preflight(chosen.output, chosen)


def _preflight(file: Path, chosen: argparse.Namespace) -> int:
    mounts = tuple((inside, here) for inside, _, here in (one.partition("=") for one in chosen.mount))
    around = preflight.Surroundings(mounts, preflight.alertnames_in(chosen.rules), frozenset(chosen.team))
    findings = preflight.examined(file, around)
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print(f"OK: {file}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
