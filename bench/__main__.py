"""`python -m bench`: every measurement as tables, each figure beside its target. Being slow is no failure.

`python -m bench drift` is apart: how well drift is told, not how fast.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from bench import drift, end_to_end, in_process, memory, scrape, signals
from bench.report import Report


def main() -> None:
    """Run what the command line asks for."""
    if sys.argv[1:2] == ["drift"]:
        drift.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="smaller corpora, under a minute; figures are rougher"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    arguments = parser.parse_args()
    started = time.monotonic()
    report = Report(
        machine={
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            **{name: version(name) for name in ("llm-exporter", "protobuf", "grpcio", "prometheus-client")},
        }
    )
    print(*(f"{name} {value}" for name, value in report.machine.items()), sep=", ", end="\n\n")
    tables, checks, requests = in_process.section(arguments.quick)
    report.add(tables, checks)
    report.add(*end_to_end.section(requests))
    report.add(*scrape.section(arguments.quick))
    report.add(*signals.section(arguments.quick))
    report.add(*memory.section(arguments.quick))
    report.print_checks()
    print(f"\n{time.monotonic() - started:.0f} seconds")
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")


if __name__ == "__main__":
    main()
