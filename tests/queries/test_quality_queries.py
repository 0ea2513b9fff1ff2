"""The queries of docs/feedback.md and docs/test-cases.md, asked of real servers with a past that is known by hand."""

from collections.abc import Iterator

import pytest

from core.processes import server_program
from llm_exporter import catalogue as c
from llm_exporter.engine import Engine
from llm_exporter.settings import load
from llm_exporter.store import Store
from project.documents import Document
from queries.history import History, Past, remembering

pytestmark = pytest.mark.prometheus
SERVERS = ["prometheus-2", "prometheus-3"]
PAGES = ["docs/feedback.md", "docs/test-cases.md"]
QUERIES = [query for page in PAGES for query in Document(page).blocks("promql")]
ENDS = 10
CHAT, RARE = ("assistant", "prod", "", "chat"), ("assistant", "prod", "", "rare")
JUDGE = "ragas.faithfulness"
BASELINE = """
baselines:
- {service_name: assistant, feature: chat, evaluator: ragas.faithfulness, mean: 0.9, pass_ratio: 0.97, p10: 0.8}
- {service_name: assistant, feature: rare, evaluator: ragas.faithfulness, mean: 0.9, pass_ratio: 0.97, p10: 0.8}
- {service_name: assistant, feature: gone, evaluator: ragas.faithfulness, mean: 0.9}
"""


def add(store: Store, metric: c.Metric, labels: tuple[str, ...], n: int, *closed: str) -> None:
    """Add to a counter, or observe 1 in a histogram so many times."""
    cell = store.cell(metric, labels)
    instrument = store.groups[metric.name].instrument(metric, *closed)
    if isinstance(metric, c.Histogram):
        cell.observe(instrument, metric.unit.scale, times=n)
    else:
        cell.values[instrument.index] += n


def score(store: Store, feature: tuple[str, ...], n: int, value: float, result: str) -> None:
    """Count results of an evaluator."""
    cell = store.cell(c.EVALUATIONS, (*feature, JUDGE))
    group = store.groups[c.EVALUATIONS.name]
    cell.values[group.instrument(c.EVALUATIONS, result, "judge").index] += n
    cell.observe(group.instrument(c.EVALUATION_SCORE), round(value * c.Unit.SCORE.scale), times=n)


def what_happened(store: Store) -> None:
    """Count what users and evaluators said."""
    for kind, sentiment, n in [
        ("thumbs", "negative", 10),
        ("thumbs", "positive", 25),
        ("rating", "positive", 5),
        ("rating", "neutral", 8),
        ("other", "negative", 100),
        ("regeneration", "negative", 30),
        ("abandonment", "negative", 12),
        ("follow_up", "neutral", 77),
    ]:
        add(store, c.FEEDBACK, CHAT, n, kind, sentiment)
    for kind in ("thumbs", "regeneration", "abandonment"):
        add(store, c.FEEDBACK, RARE, 9, kind, "negative")
    add(store, c.TASKS, (*CHAT, "POST /ask"), 300, "ok", "true")
    add(store, c.TASKS, (*CHAT, "POST /other"), 100, "error", "true")
    add(store, c.TASKS, (*RARE, "POST /ask"), 10, "ok", "true")
    add(store, c.CONVERSATION_TURNS, CHAT, 120)
    add(store, c.CONVERSATION_TURNS, RARE, 9)
    score(store, CHAT, 40, 0.25, "fail")
    score(store, CHAT, 150, 1.0, "pass")
    score(store, CHAT, 10, 0.75, "unscored")
    score(store, RARE, 20, 0.0, "fail")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return what an exporter showed in ten minutes; all of it happened in the fifth."""
    directory = tmp_path_factory.mktemp("team")
    (directory / "baseline.yaml").write_text(BASELINE)
    config = directory / "config.yaml"
    config.write_text(
        "evaluations: {baseline_file: baseline.yaml}\nexposition: {first_sample_hold_seconds: 0}\n"
    )
    engine = Engine(load(str(config), {}, {}))
    history = History()
    with engine.store.lock:
        for metric, labels in [
            *((metric, who) for who in (CHAT, RARE) for metric in (c.FEEDBACK, c.CONVERSATION_TURNS)),
            *((c.EVALUATIONS, (*who, JUDGE)) for who in (CHAT, RARE)),
            *((c.TASKS, who) for who in ((*CHAT, "POST /ask"), (*CHAT, "POST /other"), (*RARE, "POST /ask"))),
        ]:
            cell = engine.store.cell(metric, labels)
            for instrument in engine.store.groups[metric.name].instruments:
                cell.want(instrument)
    for minute in range(ENDS + 1):
        if minute == 5:
            with engine.store.lock:
                what_happened(engine.store)
        history.scraped(b"".join(engine.exposition("text")).decode(), minute)
    return history


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


def of(feature: str, **more: str) -> frozenset[tuple[str, str]]:
    """Return the labels of an answer."""
    return frozenset({"service_name": "assistant", "feature": feature, **more}.items())


JUDGED = of("chat", evaluator=JUDGE)
ANSWERS = [
    # votes against, of those with an opinion; 9 of the rare feature are too few
    {of("chat"): 10 / 40},
    # votes of any kind, neutral ones too, without what users did
    {of("chat"): 48 / 400, of("rare"): 9 / 10},
    # regenerated
    {of("chat"): 30 / 400},
    # abandoned
    {of("chat"): 12 / 120},
    # mean against the baseline
    {JUDGED: (40 * 0.25 + 150 * 1.0 + 10 * 0.75) / 200 - 0.9},
    # passed, of those that passed or failed
    {JUDGED: 150 / 190 - 0.97},
    # P10: the 20th of 40 between 0.2 and 0.3
    {JUDGED: 0.25 - 0.8},
]


@pytest.mark.parametrize("place", range(len(QUERIES)))
def test_a_query_gives_what_is_known(past: Past, place: int) -> None:
    """Every query of both pages, in their order; features with too few are left out, and those without a baseline."""
    assert len(QUERIES) == len(ANSWERS)
    assert past.ask(QUERIES[place]) == pytest.approx(ANSWERS[place], rel=1e-9)
