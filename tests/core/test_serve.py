"""`llm-exporter serve` as a process: start, reload while running, stop."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.building import a_call, a_request
from core.processes import Served, eventually, request, serving

SUCCESSFUL = "llm_exporter_config_last_reload_successful"
TIMESTAMP = "llm_exporter_config_last_reload_success_timestamp_seconds"


def value(served: Served, name: str, **labels: str) -> float:
    """Return the sum of the samples of a running exporter that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(served.scrape())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def config(path: Path, cap: int, *more: str) -> Path:
    """Write a configuration with this cap of the label `model`."""
    shown = "exposition: {cache_seconds: 0, first_sample_hold_seconds: 0}"
    path.write_text("\n".join([shown, f"labels: {{model: {{cap: {cap}}}}}", *more]) + "\n")
    return path


@pytest.mark.parametrize("way", ["SIGHUP", "POST"])
def test_a_changed_configuration_is_taken_up_while_running(tmp_path: Path, way: str) -> None:
    """After SIGHUP or POST /-/reload a new cap holds and a new budget shows; what was counted stays."""
    file = config(tmp_path / "config.yml", 1)
    with serving(tmp_path, "--config", str(file)) as served:
        served.send(a_request(a_call()).SerializeToString())
        served.send(a_request(a_call({"gen_ai.request.model": "gpt-4o-mini"})).SerializeToString())
        assert value(served, "llm_requests_total", model="__other__") == 1
        before = value(served, TIMESTAMP)

        config(file, 5, "budgets: [{scope: total, period: day, limit_usd: 7}]")
        if way == "SIGHUP":
            served.process.send_signal(signal.SIGHUP)
        else:
            assert request(served.metrics, "/-/reload", b"") == (200, b"reloaded\n")
        eventually(lambda: value(served, TIMESTAMP) > before)

        assert value(served, SUCCESSFUL) == 1
        assert value(served, "llm_budget_limit_usd", scope="total", period="day") == 7
        served.send(a_request(a_call({"gen_ai.request.model": "gpt-4o-mini"})).SerializeToString())
        assert value(served, "llm_requests_total", model="gpt-4o-mini") == 1
        assert value(served, "llm_requests_total", model="gpt-4o") == 1


@pytest.mark.parametrize("way", ["SIGHUP", "POST"])
def test_a_bad_configuration_leaves_the_old_one_in_use(tmp_path: Path, way: str) -> None:
    """A refused reload says why, shows 0 in the metric, and counts on as before; the next good one heals it."""
    file = config(tmp_path / "config.yml", 1)
    with serving(tmp_path, "--config", str(file)) as served:
        since = value(served, TIMESTAMP)
        file.write_text("labels: {model: {cap: none}, modle: {cap: 3}}\n")
        if way == "SIGHUP":
            served.process.send_signal(signal.SIGHUP)
        else:
            status, said = request(served.metrics, "/-/reload", b"")
            assert status == 500
            assert b"labels.model.cap" in said
            assert b"labels.modle" in said
        eventually(lambda: value(served, SUCCESSFUL) == 0)

        assert value(served, TIMESTAMP) == since
        served.send(a_request(a_call()).SerializeToString())
        served.send(a_request(a_call({"gen_ai.request.model": "gpt-4o-mini"})).SerializeToString())
        assert value(served, "llm_requests_total", model="__other__") == 1
        config(file, 5)
        assert request(served.metrics, "/-/reload", b"")[0] == 200
        assert value(served, SUCCESSFUL) == 1


def test_what_cannot_change_at_run_time_is_refused(tmp_path: Path) -> None:
    """A changed address needs a restart, and the answer says so."""
    file = config(tmp_path / "config.yml", 1)
    with serving(tmp_path, "--config", str(file)) as served:
        config(file, 1, "receive: {max_concurrent_requests: 7}")
        status, said = request(served.metrics, "/-/reload", b"")
        assert status == 500
        assert b"restart" in said


def test_new_buckets_start_the_histograms_anew(tmp_path: Path) -> None:
    """Changed buckets cannot hold what the old ones counted: the series start at 0, a reset to Prometheus."""
    file = config(tmp_path / "config.yml", 5)
    with serving(tmp_path, "--config", str(file)) as served:
        served.send(a_request(a_call()).SerializeToString())
        shown = "exposition: {cache_seconds: 0, first_sample_hold_seconds: 0, buckets: "
        file.write_text(shown + "{llm_request_duration_seconds: [1, 2]}}\n")
        assert request(served.metrics, "/-/reload", b"")[0] == 200
        assert value(served, "llm_requests_total") == 0
        served.send(a_request(a_call()).SerializeToString())
        assert value(served, "llm_request_duration_seconds_bucket", le="+Inf") == 1


def test_a_taken_port_is_named_with_its_flag(tmp_path: Path) -> None:
    """When a port is taken the exporter ends with code 1 and says which flag chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ["--otlp-grpc-address=off", "--otlp-http-address=127.0.0.1:0"]
        flags.append(f"--metrics-address=127.0.0.1:{port}")
        ended = subprocess.run(
            [sys.executable, "-m", "llm_exporter", "serve", *flags],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=tmp_path,
            check=False,
        )
    assert ended.returncode == 1
    assert "--metrics-address" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_bad_flags_end_the_start_with_every_problem() -> None:
    """Settings from flags and environment are checked like the file's; all problems are told at once."""
    ended = subprocess.run(
        [sys.executable, "-m", "llm_exporter", "serve", "--metrics-address", "nowhere"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "LLM_EXPORTER_OTLP_GRPC_ADDRESS": "127.0.0.1:99999"},
        check=False,
    )
    assert ended.returncode == 1
    assert "--metrics-address" in ended.stderr
    assert "LLM_EXPORTER_OTLP_GRPC_ADDRESS" in ended.stderr
