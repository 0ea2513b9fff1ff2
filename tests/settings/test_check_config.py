"""llm-exporter check-config."""

from pathlib import Path

import pytest

from llm_exporter.commands import check_config


def test_a_good_file_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 and one line on standard output with what would be listened on and watched."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "listen: {otlp_grpc_address: off}\nbudgets: [{scope: total, period: day, limit_usd: 5}]\n"
    )
    assert check_config.run(str(file)) == 0
    out, err = capsys.readouterr()
    assert (
        out == f"OK {file}: gRPC off, HTTP 127.0.0.1:4318, metrics 127.0.0.1:9464; 1 budgets, 0 objectives\n"
    )
    assert err == ""


def test_a_bad_file_gets_all_its_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and each problem on a line of standard error, with the count at the end."""
    file = tmp_path / "config.yaml"
    file.write_text("log: {level: loud}\nlimits: {bindings: 1}\n")
    assert check_config.run(str(file)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f'{file}:1: log.level: value "loud" is not allowed: allowed debug, info, warning or error',
        f"{file}:2: limits.bindings: value 1 is not allowed: allowed integer, 16 to 10000000",
        f"FAILED {file}: 2 problems",
    ]


def test_a_missing_file_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Checking nothing is never OK."""
    for file in (str(tmp_path / "absent.yaml"), ""):
        assert check_config.run(file) == 1
        assert "reading the file failed" in capsys.readouterr().err
