"""`llm-exporter judge` as a process, beside `llm-exporter serve`: from a trace to a score under the call's labels."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import llm_exporter
from core.building import a_call, a_request, a_span
from core.processes import START_SECONDS, _stopped_after, eventually, request, serving
from judge.fake_judge import HANG, completion, judging, refused
from llm_exporter.__main__ import main
from llm_exporter.commands.judge import MISSING_EXTRA
from llm_exporter.commands.judge import run as run_judge
from llm_exporter.judge.budget import Budget
from llm_exporter.judge.chambers import rules_of
from llm_exporter.judge.item import Who
from llm_exporter.settings import load

SHOP = {
    "service.name": "shop",
    "deployment.environment.name": "prod",
    "app.team": "care",
    "app.feature": "refunds",
}
WHO = {"service_name": "shop", "environment": "prod", "team": "care", "feature": "refunds"}
QUESTION, ANSWER, DOCUMENT = "CANARY-QUESTION when?", "CANARY-ANSWER in 14 days", "CANARY-DOCUMENT 14 days"
REASON = "CANARY-REASON"
PRICED = {"base_url": "http://127.0.0.1:1/v1", "model": "gpt-4o-mini"}
INPUT, OUTPUT = {"token_type": "input"}, {"token_type": "output"}


@dataclass(frozen=True)
class Judge:
    """A running `llm-exporter judge`; addresses are `host:port`."""

    process: subprocess.Popen[str]
    http: str
    metrics: str
    log: Path

    def scrape(self) -> str:
        """Return /metrics."""
        status, body = request(self.metrics, "/metrics", Accept="text/plain")
        assert status == 200
        return body.decode()


@contextmanager
def judge(directory: Path, **settings: Any) -> Iterator[Judge]:
    """Run `llm-exporter judge` on free ports; it must stop by itself on SIGTERM with code 0."""
    config = directory / "judge.yaml"
    addresses = dict.fromkeys(("otlp_grpc_address", "otlp_http_address", "metrics_address"), "127.0.0.1:0")
    sections = settings.pop("sections", {})
    whole = {"exposition": {"first_sample_hold_seconds": 0}, "judge": {**addresses, **settings}, **sections}
    config.write_text(json.dumps(whole))
    log = directory / "judge.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_exporter", "judge", "--config", config],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={**_environment(), "OPENAI_API_KEY": "sk-of-the-judge", "OPENAI_LOG": "debug"},
        )
        try:
            with _stopped_after(process, START_SECONDS):
                assert process.stdout is not None
                line = process.stdout.readline()
            found = re.fullmatch(r"listening otlp-grpc=\S+ otlp-http=(\S+) metrics=(\S+)\n", line)
            assert found is not None, log.read_text()
            yield Judge(process, *found.groups(), log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=START_SECONDS) == 0, log.read_text()
        finally:
            process.kill()
            process.communicate()


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("LLM_EXPORTER_", "OPENAI_"))}


def samples(text: str, name: str, **labels: str) -> dict[str, float]:
    """Return the values of a metric's samples with these labels, by evaluator."""
    return {
        sample.labels.get("evaluator", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def conversation() -> bytes:
    """Return a trace: a retrieval and a chat with what was asked and answered."""
    trace_id, root = os.urandom(16), os.urandom(8)
    messages = {
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]
        ),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]
        ),
    }
    documents = json.dumps([{"content": DOCUMENT, "score": 0.9}])
    retrieval = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents}
    return a_request(
        a_span(name="invoke", trace_id=trace_id, span_id=root),
        a_span(retrieval, trace_id=trace_id, span_id=os.urandom(8), parent=root),
        a_call(messages, trace_id=trace_id, span_id=os.urandom(8), parent=root),
        resource=SHOP,
    ).SerializeToString()


def verdicts(asked: Mapping[str, Any]) -> Any:
    """Answer as a judge that finds everything good but the grounding."""
    text = asked["messages"][0]["content"]
    said: dict[str, Any] = {"reason": REASON, "relevance": 4, "completeness": 5, "answers_question": "TRUE"}
    said["escalated_when_required"] = "NA"
    if "faithfulness:" in text:
        said.update(faithfulness=2, grounded="FALSE")
    return completion(json.dumps(said))


