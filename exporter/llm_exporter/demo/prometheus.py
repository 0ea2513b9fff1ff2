"""Prometheus and Alertmanager for the demo: found on this machine, configured for it, started on loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from llm_exporter.demo.processes import Process, answers, port_or_free

if TYPE_CHECKING:
    from contextlib import ExitStack

PROJECT: Final = Path(__file__).parents[3]
SCRAPE_SECONDS: Final = 2
START_SECONDS: Final = 30.0
MISSING: Final = (
    "Prometheus is not here, so there are no graphs: install the package `prometheus` (Debian, Ubuntu; and "
    "`prometheus-alertmanager` for alerts), or run scripts/servers in a checkout, or put the projects' own "
    "releases on PATH."
)
QUERIES: Final = {
    "requests a second by model": "sum by (model, status) (rate(llm_requests_total[1m]))",
    "95th percentile of the duration": (
        "histogram_quantile(0.95, sum by (model, le) (rate(llm_request_duration_seconds_bucket[2m])))"
    ),
    "dollars an hour by model": "3600 * sum by (model) (rate(llm_cost_usd_total[2m]))",
    "errors by type": "sum by (error_class, error_type) (rate(llm_request_errors_total[2m]))",
    "tokens a second by type": "sum by (token_type) (rate(llm_tokens_total[1m]))",
}


def find_program(*names: str) -> str | None:
    """The path of the first of these programs on PATH, else in `.servers/` (the newest version there)."""
    for name in names:
        if found := shutil.which(name):
            return found
    for root in (Path.cwd(), PROJECT):
        for name in names:
            # As text, so that the newest, whose folder has the major version alone, comes last.
            if found_here := sorted(root.glob(f".servers/*/usr/bin/{name}"), key=str):
                return str(found_here[-1])
    return None


def start_prometheus(
    stack: ExitStack, directory: Path, program: str, exporter: str, alertmanager: str | None
) -> str:
    """Start Prometheus scraping the exporter at base URL `exporter`; returns its base URL."""
    # JSON is YAML: no need for a writer of our own.
    configuration: dict[str, object] = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": "5s"},
        "rule_files": [str(PROJECT / "alerts" / "*.rules.yml")],
        "scrape_configs": [
            {"job_name": "llm-exporter", "static_configs": [{"targets": [exporter.removeprefix("http://")]}]}
        ],
    }
    if alertmanager:
        target = {"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}
        configuration["alerting"] = {"alertmanagers": [target]}
    return _start(
        stack,
        directory,
        "prometheus",
        9090,
        [program, "--storage.tsdb.retention.time=2h", "--enable-feature=exemplar-storage"],
        "--storage.tsdb.path",
        configuration,
    )


def start_alertmanager(stack: ExitStack, directory: Path, program: str) -> str:
    """Start an Alertmanager that shows alerts and sends them nowhere; returns its base URL."""
    configuration: dict[str, object] = {
        "route": {"receiver": "nobody", "group_by": ["alertname"], "group_wait": "5s"},
        "receivers": [{"name": "nobody"}],
    }
    command = [program, "--cluster.listen-address="]
    return _start(stack, directory, "alertmanager", 9093, command, "--storage.path", configuration)


def graph_link(prometheus: str, query: str) -> str:
    """A link to Prometheus' graph page (both 2.x and 3.x follow it)."""
    return f"{prometheus}/graph?g0.expr={quote(query, safe='')}&g0.tab=0&g0.range_input=15m"


def _start(
    stack: ExitStack,
    directory: Path,
    name: str,
    port: int,
    command: list[str],
    storage_flag: str,
    configuration: dict[str, object],
) -> str:
    file = directory / f"{name}.yml"
    file.write_text(json.dumps(configuration, indent=1))
    address = f"127.0.0.1:{port_or_free(port)}"
    command += [
        f"--config.file={file}",
        f"{storage_flag}={directory / name}",
        f"--web.listen-address={address}",
    ]
    process = stack.enter_context(Process(name, command, directory))
    process.wait_until(lambda: answers(f"http://{address}/-/ready"), START_SECONDS)
    return f"http://{address}"
