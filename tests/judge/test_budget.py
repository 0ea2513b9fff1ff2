"""The judge's budget: never more than the limits in any hour and any day, whatever fails and restarts."""

import json
import random
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from llm_exporter.judge.budget import Budget, CannotKeepBudget, Reservation

HOUR, DAY = 3600, 86_400
LIMITS = {"hour": 100, "day": 500}
STEPS = ("reserve", "settle", "unknown", "crash", "wait", "edge")


def budget_of(clock: "At", state: Path) -> AbstractContextManager[Budget]:
    """Return a budget that lets its file go at the end, as a process does however it ends."""
    return closing(Budget(LIMITS, clock, state))


class At:
    """A clock that stands still until it is told."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return unix seconds."""
        return self.now


def test_nothing_is_reserved_beyond_the_limit() -> None:
    """The last reservation that fits is given, the next one is not, and settling for less makes room."""
    budget = Budget(LIMITS, At())
    first, second = budget.reserve(60), budget.reserve(40)
    assert first is not None
    assert second is not None
    assert budget.reserve(1) is None
    budget.settle(first, 10)
    assert budget.spent("hour") == 50
    assert budget.reserve(51) is None
    assert budget.reserve(50) is not None


def test_unknown_usage_stays_spent() -> None:
    """After a timeout nobody knows what it cost: the whole reservation counts."""
    budget = Budget(LIMITS, At())
    reservation = budget.reserve(70)
    assert reservation is not None
    budget.settle(reservation, None)
    assert (budget.spent("hour"), budget.spent("day")) == (70, 70)


def test_settling_twice_counts_once() -> None:
    """Whoever cleans up after a failure may settle again."""
    budget = Budget(LIMITS, At())
    reservation = budget.reserve(70)
    assert reservation is not None
    budget.settle(reservation, 20)
    budget.settle(reservation, None)
    assert budget.spent("hour") == 20


def test_an_hour_is_over_after_an_hour() -> None:
    """Spending makes room again when it is an hour old, a minute late at most; and at the day's limit not then."""
    clock = At()
    budget = Budget(LIMITS, clock)
    for hour in range(5):
        reservation = budget.reserve(100)
        assert reservation is not None, hour
        budget.settle(reservation, 100)
        clock.now += HOUR - 1
        assert budget.reserve(1) is None
        clock.now += 62
    assert budget.spent("hour") == 0
    assert budget.spent("day") == 500
    assert budget.reserve(1) is None
    clock.now += DAY
    assert budget.reserve(100) is not None


def test_more_than_the_most_possible_stops_the_judge(caplog: pytest.LogCaptureFixture) -> None:
    """A server that bills more than was reserved is counted in full, and nothing is asked of it any more."""
    budget = Budget(LIMITS, At())
    reservation = budget.reserve(10)
    assert reservation is not None
    budget.settle(reservation, 30)
    assert budget.spent("hour") == 30
    assert budget.overrun
    assert budget.reserve(1) is None
    assert "stops asking" in caplog.text


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """What was spent, and what was reserved when the process died, is spent for the next one."""
    clock, state = At(), tmp_path / "state.json"
    with budget_of(clock, state) as budget:
        settled, open_ = budget.reserve(30), budget.reserve(50)
        assert settled is not None
        assert open_ is not None
        budget.settle(settled, 25)
    clock.now += 600
    with budget_of(clock, state) as after:
        assert after.spent("hour") == 75
        assert after.reserve(26) is None
        clock.now += HOUR - 500
        assert after.spent("hour") == 50  # what was under way may have been billed until it was back
        clock.now += 600
        assert after.spent("hour") == 0
        assert after.spent("day") == 75


