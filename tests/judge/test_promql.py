"""The queries of docs/judge.md give what plain arithmetic gives, on every Prometheus."""

import subprocess
from pathlib import Path

import pytest
import yaml

from core.processes import server_program
from judge.test_sampler import ROUTES, a_day
from project.documents import Document

pytestmark = pytest.mark.prometheus
STEPS = 24
"""Samples in the day that the queries look back on; each counter rises alike in every one."""


def series(name: str, values: dict[str, float], **labels: str) -> list[dict[str, str]]:
    """Return the input series of a counter, one for each route, that rise by these values in each step."""
    found = []
    for feature, value in values.items():
        whose = {"service_name": "shop", "environment": "prod", "team": "care", "feature": feature, **labels}
        said = ",".join(f'{key}="{text}"' for key, text in whose.items())
        found.append({"series": f"{name}{{{said}}}", "values": f"0+{value}x{STEPS}"})
    return found


@pytest.mark.parametrize("server", ["prometheus-2", "prometheus-3"])
def test_the_weighted_mean_is_the_post_stratified_one(server: str, tmp_path: Path) -> None:
    """Over a simulated day: the weighted mean with NA and without, the effective sample and the share of failures."""
    program = server_program(server, "promtool")
    if not program.exists():
        pytest.skip(f"scripts/servers {server} unpacks it")
    _, weighted_mean, effective, failures = Document("docs/judge.md").blocks("promql")
    day = a_day(3, 6, 5)
    judged = {f: float(len(day.judged[f])) for f in ROUTES}
    good = {f: float(sum(day.judged[f])) for f in ROUTES}
    offered = {f: float(day.offered[f]) for f in ROUTES}
    # Of a rule: of each route another share of what was judged has no score.
    applies = {f: judged[f] - n for n, f in enumerate(ROUTES)}
    holds = {f: min(good[f], applies[f]) for f in ROUTES}
    inputs = []
    for evaluator, count, total in (("judge.relevance", judged, good), ("judge.grounded", applies, holds)):
        inputs += series("llm_judge_offered_total", offered, evaluator=evaluator)
        inputs += series("llm_judge_items_total", judged, evaluator=evaluator, outcome="judged")
        inputs += series(
            "llm_judge_items_total", dict.fromkeys(ROUTES, 0.0), evaluator=evaluator, outcome="cached"
        )
        inputs += series(
            "llm_judge_items_total", dict.fromkeys(ROUTES, 2.0), evaluator=evaluator, outcome="timeout"
        )
        inputs += series(
            "llm_judge_items_total", dict.fromkeys(ROUTES, 9.0), evaluator=evaluator, outcome="queue_full"
        )
        inputs += series("llm_evaluation_score_sum", total, evaluator=evaluator)
        inputs += series("llm_evaluation_score_count", count, evaluator=evaluator)
    # A route of which nothing was judged yet has no say.
    inputs += series("llm_judge_offered_total", {"new": 500.0}, evaluator="judge.relevance")

    ratio = sum(offered[f] * holds[f] / judged[f] for f in ROUTES) / sum(
        offered[f] * applies[f] / judged[f] for f in ROUTES
    )
    worth = STEPS * sum(offered.values()) ** 2 / sum(offered[f] ** 2 / judged[f] for f in ROUTES)
    failed = 8 / (sum(judged.values()) + 8)
    checks = [
        (weighted_mean, "judge.relevance", day.weighted),
        (weighted_mean, "judge.grounded", ratio),
        (effective, "judge.relevance", worth),
        (failures.replace("[1h]", "[1d]"), "judge.relevance", failed),
    ]
    assert abs(day.weighted - day.plain) > 0.1
    write(tmp_path, inputs, checks)
    done = subprocess.run(
        [program, "test", "rules", tmp_path / "test.yml"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write(directory: Path, inputs: list[dict[str, str]], checks: list[tuple[str, str, float]]) -> None:
    """Write a test file of promtool: each query, selected for its evaluator, within a millionth of its value."""
    tests = []
    for query, evaluator, expected in checks:
        one = f'sum((({query}) and on (evaluator) llm_judge_offered_total{{evaluator="{evaluator}"}}) / {expected!r})'
        one = f"round({one}, 0.000001)"
        tests.append({"expr": one, "eval_time": "24h", "exp_samples": [{"labels": "{}", "value": 1.0}]})
    content = {
        "rule_files": [],
        "evaluation_interval": "1h",
        "tests": [{"interval": "1h", "input_series": inputs, "promql_expr_test": tests}],
    }
    (directory / "test.yml").write_text(yaml.safe_dump(content))
