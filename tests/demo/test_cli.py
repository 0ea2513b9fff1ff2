"""`llm-exporter demo` from the outside: it shows figures, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm_exporter.demo.processes import Process, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

pytest.importorskip("openai", reason="the demo extra is not installed")

DEMO = [sys.executable, "-m", "llm_exporter", "demo", "--no-prometheus", "--speed", "200"]


def environment(directory: Path) -> Mapping[str, str]:
    """The environment with a temporary directory of the test's own."""
    return {**os.environ, "TMPDIR": str(directory), "PYTHONUNBUFFERED": "1"}


def children_using(directory: Path) -> list[str]:
    """Command lines of live processes whose environment names the directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_bounded_run_ends_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    """After `--requests` the demo prints its table, ends with 0, and no process or file remains."""
    done = subprocess.run(
        [*DEMO, "--requests", "20"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^total +[1-9]\d+ +\d+ +\d+\.\d+ +0\.\d*[1-9]\d*$", done.stdout, re.MULTILINE), (
        done.stdout
    )
    told = re.search(r"served (\d+) requests, the exporter counted (\d+)", done.stdout)
    assert told is not None
    assert told[1] == told[2]
    assert not list(tmp_path.iterdir())
    assert not children_using(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: int) -> None:
    """Ctrl-C or SIGTERM in the middle ends the demo with 0, and its children with it."""
    demo = subprocess.Popen(DEMO, env=environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo, demo.stdout:
        for line in demo.stdout:
            if "traffic is running" in line:
                break
        assert len(children_using(tmp_path)) > 2, "the exporter and two services should be running"
        demo.send_signal(number)
        demo.stdout.read()
        assert demo.wait(timeout=30) == 0
    assert not children_using(tmp_path)


def test_a_server_that_does_not_start_is_explained(tmp_path: Path) -> None:
    """A process that ends instead of getting ready is reported with its code and the end of its log."""
    command = [sys.executable, "-c", "import sys; print('the disk is full'); sys.exit(3)"]
    with (
        Process("server", command, tmp_path) as process,
        pytest.raises(StartError, match=r"(?s)code 3.*disk is full"),
    ):
        process.wait_until(lambda: False, seconds=30)