def test_the_state_is_numbers_alone(tmp_path: Path) -> None:
    """The file has times and amounts and nothing else, and no half-written file is left beside it."""
    state = tmp_path / "state.json"
    with budget_of(At(1_000_000), state) as budget:
        assert budget.reserve(7) is not None
    assert json.loads(state.read_text()) == {"format": 1, "reserved": 7, "hour": {}, "day": {}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.json.lock"]


def test_what_cannot_be_remembered_is_not_spent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the file cannot be written no request is allowed; when it can be again, it goes on."""
    directory = tmp_path / "there"
    directory.mkdir()
    with budget_of(At(), directory / "state.json") as budget:
        directory.rename(tmp_path / "gone")
        assert budget.reserve(10) is None
        assert budget.spent("hour") == 0
        assert "state file failed" in caplog.text
        (tmp_path / "gone").rename(directory)
        assert budget.reserve(10) is not None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": 2}',
        '{"format": 1, "hour": {}, "day": {}}',
        '{"format": 1, "reserved": 0, "hour": {}}',
        '{"format": 1, "reserved": -1, "hour": {}, "day": {}}',
        '{"format": 1, "reserved": 0, "hour": {"1": -5}, "day": {}}',
        '{"format": 1, "reserved": 0, "hour": {"x": 5}, "day": {}}',
        '{"format": 1, "reserved": 0, "hour": {"1": true}, "day": {}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_state_is_refused(content: str, tmp_path: Path) -> None:
    """What was spent is then not known: the judge does not start, and the message says what to do."""
    state = tmp_path / "state.json"
    state.write_text(content)
    with pytest.raises(CannotKeepBudget, match="Remove the file to begin with nothing spent"):
        Budget(LIMITS, At(), state)


def test_two_processes_do_not_share_a_file(tmp_path: Path) -> None:
    """Each would think that all of the budget is its own."""
    state = tmp_path / "state.json"
    with budget_of(At(), state), pytest.raises(CannotKeepBudget, match="another judge uses this file"):
        Budget(LIMITS, At(), state)
    Budget(LIMITS, At(), state).close()


def test_a_clock_that_is_set_back_frees_nothing(tmp_path: Path) -> None:
    """Spending that seems to be of the future still counts."""
    clock, state = At(), tmp_path / "state.json"
    with budget_of(clock, state) as budget:
        reservation = budget.reserve(80)
        assert reservation is not None
        budget.settle(reservation, 80)
    clock.now -= 10 * HOUR
    with budget_of(clock, state) as after:
        assert after.spent("hour") == 80


@pytest.mark.parametrize("seed", range(15))
def test_no_hour_and_no_day_ever_costs_more_than_its_limit(seed: int, tmp_path: Path) -> None:
    """Requests of any size that end in any way at any time, with crashes between: every window holds its limit.

    The provider bills each request at some moment between its reservation and its settlement or the crash, and never
    more than was reserved; of what timed out it may have billed all. Time often stops just before a bill is an hour or
    a day old, which is where a limit would break first.
    """
    chance = random.Random(seed)
    clock, state = At(), tmp_path / "state.json"
    budget = Budget(LIMITS, clock, state)
    open_: list[tuple[Reservation, float, int]] = []
    billed: list[tuple[float, int]] = []

    def bill(since: float, cost: int) -> None:
        billed.append((chance.choice([since, clock.now, chance.uniform(since, clock.now)]), cost))

    def begin() -> None:
        size = chance.randint(1, 60)
        reservation = budget.reserve(size)
        if reservation is not None:
            open_.append((reservation, clock.now, chance.randint(0, size)))

    def end(unknown: bool) -> None:
        if open_:
            reservation, since, cost = open_.pop(chance.randrange(len(open_)))
            bill(since, reservation.amount if unknown else cost)
            budget.settle(reservation, None if unknown else cost)

    def crash() -> Budget:
        # What was under way may have been billed, up to now, in full.
        for reservation, since, _ in open_:
            bill(since, reservation.amount)
        open_.clear()
        budget.close()
        return Budget(LIMITS, clock, state)

    for _ in range(400):
        step = chance.choices(STEPS, weights=(8, 4, 3, 1, 2, 2))[0]
        match step:
            case "reserve":
                begin()
            case "settle" | "unknown":
                end(unknown=step == "unknown")
            case "crash":
                budget = crash()
            case "wait":
                clock.now += chance.uniform(0, chance.choice([1, 60, 1000]))
            case "edge":
                at = chance.choice(billed or [(0, 0)])[0] + chance.choice([HOUR, DAY])
                clock.now = max(clock.now, at - chance.choice([0, 0.5, 30]))
    budget.close()
    assert len(billed) >= 20
    assert _dearest(billed, HOUR) <= LIMITS["hour"]
    assert _dearest(billed, DAY) <= LIMITS["day"]


def _dearest(billed: list[tuple[float, int]], seconds: float) -> int:
    return max(sum(cost for at, cost in billed if start <= at <= start + seconds) for start, _ in billed)