def send(address: str, traces: bytes) -> None:
    """POST a trace."""
    status, _ = request(address, "/v1/traces", traces, Content_Type="application/x-protobuf")
    assert status == 200


def test_a_score_reaches_the_exporter_under_the_calls_labels(tmp_path: Path) -> None:
    """A trace sent to both: the judge asks a model, and the exporter's /metrics has scores, results and source.

    No text is in either /metrics, in any log, or in the state file.
    """
    state = tmp_path / "state.json"
    with (
        judging(verdicts) as (fake, base_url),
        serving(tmp_path, "--first-sample-hold", "0") as exporter,
        judge(
            tmp_path,
            base_url=base_url,
            model="gpt-4o-mini",
            window_seconds=1,
            consistency_ratio=0,
            exporter_url=f"http://{exporter.http}",
            state_file=str(state),
            sections={"log": {"level": "debug"}},
        ) as running,
    ):
        traces = conversation()
        exporter.send(traces)
        send(running.http, traces)
        of_judge = {**WHO, "source": "judge"}

        def results() -> dict[str, float]:
            found = samples(exporter.scrape(), "llm_evaluations_total", **of_judge, result="pass")
            return found if len(found) >= 6 else {}

        assert eventually(results) == {
            "judge.relevance": 1.0,
            "judge.completeness": 1.0,
            "judge.answers_question": 1.0,
            "judge.faithfulness": 0.0,
            "judge.grounded": 0.0,
            "judge.escalated_when_required": 0.0,
        }
        shown = exporter.scrape()
        failed = samples(shown, "llm_evaluations_total", **of_judge, result="fail")
        assert {name for name, value in failed.items() if value} == {"judge.faithfulness", "judge.grounded"}
        unscored = samples(shown, "llm_evaluations_total", **of_judge, result="unscored")
        assert {name for name, value in unscored.items() if value} == {"judge.escalated_when_required"}
        assert samples(shown, "llm_evaluation_score_sum", **WHO) == {
            "judge.relevance": 0.75,
            "judge.completeness": 1.0,
            "judge.faithfulness": 0.25,
            "judge.answers_question": 1.0,
            "judge.grounded": 0.0,
        }
        own = running.scrape()
        offered = samples(own, "llm_judge_offered_total", **WHO)
        assert len(offered) == 6
        assert set(offered.values()) == {1.0}
        assert samples(own, "llm_judge_items_total", **WHO, outcome="judged") == offered
        assert samples(own, "llm_evaluation_sampling_ratio", **WHO) == offered
        assert sum(samples(own, "llm_judge_tokens_total", **WHO, **INPUT).values()) == 700
        assert sum(samples(own, "llm_judge_tokens_total", **WHO, **OUTPUT).values()) == 60
        cost = sum(samples(own, "llm_judge_cost_usd_total", **WHO).values())
        assert cost == pytest.approx(700 * 0.15e-6 + 60 * 0.6e-6)
        assert samples(own, "llm_judge_budget_spent_usd", period="hour")[""] == pytest.approx(cost)
        assert samples(own, "llm_judge_budget_limit_usd", period="day")[""] == 10.0
        assert "llm_requests_total" not in own
        assert "llm_evaluations_total" not in own
        assert request(running.metrics, "/-/ready") == (200, b"ready\n")
        assert request(running.metrics, "/nowhere")[0] == 404
        assert request(running.metrics, "/metrics", b"")[0] == 405
        status, openmetrics = request(running.metrics, "/metrics", Accept="application/openmetrics-text")
        assert status == 200
        assert openmetrics.endswith(b"# EOF\n")
        assert fake.keys == ["Bearer sk-of-the-judge"]
        (asked,) = fake.requests
        for text in (QUESTION, ANSWER, DOCUMENT):
            assert text in asked["messages"][1]["content"]
        seen = shown + own + running.log.read_text() + (tmp_path / "log").read_text() + state.read_text()
    assert "CANARY" not in seen
    assert "sk-of-the-judge" not in seen


