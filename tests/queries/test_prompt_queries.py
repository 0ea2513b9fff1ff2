"""The queries of docs/prompts.md, asked of real servers with a past whose answers are known by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from core.building import Clock, Exporter, a_call, a_request
from core.processes import server_program
from llm_exporter import catalogue as c
from llm_exporter import engine, pipeline, store
from llm_exporter.engine import Engine
from llm_exporter.settings import load
from project.documents import Document
from queries.history import BEGINS, MINUTE, History, Past, remembering

pytestmark = pytest.mark.prometheus
SERVERS = ["prometheus-2", "prometheus-3"]
QUERIES = Document("docs/prompts.md").blocks("promql")
DEPLOYED = 60
ENDS = 115
"""Minutes."""
RESOURCE = {"service.name": "assistant"}
WHO = ("assistant", "", "", "")
Answer = dict[frozenset[tuple[str, str]], float]


class Team(Exporter):
    """An exporter whose prompts and scores the test tells, and the history of what it shows."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.registry = directory / "prompts.yaml"
        self.config = directory / "config.yaml"
        self.clock = clock
        self.config.write_text(
            "prompts: {registry_file: prompts.yaml}\nexposition: {first_sample_hold_seconds: 0}\n"
        )
        self.deploy("3.2.0")
        self.engine = Engine(load(str(self.config), {}, {}))
        self.history = History()

    def deploy(self, version: str, deployed_at: str = "2026-01-01") -> None:
        """Write the registry."""
        self.registry.write_text(
            f'prompts: {{support: {{version: "{version}", deployed_at: "{deployed_at}", owner: ada-team, sha: abc}},'
            " search: {version: v7}, billing: {version: b2}}\n"
        )

    def calls(self, prompt: str, version: str, n: int, *, cost: float | None = 0.01, **more: Any) -> None:
        """Count calls of gpt-4o that report their cost, all alike."""
        said = {
            "gen_ai.prompt.name": prompt,
            "gen_ai.prompt.version": version,
            "gen_ai.request.model": more.pop("model", "gpt-4o"),
            "gen_ai.usage.cost": cost,
            **(
                {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
                if cost is None
                else {}
            ),
        }
        spans = [a_call(said, **{"seconds": 2.0, **more}) for _ in range(n)]
        self.send_request(a_request(*spans, resource=RESOURCE).SerializeToString())

    def scores(
        self, prompt: str, version: str, n: int, score: float, result: str, model: str = "gpt-4o"
    ) -> None:
        """Count results of an evaluator about such calls, all alike."""
        held = self.engine.store
        with held.lock:
            cell = held.cell(c.PROMPT_EVALUATIONS, (*WHO, prompt, version, model, "faithfulness"))
            group = held.groups[c.PROMPT_EVALUATIONS.name]
            cell.values[group.instrument(c.PROMPT_EVALUATIONS, result).index] += n
            score_in = group.instrument(c.PROMPT_EVALUATION_SCORE)
            cell.observe(score_in, round(score * c.Unit.SCORE.scale), times=n)


def what_happened(team: Team, minute: int) -> None:
    """Do what is to be done in a minute.

    In the middle of five minutes, so that it is in the same window of both servers: since version 3 the first
    sample of a window belongs to the one before.
    """
    match minute:
        case 1:
            # A series is 0 in a scrape before anything counts in it.
            for prompt, version, model in [
                ("support", "3.1.9", "gpt-4o"),
                ("support", "3.2.0", "gpt-4o"),
                ("support", "3.2.1", "gpt-4o"),
                ("search", "v7", "gpt-4o"),
                ("search", "v7", "gpt-4o-mini"),
                ("billing", "b1", "gpt-4o"),
                ("billing", "b2", "gpt-4o"),
            ]:
                show_zeros(team, prompt, version, model)
        case 33:
            team.calls("support", "3.2.0", 190)
            team.calls("support", "3.2.0", 10, cost=None, status="ERROR")
            team.scores("support", "3.2.0", 10, 0.55, "fail")
            team.scores("support", "3.2.0", 190, 0.95, "pass")
            team.calls("support", "3.1.9", 10, seconds=500.0)
            team.scores("support", "3.1.9", 10, 0.05, "fail")
            # Tried before it is live, and found bad.
            team.scores("support", "3.2.1", 100, 0.04, "fail")
        case 60:
            at = BEGINS + DEPLOYED * MINUTE
            team.deploy("3.2.1", _iso(at))
            team.engine.apply(load(str(team.config), {}, {}))
        case 108:
            team.calls("support", "3.2.1", 179, cost=0.02)
            team.calls("support", "3.2.1", 1, cost=0.9, seconds=50.0)
            team.calls("support", "3.2.1", 20, cost=None, status="ERROR")
            team.scores("support", "3.2.1", 40, 0.25, "fail")
            team.scores("support", "3.2.1", 160, 0.95, "pass")
            team.calls("billing", "b1", 20)
            team.calls("billing", "b2", 60)
            team.calls("search", "v7", 200, cost=0.05)
            team.scores("search", "v7", 200, 0.75, "pass")
            team.calls("search", "v7", 150, cost=0.001, model="gpt-4o-mini")
            team.calls("search", "v7", 50, cost=None, status="ERROR", model="gpt-4o-mini")
            team.scores("search", "v7", 100, 0.35, "fail", model="gpt-4o-mini")
            team.scores("search", "v7", 100, 0.75, "unscored", model="gpt-4o-mini")


def show_zeros(team: Team, prompt: str, version: str, model: str) -> None:
    """Have all series of a prompt's version shown as 0."""
    held = team.engine.store
    named = (*WHO, prompt, version, model)
    with held.lock:
        for labels, metric in [(named, c.PROMPT_REQUESTS), ((*named, "faithfulness"), c.PROMPT_EVALUATIONS)]:
            cell = held.cell(metric, labels)
            for instrument in held.groups[metric.name].instruments:
                cell.want(instrument)


def _iso(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return what an exporter showed in two hours, minute by minute."""
    clock = Clock()
    patches = [mock.patch.object(module, "time", clock) for module in (engine, pipeline, store)]
    for patch in patches:
        patch.start()
    try:
        team = Team(tmp_path_factory.mktemp("team"), clock)
        for minute in range(ENDS + 1):
            what_happened(team, minute)
            # Calls are held until their trace is known to be whole; these are alone.
            team.history.scraped(team.scrape(), minute)
            clock.advance(MINUTE)
        return team.history
    finally:
        for patch in patches:
            patch.stop()


@pytest.fixture(scope="module", params=SERVERS)
def past(
    request: pytest.FixtureRequest, history: History, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Past]:
    """Return a server that remembers it."""
    prometheus, promtool = (server_program(request.param, name) for name in ("prometheus", "promtool"))
    if not prometheus.exists():
        pytest.skip(f"scripts/servers {request.param} unpacks it")
    with remembering(history, prometheus, promtool, tmp_path_factory.mktemp("past"), ENDS) as running:
        yield running


def of(prompt: str, version: str = "", **more: str) -> frozenset[tuple[str, str]]:
    """Return the labels of an answer."""
    labels = {"prompt_name": prompt, "prompt_version": version, **more}
    return frozenset((name, value) for name, value in labels.items() if value)


def judged(prompt: str, version: str = "", **more: str) -> frozenset[tuple[str, str]]:
    """Return the labels of an answer about an evaluator."""
    return of(prompt, version, evaluator="faithfulness", **more)


OLD, NEW, SEARCH = ("support", "3.2.0"), ("support", "3.2.1"), ("search", "v7")
OLD_P10 = 0.9 + 0.05 * 10 / 190
"""Of 200 results 10 are between 0.5 and 0.6 and the others between 0.9 and 0.95: the 20th is the tenth of those."""
SEARCH_P10 = 0.3 + 0.1 * 40 / 100
"""100 between 0.3 and 0.4 and 300 between 0.7 and 0.8: the 40th of the first."""
ANSWERS: list[Answer] = [
    # p95 of the live versions in the last hour, by the middle of the bucket from 1.5 to 2 s
    {
        of(*NEW, owner="ada-team", sha="abc"): 1.5 + 0.5 * 190 / 199,
        of(*SEARCH): 1.5 + 0.5 * 0.95,
        of("billing", "b2"): 1.5 + 0.5 * 0.95,
    },
    # share of another version than the live one in the last 15 minutes
    {of("support"): 0, of("billing"): 0.25},
    # 55 minutes ago
    {of(*NEW): (ENDS - DEPLOYED) * MINUTE},
    # P10
    {judged(*OLD): OLD_P10, judged(*NEW): 0.05 * 30 / 100, judged(*SEARCH): SEARCH_P10},
    # P5
    {judged(*OLD): 0.6, judged(*NEW): 0.05 * 15 / 100, judged(*SEARCH): 0.3 + 0.1 * 20 / 100},
    # passed
    {judged(*OLD): 0.95, judged(*NEW): 160 / 300, judged(*SEARCH): 200 / 300},
    # failed calls
    {of(*OLD): 0.05, of(*NEW): 0.1, of(*SEARCH): 50 / 400},
    # slowest
    {of(*OLD): 2, of(*NEW): 60, of(*SEARCH): 2},
    # dearest
    {of(*OLD): 0.01, of(*NEW): 1, of(*SEARCH): 0.05},
    # cost of a request, failed ones included
    {
        of(*OLD): 190 * 0.01 / 200,
        of(*NEW): (179 * 0.02 + 0.9) / 200,
        of(*SEARCH): (200 * 0.05 + 150 * 0.001) / 400,
    },
    # P10 against the version before; search has none
    {judged("support"): 0.05 * 30 / 100 - OLD_P10},
    # failed calls against the version before
    {of("support"): 0.05},
    # P10 since it was deployed: the 20th of 40 between 0.2 and 0.3; what was tried before does not count
    {judged(*OLD): OLD_P10, judged(*NEW): 0.25},
    # models
    {
        judged("support", model="gpt-4o"): 0.05 * 51 / 110,
        judged("search", model="gpt-4o"): 0.7 + 0.1 * 0.1,
        judged("search", model="gpt-4o-mini"): 0.3 + 0.1 * 20 / 100,
    },
    {
        of("support", model="gpt-4o"): (190 * 0.01 + 10 * 0.01 + 179 * 0.02 + 0.9) / 410,
        of("search", model="gpt-4o"): 0.05,
        of("search", model="gpt-4o-mini"): 150 * 0.001 / 200,
    },
    {
        of("support", model="gpt-4o"): 30 / 410,
        of("search", model="gpt-4o"): 0,
        of("search", model="gpt-4o-mini"): 0.25,
    },
]


@pytest.mark.parametrize("place", range(len(QUERIES)))
def test_a_query_gives_what_is_known(past: Past, place: int) -> None:
    """Every query of the page, in its order; versions with too few calls or results are left out."""
    assert len(QUERIES) == len(ANSWERS)
    assert past.ask(QUERIES[place]) == pytest.approx(ANSWERS[place], rel=1e-9)
