"""What a scrape shows when: zeros first, siblings, expiry; and that `increase()` loses nothing."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.building import Clock, Exporter, a_call, a_span, settings
from llm_exporter import catalogue as c
from llm_exporter.settings.objectives import Budget

HOLD = 15.0
HELD = {"exposition.first_sample_hold_seconds": HOLD}


class Prometheus:
    """Scrapes an exporter and adds up increases as PromQL does: from the second sample of a series on."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter
        self.last: dict[str, float] = {}
        self.increase: defaultdict[str, float] = defaultdict(float)

    def scrape(self) -> dict[str, float]:
        """Scrape once and return the samples by series."""
        found = dict(series(self.exporter.scrape()))
        for name, value in found.items():
            before = self.last.get(name)
            if before is not None:
                # a smaller value means that the counter began anew
                self.increase[name] += value - before if value >= before else value
        self.last = found
        return found


def series(text: str) -> Iterator[tuple[str, float]]:
    """Yield the counters of an exposition that are not about its own times."""
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if re.match(r"llm_\w+_(total|count|bucket)\b", line) and "scrape" not in name and "batch" not in name:
            yield name, float(value)


def total(increases: dict[str, float], metric: str, *labels: str) -> float:
    """Return the sum over the series of a metric with these labels, written as `name="value"`."""
    return sum(
        v for k, v in increases.items() if k.startswith(metric + "{") and all(label in k for label in labels)
    )


def test_a_new_series_shows_zero_first(clock: Clock) -> None:
    """For the hold time a series shows 0 whatever it has counted, then its value."""
    exporter = Exporter(HELD)
    exporter.send(a_call())
    assert exporter.value("llm_requests_total", status="ok") == 0
    assert 'status="ok"' in exporter.scrape()
    exporter.send(a_call())
    clock.advance(HOLD - 0.1)
    assert exporter.value("llm_requests_total", status="ok") == 0
    clock.advance(0.1)
    assert exporter.value("llm_requests_total", status="ok") == 2
    assert exporter.value("llm_request_duration_seconds_count") == 2


def test_a_held_histogram_shows_every_bucket_at_zero(clock: Clock) -> None:
    """A held histogram has all its buckets, count and sum: `histogram_quantile` needs them from the start."""
    exporter = Exporter(HELD)
    exporter.send(a_call())
    held = exporter.scrape()
    clock.advance(HOLD)
    live = exporter.scrape()
    names = re.compile(r"^(llm_request_duration_seconds\S+) ", re.MULTILINE)
    assert names.findall(held) == names.findall(live)
    assert {float(v) for v in re.findall(r"^llm_request_duration_seconds\S+ (\S+)$", held, re.MULTILINE)} == {
        0
    }


def test_the_other_side_of_a_ratio_exists_from_the_start(clock: Clock) -> None:
    """With the first success the failures are there at 0, so that the first failure is an increase."""
    exporter = Exporter(HELD)
    exporter.send(a_call(), a_span({"gen_ai.operation.name": "execute_tool"}))
    exporter.scrape()
    clock.advance(HOLD)
    prometheus = Prometheus(exporter)
    prometheus.scrape()
    exporter.send(
        a_call({"error.type": "429"}), a_span({"gen_ai.operation.name": "execute_tool"}, status="ERROR")
    )
    clock.advance(HOLD)
    prometheus.scrape()
    assert total(prometheus.increase, "llm_requests_total", 'status="error"') == 1
    assert total(prometheus.increase, "llm_tool_calls_total", 'status="error"') == 1


@pytest.mark.parametrize("hold", [0.0, HOLD])
def test_every_outcome_is_shown_from_the_start(clock: Clock, hold: float) -> None:
    """Before any span has come, each outcome of spans is a series at 0."""
    exporter = Exporter({"exposition.first_sample_hold_seconds": hold})
    shown = dict(series(exporter.scrape()))
    assert [v for k, v in shown.items() if k.startswith("llm_exporter_spans_total")] == [0] * len(
        c.OUTCOME.values
    )
    assert clock.now == 1000