def test_a_judge_that_cannot_be_asked_scores_nothing(tmp_path: Path) -> None:
    """Every item ends in one outcome, the exporter counts errors and no score, and the judge goes on.

    The exporter never saw this call: it is counted under what the judge says of it.
    """
    impatient = tmp_path / "exporter.yaml"
    impatient.write_text("evaluations: {hold_seconds: 0}\n")
    with (
        judging(lambda _: refused(401, "wrong key")) as (_, base_url),
        serving(tmp_path, "--first-sample-hold", "0", "--config", str(impatient)) as exporter,
        judge(
            tmp_path,
            base_url=base_url,
            model="own",
            input_price="0",
            output_price="0",
            window_seconds=1,
            consistency_ratio=0,
            rubrics=["relevance"],
            exporter_url=f"http://{exporter.http}",
        ) as running,
    ):
        send(running.http, conversation())

        def errors() -> float:
            found = samples(exporter.scrape(), "llm_evaluations_total", **WHO, result="error")
            return found.get("judge.relevance", 0.0)

        assert eventually(errors) == 1.0
        assert samples(exporter.scrape(), "llm_evaluation_score_count", **WHO) == {}
        own = running.scrape()
        assert samples(own, "llm_judge_items_total", **WHO, outcome="http_error") == {"judge.relevance": 1.0}
        assert samples(own, "llm_judge_errors_total", **WHO, error_type="auth") == {"judge.relevance": 1.0}
        assert "a restart forgets what was spent" in running.log.read_text()


