"""Fixtures that every test may use; the builders are in core/building.py."""

from collections.abc import Iterator

import pytest

from core.building import Clock, Exporter
from core.processes import Served, serving
from llm_exporter import engine, pipeline, store


@pytest.fixture
def exporter() -> Exporter:
    """Return a fresh exporter in this process, with default settings and no first-sample hold."""
    return Exporter()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which the exporter's series age, as long as the test runs."""
    clock = Clock()
    for module in (engine, pipeline, store):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return `llm-exporter serve` in a process of its own on free ports, shared by the tests of this run."""
    with serving(tmp_path_factory.mktemp("served"), "--first-sample-hold", "1") as running:
        yield running