ACTIONS = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12
)


@given(ACTIONS)
@hypothesis_settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_event_is_lost_to_any_of_two_scrapers(clock: Clock, actions: list[tuple[str, bool, int]]) -> None:
    """Two scrapers at any phase, scraping at least once per hold time, both add up to all that was sent."""
    exporter = Exporter(HELD)
    scrapers = Prometheus(exporter), Prometheus(exporter)
    sent = 0
    for model, failed, quarters in actions:
        exporter.send(a_call({"gen_ai.request.model": model, "error.type": "429" if failed else None}))
        sent += 1
        for i in range(4):
            clock.advance(HOLD / 4)
            if i == quarters:
                scrapers[0].scrape()
            if i == 2:
                scrapers[1].scrape()
    for scraper in scrapers:
        for _ in range(3):
            clock.advance(HOLD)
            scraper.scrape()
        assert total(scraper.increase, "llm_requests_total") == sent
        assert total(scraper.increase, "llm_tokens_total") == 110 * sent
        assert total(scraper.increase, "llm_request_duration_seconds_count") == sent
        assert total(scraper.increase, "llm_exporter_spans_total") == sent


def test_an_idle_series_is_removed_and_starts_anew(clock: Clock) -> None:
    """After the idle time the label set is gone; later calls begin at 0 again, and no increase is lost."""
    exporter = Exporter({**HELD, "limits.series_idle_seconds": 100.0, "labels.model": 1})
    prometheus = Prometheus(exporter)

    def pass_time(scrapes: int) -> None:
        for _ in range(scrapes):
            clock.advance(HOLD)
            prometheus.scrape()
            exporter.engine.sweep()

    exporter.send(a_call({"gen_ai.request.model": "one"}), a_call({"gen_ai.request.model": "one"}))
    pass_time(3)
    assert total(prometheus.last, "llm_requests_total", 'model="one"', 'status="ok"') == 2
    pass_time(8)
    assert not [name for name in prometheus.last if name.startswith("llm_requests_total")]
    assert exporter.value("llm_exporter_series_expired_total", group="llm_requests_total") == 1

    exporter.send(a_call({"gen_ai.request.model": "two"}), a_call({"gen_ai.request.model": "one"}))
    pass_time(3)
    # The first model's place under the cap was free again, the second came after.
    assert total(prometheus.last, "llm_requests_total", 'model="two"', 'status="ok"') == 1
    assert total(prometheus.increase, "llm_requests_total") == 4
    assert total(prometheus.increase, "llm_tokens_total") == 440


def test_a_series_that_is_used_is_not_removed(clock: Clock) -> None:
    """A call now and then keeps a series, its model's and its prompt's alive."""
    exporter = Exporter({"limits.series_idle_seconds": 100.0})
    for _ in range(10):
        exporter.send(a_call({"gen_ai.prompt.name": "greet", "app.customer": "acme"}))
        clock.advance(60)
        exporter.scrape()
        exporter.engine.sweep()
    for metric in ("llm_requests_total", "llm_prompt_requests_total", "llm_attributed_requests_total"):
        assert exporter.value(metric) == 10
    assert exporter.value("llm_request_input_tokens_count") == 10


def test_what_is_counted_between_batches_is_shown(clock: Clock) -> None:
    """Requests that are refused, log records and reloads show even when no span ever comes after a scrape."""
    exporter = Exporter()
    exporter.scrape()
    clock.advance(10)
    exporter.engine.observe("http", "400", 10, 10)
    budget = Budget(scope="team", name="search", period="day", limit_usd=12.5)
    exporter.engine.apply(settings({"budgets": (budget,)}))
    clock.advance(10)
    assert exporter.value("llm_exporter_requests_total", transport="http", code="400") == 1
    assert exporter.value("llm_exporter_received_bytes_total", transport="http") == 10
    assert exporter.value("llm_budget_limit_usd", scope="team", name="search", period="day") == 12.5