@pytest.mark.parametrize(
    ("judge_section", "said"),
    [
        ({}, "judge: base_url: it is not set: allowed one for judge.base_url or --base-url"),
        (
            {**PRICED, "model": "mine"},
            'no price for "mine": allowed a model whose price is known; set judge.input_price and judge.output_price',
        ),
        ({**PRICED, "model": "mine", "input_price": "1"}, "one of input_price and output_price is missing"),
        (
            {**PRICED, "usd_per_hour": "0.00001"},
            "judge: usd_per_hour: value 1e-05 does not pay for a single request: allowed at least 0.00",
        ),
        ({**PRICED, "rubrics": []}, "there is nothing to judge by"),
        ({"rubrics": ["faithfulnes"]}, "did you mean faithfulness?"),
        ({"rubric_files": ["own.yaml"]}, "own.yaml:1: kind: value \"stars\" is not allowed"),
        ({**PRICED, "reference_file": "own.yaml"}, "own.yaml:1: not an object"),
        ({**PRICED, "state_file": "own.yaml"}, "this is not a state file"),
        ({"base_url": "ftp://x"}, "judge.base_url"),
        ({"state_file": "nowhere/state.json"}, "path of a file in a directory that is there"),
    ],
)  # fmt: skip
def test_settings_that_do_not_work_are_told(
    judge_section: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judge does not start, and each message names the key and what to do."""
    (tmp_path / "own.yaml").write_text("{kind: stars, name: own, ask: why}\n")
    config = tmp_path / "judge.yaml"
    config.write_text(json.dumps({"judge": judge_section}))
    assert run_judge(str(config), {}) == 1
    assert said in capsys.readouterr().err


def test_two_judges_do_not_share_a_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second one with the same state file does not start."""
    said = {
        "base_url": "http://127.0.0.1:1/v1",
        "model": "gpt-4o-mini",
        "state_file": str(tmp_path / "state.json"),
    }
    with judge(tmp_path, **said) as running:
        assert run_judge(str(tmp_path / "judge.yaml"), {}) == 1
        assert running.process.poll() is None
    assert "another judge uses this file" in capsys.readouterr().err


def test_a_judge_that_is_killed_remembers_what_it_may_have_spent(tmp_path: Path) -> None:
    """Killed in the middle of a request: the next one with the same state file knows of its reservation."""
    said = {
        **PRICED,
        "state_file": str(tmp_path / "state.json"),
        "window_seconds": 1,
        "rubrics": ["relevance"],
    }
    with judging(lambda _: HANG) as (fake, base_url):
        said["base_url"] = base_url
        with suppress(KilledError), judge(tmp_path, **said) as running:
            send(running.http, conversation())
            eventually(lambda: fake.requests)
            running.process.kill()
            raise KilledError
        with judge(tmp_path, **said) as running:
            spent = samples(running.scrape(), "llm_judge_budget_spent_usd", period="hour")[""]
    (request_of_the_dead,) = fake.requests
    text = sum(len(message["content"].encode()) for message in request_of_the_dead["messages"])
    assert text * 0.15e-6 + 600 * 0.6e-6 < spent < (text + 1000) * 0.15e-6 + 600 * 0.6e-6


class KilledError(Exception):
    """The judge was killed."""


def test_routes_of_high_stakes_are_globs(tmp_path: Path) -> None:
    """Service and feature are matched as a whole, with their case; other routes are sampled."""
    config = tmp_path / "judge.yaml"
    stakes = [{"service": "shop", "feature": "refund*"}, {"feature": "medical"}]
    config.write_text(json.dumps({"judge": {**PRICED, "high_stakes": stakes}}))
    always = rules_of(load(str(config), {}, {}).judge).always
    found = [
        always(Who(service, "", "", feature))
        for service, feature in (
            ("shop", "refunds"),
            ("shop", "refund"),
            ("any", "medical"),
            ("other", "refunds"),
            ("shop", "Refunds"),
            ("shop", "a refund"),
            ("", ""),
        )
    ]
    assert found == [True, True, True, False, False, False, False]


def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The judge ends with a message, and lets go of what it had opened."""
    state = tmp_path / "state.json"
    said = {**PRICED, "state_file": str(state)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "judge.yaml"
        config.write_text(
            json.dumps({"judge": {**said, "metrics_address": f"127.0.0.1:{taken.getsockname()[1]}"}})
        )
        assert run_judge(str(config), {}) == 1
    assert "judge.metrics_address" in capsys.readouterr().err
    Budget({"hour": 1, "day": 1}, lambda: 0.0, state).close()


WITHOUT_EXTRA = "import sys; sys.modules.update(pydantic_ai=None, rapidfuzz=None, openai=None);"


def test_help_tells_the_flags(capsys: pytest.CaptureFixture[str]) -> None:
    """The judge's own addresses and its model are flags of its command, and not of serve."""
    for command in ("judge", "serve"):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        told = capsys.readouterr().out
        for flag in ("--config", "--otlp-grpc-address", "--otlp-http-address", "--metrics-address"):
            assert flag in told
        for flag in ("--base-url", "--model"):
            assert (flag in told) == (command == "judge")
        assert "--judge-" not in told


def test_flags_are_settings_of_the_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A flag wins over the file."""
    config = tmp_path / "judge.yaml"
    config.write_text(json.dumps({"judge": PRICED}))
    assert main(["judge", "--config", str(config), "--model", "unheard-of"]) == 1
    assert 'no price for "unheard-of"' in capsys.readouterr().err


def test_without_the_extra_the_judge_says_what_to_install() -> None:
    """One line, and no traceback."""
    program = f"{WITHOUT_EXTRA} from llm_exporter.__main__ import main; sys.exit(main(['judge']))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", MISSING_EXTRA + "\n")


def test_without_the_extra_everything_else_works(tmp_path: Path) -> None:
    """Every module outside of the judge can be imported; commands do what they do."""
    config = tmp_path / "config.yaml"
    config.write_text("judge: {model: gpt-4o-mini, rubrics: [relevance]}\n")
    program = f"""{WITHOUT_EXTRA}
import importlib, pkgutil, llm_exporter
from llm_exporter.__main__ import main
for module in pkgutil.walk_packages(llm_exporter.__path__, "llm_exporter."):
    if module.name.split(".")[1] not in ("judge", "demo", "sdk", "__main__"):
        importlib.import_module(module.name)
assert not any(name.startswith("llm_exporter.judge.") for name in sys.modules)
assert main(["check-config", {str(config)!r}]) == 0
assert main(["catalogue"]) == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_extra_is_imported_in_one_place_each() -> None:
    """pydantic-ai is known to one module, rapidfuzz to another; the demo has its own use for openai."""
    package = Path(llm_exporter.__file__).parent
    users = {"pydantic_ai": set[str](), "rapidfuzz": set[str]()}
    for path in package.rglob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE):
            if name in users:
                users[name].add(str(path.relative_to(package)))
    assert users == {"pydantic_ai": {"judge/chat.py"}, "rapidfuzz": {"judge/reference.py"}}
