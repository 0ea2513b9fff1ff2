"""Reloading: the new settings as a whole, or the old ones and the reason."""

import dataclasses
import threading
from collections.abc import Callable, Iterator

import pytest

from llm_exporter.settings import Address, Log, Problem, Settings, SettingsError
from llm_exporter.settings.reload import Reloader

NEW = dataclasses.replace(Settings(), log=Log(level="debug"))


def raising(error: Exception) -> Callable[..., Settings]:
    """A function that raises."""

    def fail(*_: object) -> Settings:
        raise error

    return fail


def load_next(outcomes: Iterator[Callable[[], Settings]]) -> Settings:
    """What the next of several loads has as its outcome."""
    return next(outcomes)()


def test_good_settings_replace_the_old_ones() -> None:
    """They are applied once, and the state says when."""
    times = iter([100.0, 200.0])
    applied: list[Settings] = []
    reloader = Reloader(Settings(), lambda: NEW, applied.append, lambda: next(times))
    assert (reloader.successful, reloader.success_timestamp_seconds) == (True, 100.0)
    assert reloader.reload() == []
    assert applied == [NEW]
    assert (reloader.current, reloader.successful, reloader.success_timestamp_seconds) == (NEW, True, 200.0)


@pytest.mark.parametrize(
    ("load", "apply", "message"),
    [
        (
            raising(SettingsError([Problem("f:1", "log.level", "wrong", "right")])),
            print,
            "f:1: log.level: wrong: allowed right",
        ),
        (
            lambda: NEW,
            raising(OSError("disk on fire")),
            "reload: the new settings cannot be used: disk on fire",
        ),
        (
            lambda: NEW,
            raising(ValueError("no such price")),
            "reload: the new settings cannot be used: no such price",
        ),
    ],
    ids=["refused", "unreadable", "unusable"],
)
def test_bad_settings_leave_the_old_ones(load, apply, message: str) -> None:
    """The old settings stay in use, the state says so and why; the next good file heals it."""
    times = iter([100.0, 200.0])
    old = Settings()
    reloader = Reloader(old, load, apply, lambda: next(times))
    assert [str(problem) for problem in reloader.reload()] == [message]
    assert reloader.current is old
    assert (reloader.successful, reloader.success_timestamp_seconds) == (False, 100.0)


def test_a_failed_reload_heals() -> None:
    """After a refusal a good file is taken up as if nothing had been."""
    outcomes = iter([raising(SettingsError([Problem("f", "", "wrong", "")])), lambda: NEW])
    reloader = Reloader(Settings(), lambda: load_next(outcomes), lambda _: None)
    assert reloader.reload() != []
    assert reloader.reload() == []
    assert (reloader.current, reloader.successful) == (NEW, True)


def test_addresses_do_not_change_at_run_time() -> None:
    """A key that holds from start to end is named, nothing is applied, and the value is not shown."""
    listen = dataclasses.replace(
        Settings().listen, metrics_address=Address("127.0.0.1", 1), otlp_grpc_address=None
    )
    applied: list[Settings] = []
    reloader = Reloader(Settings(), lambda: dataclasses.replace(NEW, listen=listen), applied.append)
    reason = "it cannot change at run time: allowed the old value; restart to change it"
    assert [str(problem) for problem in reloader.reload()] == [
        f"reload: listen.otlp_grpc_address: {reason}",
        f"reload: listen.metrics_address: {reason}",
    ]
    assert applied == []


def test_one_reload_at_a_time() -> None:
    """A signal that comes while a request reloads waits, so settings are never applied side by side."""
    entered, release = threading.Event(), threading.Event()
    applied: list[str] = []

    def apply(_: Settings) -> None:
        applied.append("begin")
        entered.set()
        assert release.wait(10)
        applied.append("end")

    reloader = Reloader(Settings(), lambda: NEW, apply)
    threads = [threading.Thread(target=reloader.reload) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert applied == ["begin", "end"] * 2
